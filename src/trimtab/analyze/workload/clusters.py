"""Templates whose calls rise and fall together: clusters by the cosine of their arrival rates, found as they come.

After QB5000 (Ma et al., SIGMOD 2018): what belongs together is forecast together, because a few totals are steadier
than ten thousand templates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

CHUNK = 512
"""So many templates are compared with all clusters at one time."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """`likeness` is the cosine from which on two shapes are one (0..1); `clusters_max` bounds their number: what is
    like none of them then joins the nearest."""

    likeness: float = 0.95
    clusters_max: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.likeness < 1:
            raise ValueError(f"likeness is between 0 and 1, not {self.likeness}")
        if self.clusters_max < 1:
            raise ValueError(f"clusters_max is 1 or more, not {self.clusters_max}")


@dataclass(slots=True)
class Clusters:
    """Clusters that are kept from one round to the next: `place` says the cluster of a template by its name, `sums`
    float64[clusters, points] are sums of members' unit vectors. Bounded by the settings and by who is present.
    """

    settings: ClusterSettings = field(default_factory=ClusterSettings)
    place: dict[str, int] = field(default_factory=dict)

    def assign(self, names: list[str], rates: F64) -> I64:
        """The cluster of each template, int64[templates]; `rates` float64[templates, points], 0 where nothing ran.

        Templates that were in one cluster the last time begin there, so that clusters keep their numbers. Those that
        are not like theirs any more leave it. The busiest come first.

        >>> day = np.sin(np.arange(48) / 24 * 2 * np.pi)
        >>> made = Clusters().assign(["a", "b", "c"], np.stack([1 + day, 5 + 5 * day, 1 - day]))
        >>> bool(made[0] == made[1] != made[2])
        True
        """
        unit = unit_of(rates)
        enough = self.settings.likeness * reliability_of(rates)
        sums: list[F64] = []
        numbers: list[int] = []
        known = np.array([self.place.get(name, -1) for name in names], dtype=np.int64)
        for number in np.unique(known[known >= 0]).tolist():
            sums.append(unit[known == number].sum(axis=0))
            numbers.append(int(number))
        centres = np.zeros((self.settings.clusters_max, rates.shape[1]))
        count = min(len(sums), self.settings.clusters_max)
        if count:
            centres[:count] = np.stack(sums[:count])
        found = np.full(len(names), -1, dtype=np.int64)
        order = np.argsort(-rates.sum(axis=1), kind="stable")
        for first in range(0, len(order), CHUNK):
            count = self._join(order[first : first + CHUNK], unit, enough, centres, count, found)
        fresh = iter(sorted(set(range(self.settings.clusters_max)) - set(numbers[:count])))
        named = np.array([*numbers[:count], *(next(fresh) for _ in range(count - len(numbers[:count])))], np.int64)
        kept: I64 = named[found] if count else found
        self.place = dict(zip(names, kept.tolist(), strict=True))
        return kept

    def _join(self, rows: I64, unit: F64, enough: F64, centres: F64, count: int, found: I64) -> int:
        """Puts a chunk of templates into clusters, opens new ones; how many there are then."""
        rest = rows
        while len(rest):
            if count:
                likeness = unit[rest] @ unit_of(centres[:count]).T
                best = likeness.argmax(axis=1)
                near = likeness[np.arange(len(rest)), best] >= enough[rest]
                if count >= self.settings.clusters_max:
                    near[:] = True
                found[rest[near]] = best[near]
                np.add.at(centres, best[near], unit[rest[near]])
                rest = rest[~near]
            if len(rest):  # the busiest of those that are like none opens one
                centres[count] = unit[rest[0]]
                found[rest[0]] = count
                count += 1
                rest = rest[1:]
        return count


def reliability_of(counts: F64) -> F64:
    """How like the true shape of its rate a row of counts can be, float64[rows], 0 to 1: few calls are mostly chance.

    The cosine of Poisson counts x with their own rates is about √((Σx² - Σx) / Σx²).

    >>> reliability_of(np.array([[100.0, 100.0], [1.0, 0.0]])).round(2).tolist()
    [0.99, 0.0]
    """
    squares = np.einsum("ij,ij->i", counts, counts)
    found: F64 = np.sqrt(np.maximum(squares - counts.sum(axis=1), 0.0) / np.where(squares > 0, squares, 1.0))
    return found


def unit_of(rows: F64) -> F64:
    """Rows of length 1; those that are all 0 stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    found: F64 = rows / np.where(lengths > 0, lengths, 1.0)[:, None]
    return found
