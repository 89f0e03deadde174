"""`InfrastructureHealth` of what was seen: the seed's five values of the system, four of containers, four of clouds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.app.infrastructure.container_collecting import ContainersNow
from trimtab.model.infrastructure import CLOUD_KEYS, InfrastructureHealth, Measure, greatest, unknown
from trimtab.observe.containers.container import HEALTHY, Container
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.usage import SYSTEM, Usage

NO_CLOUD = 'no account of a cloud is named (clouds.accounts = ["prod=aws regions=eu-central-1"])'
NO_CONTAINER = "this process runs in no container, and no container was seen"


def health_of(
    host: HostNow, containers: ContainersNow, cloud: Mapping[str, Measure] | None, at_ms: int
) -> InfrastructureHealth:
    """All of it. `cloud` None: nobody looks at clouds."""
    usage = Usage(host)
    system = {name: ask(usage) for name, ask in SYSTEM.items()}
    missing = {name: unknown(name, "", NO_CLOUD) for name in CLOUD_KEYS}
    return InfrastructureHealth(host.name, at_ms, system, container_health(containers), {**missing, **(cloud or {})})


def container_health(now: ContainersNow) -> dict[str, Measure]:
    """The seed's four: of processor time and memory the greatest stands for all, restarts are added up."""
    why = now.why or _why_none(now)
    return {
        "container_cpu": greatest("container_cpu", "ratio", _parts(now, _cpu), _why(now, why, _cpu)),
        "container_memory": greatest("container_memory", "ratio", _parts(now, _memory), _why(now, why, _memory)),
        "container_restart_count": _summed(now, why),
        "container_health_checks": _checked(now, why),
    }


Ask = Callable[[ContainersNow, Container], Measure]


def _parts(now: ContainersNow, ask: Ask) -> tuple[Measure, ...]:
    return tuple(ask(now, one) for one in now.containers)


def _why(now: ContainersNow, otherwise: str, ask: Ask) -> str:
    reasons = [part.why for part in _parts(now, ask) if part.why]
    return reasons[0] if reasons else otherwise


def _why_none(now: ContainersNow) -> str:
    asked = [one for one in now.sources if one.why and not one.is_absent]
    reasons = "; ".join(f"{one.source}: {one.why}" for one in asked)
    if reasons:
        return reasons
    if now.evidence.is_containerized:
        return f"this process runs in a container ({now.evidence.signs[0]}), of which nothing can be read"
    if now.evidence.not_believed:
        return f"{NO_CONTAINER} ({now.evidence.not_believed[0]}, but every namespace is the machine's own)"
    return NO_CONTAINER


def _cpu(now: ContainersNow, one: Container) -> Measure:
    """Share of its limit; of one without a limit, cores."""
    cores, limit = now.cores(one), one.cpu_limit_cores
    throttled = now.throttled_share(one)
    parts = [
        _part("cores", cores, "cores", one, "cpu_s"),
        _part("limit", limit, "cores", one, "cpu_quota_us", "nothing limits its processor time"),
        _part("throttled", throttled, "ratio", one, "cpu_throttled_periods", "nothing limits its processor time"),
    ]
    if cores is None:
        why = one.why.get("cpu_s") or one.why.get("cpu_cores") or "there was one look so far, and this is between two"
        return _measure(one, None, "ratio", why, tuple(parts))
    if limit is None:
        return _measure(one, None, "ratio", f"no limit; it uses {cores:.3g} cores", tuple(parts))
    return _measure(one, cores / limit, "ratio", "", tuple(parts))


def _memory(_now: ContainersNow, one: Container) -> Measure:
    """Working set as a share of its limit; of one without a limit, bytes."""
    used = one.numbers.get("working_set_bytes", one.numbers.get("memory_bytes"))
    limit = one.numbers.get("memory_limit_bytes")
    parts = (
        _part("working set", used, "bytes", one, "memory_bytes"),
        _part("limit", limit or None, "bytes", one, "memory_limit_bytes", "nothing limits its memory"),
        _part("kills for want of memory", one.numbers.get("oom_kills"), "kills", one, "oom_kills"),
    )
    if used is None:
        why = one.why.get("memory_bytes") or one.why.get("working_set_bytes") or "its source does not tell it"
        return _measure(one, None, "ratio", why, parts)
    if not limit:
        return _measure(one, None, "ratio", f"no limit; it uses {used / 2**20:.1f} MiB", parts)
    return _measure(one, used / limit, "ratio", "", parts)


def _restarts(_now: ContainersNow, one: Container) -> Measure:
    value = one.numbers.get("restarts")
    why = "" if value is not None else one.why.get("restarts", "its source does not tell it")
    return _measure(one, value, "restarts", why, text=one.last_end)


def _health(_now: ContainersNow, one: Container) -> Measure:
    if not one.health:
        return _measure(one, None, "flag", one.why.get("health", "its source does not tell it"), text=one.state)
    return _measure(one, float(one.health == HEALTHY), "flag", "", text=one.health)


def _summed(now: ContainersNow, why: str) -> Measure:
    parts = _parts(now, _restarts)
    known = [part for part in parts if part.value is not None]
    if not known:
        reason = next((part.why for part in parts), why)
        return unknown("container_restart_count", "restarts", reason, at_ms=now.at_ms, parts=parts)
    whole = sum(part.value or 0.0 for part in known)
    source = ", ".join(dict.fromkeys(part.source for part in known))
    return Measure("container_restart_count", whole, "restarts", now.at_ms, source, parts=parts)


def _checked(now: ContainersNow, why: str) -> Measure:
    """The share of containers with a health check that are healthy."""
    parts = _parts(now, _health)
    known = [part for part in parts if part.value is not None]
    if not known:
        reason = next((part.why for part in parts), why)
        return unknown("container_health_checks", "ratio", reason, at_ms=now.at_ms, parts=parts)
    share = sum(part.value or 0.0 for part in known) / len(known)
    wrong = [part.name for part in known if not part.value]
    source = ", ".join(dict.fromkeys(part.source for part in known))
    said = "healthy" if not wrong else f"not healthy: {', '.join(wrong[:5])}"
    return Measure("container_health_checks", share, "ratio", now.at_ms, source, text=said, parts=parts)


def _measure(
    one: Container, value: float | None, unit: str, why: str, parts: tuple[Measure, ...] = (), *, text: str = ""
) -> Measure:
    labels = {"id": one.key, **one.labels}
    return Measure(_title(one), value, unit, one.at_ms, one.source, why, text, labels=labels, parts=parts)


def _part(name: str, value: float | None, unit: str, one: Container, number: str, otherwise: str = "") -> Measure:
    if value is not None:
        return Measure(name, value, unit, one.at_ms, one.source)
    why = one.why.get(number) or otherwise or "its source does not tell it"
    return unknown(name, unit, why, source=one.source, at_ms=one.at_ms)


def _title(one: Container) -> str:
    pod = one.labels.get("pod")
    return f"{one.labels.get('namespace', '')}/{pod}/{one.name}" if pod else one.name
