"""When each part is asked again: every interval, and more seldom while nobody answers there."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.app.clouds.parts import Key
from trimtab.extend.clouds import Trouble

TIMES_MAX = 8
"""A part that fails is asked after 1, 2, 4, … intervals, and never more seldom than this."""
PATIENT = frozenset({Trouble.UNREACHABLE, Trouble.SLOW, Trouble.THROTTLED, Trouble.CREDENTIALS})
"""Troubles that asking often makes no better."""


@dataclass(slots=True)
class Schedule:
    """Not thread-safe.

    >>> from trimtab.app.clouds.parts import Aspect
    >>> key, schedule = Key("prod", "eu-west-1", Aspect.INSTANCES), Schedule(60)
    >>> schedule.add(key, 0)
    >>> schedule.due(0), schedule.due(0)
    ([Key(account='prod', region='eu-west-1', aspect=<Aspect.INSTANCES: 'instances'>)], [])
    >>> schedule.done(key, began_s=0, trouble=Trouble.SLOW)
    >>> len(schedule.due(119)), len(schedule.due(120))
    (0, 1)
    """

    interval_s: float
    _next_s: dict[Key, float] = field(default_factory=dict)
    _failures: dict[Key, int] = field(default_factory=dict)
    _flying: set[Key] = field(default_factory=set)

    def add(self, key: Key, now_s: float) -> None:
        """Ask it from now on; nothing where it is known."""
        self._next_s.setdefault(key, now_s)

    def __contains__(self, key: Key) -> bool:
        return key in self._next_s

    def due(self, now_s: float) -> list[Key]:
        """Those to be asked now, the longest overdue first; none that is being asked."""
        found = [key for key, at_s in self._next_s.items() if at_s <= now_s and key not in self._flying]
        found.sort(key=lambda key: self._next_s[key])
        self._flying.update(found)
        return found

    def all_of(self, keys: list[Key]) -> list[Key]:
        """Of these, those that are not being asked; they are from now on."""
        found = [key for key in keys if key not in self._flying]
        self._flying.update(found)
        return found

    def done(self, key: Key, began_s: float, trouble: Trouble | None) -> None:
        """It was answered, or was not."""
        self._flying.discard(key)
        failures = self._failures.get(key, 0) + 1 if trouble in PATIENT else 0
        self._failures[key] = failures
        if key in self._next_s:
            self._next_s[key] = began_s + self.interval_s * min(2**failures, TIMES_MAX)

    def never_again(self, key: Key) -> None:
        """It is known once and for all."""
        self._next_s[key] = float("inf")

    def next_s(self) -> float:
        """When something is due at the earliest; infinity where nothing is or all are being asked."""
        waiting = [at_s for key, at_s in self._next_s.items() if key not in self._flying]
        return min(waiting, default=float("inf"))

    @property
    def known(self) -> list[Key]:
        """All of them."""
        return list(self._next_s)
