"""`changes` and `resets` of ranges that are `anchored`: from the newest sample at or before the window on."""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.block import SeriesBlock
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_over_time import WINDOW_FUNCTIONS, Window
from trimtab.store.promql.syntax import Call, Matrix
from trimtab.store.promql.vector import Bools, Floats, Ints, Vector


def count_pairs(
    evaluation: Evaluation, call: Call, node: Matrix, block: SeriesBlock, ends_ms: Ints, result: Vector
) -> None:
    """`changes` and `resets` from the newest sample at or before each window on; into `result`."""
    starts_ms = ends_ms - node.range_ms
    starts = np.zeros(len(block.at_ms), np.int64) if block.start_ms is None else block.start_ms
    for series in range(len(block.labels)):
        evaluation.check()
        part = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
        at_ms, own_starts = block.at_ms[part], starts[part]
        lows = np.searchsorted(at_ms, starts_ms - evaluation.options.lookback_ms, "right")
        firsts = np.searchsorted(at_ms, starts_ms, "right")
        highs = np.searchsorted(at_ms, ends_ms, "right")
        anchors = np.maximum(firsts - 1, lows)
        result.present[series] = highs > firsts
        pairs = _pairs(call.name, block, part, own_starts)
        counted = np.concatenate(([0.0, 0.0], np.cumsum(pairs)))
        result.values[series] = np.where(highs > firsts, counted[highs] - counted[np.minimum(anchors + 1, highs)], 0.0)


def _pairs(name: str, block: SeriesBlock, part: slice, start_ms: Ints) -> Floats | Bools:
    """Whether each sample of a series counts, beside the one before it."""
    at_ms, values = block.at_ms[part], block.values[part]
    histograms = (block.histograms or [None] * len(block.at_ms))[part]
    if any(one is not None for one in histograms):
        return _pairs_of_histograms(name, at_ms, start_ms, list(zip(values.tolist(), histograms, strict=True)))
    old, new = values[:-1], values[1:]
    if name == "changes":
        differs: Bools = (old != new) & ~(np.isnan(old) & np.isnan(new))
        return differs
    before_ms, before_start_ms, starts_ms = at_ms[:-1], start_ms[:-1], start_ms[1:]
    is_known = (starts_ms != 0) & (starts_ms < at_ms[1:]) & (starts_ms >= before_ms)
    follows = (before_start_ms != 0) & (before_start_ms < before_ms)
    falls: Bools = (new < old) | (is_known & ((starts_ms > before_ms) | follows))
    return falls


def _pairs_of_histograms(
    name: str, at_ms: Ints, start_ms: Ints, samples: list[tuple[float, FloatHistogram | None]]
) -> Floats:
    values = [number if histogram is None else histogram for number, histogram in samples]
    counts = np.zeros(max(len(values) - 1, 0))
    for at in range(1, len(values)):
        pair = slice(at - 1, at + 1)
        window = Window("", 0, 0, at_ms[pair].tolist(), values[pair], start_ms[pair].tolist())
        count = WINDOW_FUNCTIONS[name](window)
        counts[at - 1] = count if isinstance(count, float) else 0.0
    return counts
