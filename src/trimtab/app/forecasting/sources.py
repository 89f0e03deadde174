"""Where families of series come from: PromQL of the own store, or keys of charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.app.forecasting.families import STEP, Family
from trimtab.app.forecasting.history import DAY_MS, Block
from trimtab.app.forecasting.subjects import Subject, keyed, labelled
from trimtab.app.querying import Querying, Wish
from trimtab.app.reading.answers import ShapeSort
from trimtab.app.reading.keys import OBJECTIVE_MEASURES, SHAPE_MEASURES, SYSTEM_MEASURES
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.reader import KEYS_MAX
from trimtab.model.errors import InputError, StoreError

if TYPE_CHECKING:
    from trimtab.app.reading.reader import Reader

SETTLE_MS = 30_000
"""Samples of the last moments may still be on their way."""
TIMEOUT_S = 60.0
LIMIT_LOOKBACK_MS = 3_600_000
POINTS_READ_MIN = 10
"""`Reader.series` gives no fewer."""
OBJECTIVES_MAX = 200
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PromqlSource:
    """One range query. A point is what PromQL says at its moment."""

    family: Family
    querying: Querying
    cancelled: Callable[[], bool]

    def newest_ms(self, now_ms: int, step_ms: int) -> int:
        """See `Source`."""
        return (now_ms - SETTLE_MS) // step_ms * step_ms

    def read(self, from_ms: int, count: int, step_ms: int) -> Block:
        """See `Source`."""
        query = with_step(self.family.query, step_ms)
        end_ms = from_ms + (count - 1) * step_ms
        answer = self.querying.range(query, from_ms, end_ms, step_ms, Wish(timeout_s=TIMEOUT_S), self.cancelled)
        if answer.kind not in ("matrix", "scalar"):
            raise InputError(f"{self.family.title}: {query[:80]!r} gives a {answer.kind}, which is no line")
        labels = ((),) if answer.kind == "scalar" else answer.labels
        present = answer.present
        if answer.histograms is not None:
            present = present & (answer.histograms == None)  # noqa: E711 - cell by cell
        values = np.where(present & np.isfinite(answer.values), answer.values, np.nan)
        there = np.flatnonzero(np.isfinite(values).any(axis=1))
        subjects = [labelled(self.family, dict(labels[row]), self.family.unit) for row in there.tolist()]
        return Block(subjects, from_ms, step_ms, values[there])


def with_step(query: str, step_ms: int) -> str:
    """The query for points so far apart.

    >>> with_step("rate(x[$step])", 3_600_000)
    'rate(x[3600s])'
    """
    return query.replace(STEP, f"{step_ms // 1000}s")


def limits_of(querying: Querying, query: str, at_ms: int, cancelled: Callable[[], bool]) -> Mapping[Labels, float]:
    """What a query gives at a moment, by labels."""
    wish = Wish(timeout_s=TIMEOUT_S, lookback_ms=LIMIT_LOOKBACK_MS)
    answer = querying.instant(query, at_ms, wish, cancelled)
    return {
        tuple(sorted(labels)): float(answer.values[row, 0])
        for row, labels in enumerate(answer.labels)
        if answer.present[row, 0] and np.isfinite(answer.values[row, 0])
    }


@dataclass(frozen=True, slots=True)
class KeySource:
    """Lines as charts have them. A point is of the step that begins at its moment."""

    family: Family
    read_lines: Callable[[], Reader]
    subjects: Callable[[], Sequence[Subject]]

    def newest_ms(self, now_ms: int, step_ms: int) -> int:
        """See `Source`."""
        return (now_ms - SETTLE_MS) // step_ms * step_ms - step_ms

    def read(self, from_ms: int, count: int, step_ms: int) -> Block:
        """See `Source`."""
        begin_ms = min(from_ms, from_ms + (count - POINTS_READ_MIN) * step_ms)
        points = (from_ms - begin_ms) // step_ms + count
        within = Range(begin_ms, begin_ms + points * step_ms)
        subjects = list(self.subjects())
        values = np.full((len(subjects), points), np.nan)
        for first in range(0, len(subjects), KEYS_MAX):
            part = subjects[first : first + KEYS_MAX]
            answer = self.read_lines().series([one.id for one in part], within, points)
            if answer.step_ms != step_ms or answer.from_ms != begin_ms:
                raise StoreError(f"{self.family.title} is looked at every {answer.step_ms} ms, less often than wanted")
            by_key = {line.key: line.values for line in answer.series}
            for row, one in enumerate(part, first):
                line = np.array(by_key.get(one.id, ()), np.float64)
                values[row, : len(line)] = line[:points]
        there = np.isfinite(values).any(axis=1)
        left = [one for one, stays in zip(subjects, there, strict=True) if stays]
        return Block(left, from_ms, step_ms, values[there, points - count :])


def system_subjects(family: Family, systems: Sequence[str]) -> list[Subject]:
    """Lines of watched systems."""
    return [
        keyed(
            family,
            f"system/{system}/{measure}",
            f"{system} {SYSTEM_MEASURES[measure].name}",
            SYSTEM_MEASURES[measure].unit,
            {"system": system},
        )
        for system in systems
        for measure in family.measures
    ]


def shape_subjects(family: Family, reader: Reader, now_ms: int, count: int) -> list[Subject]:
    """Lines of the query shapes that carried most load in the last day."""
    if count == 0:
        return []
    page = reader.shapes(None, Range(now_ms - DAY_MS, now_ms), sort=ShapeSort.LOAD, limit=count)
    return [
        keyed(
            family,
            f"shape/{row.system}/{row.fingerprint}/{measure}",
            f"{row.system} {' '.join((row.text or row.fingerprint).split())[:80]}: {SHAPE_MEASURES[measure].name}",
            SHAPE_MEASURES[measure].unit,
            {"system": row.system, "fingerprint": row.fingerprint},
        )
        for row in page.rows
        for measure in family.measures
    ]


def objective_subjects(family: Family, names: Sequence[str]) -> list[Subject]:
    """Lines of objectives."""
    return [
        keyed(
            family,
            f"objective/{name}/{measure}",
            f"{name}: {OBJECTIVE_MEASURES[measure].name}",
            OBJECTIVE_MEASURES[measure].unit,
            {"name": name, "measure": measure},
        )
        for name in names[:OBJECTIVES_MAX]
        for measure in family.measures
    ]
