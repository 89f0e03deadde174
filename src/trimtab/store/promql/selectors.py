"""Instant vectors from the store: for each series and step, the newest sample that is not too old."""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.block import SeriesBlock
from trimtab.store.promql import select_kernels
from trimtab.store.promql.evaluation import Evaluation, Value
from trimtab.store.promql.syntax import Selector
from trimtab.store.promql.vector import Ints, Steps, Vector
from trimtab.store.promql.windows import reference_ms


def block_for(evaluation: Evaluation, node: Selector, steps: Steps) -> tuple[SeriesBlock, Ints]:
    """Samples that a selector may need, and the time that is looked at from each step."""
    times = reference_ms(evaluation, node, steps)
    since = int(times[0]) - evaluation.options.lookback_ms + (1 if evaluation.options.is_left_open else 0)
    return evaluation.block(node.alternatives, since, int(times[-1])), times


def indexes_of(evaluation: Evaluation, block: SeriesBlock, times_ms: Ints) -> Ints:
    """Which sample of the block stands for a series at a step; -1: none."""
    out = np.zeros((len(block.labels), len(times_ms)), dtype=np.int64)
    options = evaluation.options
    evaluation.hold(out.size)
    select_kernels.indexes_at(
        block.offsets, block.at_ms, stale_bits(block), times_ms, options.lookback_ms, options.is_left_open, out
    )
    return out


def stale_bits(block: SeriesBlock) -> Ints:
    """Bits of the values; a histogram is never a stale marker, whatever its value is."""
    bits = block.values.view(np.int64)
    if block.histograms is None:
        return bits
    return np.where([one is not None for one in block.histograms], np.int64(0), bits)


def eval_selector(evaluation: Evaluation, node: Selector, steps: Steps) -> Value:
    """The value of each series at each step."""
    block, times = block_for(evaluation, node, steps)
    shape = (len(block.labels), steps.count)
    options = evaluation.options
    if block.histograms is not None:
        return _with_histograms(evaluation, block, times)
    evaluation.hold(shape[0] * shape[1])
    values = np.empty(shape)
    present = np.empty(shape, dtype=np.bool_)
    select_kernels.values_at(
        block.offsets,
        block.at_ms,
        block.values,
        block.values.view(np.int64),
        times,
        options.lookback_ms,
        options.is_left_open,
        values,
        present,
    )
    return Vector(block.labels, values, present).compacted()


def _with_histograms(evaluation: Evaluation, block: SeriesBlock, times_ms: Ints) -> Vector:
    index = indexes_of(evaluation, block, times_ms)
    present = index >= 0
    samples = np.empty(len(block.at_ms) + 1, dtype=np.object_)
    samples[:-1] = np.array(block.histograms, dtype=np.object_) if len(block.at_ms) else []
    values = np.append(block.values, 0.0)[index]
    return Vector(block.labels, values, present, samples[index]).compacted()
