"""Instant vectors from the store: for each series and step, the newest sample that is not too old."""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.block import SeriesBlock
from trimtab.store.promql import select_kernels
from trimtab.store.promql.evaluation import Evaluation, Value
from trimtab.store.promql.syntax import Selector
from trimtab.store.promql.vector import Ints, Steps, Vector
from trimtab.store.promql.walks import LAST_SAMPLES, walk_of
from trimtab.store.promql.windows import reference_ms, since_ms


def block_for(evaluation: Evaluation, node: Selector, steps: Steps) -> tuple[SeriesBlock, Ints]:
    """Samples that a selector may need, and the time that is looked at from each step."""
    times = reference_ms(evaluation, node, steps)
    lookback_ms = evaluation.rolled.lookbacks(node.alternatives, times)[0][1]
    since = since_ms(evaluation, times, lookback_ms)
    return evaluation.block(node.alternatives, since, int(times[-1]), LAST_SAMPLES, node.start), times


def indexes_of(evaluation: Evaluation, node: Selector, block: SeriesBlock, times_ms: Ints) -> Ints:
    """Which sample of the block stands for a series at a step; -1: none."""
    evaluation.hold(len(block.labels) * len(times_ms))
    parts = []
    for columns, lookback_ms in evaluation.rolled.lookbacks(node.alternatives, times_ms):
        times = times_ms[columns]
        out = np.zeros((len(block.labels), len(times)), dtype=np.int64)
        select_kernels.indexes_at(
            block.offsets, block.at_ms, stale_bits(block), times, lookback_ms, evaluation.options.is_left_open, out
        )
        parts.append(out)
    return parts[0] if len(parts) == 1 else np.hstack(parts)


def stale_bits(block: SeriesBlock) -> Ints:
    """Bits of the values; a histogram is never a stale marker, whatever its value is."""
    bits = block.values.view(np.int64)
    if block.histograms is None:
        return bits
    return np.where([one is not None for one in block.histograms], np.int64(0), bits)


def eval_selector(evaluation: Evaluation, node: Selector, steps: Steps) -> Value:
    """The value of each series at each step."""
    walk = walk_of(evaluation, node, steps)
    if walk is not None:
        return Vector(walk.pieces.labels, *walk.whole(evaluation)).compacted()
    block, times = block_for(evaluation, node, steps)
    if block.histograms is not None:
        return _with_histograms(evaluation, node, block, times)
    evaluation.hold(len(block.labels) * steps.count)
    bits = block.values.view(np.int64)
    parts = []
    for columns, lookback_ms in evaluation.rolled.lookbacks(node.alternatives, times):
        shape = (len(block.labels), len(times[columns]))
        values, present = np.empty(shape), np.empty(shape, dtype=np.bool_)
        select_kernels.values_at(
            block.offsets,
            block.at_ms,
            block.values,
            bits,
            times[columns],
            lookback_ms,
            evaluation.options.is_left_open,
            values,
            present,
        )
        parts.append((values, present))
    if len(parts) > 1:
        parts = [(np.hstack([values for values, _ in parts]), np.hstack([present for _, present in parts]))]
    return Vector(block.labels, *parts[0]).compacted()


def _with_histograms(evaluation: Evaluation, node: Selector, block: SeriesBlock, times_ms: Ints) -> Vector:
    index = indexes_of(evaluation, node, block, times_ms)
    present = index >= 0
    samples = np.empty(len(block.at_ms) + 1, dtype=np.object_)
    samples[:-1] = np.array(block.histograms, dtype=np.object_) if len(block.at_ms) else []
    values = np.append(block.values, 0.0)[index]
    return Vector(block.labels, values, present, samples[index]).compacted()
