"""The way from a series to its changes of level."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trimtab.analyze.changes.nouns import ChangePoint
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]


def change_points(
    series: TimeSeries, settings: ChangePointSettings | None = None, load: TimeSeries | None = None
) -> list[ChangePoint]:
    """Changes of level of one series, in the order of time.

    >>> rng = np.random.default_rng(1)
    >>> values = np.concatenate([rng.normal(10, 1, 60), rng.normal(15, 1, 40)])
    >>> found = change_points(TimeSeries("p95", np.arange(100) * 60_000, values))
    >>> [point.index for point in found]
    [60]
    """
    return change_points_of_many([series], settings, [load])[0]


def change_points_of_many(
    series: Sequence[TimeSeries],
    settings: ChangePointSettings | None = None,
    loads: Sequence[TimeSeries | None] | None = None,
) -> list[list[ChangePoint]]:
    """Changes of level of each series."""
    settings = settings or ChangePointSettings()
    return [_of_one(one, settings) for one in series]


def _of_one(series: TimeSeries, settings: ChangePointSettings) -> list[ChangePoint]:
    rows = np.flatnonzero(np.isfinite(series.values))
    values = series.values[rows]
    edges = [0, *_cuts(values, 0, values.size, settings), values.size]
    found = []
    for low, cut, high in zip(edges, edges[1:], edges[2:], strict=False):
        left, right = values[low:cut], values[cut:high]
        before, after = float(np.median(left)), float(np.median(right))
        p_value = _p_value(left, right) * math.log(values.size)
        row = int(rows[cut])
        ratio = after / before if min(before, after) > 0 else None
        interval = None if ratio is None else _interval(left, right)
        is_late = high == values.size and right.size < 2 * settings.min_segment
        found.append(
            ChangePoint(row, int(series.at_ms[row]), before, after, ratio, interval, min(p_value, 1.0), is_late)
        )
    return found


def _cuts(values: F64, low: int, high: int, settings: ChangePointSettings) -> list[int]:
    least = settings.min_segment
    if high - low < 2 * least:
        return []
    ranks = stats.rankdata(values[low:high]) - (high - low + 1) / 2
    left = np.arange(1, high - low)
    scale = np.sqrt(left * (high - low - left) / (high - low)) * max(float(ranks.std()), 1e-9)
    score = np.abs(np.cumsum(ranks)[:-1]) / left * (high - low) / (high - low - left) * left * (high - low - left)
    score = score / (high - low) / scale
    place = int(np.argmax(score[least - 1 : high - low - least])) + least
    p_value = _p_value(values[low : low + place], values[low + place : high]) * math.log(values.size) * 4
    if p_value > settings.p_value_max:
        return []
    cut = low + place
    return [*_cuts(values, low, cut, settings), cut, *_cuts(values, cut, high, settings)]


def _p_value(left: F64, right: F64) -> float:
    if np.ptp(left) == 0 and np.ptp(right) == 0:
        return 1.0 if left[0] == right[0] else 0.0
    return float(stats.mannwhitneyu(left, right).pvalue)


def _interval(left: F64, right: F64) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    lefts = np.median(left[rng.integers(0, left.size, (200, left.size))], axis=1)
    rights = np.median(right[rng.integers(0, right.size, (200, right.size))], axis=1)
    low, high = np.quantile(rights / lefts, (0.05, 0.95))
    return float(low), float(high)
