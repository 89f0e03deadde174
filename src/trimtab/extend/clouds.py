"""Clouds: what trimtab asks of them, and what they answer.

A cloud comes in by entry point (`trimtab.clouds`, by the word that an account begins with: `aws`, `gcp`, `azure`) as a
`Kind`. An account is asked region by region for four things; each question waits, may be asked from any thread, and may
raise `CloudError` or MissingError. Nothing that a cloud raises or answers holds a credential.

Times are Unix milliseconds. A value is a `Measure`: with unit, time and source, or without a value and with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from trimtab.model.errors import TrimtabError
from trimtab.model.infrastructure import Measure

CLOUDS = "trimtab.clouds"
"""The group of entry points."""

T = TypeVar("T")


class Trouble(StrEnum):
    """Why something was not read, as a word that can be counted and asked for."""

    CREDENTIALS = "credentials"
    """There are none, or they are not taken."""
    DENIED = "denied"
    """They are taken, and may not do that."""
    THROTTLED = "throttled"
    """Too much was asked; tried again as often as is allowed."""
    UNREACHABLE = "unreachable"
    """Nobody answers there."""
    SLOW = "slow"
    """It took longer than it may."""
    REFUSED = "refused"
    """It answered with an error, or with something that is not its protocol."""
    MISSING = "missing"
    """The vendor's library is not installed, or there is no plug-in of that name."""
    OWN = "own"
    """An error of trimtab's own, or of a plug-in."""


class CloudError(TrimtabError):
    """Something could not be read."""

    def __init__(self, message: str, *, trouble: Trouble = Trouble.REFUSED) -> None:
        super().__init__(message, trouble=trouble.value)
        self.trouble = trouble

    def __reduce__(self) -> tuple[object, ...]:
        return (_error_of, (self.message, self.trouble))


def _error_of(message: str, trouble: Trouble) -> CloudError:
    return CloudError(message, trouble=trouble)


class Health(StrEnum):
    """How a machine, a target or a database is, whatever the cloud calls it."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    """It has not passed its first checks."""
    LEAVING = "leaving"
    """It finishes what it has and gets nothing new."""
    IDLE = "idle"
    """Stopped, or not in use: nobody checks it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is configured. `options` are those that its kind has (role, profile, project, …); none of them
    is a secret: credentials come by the vendor's own chain. No `regions`: those that the chain or the cloud names."""

    name: str
    kind: str
    options: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    timeout_s: float = 10.0
    """How long one request may take."""
    tries_max: int = 3
    """How often one request is tried where the cloud says that it is too much or broken."""
    items_max: int = 2_000
    """Of each list so much is read; the answer says where that was not all."""

    def option(self, name: str) -> str:
        """One option, '' where it is not set."""
        return self.options.get(name, "")


class Deadline:
    """When one question has to be over, retries and pages included.

    >>> Deadline(10, clock=lambda: 0.0).left_s(3)
    3
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends_s = clock() + seconds

    def left_s(self, at_most: float) -> float:
        """What is left of it, and never more than `at_most`; CloudError where nothing is."""
        left_s = self._ends_s - self._clock()
        if left_s <= 0:
            raise CloudError(f"took longer than {self._seconds:g} s", trouble=Trouble.SLOW)
        return min(left_s, at_most)

    def check(self) -> None:
        """CloudError where it is over: asked before each request."""
        self.left_s(1)


# --- what they answer


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine. `state` is the cloud's word (`running`), `health` what its own checks say, `why` what they said."""

    id: str
    name: str
    region: str
    zone: str
    type: str
    state: str
    is_running: bool
    health: Health
    at_ms: int
    source: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ScalingGroup:
    """Machines whose number the cloud changes. A size that is None is not told; `why` says what is wrong with it."""

    id: str
    name: str
    region: str
    desired_count: int | None
    running_count: int | None
    low_count: int | None
    high_count: int | None
    unhealthy_count: int | None
    at_ms: int
    source: str
    why: str = ""


class ScalingOutcome(StrEnum):
    """What became of a change of size."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ScalingEvent:
    """A change of the size of a group. `before_count` and `after_count` where they are told."""

    id: str
    group: str
    region: str
    at_ms: int
    outcome: ScalingOutcome
    what: str
    source: str
    why: str = ""
    before_count: int | None = None
    after_count: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets what a load balancer hands out. `why` is what its check says."""

    id: str
    port: int | None
    health: Health
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """Targets that a load balancer hands to. Of one without any targets there is a pool without any."""

    id: str
    name: str
    balancers: tuple[str, ...]
    region: str
    kind: str
    state: str
    targets: tuple[Target, ...]
    at_ms: int
    source: str
    why: str = ""
    """Why the health of its targets is not known."""
    healthy: Measure | None = None
    """The share of good checks, where the cloud tells that and not each target."""


@dataclass(frozen=True, slots=True)
class Database:
    """A managed database. `metrics` are named as series are (`cpu_utilization_ratio`, `storage_free_bytes`, …)."""

    id: str
    name: str
    region: str
    engine: str
    type: str
    state: str
    health: Health
    connections: Measure
    connections_max: Measure
    metrics: tuple[Measure, ...]
    at_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of an answer that is not there: of which region or thing, and why."""

    region: str
    what: str
    why: str
    trouble: Trouble = Trouble.REFUSED


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """An answer: what there is, what is missing of it, and whether there is more than is read (`is_cut`)."""

    items: tuple[T, ...] = ()
    missing: tuple[Missing, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Scaling:
    """Groups with their sizes, and what changed them, newest first. `tells_events` is False where the cloud keeps no
    list of them: changes are then what differs from look to look."""

    groups: Seen[ScalingGroup]
    events: Seen[ScalingEvent]
    tells_events: bool = True


class Cloud(Protocol):
    """One account."""

    def regions(self, ends: Deadline) -> tuple[str, ...]:
        """Where it is asked, one by one; `('',)` where one question covers all regions."""
        ...

    def instances(self, region: str, ends: Deadline) -> Seen[Instance]:
        """Machines."""
        ...

    def scaling(self, region: str, ends: Deadline, since_ms: int) -> Scaling:
        """Groups that scale, and their events since a moment."""
        ...

    def balancers(self, region: str, ends: Deadline) -> Seen[Pool]:
        """Load balancers with the health of their targets."""
        ...

    def databases(self, region: str, ends: Deadline) -> Seen[Database]:
        """Managed databases with their connections and metrics."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A cloud that can be named in an account: how it is opened, and which options it has."""

    make: Callable[[Account], Cloud]
    options: frozenset[str]
    needed: frozenset[str] = frozenset()
