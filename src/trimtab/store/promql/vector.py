"""What parts of a query evaluate to: whole families of series over all steps at once.

A `Vector` has a row for each series and a column for each step. NaN is a value; absence is `present=False`. A histogram
in `histograms` takes the place of the number there. `drops_name` marks series whose metric name goes at the very end
(only where names are removed late; otherwise they are gone already).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.errors import same_labels

RESERVED = frozenset((METRIC_NAME, "__type__", "__unit__"))
"""Labels that say what a metric is; what is computed from it is something else."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """The times that an expression is evaluated at: `start_ms`, and on every `step_ms`."""

    start_ms: int
    step_ms: int
    count: int

    @property
    def times_ms(self) -> Ints:
        """All of them."""
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms

    @property
    def end_ms(self) -> int:
        """The last one."""
        return self.start_ms + (self.count - 1) * self.step_ms

    def first(self) -> Steps:
        """Only the first one."""
        return Steps(self.start_ms, self.step_ms, 1)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at every step."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Vector:
    """Series (rows) at steps (columns)."""

    labels: Sequence[Labels]
    values: Floats
    present: Bools
    histograms: NDArray[np.object_] | None = None
    drops_name: Bools | None = None

    @property
    def has_histogram(self) -> Bools:
        """Where a histogram stands."""
        if self.histograms is None:
            return np.zeros(self.present.shape, dtype=np.bool_)
        is_there: Bools = self.present & (self.histograms != None)  # noqa: E711 - element by element
        return is_there

    @property
    def has_number(self) -> Bools:
        """Where a number stands."""
        return self.present if self.histograms is None else self.present & ~self.has_histogram

    @property
    def late_names(self) -> Bools:
        """Which series lose their name at the end."""
        return np.zeros(len(self.labels), dtype=np.bool_) if self.drops_name is None else self.drops_name

    def rows(self, index: Sequence[int] | Ints) -> Vector:
        """Some of the series, in this order."""
        chosen = np.asarray(index, dtype=np.int64)
        return Vector(
            [self.labels[row] for row in chosen.tolist()],
            self.values[chosen],
            self.present[chosen],
            None if self.histograms is None else self.histograms[chosen],
            None if self.drops_name is None else self.drops_name[chosen],
        )

    def compacted(self) -> Vector:
        """Without series that are nowhere."""
        is_anywhere = self.present.any(axis=1)
        return self if is_anywhere.all() else self.rows(np.flatnonzero(is_anywhere))

    def repeated(self, count: int) -> Vector:
        """The one step of a vector, at `count` steps."""
        if self.values.shape[1] == count:
            return self
        return replace(
            self,
            values=np.repeat(self.values, count, axis=1),
            present=np.repeat(self.present, count, axis=1),
            histograms=None if self.histograms is None else np.repeat(self.histograms, count, axis=1),
        )


def empty(count: int) -> Vector:
    """No series at `count` steps."""
    return Vector([], np.zeros((0, count)), np.zeros((0, count), dtype=np.bool_))


def without_name(labels: Labels) -> Labels:
    """Labels of what is computed from a metric.

    >>> without_name((("__name__", "up"), ("job", "api")))
    (('job', 'api'),)
    """
    if not labels or labels[0][0] > "__unit__":
        return labels
    if labels[0][0] == METRIC_NAME and (len(labels) == 1 or labels[1][0] > "__unit__"):
        return labels[1:]
    return tuple([pair for pair in labels if pair[0] not in RESERVED])


def nameless(vector: Vector, *, is_late: bool) -> Vector:
    """The same series without their names: now, or marked for the end."""
    if is_late:
        return replace(vector, drops_name=np.ones(len(vector.labels), dtype=np.bool_))
    return replace(vector, labels=[without_name(labels) for labels in vector.labels])


def has_twins(vector: Vector) -> bool:
    """Whether two series have the same labels."""
    return len(set(vector.labels)) < len(vector.labels)


def merged(vector: Vector) -> Vector:
    """Series with the same labels become one; QueryError where two of them are there at the same step.

    >>> twins = Vector([(), ()], np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[True, False], [False, True]]))
    >>> merged(twins).values
    array([[1., 2.]])
    """
    if not has_twins(vector):
        return vector
    first: dict[Labels, int] = {}
    kept: list[int] = []
    values, present = vector.values.copy(), vector.present.copy()
    histograms = None if vector.histograms is None else vector.histograms.copy()
    late = vector.late_names.copy()
    for row, labels in enumerate(vector.labels):
        home = first.setdefault(labels, row)
        if home == row:
            kept.append(row)
            continue
        here = present[row]
        if (here & present[home]).any():
            raise same_labels()
        values[home, here] = values[row, here]
        if histograms is not None:
            histograms[home, here] = histograms[row, here]
        present[home] |= here
        late[home] |= late[row]
    whole = Vector(vector.labels, values, present, histograms, None if vector.drops_name is None else late)
    return whole.rows(kept)


def with_names_removed(vector: Vector) -> Vector:
    """Remove the names that were marked; series that become the same are merged."""
    if vector.drops_name is None:
        return vector
    labels = [
        without_name(labels) if is_dropped else labels
        for labels, is_dropped in zip(vector.labels, vector.drops_name.tolist(), strict=True)
    ]
    return merged(replace(vector, labels=labels, drops_name=None))
