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

from trimtab.stats.batches import (
    Array,
    around_mean,
    batch_means,
    mean_inflation,
    ridge_slope,
    slope_standard_error,
    synthetic_control,
    value_variance,
    whole_batches,
)
from trimtab.stats.confidence_sequence import (
    lag_one_autocorrelation,
    sequence_radius,
    student_quantile,
    student_widening,
)
from trimtab.stats.placebo import control_disagreement


@dataclass(frozen=True, slots=True)
class EffectEstimate:
    """Log ratio after ÷ before with an always-valid interval at level 1 - alpha.

    `control_log_ratio` is what the controls did meanwhile, times `slope`. `batches_before` and `batches_after`
    count batch means that were used for the levels, `batches_quiet` those that the noise was read from (with the
    history). `sigma` is the standard deviation of one batch mean, `autocorrelation` that of neighbouring ones,
    `slope_error` the standard error of `slope`: the further the controls moved, the more an error in it matters.
    `disagreement` is how far `controls_count` untouched series moved apart from each other meanwhile (`placebo`): the
    changed one may have strayed as far without any change.
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
    disagreement: float
    controls_count: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval at another level, from the same batches."""
        radius = _radius(self, alpha)
        return self.log_ratio - radius, self.log_ratio + radius


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
    slope = ridge_slope(stretches)
    residuals = [batch_means(whole_batches(y - slope * x, batch_slices), batch_slices) for y, x in stretches]
    moved = [batch_means(whole_batches(x, batch_slices), batch_slices) for _, x in stretches]
    b = residuals[-1]
    a = batch_means(after - slope * control[count_before:], batch_slices)
    quiet = [around_mean(r) for r in residuals if len(r) >= 2]
    count_quiet = sum(len(r) for r in quiet)
    if count_quiet < 6 or len(b) < 3 or len(a) < 1:
        return None
    r = lag_one_autocorrelation(quiet)
    variance = value_variance(quiet, r)
    if len(a) >= 4:
        variance = max(variance, float(a.var(ddof=1)))
    sigma = math.sqrt(variance)
    spread = math.sqrt(sum(float(part @ part) for part in map(around_mean, moved)))
    disagreement, controls_count = control_disagreement(controls, count_before, batch_slices)
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
        slope_error=slope_standard_error(sigma * math.sqrt(mean_inflation(r, count_quiet)), spread),
        disagreement=disagreement,
        controls_count=controls_count,
    )
    low, high = estimate.interval(alpha)
    return replace(estimate, low=low, high=high)


def _radius(estimate: EffectEstimate, alpha: float) -> float:
    r = estimate.autocorrelation
    effective = estimate.batches_quiet / mean_inflation(r, estimate.batches_quiet)
    widening = student_widening(effective - 1.0, alpha)
    sigma_after = estimate.sigma * math.sqrt(mean_inflation(r, estimate.batches_after))
    sigma_before = estimate.sigma * math.sqrt(mean_inflation(r, estimate.batches_before))
    after = sequence_radius(estimate.batches_after, sigma_after, alpha=alpha)
    before = 1.96 * sigma_before / math.sqrt(estimate.batches_before)
    moved = abs(estimate.control_log_ratio / estimate.slope) if estimate.slope else 0.0
    own = widening * math.hypot(after, before, 1.96 * estimate.slope_error * moved)
    if not estimate.disagreement:
        return own
    strayed = student_quantile(estimate.controls_count - 1.0, alpha) * estimate.disagreement
    return math.hypot(own, strayed)


def _mean_difference(control: Array, count_before: int) -> float:
    before = control[:count_before]
    after = control[count_before:]
    if not np.isfinite(before).any() or not np.isfinite(after).any():
        return math.nan
    return float(np.nanmean(after) - np.nanmean(before))
