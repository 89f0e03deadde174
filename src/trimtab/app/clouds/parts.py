"""What was read of clouds, in parts: one account, one region, one thing. Each is read, fails and gets old by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from trimtab.extend.clouds import (
    Database,
    Instance,
    Missing,
    Pool,
    Scaling,
    ScalingEvent,
    ScalingGroup,
    Seen,
    Trouble,
)

T = TypeVar("T")


class Aspect(StrEnum):
    """What an account is asked for."""

    REGIONS = "regions"
    """Which regions there are to be asked; its answer is not kept."""
    INSTANCES = "instances"
    SCALING = "scaling"
    BALANCERS = "balancers"
    DATABASES = "databases"


ASKED = (Aspect.INSTANCES, Aspect.SCALING, Aspect.BALANCERS, Aspect.DATABASES)
WORDS = {
    Aspect.REGIONS: "regions",
    Aspect.INSTANCES: "instances",
    Aspect.SCALING: "scaling groups",
    Aspect.BALANCERS: "load balancers",
    Aspect.DATABASES: "databases",
}


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which part. `region` is '' where one question covers all."""

    account: str
    region: str
    aspect: Aspect

    @property
    def place(self) -> str:
        """For people.

        >>> Key("prod", "eu-west-1", Aspect.INSTANCES).place
        'prod eu-west-1'
        """
        return f"{self.account} {self.region}".rstrip()


Answer = Seen[Instance] | Scaling | Seen[Pool] | Seen[Database]


@dataclass(frozen=True, slots=True)
class Part:
    """The last good answer of a part, and how the last question went. An answer that is older than the last question is
    shown with its age, and makes no series. `problem` is '' where the last question was answered."""

    key: Key
    cloud: str
    answer: Answer | None
    read_at_ms: int
    asked_at_ms: int
    took_s: float
    problem: str = ""
    trouble: Trouble | None = None
    failing_since_ms: int = 0

    @property
    def is_fresh(self) -> bool:
        """Whether the last question was answered."""
        return self.answer is not None and not self.problem

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What is missing of the answer."""
        answer = self.answer
        if answer is None:
            return ()
        return (*answer.groups.missing, *answer.events.missing) if isinstance(answer, Scaling) else answer.missing

    @property
    def is_cut(self) -> bool:
        """Whether there is more than was read."""
        answer = self.answer
        if answer is None:
            return False
        return answer.groups.is_cut or answer.events.is_cut if isinstance(answer, Scaling) else answer.is_cut

    @property
    def items_count(self) -> int:
        """How many things were read."""
        answer = self.answer
        if answer is None:
            return 0
        return len(answer.groups.items) if isinstance(answer, Scaling) else len(answer.items)


@dataclass(frozen=True, slots=True)
class Of(Generic[T]):
    """Something with its account. `is_old`: the last question for it failed, this is from before."""

    account: str
    cloud: str
    is_old: bool
    item: T


@dataclass(frozen=True, slots=True)
class CloudsNow:
    """All that is known now. `accounts` are those that are configured, with their kind."""

    at_ms: int
    accounts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    changes: tuple[Of[ScalingEvent], ...] = ()
    """Sizes that differed from look to look, where a cloud keeps no list of them."""
    waiting: int = 0
    """Parts that were never answered or refused yet: the first look is under way."""

    @property
    def instances(self) -> tuple[Of[Instance], ...]:
        """Machines."""
        return tuple(self._items(Aspect.INSTANCES, Instance))

    @property
    def groups(self) -> tuple[Of[ScalingGroup], ...]:
        """Groups that scale."""
        return tuple(
            Of(part.key.account, part.cloud, not part.is_fresh, group)
            for part in self.parts
            if isinstance(part.answer, Scaling)
            for group in part.answer.groups.items
        )

    @property
    def events(self) -> tuple[Of[ScalingEvent], ...]:
        """Changes of sizes, newest first."""
        told = (
            Of(part.key.account, part.cloud, not part.is_fresh, event)
            for part in self.parts
            if isinstance(part.answer, Scaling)
            for event in part.answer.events.items
        )
        return tuple(sorted((*told, *self.changes), key=lambda of: -of.item.at_ms))

    @property
    def pools(self) -> tuple[Of[Pool], ...]:
        """Load balancers with their targets."""
        return tuple(self._items(Aspect.BALANCERS, Pool))

    @property
    def databases(self) -> tuple[Of[Database], ...]:
        """Managed databases."""
        return tuple(self._items(Aspect.DATABASES, Database))

    @property
    def failing(self) -> tuple[Part, ...]:
        """Parts whose last question was not answered."""
        return tuple(part for part in self.parts if part.problem)

    def _items(self, aspect: Aspect, kind: type[T]) -> Iterator[Of[T]]:
        for part in self.parts:
            if part.key.aspect is aspect and isinstance(part.answer, Seen):
                for item in part.answer.items:
                    if isinstance(item, kind):
                        yield Of(part.key.account, part.cloud, not part.is_fresh, item)
