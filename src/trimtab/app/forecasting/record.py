"""Whether past forecasts held: points that came, against the bands that had been told, and what follows from that.

Forecasts are compared with what came once they are over, each once, and the sums are kept by day. Those under way are
compared for the moment only, so that a server's first day has a record, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.history import DAY_MS, Block
from trimtab.store.forecast_state import REACH_BINS, REACH_EDGES, Hits, MadeForecast

F64 = NDArray[np.float64]
HALF_TRUST_DAYS = 3.0
"""After so many days of record, half of what it says is believed when bands are widened or narrowed."""
FACTOR_MIN, FACTOR_MAX = 0.7, 5.0
WANTED = 0.9
NOTHING = 1e-6
"""A naive forecast whose error is this part of one's own, or less, is right but for rounding: no measure."""


@dataclass(frozen=True, slots=True)
class Record:
    """How forecasts of one series did. Shares are 0..1, None where nothing was compared yet.

    `error_ratio` is the mean distance from the forecast's mean as a share of that of the naive forecast (the value of
    a day before, or of as many days as it takes), over the same points: below 1 is better.
    """

    points: int = 0
    days: int = 0
    inside_80: float | None = None
    inside_90: float | None = None
    error: float | None = None
    naive_error: float | None = None
    error_ratio: float | None = None


def judged(made: MadeForecast, came: Block) -> Iterator[tuple[str, int, Hits]]:
    """What came of a forecast, by series and day (UTC); nothing for points that are not known."""
    places = {one.id: row for row, one in enumerate(came.subjects)}
    pairs = [(row, places[id_]) for row, id_ in enumerate(made.series) if id_ in places]
    if not pairs or came.step_ms != made.step_ms:
        return
    rows = np.array([row for row, _ in pairs])
    columns = (made.start_ms - came.start_ms) // came.step_ms + np.arange(made.horizon)
    actual = _at(came, [place for _, place in pairs], columns)
    naive = _at(came, [place for _, place in pairs], columns - _back(made))
    mean, low_80, high_80, low_90, high_90 = made.lines[:, rows].astype(np.float64)
    known = np.isfinite(actual) & np.isfinite(mean)
    inside_80 = known & (actual >= low_80) & (actual <= high_80)
    inside_90 = known & (actual >= low_90) & (actual <= high_90)
    error = np.where(known, np.abs(actual - mean), 0.0)
    beside = known & np.isfinite(naive)
    naive_error = np.where(beside, np.abs(actual - naive), 0.0)
    reach = _reach(actual, (low_80 + high_80) / 2, low_90, high_90) * made.factors[rows, None]
    bins = np.searchsorted(REACH_EDGES, np.where(known, reach, 0.0))
    days = (made.start_ms + np.arange(made.horizon) * made.step_ms) // DAY_MS
    for day in np.unique(days):
        of_day = days == day
        for place, row in enumerate(rows.tolist()):
            here = of_day & known[place]
            points = int(here.sum())
            if points:
                yield (
                    made.series[row],
                    int(day) * DAY_MS,
                    Hits(
                        points,
                        int((inside_80[place] & of_day).sum()),
                        int((inside_90[place] & of_day).sum()),
                        float(error[place, of_day].sum()),
                        int((beside[place] & of_day).sum()),
                        float(naive_error[place, of_day].sum()),
                        float(error[place, of_day & beside[place]].sum()),
                        np.bincount(bins[place, here], minlength=REACH_BINS).astype(np.int64),
                        frozenset((int(day) * DAY_MS,)),
                    ),
                )


def _at(came: Block, rows: Sequence[int], columns: NDArray[np.int64]) -> F64:
    """Values at some points, NaN where they are outside."""
    inside = (columns >= 0) & (columns < came.values.shape[1])
    found = came.values[np.asarray(rows)][:, np.clip(columns, 0, came.values.shape[1] - 1)]
    return np.where(inside, found, np.nan)


def _back(made: MadeForecast) -> NDArray[np.int64]:
    """How many steps before each point the newest value lies that the naive forecast could know: whole days."""
    day = max(1, DAY_MS // made.step_ms)
    return day * (np.arange(made.horizon, dtype=np.int64) // day + 1)


def _reach(actual: F64, middle: F64, low: F64, high: F64) -> F64:
    """How far out a value is from the middle of the 80 % band: 1 at the edge of the 90 % band."""
    half = np.where(actual >= middle, high - middle, middle - low)
    off = np.abs(actual - middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: F64 = np.where(half > 0, off / half, np.where(off > 0, np.inf, 0.0))
    return found


def record_of(hits: Hits | None) -> Record:
    """As it is shown.

    >>> hits = Hits(10, 7, 9, 20.0, 5, 20.0, 10.0, np.zeros(REACH_BINS, np.int64))
    >>> record_of(hits).inside_90, record_of(hits).error, record_of(hits).error_ratio
    (0.9, 2.0, 0.5)
    """
    if hits is None or hits.points == 0:
        return Record()
    naive = hits.naive_error / hits.naive_points if hits.naive_points else None
    return Record(
        hits.points,
        len(hits.days),
        hits.inside_80 / hits.points,
        hits.inside_90 / hits.points,
        hits.error / hits.points,
        naive,
        hits.error_beside / hits.naive_error if hits.naive_error > NOTHING * hits.error_beside else None,
    )


def added(*parts: Mapping[str, Hits]) -> dict[str, Hits]:
    """Sums by series."""
    found: dict[str, Hits] = {}
    for part in parts:
        for series, hits in part.items():
            found[series] = found[series] + hits if series in found else hits
    return found


def factor(hits: Hits | None) -> float:
    """By how much a series' bands have to be wider than its backtest says, so that they would have held 9 of 10 points.

    The share of its own past is shrunk towards 1 by how many days of it there are; 1 where there is none.

    >>> reaches = np.zeros(REACH_BINS, np.int64)
    >>> reaches[np.searchsorted(REACH_EDGES, 1.9)] = 240  # all came nearly twice as far out as the band reaches
    >>> round(factor(Hits(240, 0, 0, 0.0, 0, 0.0, 0.0, reaches, frozenset(range(9)))), 2)
    1.7
    """
    if hits is None:
        return 1.0
    total = int(hits.reaches.sum())
    if total == 0:
        return 1.0
    place = int(np.searchsorted(np.cumsum(hits.reaches), WANTED * total))
    wanted = float(REACH_EDGES[min(place, len(REACH_EDGES) - 1)])
    days = len(hits.days)
    share = days / (days + HALF_TRUST_DAYS)
    return float(np.clip(wanted**share, FACTOR_MIN, FACTOR_MAX))


def factors(series: Sequence[str], hits: Mapping[str, Hits]) -> NDArray[np.float64]:
    """Of each series."""
    return np.array([factor(hits.get(one)) for one in series], np.float64)


def widened(
    levels: Sequence[float], quantiles: F64, by: F64, least: float | None = None, most: float | None = None
) -> F64:
    """Quantiles [series, horizon, level] with their distance from the middle of the 80 % band made longer, by series.

    Not from the mean: where a trend was underestimated before, the band may stand beside it.
    """
    low, high = _places(levels, 0.1, 0.9)
    middle = (quantiles[:, :, low, None] + quantiles[:, :, high, None]) / 2
    found = middle + (quantiles - middle) * by[:, None, None]
    return np.clip(found, least, most) if least is not None or most is not None else found


def inside(mean: F64, levels: Sequence[float], quantiles: F64) -> F64:
    """The mean [series, horizon] within the middle half of `quantiles`, as `analyze.forecast` has it: a band that the
    record made narrower may end before it.

    >>> inside(np.array([[5.0]]), (0.25, 0.75), np.array([[[1.0, 4.0]]])).tolist()
    [[4.0]]
    """
    low, high = _places(levels, 0.25, 0.75)
    found: F64 = np.clip(mean, quantiles[:, :, low], quantiles[:, :, high])
    return found


def _places(levels: Sequence[float], *wanted: float) -> list[int]:
    return [int(np.abs(np.asarray(levels) - level).argmin()) for level in wanted]
