"""The way from a series to its changes of level."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trimtab.analyze.changes.adjusting import Adjusted, adjusted
from trimtab.analyze.changes.nouns import ChangePoint
from trimtab.analyze.changes.segments import segments
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

WIDTH_MAX = 50.0
"""Of half an interval of a ratio's logarithm: further nothing is known anyway."""
POINTS_MAX = 100_000
"""Longer series are refused: a coarser step shows the same changes."""


def change_points(
    series: TimeSeries, settings: ChangePointSettings | None = None, load: TimeSeries | None = None
) -> list[ChangePoint]:
    """Changes of level of one series, in the order of time.

    `load` is what the series' latency may depend on (calls a second): where it explains part of it, that part is taken
    out first, and the answer says so. Raises ValueError where there are more than POINTS_MAX points.

    >>> rng = np.random.default_rng(1)
    >>> values = np.concatenate([rng.normal(10, 1, 60), rng.normal(15, 1, 40)])
    >>> point = change_points(TimeSeries("p95", np.arange(100) * 60_000, values))[0]
    >>> point.index, round(point.before, 1), round(point.after, 1), point.provisional
    (60, 10.0, 15.0, False)
    """
    return change_points_of_many([series], settings, [load])[0]


def change_points_of_many(
    series: Sequence[TimeSeries],
    settings: ChangePointSettings | None = None,
    loads: Sequence[TimeSeries | None] | None = None,
) -> list[list[ChangePoint]]:
    """Changes of level of each series that was looked at, with the share of false ones held for all of them together.

    With ten times the series, chance has ten times the opportunities: what is named is what Benjamini & Hochberg
    (1995) let through at `false_share_max`, and never more than a series alone would name.
    """
    settings = settings or ChangePointSettings()
    loads = loads or [None] * len(series)
    found = [_of_one(one, settings, load) for one, load in zip(series, loads, strict=True)]
    if len(series) < 2:
        return found
    limit = _p_value_limit([point.p_value for points in found for point in points], len(series), settings)
    return [[point for point in points if point.p_value <= limit] for points in found]


def _p_value_limit(p_values: list[float], series: int, settings: ChangePointSettings) -> float:
    """The largest p-value that is let through: each series is one test at least."""
    tests = max(series, len(p_values))
    ordered = np.sort(np.array(p_values))
    allowed = ordered <= settings.false_share_max * np.arange(1, ordered.size + 1) / tests
    return float(ordered[np.flatnonzero(allowed)[-1]]) if allowed.any() else 0.0


def _of_one(series: TimeSeries, settings: ChangePointSettings, load: TimeSeries | None) -> list[ChangePoint]:
    if len(series) > POINTS_MAX:
        raise ValueError(f"{series.name}: {len(series)} points, the limit is {POINTS_MAX}")
    without = adjusted(series, load)
    rows = np.flatnonzero(np.isfinite(without.values))
    values = np.ascontiguousarray(without.values[rows])
    seen = segments(values, settings.min_segment, settings.p_value_max)
    edges = [0, *seen.cuts.tolist(), values.size]
    points = []
    for place, p_value in enumerate(seen.p_values.tolist()):
        low, cut, high = edges[place : place + 3]
        point = _told(series, without, values[low:cut], values[cut:high], int(rows[cut]), p_value, seen.factor)
        is_last = high == values.size
        points.append(replace(point, provisional=is_last and high - cut < settings.confirmed_points))
    return [point for point in points if _share(point) >= settings.change_min_ratio]


def _share(point: ChangePoint) -> float:
    step = abs(point.after - point.before)
    return step / abs(point.before) if point.before else np.inf


def _told(
    series: TimeSeries, without: Adjusted, left: F64, right: F64, row: int, p_value: float, factor: float
) -> ChangePoint:
    left, right = np.sort(left), np.sort(right)
    before, after = _quantile(left, 0.5), _quantile(right, 0.5)
    ratio, interval = None, None
    if before > 0 and after > 0:
        ratio = after / before
        apart = float(np.hypot(_width(left, factor) / before, _width(right, factor) / after))
        apart = min(apart, WIDTH_MAX)
        interval = (ratio * float(np.exp(-apart)), ratio * float(np.exp(apart)))
    scatters = [float(np.median(np.abs(side - middle))) for side, middle in ((left, before), (right, after))]
    spread = scatters[1] / scatters[0] if min(scatters) > 0 else 1.0
    at_ms = int(series.at_ms[row])
    return ChangePoint(row, at_ms, before, after, ratio, interval, p_value, False, without.reasons, spread)


def _quantile(ordered: F64, share: float) -> float:
    """Linear between the two nearest (np.quantile without its overhead)."""
    rank = min(max(share, 0.0), 1.0) * (ordered.size - 1)
    below = int(rank)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (rank - below) * (ordered[above] - ordered[below]))


def _width(ordered: F64, factor: float) -> float:
    """Half the 90 % interval of a median, by ranks: they hold whatever the distribution is.

    Points with a memory count for fewer: `factor` of them tell as much as an independent one.
    """
    counting = max(ordered.size / factor, 2.0)
    share = 0.5 * _students_t(max(int(counting) - 1, 1)) / float(np.sqrt(counting))
    return (_quantile(ordered, 0.5 + share) - _quantile(ordered, 0.5 - share)) / 2


@functools.cache
def _students_t(free: int) -> float:
    """Of 90 %, two-sided."""
    return float(special.stdtrit(free, 0.95))
