"""How a watcher is doing, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.system import Capability
from trimtab.observe.postgres.cost import OwnCost


class WatchState(StrEnum):
    """`degraded` means that it watches, but something is missing or refused: `problems` says what."""

    STARTING = "starting"
    WATCHING = "watching"
    DEGRADED = "degraded"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """One system's watcher at one instant. Moments are Unix milliseconds, None for never.

    `problems` maps what does not work now (a collector, or "store") to the reason; `intervals_s` says how often each
    collector looks. `skipped_count` counts looks that were due while another was still under way.
    """

    system: str
    state: WatchState
    reference: str
    intervals_s: dict[str, float]
    cost: OwnCost
    server_version: str | None = None
    server_started_at_ms: int | None = None
    last_look_at_ms: int | None = None
    last_error: str | None = None
    last_error_at_ms: int | None = None
    retry_in_s: float | None = None
    looks_count: int = 0
    slices_count: int = 0
    skipped_count: int = 0
    capabilities: tuple[Capability, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
