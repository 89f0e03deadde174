"""The modifiers `anchored` and `smoothed`: windows that also know what was right before them, and right behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trimtab.store.metrics.block import SeriesBlock
from trimtab.store.promql import extended_kernels
from trimtab.store.promql.errors import QueryError, same_labels
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.extended_counts import count_pairs
from trimtab.store.promql.extended_windows import block_around
from trimtab.store.promql.histogram_extended import grown
from trimtab.store.promql.notes import mixed_in_range
from trimtab.store.promql.syntax import Call, Matrix, unwrapped
from trimtab.store.promql.vector import Ints, Steps, Vector, has_twins, nameless
from trimtab.store.promql.windows import histogram_mask, kept, metric_name, reference_ms

_ALLOWED: dict[str, tuple[str, ...]] = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}


def extended_argument(call: Call) -> Matrix | None:
    """The argument with a modifier, if there is one; QueryError where the function has no meaning for it."""
    for argument in call.arguments:
        node = unwrapped(argument)
        if isinstance(node, Matrix) and node.selector.extension:
            allowed = _ALLOWED[node.selector.extension]
            if call.name not in allowed:
                what = f"{node.selector.extension} modifier can only be used with: {', '.join(allowed)}"
                raise QueryError(f"{what} - not with {call.name}")
            return node
    return None


def eval_extended(evaluation: Evaluation, call: Call, node: Matrix, steps: Steps) -> Vector:
    """A function of such a range."""
    ends_ms = reference_ms(evaluation, node.selector, steps)
    block = block_around(evaluation, node.selector, ends_ms, node.range_ms)
    shape = (len(block.labels), steps.count)
    evaluation.hold(shape[0] * shape[1])
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    is_smoothed = node.selector.extension == "smoothed"
    numbers = block if block.histograms is None else kept(block, ~histogram_mask(block))
    if call.name in ("changes", "resets"):
        result = Vector(block.labels, values, present)
        count_pairs(evaluation, call, node, block, ends_ms, result)
    else:
        extended_kernels.rates(
            numbers.offsets,
            numbers.at_ms,
            numbers.values,
            ends_ms,
            node.range_ms,
            evaluation.options.lookback_ms,
            is_smoothed,
            call.name != "delta",
            call.name == "rate",
            values,
            present,
        )
        result = Vector(block.labels, values, present)
        if block.histograms is not None:
            result = _with_histograms(evaluation, call, node, block, ends_ms, result)
    is_late = evaluation.options.removes_names_late
    result = nameless(result.compacted(), is_late=is_late)
    if not is_late and has_twins(result):
        raise same_labels()
    return result


def _with_histograms(
    evaluation: Evaluation, call: Call, node: Matrix, block: SeriesBlock, ends_ms: Ints, numbers: Vector
) -> Vector:
    values, present = numbers.values.copy(), numbers.present.copy()
    result = np.full(values.shape, None, np.object_)
    is_smoothed = node.selector.extension == "smoothed"
    lookback_ms = evaluation.options.lookback_ms
    mask = histogram_mask(block)
    for series, labels in enumerate(block.labels):
        part = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
        if not mask[part].any():
            continue
        at_ms, own = block.at_ms[part], (block.histograms or ())[part]
        lows = np.searchsorted(at_ms, ends_ms - node.range_ms - lookback_ms, "right").tolist()
        highs = np.searchsorted(at_ms, ends_ms + (lookback_ms if is_smoothed else 0), "right").tolist()
        for step, (low, high) in enumerate(zip(lows, highs, strict=True)):
            evaluation.check()
            inside = [one for one in own[low:high] if one is not None]
            if not inside:
                continue
            notes, found = [mixed_in_range(metric_name(labels))], None
            if len(inside) == high - low:
                end_ms = int(ends_ms[step])
                found, notes = grown(
                    at_ms[low:high].tolist(),
                    inside,
                    (end_ms - node.range_ms, end_ms),
                    metric_name(labels),
                    is_smoothed=is_smoothed,
                    is_counter=call.name != "delta",
                    is_rate=call.name == "rate",
                )
            for note in notes:
                evaluation.note(note, node)
            values[series, step], present[series, step], result[series, step] = 0.0, found is not None, found
    return replace(numbers, values=values, present=present, histograms=result)
