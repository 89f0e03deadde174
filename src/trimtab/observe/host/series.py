"""What a collector tells: series that stay the same from look to look, and their numbers of now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HostSeries:
    """One series: the kernel's number times `scale` is in the unit that the name says."""

    name: str
    labels: Labels = ()
    scale: float = 1.0

    @property
    def key(self) -> Labels:
        """Name and labels, sorted as the store has them.

        >>> HostSeries("node_load1", (("b", "2"), ("a", "1"))).key
        (('__name__', 'node_load1'), ('a', '1'), ('b', '2'))
        """
        return tuple(sorted((("__name__", self.name), *self.labels)))


class NotHere(Exception):
    """This kernel or this machine does not have it: no fault, and no number."""


class Collector(Protocol):
    """One kind of thing that the kernel tells. For one thread at a time.

    `series` is replaced by another tuple only where the series are others (a disk came): who sees the same tuple again
    need not look into it.
    """

    @property
    def name(self) -> str:
        """As node_exporter calls it."""
        ...

    @property
    def is_slow(self) -> bool:
        """Asked at most every `SLOW_S`: what hardly moves, or costs much."""
        ...

    @property
    def source(self) -> str:
        """Which files it reads, for people."""
        ...

    @property
    def series(self) -> tuple[HostSeries, ...]:
        """What the numbers are of."""
        ...

    def read(self) -> Sequence[float]:
        """The kernel's numbers, in the order of `series`. OSError, ValueError, NotHere where there are none."""
        ...
