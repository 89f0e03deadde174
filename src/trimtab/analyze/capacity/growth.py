"""What a person assumes of the load to come, and how a resource goes with the load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import DAY_MS
from trimtab.analyze.capacity.trend import spread_of

F64 = NDArray[np.float64]

MONTH_DAYS = 365.25 / 12
FIT_POINTS_MIN = 24
FIT_EXPLAINED_MIN = 0.3
RATIO_LOW, RATIO_HIGH = 0.01, 100.0
Nature = Literal["flow", "stock"]
"""`flow`: the resource is as high as the load is (processors, connections). `stock`: it grows as quickly as the load is
high (bytes on a disk)."""


@dataclass(frozen=True, slots=True)
class GrowthAssumption:
    """A what-if. `load_ratio` multiplies the load at once, `load_per_month_ratio` every month on top of the growth that
    the history shows (0.01 to 100, 1: nothing). `nodes` is how many nodes come (or go, negative) of the `nodes_now`
    that share the load. `added` is what is put on the resource at once, in its unit. All of it begins at `from_ms`
    (Unix milliseconds), None: now.

    >>> GrowthAssumption(load_ratio=1.3, nodes=-1, nodes_now=3).node_ratio
    1.5
    """

    load_ratio: float = 1.0
    load_per_month_ratio: float = 1.0
    nodes: int = 0
    nodes_now: int = 1
    added: float = 0.0
    from_ms: int | None = None

    def __post_init__(self) -> None:
        for name in ("load_ratio", "load_per_month_ratio"):
            if not RATIO_LOW <= getattr(self, name) <= RATIO_HIGH:
                raise ValueError(f"{name} is between {RATIO_LOW} and {RATIO_HIGH}, not {getattr(self, name)}")
        if self.nodes_now < 1 or self.nodes_now + self.nodes < 1:
            raise ValueError(f"{self.nodes_now} nodes and {self.nodes:+d} leave none")
        if not np.isfinite(self.added):
            raise ValueError(f"added is a finite number, not {self.added}")

    @property
    def is_nothing(self) -> bool:
        """Whether it changes nothing."""
        return (self.load_ratio, self.load_per_month_ratio, self.nodes, self.added) == (1.0, 1.0, 0, 0.0)

    @property
    def node_ratio(self) -> float:
        """How many times as much of the whole each node that is left has."""
        return self.nodes_now / (self.nodes_now + self.nodes)

    def load_at(self, at_ms: NDArray[np.int64], now_ms: int) -> F64:
        """How many times the load that the history shows is there at each moment, over all nodes; float64[n]."""
        from_ms = now_ms if self.from_ms is None else self.from_ms
        months = np.maximum(at_ms - from_ms, 0) / (MONTH_DAYS * DAY_MS)
        with np.errstate(over="ignore"):
            grown = self.load_ratio * np.power(self.load_per_month_ratio, months)
        found: F64 = np.where(at_ms >= from_ms, np.minimum(grown, 1e9), 1.0)
        return found


@dataclass(frozen=True, slots=True)
class Relation:
    """How a resource goes with the load: `share` of it (of its growth, for a stock) is in proportion to the load
    (0..1), the rest is there anyhow. `is_fitted` False: nothing was fitted, it is taken to be in proportion.
    """

    share: float = 1.0
    is_fitted: bool = False
    explained_ratio: float | None = None
    points: int = 0

    @property
    def said(self) -> str:
        """The relation in a sentence."""
        if not self.is_fitted:
            return "taken to be in proportion to the load: no relation could be fitted"
        return (
            f"{self.share:.0%} of it goes with the load (fitted over {self.points} points, "
            f"{self.explained_ratio:.0%} of the scatter explained)"
        )


def relation_of(resource: F64, load: F64, nature: Nature) -> Relation:
    """Fits resource ~ load over points of the same moments (NaN where one is missing), by the median of slopes.

    For a stock the growth from point to point is what goes with the load. Where fewer than 24 points are there, or the
    load explains less than 30 % of the scatter, it is taken to be in proportion.

    >>> load = 100 + 50 * np.sin(np.arange(96) / 24 * 2 * np.pi)
    >>> relation_of(20 + 0.2 * load, load, "flow").share.__round__(2)
    0.5
    >>> relation_of(np.ones(96), load, "flow").is_fitted
    False
    """
    if nature == "stock":
        resource, load = np.diff(resource), load[1:]
    both = np.isfinite(resource) & np.isfinite(load)
    y, x = resource[both], load[both]
    if len(y) < FIT_POINTS_MIN or np.ptp(x) <= 0 or np.ptp(y) <= 0:
        return Relation(points=len(y))
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    half = len(x) // 2
    apart = x[half:] - x[: len(x) - half]
    rises = (y[half:] - y[: len(y) - half])[apart > 0] / apart[apart > 0]
    if not len(rises):
        return Relation(points=len(y))
    slope = float(np.median(rises))
    left = spread_of(y - slope * x)
    explained = 1 - (left / spread_of(y)) ** 2 if spread_of(y) > 0 else 0.0
    mean = float(y.mean())
    if slope <= 0 or mean <= 0 or explained < FIT_EXPLAINED_MIN:
        return Relation(points=len(y))
    return Relation(float(np.clip(slope * x.mean() / mean, 0.0, 1.0)), True, float(explained), len(y))


def assumed(
    paths: F64, last: float, at_ms: NDArray[np.int64], now_ms: int, what: GrowthAssumption, share: float, nature: Nature
) -> F64:
    """Drawn futures under an assumption: `paths` float64[paths, steps] at `at_ms`, `last` the newest peak.

    >>> at = np.array([1, 2]) * DAY_MS
    >>> assumed(np.array([[11.0, 12.0]]), 10.0, at, 0, GrowthAssumption(load_ratio=2.0), 1.0, "stock").tolist()
    [[12.0, 14.0]]
    >>> assumed(np.array([[11.0, 12.0]]), 10.0, at, 0, GrowthAssumption(load_ratio=2.0), 0.5, "flow").tolist()
    [[16.5, 18.0]]
    """
    begun = at_ms >= (now_ms if what.from_ms is None else what.from_ms)
    nodes = np.where(begun, what.node_ratio, 1.0)
    load = what.load_at(at_ms, now_ms)
    if nature == "flow":
        changed = paths * (1 + share * (load * nodes - 1))
    else:
        moves = np.diff(paths, axis=1, prepend=last) * (1 + share * (load - 1))
        changed = (last + np.cumsum(moves, axis=1)) * nodes
    found: F64 = changed + np.where(begun, what.added, 0.0)
    return found
