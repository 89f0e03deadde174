"""Docker's engine (and Podman's, which has the same API): containers, states, health, restarts, statistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from trimtab.model.errors import ServerUnreachable
from trimtab.observe.containers.asking import Asking, items, mapping, number, quoted, text
from trimtab.observe.containers.container import NO_CHECK, Container, Listed

SOURCE = "Docker's API"
_NS = 1e-9
_NOT_RUNNING = "it does not run"


class DockerEngine:
    """For one thread at a time."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def close(self) -> None:
        """Let the connection go; again is no error."""
        self._asking.close()

    def look(self, at_ms: int, containers_max: int, known: Collection[str] = ()) -> Listed:
        """All containers, those that do not run among them. Of those that are `known` (the kernel tells their numbers)
        no statistics are asked."""
        try:
            listed = [mapping(one) for one in items(self._asking.get("/containers/json", all="1"))]
        except ServerUnreachable as error:
            return Listed(SOURCE, why=error.message)
        found, wrong = [], ""
        for one in listed[:containers_max]:
            try:
                found.append(self._container(one, at_ms, known))
            except ServerUnreachable as error:
                if error.facts.get("status") == 404:  # it went between the list and the question
                    continue
                wrong = error.message
                found.append(_of_list(one, at_ms, error.message))
        return Listed(SOURCE, tuple(found), wrong, max(len(listed) - containers_max, 0))

    def _container(self, listed: Mapping[str, object], at_ms: int, known: Collection[str]) -> Container:
        key = text(listed.get("Id"))
        told = mapping(self._asking.get(f"/containers/{quoted(key)}/json"))
        state, limits = mapping(told.get("State")), mapping(told.get("HostConfig"))
        numbers = _of_limits(limits)
        why: dict[str, str] = {}
        restarts = number(told.get("RestartCount"))
        if restarts is None:
            why["restarts"] = "the engine did not tell RestartCount"
        else:
            numbers["restarts"] = restarts
        health = text(mapping(state.get("Health")).get("Status"))
        if not health or health == "none":
            health, why["health"] = "", NO_CHECK
        else:
            numbers["is_healthy"] = float(health == "healthy")
        if (started := _seconds(text(state.get("StartedAt")))) is not None:
            numbers["started_s"] = started
        if state.get("Running") and key not in known:
            stats = mapping(
                self._asking.get(f"/containers/{quoted(key)}/stats", stream="false", **{"one-shot": "true"})
            )
            numbers |= numbers_of(stats)
        elif not state.get("Running"):
            why |= {"cpu_s": _NOT_RUNNING, "memory_bytes": _NOT_RUNNING}
        end = "OOMKilled" if state.get("OOMKilled") else ""
        if not end and not state.get("Running") and (code := number(state.get("ExitCode"))) is not None:
            end = f"exit code {code:.0f}"
        return Container(
            key,
            text(told.get("Name")).lstrip("/") or _name(listed),
            SOURCE,
            at_ms,
            numbers,
            text(mapping(told.get("Config")).get("Image")) or text(listed.get("Image")),
            text(state.get("Status")) or text(listed.get("State")),
            health,
            _labels(listed),
            why,
            end,
        )


def _of_list(listed: Mapping[str, object], at_ms: int, why: str) -> Container:
    return Container(
        text(listed.get("Id")),
        _name(listed),
        SOURCE,
        at_ms,
        {},
        text(listed.get("Image")),
        text(listed.get("State")),
        labels=_labels(listed),
        why=dict.fromkeys(("restarts", "health", "cpu_s", "memory_bytes"), why),
    )


def numbers_of(stats: Mapping[str, object]) -> dict[str, float]:
    """Numbers of an answer of `/containers/ID/stats`, of both versions of cgroups."""
    cpu, memory = mapping(stats.get("cpu_stats")), mapping(stats.get("memory_stats"))
    usage, throttled = mapping(cpu.get("cpu_usage")), mapping(cpu.get("throttling_data"))
    detail, pids = mapping(memory.get("stats")), mapping(stats.get("pids_stats"))
    inactive = number(detail.get("total_inactive_file")) or number(detail.get("inactive_file")) or 0.0
    used = number(memory.get("usage"))
    wanted: dict[str, tuple[float | None, float]] = {
        "cpu_s": (number(usage.get("total_usage")), _NS),
        "cpu_user_s": (number(usage.get("usage_in_usermode")), _NS),
        "cpu_system_s": (number(usage.get("usage_in_kernelmode")), _NS),
        "cpu_periods": (number(throttled.get("periods")), 1.0),
        "cpu_throttled_periods": (number(throttled.get("throttled_periods")), 1.0),
        "cpu_throttled_s": (number(throttled.get("throttled_time")), _NS),
        "memory_bytes": (used, 1.0),
        "working_set_bytes": (None if used is None else max(used - inactive, 0.0), 1.0),
        "memory_most_bytes": (number(memory.get("max_usage")), 1.0),
        "memory_failures": (number(memory.get("failcnt")), 1.0),
        "rss_bytes": (_first(detail, "total_rss", "anon"), 1.0),
        "cache_bytes": (_first(detail, "total_cache", "file"), 1.0),
        "threads": (number(pids.get("current")), 1.0),
    }
    found = {name: value * scale for name, (value, scale) in wanted.items() if value is not None}
    networks = [mapping(one) for one in mapping(stats.get("networks")).values()]
    if networks:
        found["receive_bytes"] = sum(number(one.get("rx_bytes")) or 0.0 for one in networks)
        found["transmit_bytes"] = sum(number(one.get("tx_bytes")) or 0.0 for one in networks)
    moved = items(mapping(stats.get("blkio_stats")).get("io_service_bytes_recursive"))
    if moved:
        rows = [mapping(one) for one in moved]
        for word, name in (("read", "read_bytes"), ("write", "written_bytes")):
            found[name] = sum(number(one.get("value")) or 0.0 for one in rows if text(one.get("op")).lower() == word)
    return found


def _of_limits(limits: Mapping[str, object]) -> dict[str, float]:
    """
    >>> _of_limits({"NanoCpus": 1_500_000_000, "Memory": 0})
    {'cpu_quota_us': 150000.0, 'cpu_period_us': 100000.0, 'memory_limit_bytes': 0.0}
    """
    found: dict[str, float] = {}
    nano, quota, period = (number(limits.get(name)) for name in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    if nano:
        found |= {"cpu_quota_us": nano / 10_000, "cpu_period_us": 100_000.0}
    elif quota:
        found |= {"cpu_quota_us": quota, "cpu_period_us": period or 100_000.0}
    if (memory := number(limits.get("Memory"))) is not None:
        found["memory_limit_bytes"] = memory
    return found


def _first(values: Mapping[str, object], *names: str) -> float | None:
    return next((found for name in names if (found := number(values.get(name))) is not None), None)


def _name(listed: Mapping[str, object]) -> str:
    names = items(listed.get("Names"))
    return text(names[0]).lstrip("/") if names else text(listed.get("Id"))[:12]


def _labels(listed: Mapping[str, object]) -> dict[str, str]:
    told = mapping(listed.get("Labels"))
    wanted = {
        "com.docker.compose.project": "compose_project",
        "com.docker.compose.service": "compose_service",
        "io.kubernetes.pod.namespace": "namespace",
        "io.kubernetes.pod.name": "pod",
        "io.kubernetes.container.name": "container",
    }
    return {label: text(told[key]) for key, label in wanted.items() if text(told.get(key))}


def _seconds(stamp: str) -> float | None:
    """
    >>> _seconds("2026-01-02T03:04:05.123456789Z"), _seconds("0001-01-01T00:00:00Z")
    (1767323045.123456, None)
    """
    if not stamp or stamp.startswith("0001"):
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
