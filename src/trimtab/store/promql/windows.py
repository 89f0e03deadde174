"""Range vectors: the samples of a matrix selector or of a subquery, and the windows over them.

Stale markers are dropped here: functions of ranges do not see them. Samples that are histograms stay in the block, and
are taken out for functions that only know numbers (`numbers_of`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import METRIC_NAME, STALE_BITS, Labels, SeriesBlock
from trimtab.store.promql import select_kernels
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.syntax import Matrix, Node, Subquery, Timed, unwrapped
from trimtab.store.promql.vector import Bools, Ints, Steps, Vector

NO_INTS = np.zeros(0, dtype=np.int64)
FEW_SAMPLES = "evaluated on first and last samples of"


@dataclass(frozen=True, slots=True)
class Windows:
    """Samples, and at every step a window `(end - range, end]` over them."""

    node: Node
    block: SeriesBlock
    ends_ms: Ints
    range_ms: int
    is_left_open: bool
    drops_name: Bools | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Series, steps."""
        return len(self.block.labels), len(self.ends_ms)

    @property
    def start_ms(self) -> Ints:
        """Since when samples count; empty where no sample says it."""
        return NO_INTS if self.block.start_ms is None else self.block.start_ms

    def bounds(self) -> tuple[Ints, Ints]:
        """Where each window begins and ends in the block."""
        lows = np.zeros(self.shape, dtype=np.int64)
        highs = np.zeros(self.shape, dtype=np.int64)
        select_kernels.window_bounds(
            self.block.offsets, self.block.at_ms, self.ends_ms, self.range_ms, self.is_left_open, lows, highs
        )
        return lows, highs


def reference_ms(evaluation: Evaluation, node: Timed, steps: Steps) -> Ints:
    """The time that is looked at from each step: with `@` always the same, moved by `offset`."""
    if node.at_ms is not None:
        times = np.full(steps.count, node.at_ms, dtype=np.int64)
    elif node.at_bound is not None:
        at_ms = evaluation.whole.start_ms if node.at_bound == "start" else evaluation.end_ms
        times = np.full(steps.count, at_ms, dtype=np.int64)
    else:
        times = steps.times_ms
    return times - node.offset_ms


def since_ms(evaluation: Evaluation, times_ms: Ints, range_ms: int) -> int:
    """The first instant that is looked at."""
    return int(times_ms[0]) - range_ms + (1 if evaluation.options.is_left_open else 0)


def windows_of(evaluation: Evaluation, argument: Node, steps: Steps) -> Windows:
    """The windows of an argument that is a range vector."""
    node = unwrapped(argument)
    is_left_open = evaluation.options.is_left_open
    if isinstance(node, Matrix):
        ends = reference_ms(evaluation, node.selector, steps)
        since = since_ms(evaluation, ends, node.range_ms)
        block = evaluation.block(node.selector.alternatives, since, int(ends[-1]), FEW_SAMPLES, node.start)
        return Windows(node, without_stale(block), ends, node.range_ms, is_left_open)
    if isinstance(node, Subquery):
        ends = reference_ms(evaluation, node, steps)
        inner = subquery_steps(evaluation, node, int(ends[0]), int(ends[-1]))
        if inner.count <= 0:
            nothing = SeriesBlock([], np.zeros(1, dtype=np.int64), NO_INTS, np.zeros(0), None, None)
            return Windows(node, nothing, ends, node.range_ms, is_left_open)
        evaluation.hold(inner.count)
        vector = evaluation.vector(node.expression, inner)
        return Windows(node, block_of(vector, inner), ends, node.range_ms, is_left_open, vector.drops_name)
    raise TypeError(f"not a range vector: {type(node).__name__}")


def subquery_steps(evaluation: Evaluation, node: Subquery, first_ms: int, last_ms: int) -> Steps:
    """Steps of a subquery: multiples of its step after the start of the first window (closed windows: or at it)."""
    step_ms = node.step_ms or evaluation.options.subquery_step_ms
    since = first_ms - node.range_ms
    start = -(-since // step_ms) * step_ms
    if start == since and evaluation.options.is_left_open:
        start += step_ms
    return Steps(start, step_ms, (last_ms - start) // step_ms + 1)


def block_of(vector: Vector, steps: Steps) -> SeriesBlock:
    """A vector over steps as samples."""
    counts = vector.present.sum(axis=1)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    columns = np.nonzero(vector.present)[1]
    histograms = None
    if vector.histograms is not None and vector.has_histogram.any():
        histograms = [
            None if histogram is None else _without_hint(histogram) for histogram in vector.histograms[vector.present]
        ]
    return SeriesBlock(vector.labels, offsets, steps.times_ms[columns], vector.values[vector.present], None, histograms)


def without_stale(block: SeriesBlock) -> SeriesBlock:
    """The block without stale markers."""
    is_kept = block.values.view(np.int64) != STALE_BITS
    if block.histograms is not None:
        is_kept |= histogram_mask(block)
    return block if is_kept.all() else kept(block, is_kept)


def histogram_mask(block: SeriesBlock) -> Bools:
    """Which samples are histograms."""
    if block.histograms is None:
        return np.zeros(len(block.at_ms), dtype=np.bool_)
    return np.fromiter((one is not None for one in block.histograms), dtype=np.bool_, count=len(block.at_ms))


def numbers_of(windows: Windows) -> Windows:
    """The same windows over the samples that are numbers."""
    if windows.block.histograms is None:
        return windows
    return replace(windows, block=kept(windows.block, ~histogram_mask(windows.block)))


def kept(block: SeriesBlock, is_kept: Bools) -> SeriesBlock:
    """Some of the samples of a block."""
    offsets = np.zeros(len(block.offsets), dtype=np.int64)
    index = np.zeros(len(block.at_ms), dtype=np.int64)
    count = select_kernels.kept_offsets(block.offsets, is_kept, offsets, index)
    places: NDArray[np.int64] = index[:count]
    histograms = block.histograms
    return SeriesBlock(
        block.labels,
        offsets,
        block.at_ms[places],
        block.values[places],
        None if block.start_ms is None else block.start_ms[places],
        None if histograms is None else [histograms[place] for place in places.tolist()],
    )


def metric_name(labels: Labels) -> str:
    """The name of the metric, or ''.

    >>> metric_name((("__name__", "up"), ("job", "api")))
    'up'
    """
    if labels and labels[0][0] == METRIC_NAME:
        return labels[0][1]
    return next((value for name, value in labels if name == METRIC_NAME), "")


def _without_hint(histogram: FloatHistogram) -> FloatHistogram:
    """A subquery may miss the sample with the reset, or have it twice: it has to be found by the counts."""
    if histogram.counter_reset_hint in ("reset", "not_reset"):
        return replace(histogram, counter_reset_hint="unknown")
    return histogram
