"""When a resource reaches its limit: the trend of its peaks, and drawn futures around it."""

from __future__ import annotations

import numpy as np

from trimtab.analyze.capacity.answers import DAY_MS, HOUR_MS, Band, Saturation, SaturationSettings
from trimtab.model.errors import InputError
from trimtab.stats.time_series import TimeSeries

BUCKETS_MIN = 8
BUCKETS_MAX = 400
HORIZON_BUCKETS_MAX = 400


def saturation(series: TimeSeries, limit: float, settings: SaturationSettings | None = None) -> Saturation:
    """When `series` reaches `limit`, as a range of dates that holds with the probability `settings.range_ratio`.

    >>> days = np.arange(60, dtype=np.int64)
    >>> noise = np.random.default_rng(1).normal(0, 1, 60)
    >>> disk = TimeSeries("disk", days * DAY_MS, 100.0 + 2 * days + noise, "By")
    >>> found = saturation(disk, 300.0)
    >>> found.outcome, round(found.date_ms / DAY_MS)
    ('dated', 100)
    """
    settings = settings or SaturationSettings()
    if not np.isfinite(limit):
        raise InputError(f"{series.name}: the limit is a finite number, not {limit}", series=series.name, limit=limit)
    known = np.isfinite(series.values)
    at_ms, values = series.at_ms[known], series.values[known]
    falling = settings.falling if settings.falling is not None else bool(len(values) and np.median(values) > limit)
    sign = -1.0 if falling else 1.0
    bucket_ms = _bucket(at_ms)
    places = at_ms // bucket_ms
    buckets, starts = np.unique(places, return_index=True)
    peaks = np.maximum.reduceat(sign * values, starts) if len(values) else values
    end_ms = int(at_ms[-1]) if len(at_ms) else 0
    horizon = min(HORIZON_BUCKETS_MAX, 4 * max(len(peaks), 1))
    if settings.horizon_ms:
        horizon = max(1, min(HORIZON_BUCKETS_MAX, settings.horizon_ms // bucket_ms))
    common = {
        "series": series.name,
        "unit": series.unit,
        "limit": limit,
        "falling": falling,
        "current": sign * float(peaks[-1]) if len(peaks) else float("nan"),
        "range_ratio": settings.range_ratio,
        "horizon_end_ms": end_ms + horizon * bucket_ms,
        "bucket_ms": bucket_ms,
        "history_ms": end_ms - int(at_ms[0]) if len(at_ms) else 0,
    }
    if len(peaks) and peaks[-1] >= sign * limit:
        return Saturation(outcome="already", reason="the limit is reached", probability=1.0, **common)  # type: ignore[arg-type]
    if len(peaks) < BUCKETS_MIN:
        return Saturation(outcome="too_little", reason=f"{len(peaks)} peaks", **common)  # type: ignore[arg-type]
    times = (buckets - buckets[-1]).astype(np.float64)
    later, first = np.triu_indices(len(times), 1)
    slopes = (peaks[first] - peaks[later]) / (times[first] - times[later])
    slope = float(np.median(slopes))
    residual = peaks - slope * times
    level = float(np.median(residual))
    rng = np.random.default_rng(settings.seed)
    drawn = slope + rng.standard_t(4, settings.paths) * float(np.std(residual)) * 3.5 / len(times) ** 1.5
    ahead = np.arange(1, horizon + 1)
    paths = level + drawn[:, None] * ahead + rng.choice(residual - level, (settings.paths, horizon))
    full = np.maximum.accumulate(paths, axis=1) >= sign * limit
    full_by = full.mean(axis=0)
    out = (1 - settings.range_ratio) / 2
    low, middle, high = np.quantile(sign * paths, (out, 0.5, 1 - out), axis=0)
    moments = end_ms + ahead * bucket_ms
    dates = [int(moments[np.argmax(full_by >= p)]) if full_by[-1] >= p else None for p in (out, 0.5, 1 - out)]
    growing = float(np.quantile(drawn, 0.1)) > 0
    outcome = "dated" if dates[1] else "possible" if dates[0] else "never" if growing else "no_trend"
    return Saturation(
        outcome=outcome,  # type: ignore[arg-type]
        reason="",
        probability=float(full_by[-1]),
        earliest_ms=dates[0],
        date_ms=dates[1],
        latest_ms=dates[2],
        growth_per_day=sign * slope * DAY_MS / bucket_ms,
        band=Band(moments, low, middle, high, full_by),
        **common,  # type: ignore[arg-type]
    )


def _bucket(at_ms: np.ndarray) -> int:  # type: ignore[type-arg]
    span_ms = int(at_ms[-1] - at_ms[0]) if len(at_ms) > 1 else 0
    if span_ms >= 10 * DAY_MS:
        return max(DAY_MS, -(-span_ms // BUCKETS_MAX // DAY_MS) * DAY_MS)
    return HOUR_MS if span_ms >= 10 * HOUR_MS else max(1, span_ms // 30)
