"""A cloud in memory, as a plug-in would bring one: what it answers and how it fails is up to the test."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from trimtab.extend.clouds import (
    Account,
    CloudError,
    Database,
    Deadline,
    Health,
    Instance,
    Kind,
    Pool,
    Scaling,
    ScalingEvent,
    ScalingGroup,
    ScalingOutcome,
    Seen,
    Target,
)
from trimtab.model.infrastructure import Measure, unknown

AT_MS = 1_777_889_472_345
SOURCE = "in memory"


@dataclass
class FakeCloud:
    """`errors` by `region thing`, raised instead of an answer; `hangs` holds up who asks in this region."""

    names: tuple[str, ...] = ("north-1",)
    errors: dict[str, Exception] = field(default_factory=dict)
    hangs: dict[str, threading.Event] = field(default_factory=dict)
    machines: Seen[Instance] = field(default_factory=Seen)
    scales: Scaling = field(default_factory=lambda: Scaling(Seen(), Seen()))
    pools: Seen[Pool] = field(default_factory=Seen)
    bases: Seen[Database] = field(default_factory=Seen)
    asked: list[str] = field(default_factory=list)

    def kind(self) -> Kind:
        """To be put into a registry."""
        return Kind(self._made, options=frozenset({"endpoint"}))

    def _made(self, _account: Account) -> FakeCloud:
        return self

    def _ask(self, region: str, what: str) -> None:
        self.asked.append(f"{region} {what}")
        if region in self.hangs:
            self.hangs[region].wait(60)
        error = self.errors.get(f"{region} {what}") or self.errors.get(region)
        if error is not None:
            raise error

    def regions(self, ends: Deadline) -> tuple[str, ...]:
        """See `Cloud`."""
        self._ask("", "regions")
        return self.names

    def instances(self, region: str, ends: Deadline) -> Seen[Instance]:
        """See `Cloud`."""
        self._ask(region, "instances")
        return self.machines

    def scaling(self, region: str, ends: Deadline, since_ms: int) -> Scaling:
        """See `Cloud`."""
        self._ask(region, "scaling")
        return self.scales

    def balancers(self, region: str, ends: Deadline) -> Seen[Pool]:
        """See `Cloud`."""
        self._ask(region, "balancers")
        return self.pools

    def databases(self, region: str, ends: Deadline) -> Seen[Database]:
        """See `Cloud`."""
        self._ask(region, "databases")
        return self.bases

    def close(self) -> None:
        """See `Cloud`."""


def machine(name: str, health: Health = Health.HEALTHY, why: str = "") -> Instance:
    """A machine."""
    return Instance(f"i-{name}", name, "north-1", "north-1a", "m5.large", "running", True, health, AT_MS, SOURCE, why)


def group(desired_count: int, running_count: int) -> ScalingGroup:
    """A group named web."""
    return ScalingGroup("g-web", "web", "north-1", desired_count, running_count, 1, 5, 0, AT_MS, SOURCE)


def event(name: str, outcome: ScalingOutcome = ScalingOutcome.DONE, why: str = "") -> ScalingEvent:
    """A change of its size."""
    return ScalingEvent(name, "web", "north-1", AT_MS, outcome, "Launching a machine", SOURCE, why, 2, 3)


def pool(name: str, *targets: Target, why: str = "") -> Pool:
    """Targets behind the load balancer front."""
    return Pool(f"p-{name}", name, ("front",), "north-1", "application", "active", targets, AT_MS, SOURCE, why)


def database(name: str, connections: float | None, most: float | None) -> Database:
    """A database of PostgreSQL."""
    told = Measure("connections", connections, "connections", AT_MS, SOURCE, "" if connections else "no metric")
    high = (
        unknown("connections_max", "connections", "nobody tells", source=SOURCE, at_ms=AT_MS)
        if most is None
        else Measure("connections_max", most, "connections", AT_MS, SOURCE)
    )
    cpu = Measure("cpu_utilization_ratio", 0.375, "ratio", AT_MS, SOURCE)
    return Database(
        f"db-{name}",
        name,
        "north-1",
        "postgres 16",
        "r5",
        "available",
        Health.HEALTHY,
        told,
        high,
        (cpu,),
        AT_MS,
        SOURCE,
    )


def full() -> FakeCloud:
    """One with something of everything."""
    return FakeCloud(
        names=("north-1", "south-1"),
        errors={"south-1": CloudError("nobody answers in south-1")},
        machines=Seen((machine("good"), machine("bad", Health.UNHEALTHY, "system check: impaired"))),
        scales=Scaling(
            Seen((group(3, 2),)), Seen((event("e1", ScalingOutcome.FAILED, "no capacity left"), event("e2")))
        ),
        pools=Seen(
            (
                pool("calm", Target("10.0.0.1", 80, Health.HEALTHY, "healthy")),
                pool(
                    "web",
                    Target("10.0.0.2", 80, Health.HEALTHY, "healthy"),
                    Target("10.0.0.3", 80, Health.UNHEALTHY, "unhealthy", "Target.Timeout: request timed out"),
                ),
            )
        ),
        bases=Seen((database("idle", 1, 100), database("shop", 95, 100), database("new", 7, None))),
    )
