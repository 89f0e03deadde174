"""`selector smoothed`: values between samples, on the line from one to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.extended_windows import block_around
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_extended import Sums
from trimtab.store.promql.histogram_sum import MixedSchemas
from trimtab.store.promql.notes import mixed_in_range, mixed_schemas
from trimtab.store.promql.syntax import Node, Selector
from trimtab.store.promql.vector import Ints, Steps, Vector
from trimtab.store.promql.windows import metric_name, reference_ms


def eval_smoothed(evaluation: Evaluation, node: Selector, steps: Steps) -> Vector:
    """`selector smoothed`: at each step what lies between the samples around it; behind the last one, that one."""
    times_ms = reference_ms(evaluation, node, steps)
    block = block_around(evaluation, node, times_ms, 0)
    shape = (len(block.labels), steps.count)
    evaluation.hold(shape[0] * shape[1])
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    histograms = np.full(shape, None, np.object_)
    lookback_ms = evaluation.options.lookback_ms
    for series in range(shape[0]):
        evaluation.check()
        part = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
        at_ms, numbers = block.at_ms[part], block.values[part]
        if len(at_ms) == 0:
            continue
        lows = np.searchsorted(at_ms, times_ms - lookback_ms, "right")
        highs = np.searchsorted(at_ms, times_ms + lookback_ms, "right")
        afters = np.clip(np.searchsorted(at_ms, times_ms, "left"), lows, highs)
        is_exact = (afters < highs) & (np.append(at_ms, -1)[afters] == times_ms)
        has_before = afters > lows
        before, after = np.maximum(afters - 1, 0), np.minimum(afters, len(at_ms) - 1)
        is_between = ~is_exact & has_before & (afters < highs)
        apart = np.where(is_between, at_ms[after] - at_ms[before], 1)
        since = np.where(is_between, times_ms - at_ms[before], 0)
        with np.errstate(all="ignore"):
            line = numbers[before] + (numbers[after] - numbers[before]) * since / apart
        values[series] = np.where(is_exact, numbers[after], np.where(is_between, line, numbers[before]))
        present[series] = is_exact | has_before
        own = None if block.histograms is None else block.histograms[part]
        if own is None or all(one is None for one in own):
            continue
        counts = np.concatenate(([0], np.cumsum([one is not None for one in own])))
        has_histogram = counts[highs] > counts[lows]
        for step in np.flatnonzero(has_histogram).tolist():
            window = slice(int(lows[step]), int(highs[step]))
            name = metric_name(block.labels[series])
            found = _smoothed_histogram(evaluation, node, name, (at_ms[window], own[window]), int(times_ms[step]))
            values[series, step], present[series, step], histograms[series, step] = 0.0, found is not None, found
    is_mixed = block.histograms is not None
    return Vector(block.labels, values, present, histograms if is_mixed else None).compacted()


def _smoothed_histogram(
    evaluation: Evaluation,
    node: Node,
    metric: str,
    window: tuple[Ints, Sequence[FloatHistogram | None]],
    time_ms: int,
) -> FloatHistogram | None:
    at_ms, histograms = window[0].tolist(), [one for one in window[1] if one is not None]
    if len(histograms) < len(at_ms):
        evaluation.note(mixed_in_range(metric), node)
        return None
    after = next((at for at, one_ms in enumerate(at_ms) if one_ms >= time_ms), len(at_ms))
    if after < len(at_ms) and at_ms[after] == time_ms:
        return histograms[after]
    if after == 0:
        return None
    if after == len(at_ms):
        return histograms[-1].with_hint("unknown")
    one, other = histograms[after - 1], histograms[after]
    is_counter = (one.counter_reset_hint, other.counter_reset_hint) != ("gauge", "gauge")
    sums = Sums()
    try:
        if one.has_custom_buckets != other.has_custom_buckets:
            raise MixedSchemas
        found = sums.between((at_ms[after - 1], one), (at_ms[after], other), time_ms, is_counter=is_counter)
    except MixedSchemas:
        evaluation.note(mixed_schemas(metric), node)
        return None
    for note in sums.notes:
        evaluation.note(note, node)
    return found
