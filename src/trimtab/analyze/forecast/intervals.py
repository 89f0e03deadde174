"""Quantiles around a point forecast, made of its own errors at past origins and, for a part, of all series'."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]
KNOTS = 100
"""All series' scores are kept as so many quantiles."""
TRIED_MIN = 20
"""With fewer errors than this a series' own are too few to say anything: all series' then count more."""


def quantiles_of(
    points: F64, actual: F64, seasons: I64, origins: I64, levels: F64, own_share: float
) -> tuple[F64, F64]:
    """Quantiles [series, step, level] of the last origin's forecast, and for each level the share of values that lay at
    or below the quantile that stood before them [series, level].

    `points` [series, origin, step] are forecasts, `actual` what came of them (NaN where not known), `seasons` [series].
    Series without any error that is known get NaN.
    """
    from trimtab.analyze.forecast.interval_kernels import adapt, scale

    errors = np.ascontiguousarray(actual - points)
    count, _, horizon = errors.shape
    by_step = np.empty((count, horizon))
    by_phase = np.ones((count, int(max(seasons.max(initial=1), 1))))
    scores, sizes = np.empty_like(errors), np.empty(count)
    scale(errors, seasons, origins, by_step, by_phase, scores, sizes)
    offsets, below = np.empty((count, len(levels))), np.empty((count, len(levels)))
    adapt(scores, sizes, origins, _pooled(scores, sizes), own_share, levels, offsets, below)
    phases = (origins[-1] + np.arange(horizon)) % np.maximum(seasons, 1)[:, None]
    width = by_step * np.take_along_axis(by_phase, phases, axis=1)
    return points[:, -1, :, None] + offsets[:, None, :] * width[:, :, None], below


def _pooled(scores: F64, sizes: F64) -> F64:
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = (scores / sizes[:, None, None]).ravel()
    known = relative[np.isfinite(relative)]
    at = (np.arange(KNOTS) + 0.5) / KNOTS
    if known.size < TRIED_MIN:
        return _normal(at) * float(np.sqrt(np.pi / 2))  # a normal distribution whose mean size is 1
    if known.size > 200_000:
        known = known[:: known.size // 100_000]
    return np.asarray(np.quantile(known, at), dtype=np.float64)


def unproven(points: F64, values: F64, levels: F64, season: I64) -> F64:
    """Quantiles [series, step, level] of series that nothing could be tried on: of a normal distribution, as wide as
    all that was seen [series, points] and wider with each step."""
    with np.errstate(invalid="ignore"):
        known = np.where(np.isnan(values), 0, 1).sum(axis=1)
        mean = np.nansum(values, axis=1) / np.maximum(known, 1)
        spread = np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / np.maximum(known - 1, 1))
    spread = np.where(known < 2, np.abs(mean), spread)
    steps = 1 + np.arange(points.shape[1]) / np.maximum(season, 1)[:, None]
    wide: F64 = points[:, :, None] + _normal(levels) * spread[:, None, None] * np.sqrt(steps)[:, :, None]
    return wide


def _normal(levels: F64) -> F64:
    return np.asarray(ndtri(levels), dtype=np.float64)
