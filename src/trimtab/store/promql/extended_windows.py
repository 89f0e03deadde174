"""The samples of ranges that are `anchored` or `smoothed`: also what was before them, and what is behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import Labels, SeriesBlock
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.syntax import Matrix, Selector
from trimtab.store.promql.vector import Ints, Steps
from trimtab.store.promql.windows import FEW_SAMPLES, reference_ms, without_stale


def block_around(evaluation: Evaluation, selector: Selector, ends_ms: Ints, range_ms: int) -> SeriesBlock:
    """Samples of all windows, with as much before them (smoothed: and behind them) as lookback allows."""
    lookback_ms = evaluation.options.lookback_ms
    behind_ms = lookback_ms if selector.extension == "smoothed" else 0
    since_ms = int(ends_ms[0]) - range_ms - lookback_ms + 1
    until_ms = int(ends_ms[-1]) + behind_ms
    return without_stale(evaluation.block(selector.alternatives, since_ms, until_ms, FEW_SAMPLES, selector.start))


def samples_of(evaluation: Evaluation, node: Matrix, steps: Steps) -> SeriesBlock:
    """`selector[range]` with a modifier, as samples: the borders of the window are samples, too."""
    end_ms = int(reference_ms(evaluation, node.selector, steps)[0])
    start_ms = end_ms - node.range_ms
    block = block_around(evaluation, node.selector, np.array([end_ms]), node.range_ms)
    if block.histograms is not None:
        raise QueryError(f"{node.selector.extension} modifier is not supported with histograms")
    rows: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    labels: list[Labels] = []
    is_smoothed = node.selector.extension == "smoothed"
    for series, own in enumerate(block.labels):
        part = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
        at_ms, values = block.at_ms[part], block.values[part]
        if not len(at_ms):
            continue
        first = max(0, int(np.searchsorted(at_ms[:-1], start_ms, "right")) - 1)
        last = int(np.searchsorted(at_ms[:-1], end_ms, "left")) if is_smoothed else len(at_ms) - 1
        if at_ms[last] <= start_ms:
            continue
        left, right = float(values[first]), float(values[last])
        if is_smoothed and at_ms[first] < start_ms:
            left = float(np.interp(start_ms, at_ms[first : first + 2], values[first : first + 2]))
        if is_smoothed and last > 0 and at_ms[last] > end_ms:
            right = float(np.interp(end_ms, at_ms[last - 1 : last + 1], values[last - 1 : last + 1]))
        inner = np.flatnonzero((at_ms > start_ms) & (at_ms < end_ms))
        rows.append(
            (
                np.concatenate(([start_ms], at_ms[inner], [end_ms])).astype(np.int64),
                np.concatenate(([left], values[inner], [right])),
            )
        )
        labels.append(own)
    offsets = np.concatenate(([0], np.cumsum([len(at_ms) for at_ms, _ in rows]))).astype(np.int64)
    nothing = np.zeros(0, np.int64)
    return SeriesBlock(
        labels,
        offsets,
        np.concatenate([at_ms for at_ms, _ in rows]) if rows else nothing,
        np.concatenate([values for _, values in rows]) if rows else np.zeros(0),
        None,
        None,
    )
