"""Did the change help? The effect of a change on one series, against one synthetic control.

The usual ways (before/after, t-test at every look, regression weights for each control) call an effect where
there is none most of the time on a drifting machine. What is done here, and how often it is wrong, is measured by
`benchmarks/effect_simulation.py` and, on a real PostgreSQL, by `make aa`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.confidence_sequence import lag_one_autocorrelation, sequence_radius, student_widening

Array = NDArray[np.float64]

RIDGE_SLICES = 20.0
"""How many slices of belief in slope 1 are put beside the baseline's own evidence."""
SLOPE_PRIOR_SD = 0.2
"""How far from 1 the slope may be before any evidence: shapes of one machine feel its drift much alike."""
BATCH_VALID_SHARE_MIN = 0.5
"""A batch counts when at least this share of its slices has a value."""


@dataclass(frozen=True, slots=True)
class EffectEstimate:
    """Log ratio after ÷ before with an always-valid interval at level 1 - alpha.

    `control_log_ratio` is what the controls did meanwhile, times `slope`. `batches_before` and `batches_after`
    count batch means that were used for the levels, `batches_quiet` those that the noise was read from (with the
    history). `sigma` is the standard deviation of one batch mean, `autocorrelation` that of neighbouring ones,
    `slope_error` the standard error of `slope`: the further the controls moved, the more an error in it matters.
    """

    log_ratio: float
    low: float
    high: float
    control_log_ratio: float
    slope: float
    batches_before: int
    batches_after: int
    batches_quiet: int
    autocorrelation: float
    sigma: float
    slope_error: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval at another level, from the same batches."""
        radius = _radius(self, alpha)
        return self.log_ratio - radius, self.log_ratio + radius


def synthetic_control(controls: Array, count_before: int) -> Array:
    """One control from many: the mean of the controls, each centred on its own baseline.

    `controls` has shape (controls, slices) in logarithms, NaN where a control has no value; the answer has shape
    (slices,), NaN where none has one.

    >>> synthetic_control(np.array([[1.0, 1.0, 2.0], [5.0, 5.0, np.nan]]), 2)
    array([0., 0., 1.])
    """
    baseline = controls[:, :count_before]
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(baseline).sum(axis=1)
        centre = np.where(valid > 0, np.nansum(baseline, axis=1) / np.maximum(valid, 1), np.nan)
        centred = controls - centre[:, None]
        present = np.isfinite(centred)
        total = np.where(present, centred, 0.0).sum(axis=0)
        mean: Array = np.where(present.any(axis=0), total / np.maximum(present.sum(axis=0), 1), np.nan)
    return mean


def batch_means(values: Array, batch_slices: int) -> Array:
    """Means of consecutive batches, oldest first; a batch with too few values is left out, an unfinished one too.

    >>> batch_means(np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan, 9.0]), 2)
    array([2., 5.])
    """
    count = len(values) // batch_slices
    table = values[: count * batch_slices].reshape(count, batch_slices)
    present = np.isfinite(table)
    enough = present.sum(axis=1) >= max(1, math.ceil(batch_slices * BATCH_VALID_SHARE_MIN))
    means: Array = np.where(present, table, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    kept: Array = means[enough]
    return kept


def estimate_effect(
    before: Array,
    after: Array,
    controls: Array,
    *,
    alpha: float,
    batch_slices: int = 6,
    history: Sequence[tuple[Array, Array]] = (),
) -> EffectEstimate | None:
    """The effect of a change on one series of log means per slice.

    `before` has shape (B,), `after` (A,), `controls` (K, B + A) with K >= 1, all natural logarithms of mean
    execution time, NaN where nothing ran. `history` are earlier stretches between other changes, each a series (n,)
    and its controls (K, n): their level tells nothing (another change lies between), but they say how the series
    follows the controls and how noisy it is. None when there are fewer than 6 batches in all before, fewer than 3 in
    `before`, or none after.

    >>> rng = np.random.default_rng(7)
    >>> drift = np.cumsum(rng.normal(0, 0.05, 300))
    >>> controls = drift + rng.normal(0, 0.1, (4, 300))
    >>> y = drift + rng.normal(0, 0.1, 300)
    >>> y[240:] += np.log(0.5)
    >>> effect = estimate_effect(y[:240], y[240:], controls, alpha=0.05)
    >>> bool(effect.low < np.log(0.5) < effect.high), bool(effect.high < 0)
    (True, True)
    """
    count_before = len(before)
    control = synthetic_control(controls, count_before)
    stretches = [(y, synthetic_control(k, k.shape[1])) for y, k in history if len(y) >= batch_slices]
    stretches.append((before, control[:count_before]))
    slope = _ridge_slope(stretches)
    residuals = [batch_means(_whole(y - slope * x, batch_slices), batch_slices) for y, x in stretches]
    moved = [batch_means(_whole(x, batch_slices), batch_slices) for _, x in stretches]
    b = residuals[-1]
    a = batch_means(after - slope * control[count_before:], batch_slices)
    quiet = [_centred(r) for r in residuals if len(r) >= 2]
    count_quiet = sum(len(r) for r in quiet)
    if count_quiet < 6 or len(b) < 3 or len(a) < 1:
        return None
    r = lag_one_autocorrelation(quiet)
    variance = _variance(quiet, r)
    if len(a) >= 4:
        variance = max(variance, float(a.var(ddof=1)))
    sigma = math.sqrt(variance)
    spread = math.sqrt(sum(float(part @ part) for part in map(_centred, moved)))
    estimate = EffectEstimate(
        log_ratio=float(a.mean() - b.mean()),
        low=-math.inf,
        high=math.inf,
        control_log_ratio=slope * _mean_difference(control, count_before),
        slope=slope,
        batches_before=len(b),
        batches_after=len(a),
        batches_quiet=count_quiet,
        autocorrelation=r,
        sigma=sigma,
        slope_error=_slope_error(sigma * math.sqrt(mean_inflation(r, count_quiet)), spread),
    )
    low, high = estimate.interval(alpha)
    return replace(estimate, low=low, high=high)


def _whole(values: Array, batch_slices: int) -> Array:
    """Without what is left over at the start, so that the batch next to the change is a whole one."""
    return values[len(values) % batch_slices :]


def _centred(values: Array) -> Array:
    return values - values.mean() if len(values) else values


def mean_inflation(autocorrelation: float, count: int) -> float:
    """How many times larger the variance of a mean of `count` values is than without autocorrelation, 1..count.

    Exact for a first-order autoregression. The usual (1 + r) / (1 - r) is its limit for many values; for few it says
    that a mean may stray further than a single value, which no stationary series does.

    >>> round(mean_inflation(0.0, 4), 2), round(mean_inflation(0.9, 4), 2), round(mean_inflation(0.5, 1000), 2)
    (1.0, 3.52, 3.0)
    """
    lags = np.arange(1, count)
    return 1.0 + 2.0 * float(((1.0 - lags / count) * autocorrelation**lags).sum())


def _variance(stretches: Sequence[Array], autocorrelation: float) -> float:
    """Variance of one value, from stretches that are centred on their own means.

    A mean follows its own autocorrelated values, so that deviations from it are too small: what is left of n values
    are n - I degrees, I the inflation of the mean (n - 1 without autocorrelation).
    """
    left = sum(len(part) - mean_inflation(autocorrelation, len(part)) for part in stretches)
    return sum(float(part @ part) for part in stretches) / max(left, 0.5)


def _radius(estimate: EffectEstimate, alpha: float) -> float:
    r = estimate.autocorrelation
    effective = estimate.batches_quiet / mean_inflation(r, estimate.batches_quiet)
    widening = student_widening(effective - 1.0, alpha)
    sigma_after = estimate.sigma * math.sqrt(mean_inflation(r, estimate.batches_after))
    sigma_before = estimate.sigma * math.sqrt(mean_inflation(r, estimate.batches_before))
    after = sequence_radius(estimate.batches_after, sigma_after, alpha=alpha)
    before = 1.96 * sigma_before / math.sqrt(estimate.batches_before)
    moved = abs(estimate.control_log_ratio / estimate.slope) if estimate.slope else 0.0
    return widening * math.hypot(after, before, 1.96 * estimate.slope_error * moved)


def _ridge_slope(stretches: Sequence[tuple[Array, Array]]) -> float:
    """How a series follows its control, from all stretches, each around its own level, pulled towards 1."""
    above, below, count = 0.0, 0.0, 0
    for y, x in stretches:
        both = np.isfinite(y) & np.isfinite(x)
        if both.sum() >= 2:
            centred_x = _centred(x[both])
            above += float(centred_x @ _centred(y[both]))
            below += float(centred_x @ centred_x)
            count += int(both.sum())
    if count < 6 or below <= 0.0:
        return 1.0
    ridge = RIDGE_SLICES * below / count
    return (above + ridge) / (below + ridge)


def _slope_error(sigma: float, spread: float) -> float:
    """Standard error of the slope: belief and the baseline's evidence together (precisions add up)."""
    if sigma <= 0.0:
        return 0.0
    return 1.0 / math.hypot(1.0 / SLOPE_PRIOR_SD, spread / sigma)


def _mean_difference(control: Array, count_before: int) -> float:
    before = control[:count_before]
    after = control[count_before:]
    if not np.isfinite(before).any() or not np.isfinite(after).any():
        return math.nan
    return float(np.nanmean(after) - np.nanmean(before))
