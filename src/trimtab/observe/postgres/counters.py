"""Differences of the server's running totals between two samples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


class CounterBook:
    """Remembers the last totals by key; forgets keys that were not in the last sample, so it is as big as one sample.

    >>> book = CounterBook()
    >>> book.differences({"orders": (10, 3)})
    {'orders': (0, 0)}
    >>> book.differences({"orders": (15, 3), "items": (7, 7)})
    {'orders': (5, 0), 'items': (7, 7)}
    >>> book.differences({"orders": (2, 1)})
    {'orders': (2, 1)}
    """

    def __init__(self) -> None:
        self._before: Mapping[Hashable, tuple[int, ...]] | None = None

    def forget(self) -> None:
        """The next sample is a base line."""
        self._before = None

    def differences(self, totals: Mapping[K, tuple[int, ...]]) -> dict[K, tuple[int, ...]]:
        """What was added since the last sample.

        In the first sample nothing is known to be new (0). A key that appears later began at 0, and totals that got
        smaller were reset: then they are the difference themselves.
        """
        before = self._before
        self._before = dict(totals.items())
        if before is None:
            return {key: (0,) * len(now) for key, now in totals.items()}
        made = {}
        for key, now in totals.items():
            then = before.get(key, (0,) * len(now))
            grown = tuple(a - b for a, b in zip(now, then, strict=True))
            made[key] = now if min(grown, default=0) < 0 else grown
        return made
