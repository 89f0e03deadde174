"""Who is asked: groups of targets from the configuration, files and DNS, after relabelling."""

from __future__ import annotations

import glob
import ipaddress
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import structlog

from trimtab.model.errors import ConfigError
from trimtab.observe.scrape.config import DnsDiscovery, Job, TargetGroup, groups_of
from trimtab.observe.scrape.durations import duration_s
from trimtab.observe.scrape.relabel import relabelled
from trimtab.store.metrics.block import Labels

log = structlog.get_logger()

Resolve = Callable[[str, str], list[str]]
"""Addresses of a name, for a kind of record."""

META = "__meta_"


@dataclass(frozen=True, slots=True)
class Target:
    """One address to ask. `labels` go to every sample of it."""

    job: Job
    url: str
    labels: Labels
    interval_s: float
    timeout_s: float
    discovered: Labels


def target_of(job: Job, address: str, group: Mapping[str, str]) -> Target | None:
    """The target after relabelling; None where a rule leaves it out. ConfigError where its labels make no sense."""
    before = {
        "__scrape_interval__": f"{round(job.interval_s * 1000)}ms",
        "__scrape_timeout__": f"{round(job.timeout_s * 1000)}ms",
        "__metrics_path__": job.metrics_path,
        "__scheme__": job.scheme,
        "job": job.name,
        **{f"__param_{name}": values[0] for name, values in job.params.items() if values},
        **group,
        "__address__": address,
    }
    after = relabelled(before, job.relabel)
    if after is None or not after.get("__address__"):
        return None
    address = after["__address__"]
    scheme, path = after.get("__scheme__", "http"), after.get("__metrics_path__", "/metrics")
    if scheme not in {"http", "https"} or any(char in address for char in "/@?#\\ "):
        raise ConfigError(f"job {job.name}: {scheme}://{address} is no address to scrape", field="__address__")
    params = {name: list(values) for name, values in job.params.items()}
    for name, value in after.items():
        if name.startswith("__param_"):
            params[name.removeprefix("__param_")] = [value, *params.get(name.removeprefix("__param_"), [])[1:]]
    labels = {name: value for name, value in after.items() if not name.startswith("__")}
    labels.setdefault("instance", address)
    query = f"?{urlencode(params, doseq=True)}" if params else ""
    interval_s, timeout_s = duration_s(after["__scrape_interval__"]), duration_s(after["__scrape_timeout__"])
    if interval_s <= 0 or not 0 < timeout_s <= interval_s:
        raise ConfigError(f"job {job.name}: {address}: the timeout must be above 0 and at most the interval")
    return Target(
        job,
        f"{scheme}://{address}{path if path.startswith('/') else '/' + path}{query}",
        tuple(sorted(labels.items())),
        interval_s,
        timeout_s,
        tuple(sorted(before.items())),
    )


class Discovery:
    """The groups of one job; what cannot be read now stays as it was, and is said."""

    def __init__(self, job: Job, resolve: Resolve | None = None) -> None:
        self.job = job
        self._resolve = resolve or addresses_of
        self._known: dict[str, Sequence[TargetGroup]] = {}
        self._due_s: dict[str, float] = {}

    def targets(self, now_s: float) -> list[Target]:
        """All targets as they are now, each once."""
        found: dict[tuple[str, Labels], Target] = {}
        for group in self._groups(now_s):
            for address in group.targets:
                try:
                    target = target_of(self.job, address, group.labels)
                except ConfigError as error:
                    log.warning("scrape_target_wrong", job=self.job.name, reason=error.message)
                    continue
                if target is not None:
                    found[target.url, target.labels] = target
        limit = self.job.target_limit
        if limit and len(found) > limit:
            log.warning("scrape_targets_too_many", job=self.job.name, limit=limit, observed=len(found))
            return []
        return list(found.values())

    def _groups(self, now_s: float) -> Iterator[TargetGroup]:
        yield from self.job.static
        for files in self.job.files:
            for pattern in files.files:
                yield from self._refreshed(f"file {pattern}", files.refresh_s, now_s, partial(_from_files, pattern))
        for dns in self.job.dns:
            for name in dns.names:
                yield from self._refreshed(
                    f"dns {name} {dns.family}", dns.refresh_s, now_s, partial(self._from_dns, dns, name)
                )

    def _refreshed(
        self, key: str, refresh_s: float, now_s: float, look: Callable[[], Sequence[TargetGroup]]
    ) -> Sequence[TargetGroup]:
        if now_s >= self._due_s.get(key, now_s):
            self._due_s[key] = now_s + min(refresh_s, 30.0)
            try:
                self._known[key] = look()
            except (ConfigError, OSError) as error:
                log.warning("scrape_discovery_failed", job=self.job.name, source=key, reason=str(error))
        return self._known.get(key, ())

    def _from_dns(self, dns: DnsDiscovery, name: str) -> list[TargetGroup]:
        addresses = self._resolve(name, dns.family)
        hosts = [f"[{address}]" if ":" in address else address for address in addresses]
        return [TargetGroup(tuple(f"{host}:{dns.port}" for host in hosts), {f"{META}dns_name": name})]


def _from_files(pattern: str) -> list[TargetGroup]:
    """Groups of all files of a pattern. A file that cannot be read is an error: the others wait for it."""
    import yaml

    found: list[TargetGroup] = []
    for file in sorted(glob.glob(pattern)):  # noqa: PTH207 - patterns may be absolute
        text = Path(file).read_text("utf-8")
        try:
            document: object = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{file} cannot be read: {error}", file=file) from error
        groups = groups_of(document, file)
        found.extend(TargetGroup(group.targets, {**group.labels, f"{META}filepath": file}) for group in groups)
    return found


def addresses_of(name: str, family: str) -> list[str]:
    """By the system's resolver."""
    wanted = socket.AF_INET if family == "A" else socket.AF_INET6
    found = {str(info[4][0]) for info in socket.getaddrinfo(name, None, wanted, socket.SOCK_STREAM)}
    return sorted(found, key=lambda address: int(ipaddress.ip_address(address.partition("%")[0])))
