"""From rows of queries to counts: good and all events of each slice, and whether it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.slo.queries import Asked
from trimtab.app.objectives.asking import Rows
from trimtab.model.objectives import Comparison

_COMPARE = {
    Comparison.BELOW: np.less,
    Comparison.AT_MOST: np.less_equal,
    Comparison.ABOVE: np.greater,
    Comparison.AT_LEAST: np.greater_equal,
}
NO_BUCKET = "there are events, but no bucket with this threshold: a classic histogram counts up to its own bounds alone"
NO_BAD = "bad found no series: counted as no errors. A counter may begin with its first error; else, is its name right?"


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of the slices of a grid. `problem`: what could not be counted, or is doubtful ('' where all is well)."""

    good: NDArray[np.float64]
    total: NDArray[np.float64]
    measured: NDArray[np.bool_]
    problem: str = ""


def counted(asked: Asked, rows: Mapping[str, Rows]) -> Counted:
    """Counts of one indicator, by what its queries gave."""
    problem = next((rows[query].error for query in asked.queries if rows[query].error), "")
    if problem:
        count = rows[asked.queries[0]].values.shape[1]
        return Counted(np.zeros(count), np.zeros(count), np.zeros(count, np.bool_), problem)
    return _slices(asked, rows[asked.value]) if asked.value else _events(asked, rows)


def _events(asked: Asked, rows: Mapping[str, Rows]) -> Counted:
    total, measured = _summed(rows[asked.total])
    part, has_part = _summed(rows[asked.good or asked.bad])
    total, part = np.maximum(total, 0.0) * asked.scale, np.maximum(part, 0.0) * asked.scale
    problem = ""
    if asked.needs_good:
        lost = measured & ~has_part & (total > 0)
        measured = measured & ~lost
        problem = NO_BUCKET if lost.any() else ""
    elif asked.bad and measured.any() and not has_part.any():
        problem = NO_BAD
    part = np.minimum(part, total)
    good = part if asked.good else total - part
    return Counted(np.where(measured, good, 0.0), np.where(measured, total, 0.0), measured, problem)


def _summed(rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Over series; and where there was any."""
    values = np.where(rows.present, rows.values, 0.0).sum(axis=0)
    return np.asarray(values), np.asarray(rows.present.any(axis=0))


def _slices(asked: Asked, rows: Rows) -> Counted:
    measured = np.asarray(rows.present.any(axis=0))
    if asked.is_ratio:
        values, count = np.where(rows.present, rows.values, 0.0).sum(axis=0), rows.present.sum(axis=0)
        good = np.asarray(np.clip(values / np.maximum(count, 1), 0.0, 1.0))
    else:
        with np.errstate(invalid="ignore"):
            is_good = _COMPARE[asked.comparison](rows.values, asked.threshold)
        good = np.asarray((is_good | ~rows.present).all(axis=0), np.float64)
    return Counted(np.where(measured, good, 0.0), measured.astype(np.float64), measured)
