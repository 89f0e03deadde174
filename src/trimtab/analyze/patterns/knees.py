"""Saturation: does latency bend upwards with load, and where? Only where the data reach it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trimtab.analyze.patterns.found import Kind, Knee, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.knee_fit import LIMITS, Cells, Fits, contention, line, queue
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
POINTS_MIN = 120
BINS = 24
BLOCKS = 24
RESAMPLES = 200
LOAD_SPREAD_MIN = 1.5
"""The load's 95th percentile over its 5th: below, there is nothing to see."""
LOSS_RATIO_MAX = 0.9
"""The curve's error over the line's, on blocks that were not fitted."""
FLAT_RATIO_MAX = 0.85
"""Over that of no dependence at all."""
P_MAX = 0.01
BENT_MIN = 0.9
"""Of the resamples: in so many the curve is better and its knee within the data."""
BENDS_MIN = 1.5
"""How much steeper the curve is at the end of the data than at their beginning."""
CLIPPED = 0.02
NEAR, NEAR_LIMITS = 0.04, 41
RELATIVE_MIN = 0.1
"""Errors are relative to a bin's latency, or to this part of the typical one where that is more."""
DRAWN_MAX, CURVE_POINTS = 400, 60


def knee(load: TimeSeries, latency: TimeSeries) -> Knee | NoPattern:
    """The knee of `latency` against `load`, at the moments that both have.

    >>> rng, at = np.random.default_rng(1), np.arange(2000, dtype=np.int64) * 60_000
    >>> load = np.minimum(500 + 400 * np.sin(at / 6e6) + rng.normal(0, 30, 2000), 970)
    >>> latency = 5 / (1 - load / 1000) * rng.lognormal(0, 0.1, 2000)
    >>> found = knee(TimeSeries("calls", at, load, "1/s"), TimeSeries("latency", at, latency, "ms"))
    >>> found.model, round(found.knee, -1), found.knee_90[0] < 500 < found.knee_90[1]
    ('queue', 500.0, True)
    """
    name = latency.name
    x, y, at_ms = _together(load, latency)
    if x.size < POINTS_MIN:
        reason = f"{x.size} moments with load and latency, {POINTS_MIN} are needed"
        return NoPattern(Kind.KNEE, name, Why.TOO_SHORT, reason)
    if float(np.ptp(y)) == 0 or float(np.ptp(x)) == 0:
        return NoPattern(Kind.KNEE, name, Why.CONSTANT, "load or latency is the same all the time")
    low, high = np.quantile(x, (0.05, 0.95))
    if high < LOAD_SPREAD_MIN * max(float(low), 0.0):
        reason = f"the load moves from {low:.3g} to {high:.3g} alone"
        return NoPattern(Kind.KNEE, name, Why.NOT_REACHED, reason)
    one = np.ones((1, BLOCKS))
    cells = cells_of(x, y, float(queue(one, cells_of(x, y)).limit[0]))
    curves = [queue(one, cells), contention(one, cells)]
    curve = min(curves, key=lambda fits: float(fits.loss[0]))
    return _judged(load, latency, cells, curve, (x, y, at_ms))


def _together(load: TimeSeries, latency: TimeSeries) -> tuple[F64, F64, NDArray[np.int64]]:
    at_ms, first, second = np.intersect1d(load.at_ms, latency.at_ms, assume_unique=True, return_indices=True)
    x, y = load.values[first], latency.values[second]
    good = np.isfinite(x) & np.isfinite(y) & (x >= 0)
    return x[good], y[good], at_ms[good]


def cells_of(x: F64, y: F64, near: float | None = None) -> Cells:
    """Blocks of time by bins of load; a few of each bin's highest and lowest latencies are clipped: one that waited for
    something else is no load. Bins are weighed by 1 / latency², since what is slower also spreads wider. `near` is a
    limit around which finer ones are tried, too."""
    edges = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)))
    of_bin = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(edges.size - 2, 0))
    bins = max(edges.size - 1, 1)
    order = np.lexsort((y, of_bin))
    counts = np.bincount(of_bin, minlength=bins)
    ends = np.cumsum(counts)
    firsts = ends - counts
    lows = y[order][firsts + (counts * CLIPPED).astype(np.int64)]
    highs = y[order][ends - 1 - (counts * CLIPPED).astype(np.int64)]
    clipped = np.clip(y, lows[of_bin], highs[of_bin])
    block = np.arange(x.size) * BLOCKS // x.size
    cell = block * bins + of_bin
    sums = np.bincount(cell, clipped, BLOCKS * bins).reshape(BLOCKS, bins)
    every = np.bincount(cell, minlength=BLOCKS * bins).reshape(BLOCKS, bins).astype(np.float64)
    means = sums.sum(axis=0) / counts
    weights = np.maximum(means, RELATIVE_MIN * float(np.median(clipped))) ** -2.0
    limits = LIMITS * float(x.max())
    if near is not None:
        finer = near * np.linspace(1 - NEAR, 1 + NEAR, NEAR_LIMITS)
        limits = np.unique(np.concatenate([limits, finer[finer > limits[0]]]))
    waits = np.stack([np.bincount(of_bin, x / (1 - x / limit), bins) for limit in limits]) / counts
    loads, squares = np.bincount(of_bin, x, bins) / counts, np.bincount(of_bin, x**2, bins) / counts
    return Cells(loads, squares, limits, waits, sums * weights, every * weights)


def _judged(
    load: TimeSeries,
    latency: TimeSeries,
    cells: Cells,
    curve: Fits,
    points: tuple[F64, F64, NDArray[np.int64]],
) -> Knee | NoPattern:
    name, x = latency.name, points[0]
    fit = queue if curve.model == "queue" else contention
    left_out = 1.0 - np.eye(BLOCKS)
    losses = {fits.model: _losses(fits, cells) for fits in (fit(left_out, cells), line(left_out, cells))}
    flat = _flat_losses(left_out, cells)
    better = losses["line"] - losses[curve.model]
    ratio = float(losses[curve.model].sum() / max(losses["line"].sum(), 1e-300))
    explained = 1 - float(losses[curve.model].sum() / max(flat.sum(), 1e-300))
    spread = float(better.std(ddof=1))
    p_value = float(special.stdtr(BLOCKS - 1, -better.mean() / (spread / np.sqrt(BLOCKS)))) if spread > 0 else 1.0
    ends = curve.at(np.array([cells.loads[0], cells.loads[1], cells.loads[-2], cells.loads[-1]]))[0]
    steps = np.diff(cells.loads)
    steeper = float((ends[3] - ends[2]) / steps[-1]) / max(float((ends[1] - ends[0]) / steps[0]), 1e-300)
    bends = steeper >= BENDS_MIN or ends[1] <= ends[0] < ends[3]
    if p_value > P_MAX or ratio > LOSS_RATIO_MAX or 1 - explained > FLAT_RATIO_MAX or not bends:
        reason = f"a curve is {1 - ratio:.0%} closer than a straight line, as by chance in {p_value:.2g} of cases"
        return NoPattern(Kind.KNEE, name, Why.NONE, reason)
    highest = float(np.quantile(x, 0.98))
    at = float(curve.knee()[0])
    if not at <= highest:
        return NoPattern(
            Kind.KNEE, name, Why.NOT_REACHED, f"it bends, but is not doubled up to a load of {highest:.3g}"
        )
    drawn = np.random.default_rng(1).multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), RESAMPLES).astype(np.float64)
    straight, queues, laws = line(drawn, cells), queue(drawn, cells), contention(drawn, cells)
    knees = np.where(queues.loss <= laws.loss, queues.knee(), laws.knee())
    is_bent = (np.minimum(queues.loss, laws.loss) < LOSS_RATIO_MAX * straight.loss) & (knees <= highest)
    share = float(is_bent.mean())
    if share < BENT_MIN:
        return NoPattern(Kind.KNEE, name, Why.NONE, f"it is found in {share:.0%} of resamples of blocks of time alone")
    low, high = (float(one) for one in np.quantile(knees[is_bent], (0.05, 0.95)))
    evidence = PatternEvidence(
        int(points[2][0]),
        int(points[2][-1]),
        latency.step_ms,
        int(x.size),
        p_value,
        explained,
        share,
        RESAMPLES,
    )
    made = _drawn(load, latency, cells, curve, points, evidence)
    return replace(made, knee_90=(low, high), line_loss_ratio=ratio)


def _losses(fits: Fits, cells: Cells) -> F64:
    """Absolute error of each block by the fit without it, shape [blocks], of the blocks' bin means."""
    told = fits.of_bins(cells)
    means = np.divide(cells.sums, cells.counts, out=told.copy(), where=cells.counts > 0)
    losses: F64 = (cells.counts * np.abs(means - told)).sum(axis=1)
    return losses


def _flat_losses(weights: F64, cells: Cells) -> F64:
    level = (weights @ cells.sums).sum(axis=1) / (weights @ cells.counts).sum(axis=1)
    told = np.broadcast_to(level[:, None], cells.sums.shape)
    means = np.divide(cells.sums, cells.counts, out=told.copy(), where=cells.counts > 0)
    losses: F64 = (cells.counts * np.abs(means - told)).sum(axis=1)
    return losses


def _drawn(
    load: TimeSeries,
    latency: TimeSeries,
    cells: Cells,
    curve: Fits,
    points: tuple[F64, F64, NDArray[np.int64]],
    evidence: PatternEvidence,
) -> Knee:
    x, y, _ = points
    some = np.linspace(0, x.size - 1, min(DRAWN_MAX, x.size)).astype(np.int64)
    along = np.linspace(float(x.min()), float(cells.loads[-1]), CURVE_POINTS)
    at = float(curve.knee()[0])
    limit = float(curve.limit[0])
    return Knee(
        series=latency.name,
        load=load.name,
        unit=latency.unit,
        load_unit=load.unit,
        model=curve.model,
        knee=at,
        knee_90=(at, at),
        limit=limit if np.isfinite(limit) else None,
        base=float(curve.base[0]),
        over_share=float((x > at).mean()),
        line_loss_ratio=1.0,
        curve=tuple(zip(along.tolist(), curve.at(along)[0].tolist(), strict=True)),
        scatter=tuple(zip(x[some].tolist(), y[some].tolist(), strict=True)),
        evidence=evidence,
    )
