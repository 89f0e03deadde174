"""What API and commands tell of this machine and its containers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.app.infrastructure.container_collecting import ContainersNow
from trimtab.app.infrastructure.health import container_health
from trimtab.model.infrastructure import Measure
from trimtab.observe.containers.container import Container
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.processes import Busiest
from trimtab.observe.host.usage import Resource, Usage


@dataclass(frozen=True, slots=True)
class CollectorState:
    """How one collector went. `state` is `ok`, `absent` (this machine does not have it) or `failed`."""

    name: str
    state: str
    why: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class HostStory:
    """This machine, as it was seen last. `why` says why there is nothing; empty where there is."""

    host: str
    at_ms: int
    why: str
    resources: tuple[Resource, ...]
    load_average: Measure
    pressure: tuple[Measure, ...]
    busiest: Busiest
    collectors: tuple[CollectorState, ...]


@dataclass(frozen=True, slots=True)
class ContainerStory:
    """One container, with what is a rate."""

    container: Container
    cpu_cores: float | None
    cpu_limit_cores: float | None
    throttled_ratio: float | None
    memory_ratio: float | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """How one source of containers went."""

    source: str
    state: str
    """`ok`, `not set` or `failed`."""
    why: str
    left_out_count: int


@dataclass(frozen=True, slots=True)
class ContainersStory:
    """All containers that were seen last."""

    at_ms: int
    why: str
    is_containerized: bool
    signs: tuple[str, ...]
    signs_not_believed: tuple[str, ...]
    containers: tuple[ContainerStory, ...]
    sources: tuple[SourceState, ...]
    health: dict[str, Measure]


def host_story(now: HostNow) -> HostStory:
    """What was seen of this machine."""
    usage = Usage(now)
    kinds = (("cpu", "waiting"), ("memory", "waiting"), ("memory", "stalled"), ("io", "waiting"), ("io", "stalled"))
    return HostStory(
        now.name,
        now.at_ms,
        now.why,
        () if now.why else tuple(usage.resources()),
        usage.load_average(),
        tuple(_named(usage.pressure(what, kind), f"{what} {kind}") for what, kind in kinds),
        now.busiest,
        tuple(
            CollectorState(
                name, "ok" if one.is_ok else "absent" if one.is_absent else "failed", one.why, one.duration_s * 1000
            )
            for name, one in now.went.items()
        ),
    )


def _named(one: Measure, name: str) -> Measure:
    return replace(one, name=name)


def containers_story(now: ContainersNow) -> ContainersStory:
    """What was seen of containers."""
    return ContainersStory(
        now.at_ms,
        now.why,
        now.evidence.is_containerized,
        now.evidence.signs,
        now.evidence.not_believed,
        tuple(_container(now, one) for one in now.containers),
        tuple(
            SourceState(
                one.source, "not set" if one.is_absent else "failed" if one.why else "ok", one.why, one.left_out_count
            )
            for one in now.sources
        ),
        container_health(now),
    )


def _container(now: ContainersNow, one: Container) -> ContainerStory:
    used, limit = one.numbers.get("working_set_bytes"), one.numbers.get("memory_limit_bytes")
    return ContainerStory(
        one,
        now.cores(one),
        one.cpu_limit_cores,
        now.throttled_share(one),
        used / limit if used is not None and limit else None,
    )
