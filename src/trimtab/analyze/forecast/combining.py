"""All members and their combination from all origins, for series with the same seasons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.members import CLIPPED, IN_LOGS, PLAIN, Smoother
from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]
LEAST_VALUES = 8
"""So many values are before each origin, and two cycles of the first season."""
CYCLES = ((5, 9), (3, 5))
"""Medians of so many cycles: of the first season (where there is a second, and where there is none), of the second."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What the kernel is told of members: smoothers by column, from which one on they are of logarithms; medians
    (season or 0, values); how many values each must have seen."""

    smoothers: F64
    first_logged: int
    medians: I64
    needs: I64


def tables_for(first: int, second: int, horizon: int) -> Tables:
    """The members for two seasons in steps (1 is none): what would be the second season's is the first's where there is
    no second."""
    smoothers = [_with_seasons(one, second) for one in (*CLIPPED, *PLAIN, *IN_LOGS)]
    windows = (min(max(horizon // 4, 3), 48), min(max(horizon // 2, 6), 96), min(max(4 * horizon, 24), 336))
    has_second = second > 1
    medians = [
        *((0, window) for window in windows),
        (first, CYCLES[0][0]),
        (second, CYCLES[1][0]) if has_second else (first, CYCLES[0][1]),
    ]
    needs = [second if one.second > 0 else first for one in smoothers]
    needs += [*(min(window, LEAST_VALUES) for window in windows), first, max(first, second)]
    columns = np.ascontiguousarray(np.array([one.column() for one in smoothers]).T)
    first_logged = len(smoothers) - len(IN_LOGS)
    return Tables(columns, first_logged, np.array(medians, np.int64), np.array(needs, np.int64))


def combined(values: F64, begins: I64, first: int, second: int, origins: I64, horizon: int) -> tuple[F64, F64]:
    """The combination and the seasonal naive baseline, [series, origin, step]; NaN at origins that a series is too
    short for. `values` [series, points] has NaN at gaps, `begins` says where each series does."""
    from trimtab.analyze.forecast.combining_kernels import combine

    tables = tables_for(first, second, horizon)
    out = np.empty((len(values), len(origins), horizon))
    naive = np.empty_like(out)
    combine(
        np.ascontiguousarray(values),
        begins,
        first,
        second,
        tables.smoothers,
        tables.first_logged,
        tables.medians,
        tables.needs,
        least_values(first),
        len(CLIPPED),
        origins,
        out,
        naive,
    )
    return out, naive


def least_values(first: int) -> int:
    """How many values are before each origin."""
    return max(2 * first, LEAST_VALUES)


def _with_seasons(one: Smoother, second: int) -> Smoother:
    if one.second == 0 or second > 1:
        return one
    return replace(one, first=one.first or one.second, second=0.0)
