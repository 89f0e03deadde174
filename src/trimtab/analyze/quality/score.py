"""The data quality score: a weighted mean of what was measured, with its parts and with what it would be at worst.

Each probe scores 0 to 1 (`Measured.score`). A dimension is the mean of its probes by their weights, the whole is the
mean of its dimensions by theirs. What was not measured is neither good nor bad: it lowers the coverage, and widens the
interval from `low` (had all of it been bad) to `high` (had all of it been good).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trimtab.model.probes import Dimension, Measured, Probe

SOURCE = "weighted share of what was measured and is right; the interval is what is not measured, all bad to all good"
DIMENSION_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Looked:
    """A probe and its last result, as far as that still counts."""

    probe: Probe
    measured: Measured | None

    @property
    def score(self) -> float | None:
        """See `Measured.score`; None where there is no result that counts."""
        return None if self.measured is None else self.measured.score(self.probe)


@dataclass(frozen=True, slots=True)
class Part:
    """One dimension. `score` None: nothing of it was measured."""

    dimension: Dimension
    weight: float
    score: float | None
    coverage: float
    probes_count: int
    measured_count: int


@dataclass(frozen=True, slots=True)
class Score:
    """The whole: `score` None where nothing was measured. `coverage` is the weight of what was, of all."""

    score: float | None
    low: float
    high: float
    coverage: float
    parts: tuple[Part, ...]

    @property
    def probes_count(self) -> int:
        """Probes that are scored."""
        return sum(part.probes_count for part in self.parts)

    @property
    def measured_count(self) -> int:
        """Those of them that were measured."""
        return sum(part.measured_count for part in self.parts)


def score_of(looked: Iterable[Looked], weights: Mapping[Dimension, float] | None = None) -> Score | None:
    """The score of some probes; None where none of them is scored.

    >>> from trimtab.model.probes import ProbeKind
    >>> def looked(name, dimension, value):
    ...     probe = Probe(name, "shop", ProbeKind.NULLS, dimension, "t", ("a",))
    ...     return Looked(probe, None if value is None else Measured(1, value))
    >>> found = score_of([
    ...     looked("a", Dimension.COMPLETENESS, 0.1),
    ...     looked("b", Dimension.COMPLETENESS, None),
    ...     looked("c", Dimension.VALIDITY, 0.0),
    ... ])
    >>> round(found.score, 3), found.coverage, round(found.low, 3), round(found.high, 3)
    (0.95, 0.75, 0.725, 0.975)
    """
    by_dimension: dict[Dimension, list[Looked]] = {}
    for one in looked:
        if one.probe.is_scored and one.probe.weight > 0:
            by_dimension.setdefault(one.probe.dimension, []).append(one)
    weights = weights or {}
    parts = [(weights.get(name, DIMENSION_WEIGHT), name, group) for name, group in by_dimension.items()]
    parts = sorted((part for part in parts if part[0] > 0), key=lambda part: list(Dimension).index(part[1]))
    if not parts:
        return None
    total = sum(weight for weight, _, _ in parts)
    made, low, unknown = [], 0.0, 0.0
    for weight, name, group in parts:
        part, right = _part(name, weight, group)
        made.append(part)
        low += weight * right
        unknown += weight * (1 - part.coverage)
    known = [part for part in made if part.score is not None]
    weight_known = sum(part.weight for part in known)
    score = sum(part.weight * (part.score or 0.0) for part in known) / weight_known if known else None
    return Score(score, low / total, (low + unknown) / total, 1 - unknown / total, tuple(made))


def _part(name: Dimension, weight: float, group: Sequence[Looked]) -> tuple[Part, float]:
    """The part, and the weight of what is right in it, of all its weight."""
    whole = sum(one.probe.weight for one in group)
    scores = [(one.probe.weight, score) for one in group if (score := one.score) is not None]
    known = sum(weight_of for weight_of, _ in scores)
    right = sum(weight_of * score for weight_of, score in scores)
    part = Part(name, weight, right / known if scores else None, known / whole, len(group), len(scores))
    return part, right / whole
