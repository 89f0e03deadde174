"""The peaks of a series: one number for each day (or hour), which a trend is taken of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import DAY_MS, HOUR_MS
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]

BUCKETS_MAX = 200
"""Older peaks than this many tell nothing of today's trend."""
SPANS_MIN = 10
"""A day is the bucket where there are ten of them, else an hour where there are ten of them."""
SHORT_BUCKETS = 30


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks on a regular grid that ends with the newest sample: `values` float64[n], the highest of each bucket
    (of a series that is turned upside down where its limit is below), linear between neighbours where a bucket is
    empty; `end_ms` is the end of the last bucket; `empty_ratio` the share of buckets without samples (0..1).
    """

    values: F64
    bucket_ms: int
    end_ms: int
    empty_ratio: float

    @property
    def ends_ms(self) -> NDArray[np.int64]:
        """The end of each bucket, int64[n]."""
        return self.end_ms - self.bucket_ms * np.arange(len(self.values) - 1, -1, -1, dtype=np.int64)


def peaks_of(series: TimeSeries, *, falling: bool) -> Peaks:
    """The peaks of a series; with `falling` its lowest values, with the other sign. Buckets are counted back from the
    newest sample, so that the last is whole; the first is left out where it is not.

    >>> hours = np.arange(0, 20 * 24 * HOUR_MS, HOUR_MS, dtype=np.int64)
    >>> cpu = TimeSeries("cpu", hours, np.sin(np.arange(480) / 24 * 2 * np.pi))
    >>> found = peaks_of(cpu, falling=False)
    >>> found.bucket_ms == DAY_MS, len(found.values), float(found.values.min().round(3))
    (True, 20, 1.0)
    """
    known = np.isfinite(series.values)
    at_ms, values = series.at_ms[known], series.values[known]
    if not len(values):
        return Peaks(np.zeros(0), DAY_MS, 0, 0.0)
    values = -values if falling else values
    end_ms = int(at_ms[-1])
    bucket_ms = bucket_of(end_ms - int(at_ms[0]), series.step_ms)
    newest = at_ms > end_ms - BUCKETS_MAX * bucket_ms
    at_ms, values = at_ms[newest], values[newest]
    span_ms = end_ms - int(at_ms[0])
    back = (end_ms - at_ms) // bucket_ms
    count = int(back[0]) + 1
    if count > 2 and span_ms + series.step_ms // 2 < (count - 1) * bucket_ms + bucket_ms // 2:
        keep = back < count - 1  # the first bucket is less than half there
        back, values, count = back[keep], values[keep], int(back[keep][0]) + 1
    places = count - 1 - back
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    tops = np.maximum.reduceat(values, starts)
    seen = places[starts]
    grid = np.interp(np.arange(count), seen, tops)
    return Peaks(grid, bucket_ms, end_ms, 1.0 - len(seen) / count)


def bucket_of(span_ms: int, step_ms: int) -> int:
    """How long a bucket is for a history of that length, with samples that far apart: a day, an hour, or whole steps
    where these are longer.

    >>> bucket_of(60 * DAY_MS, 60_000) // HOUR_MS, bucket_of(3 * DAY_MS, 60_000) // HOUR_MS
    (24, 1)
    """
    if span_ms >= SPANS_MIN * DAY_MS:
        bucket_ms = DAY_MS
    elif span_ms >= SPANS_MIN * HOUR_MS:
        bucket_ms = HOUR_MS
    else:
        bucket_ms = max(1, span_ms // SHORT_BUCKETS)
    return bucket_ms if step_ms <= bucket_ms // 2 else step_ms * -(-bucket_ms // step_ms)
