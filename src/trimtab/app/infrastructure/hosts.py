"""Hosts as their series tell them: this one, and every other that sends node_exporter's. Asked of the own metrics, or
of the server that has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.app.exploring.answers import Instant, Row, Trouble
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.infrastructure.host_questions import LIST, ONE, asked_of
from trimtab.model.errors import NotFound

PATIENCE_S = 8.0
HOSTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host in the list; None where nothing is known. Shares are from 0 to 1."""

    job: str
    instance: str
    is_own: bool
    kernel: str
    seen_at_ms: int | None
    is_silent: bool
    """Nothing came from it for five minutes."""
    cpu_ratio: float | None
    memory_ratio: float | None
    load1: float | None
    cores: float | None
    cpu_waiting_ratio: float | None
    memory_waiting_ratio: float | None
    io_waiting_ratio: float | None
    storage_ratio: float | None
    storage_mountpoint: str
    disk_ratio: float | None
    disk_device: str
    network_bytes_s: float | None
    firing_count: int

    @property
    def worst(self) -> float:
        """What the list is sorted by: the busiest or fullest of its resources."""
        known = (self.cpu_ratio, self.memory_ratio, self.storage_ratio, self.disk_ratio, self.memory_waiting_ratio)
        return max((one for one in known if one is not None), default=0.0) + self.firing_count


@dataclass(frozen=True, slots=True)
class HostsAnswer:
    """All hosts, those with alerts and the busiest first. `trouble` says what could not be asked."""

    at_ms: int
    hosts: tuple[HostRow, ...]
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One host: the answer to each question of `ONE`, by its name. `trouble` says what could not be asked."""

    job: str
    instance: str
    at_ms: int
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    trouble: str | None = None

    def one(self, name: str) -> float | None:
        """The answer of a question that has one; None where there is none."""
        return next((row.value for row in self.rows.get(name, ())), None)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Answers by one label."""
        found: dict[str, float] = {}
        for row in self.rows.get(name, ()):
            if row.value is not None and row.value == row.value:
                found[dict(row.labels).get(label, "")] = row.value
        return found

    def labels(self, name: str) -> dict[str, str]:
        """Labels of the first answer."""
        return next((dict(row.labels) for row in self.rows.get(name, ())), {})


def hosts_of(explorer: Explorer, at_ms: int, own: tuple[str, str]) -> HostsAnswer:
    """The list. `own` are job and instance of this machine."""
    told, trouble = _asked(explorer, {name: asked_of(query) for name, query in LIST.items()}, at_ms)
    keys = [_key(row) for row in told["seen"]]
    values = {name: {_key(row): row for row in rows} for name, rows in told.items()}
    firing = {dict(row.labels).get("instance", ""): row.value or 0.0 for row in told["firing"]}

    def value(name: str, key: tuple[str, str]) -> float | None:
        row = values[name].get(key)
        return None if row is None or row.value is None or row.value != row.value else row.value

    def label(name: str, key: tuple[str, str], wanted: str) -> str:
        row = values[name].get(key)
        return "" if row is None else dict(row.labels).get(wanted, "")

    found = []
    for key in dict.fromkeys(keys):
        seen = value("seen", key)
        found.append(
            HostRow(
                key[0],
                key[1],
                key == own,
                label("info", key, "release"),
                None if seen is None else round(seen * 1000),
                value("is_new", key) is None,
                value("cpu", key),
                value("memory", key),
                value("load", key),
                value("cores", key),
                value("cpu_waiting", key),
                value("memory_waiting", key),
                value("io_waiting", key),
                value("storage", key),
                label("storage", key, "mountpoint"),
                value("disk", key),
                label("disk", key, "device"),
                value("network", key),
                int(firing.get(key[1], 0.0)),
            )
        )
    found.sort(key=lambda one: (-one.worst, one.instance, one.job))
    return HostsAnswer(at_ms, tuple(found[:HOSTS_MAX]), trouble)


def host_of(explorer: Explorer, job: str, instance: str, at_ms: int) -> HostFacts:
    """One host at one moment. NotFound where nothing came from it in six hours before."""
    told, trouble = _asked(explorer, {name: asked_of(query, job, instance) for name, query in ONE.items()}, at_ms)
    if not told["seen"] and not told["known"] and trouble is None:
        raise NotFound(
            f"nothing is known of a host with job={job!r} and instance={instance!r} (no node_time_seconds in the six "
            "hours before, and none of its processors, memory, file systems, disks and network)",
            field="instance",
        )
    return HostFacts(job, instance, at_ms, told, trouble)


def _asked(explorer: Explorer, queries: Mapping[str, str], at_ms: int) -> tuple[dict[str, Sequence[Row]], str | None]:
    """Rows of each query; and why one has none, where it could not be asked."""
    answers = explorer.instants(list(queries.values()), at_ms, PATIENCE_S)
    found: dict[str, Sequence[Row]] = {}
    trouble = None
    for name, answer in zip(queries, answers, strict=True):
        if isinstance(answer, Instant):
            found[name] = answer.rows
        else:
            found[name] = ()
            why = answer.message if isinstance(answer, Trouble) else f"no answer within {PATIENCE_S:g} s"
            trouble = trouble or f"{name.replace('_', ' ')}: {why}"
    return found, trouble


def _key(row: Row) -> tuple[str, str]:
    labels = dict(row.labels)
    return labels.get("job", ""), labels.get("instance", "")
