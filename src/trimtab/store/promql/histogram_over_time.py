"""Functions over the samples of one window, where native histograms are among them.

Python does this window by window: native histograms are few beside numbers, and each is many numbers itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_aggregate import mean_of_several, total_of
from trimtab.store.promql.histogram_binary import Value, same
from trimtab.store.promql.histogram_rate import extrapolated, instant, is_start_reset
from trimtab.store.promql.histogram_reset import is_reset
from trimtab.store.promql.histogram_sum import MixedSchemas
from trimtab.store.promql.notes import Note, mixed_in_range, mixed_schemas


@dataclass(slots=True)
class Window:
    """The samples of one series in one window, in order of time (no end of a series among them)."""

    metric: str
    from_ms: int
    until_ms: int
    at_ms: list[int]
    values: list[Value]
    start_ms: list[int]
    """Since when each sample counts; 0: not known."""
    notes: list[Note] = field(default_factory=list)
    overlaps_count: int = 0
    """Whether samples say that they began to count before the sample before them."""

    def histograms(self) -> list[FloatHistogram] | None:
        """All samples, where all of them are histograms; else there is a note, and None."""
        histograms = [value for value in self.values if isinstance(value, FloatHistogram)]
        if len(histograms) == len(self.values):
            return histograms
        self.notes.append(mixed_in_range(self.metric))
        return None


def _sum(window: Window) -> Value | None:
    return _together(window, total_of)


def _mean(window: Window) -> Value | None:
    return _together(window, mean_of_several)


def _together(
    window: Window, work: Callable[[list[FloatHistogram]], tuple[FloatHistogram, list[Note]]]
) -> Value | None:
    histograms = window.histograms()
    if histograms is None:
        return None
    try:
        result, notes = work(histograms)
    except MixedSchemas:
        window.notes.append(mixed_schemas(window.metric))
        return None
    window.notes += notes
    return result


def _resets(window: Window) -> Value | None:
    count = 0
    samples = zip(window.at_ms, window.start_ms, window.values, strict=True)
    for (before_ms, before_start_ms, before), (at_ms, start_ms, value) in pairwise(samples):
        is_new = is_start_reset(before_start_ms, before_ms, start_ms, at_ms)
        if is_new or isinstance(before, FloatHistogram) != isinstance(value, FloatHistogram):
            count += 1
        elif isinstance(before, FloatHistogram) and isinstance(value, FloatHistogram):
            count += is_reset(value, before)
        elif isinstance(before, float) and isinstance(value, float):
            count += value < before
    return float(count)


def _changes(window: Window) -> Value | None:
    return float(sum(_differ(before, value) for before, value in pairwise(window.values)))


def _differ(before: Value, value: Value) -> bool:
    if isinstance(before, FloatHistogram) and isinstance(value, FloatHistogram):
        return not same(before, value)
    if isinstance(before, float) and isinstance(value, float):
        return before != value and not (math.isnan(before) and math.isnan(value))
    return True


def _rate(*, is_counter: bool, is_rate: bool) -> Callable[[Window], Value | None]:
    def work(window: Window) -> Value | None:
        histograms = window.histograms()
        if histograms is None:
            return None
        result, notes, overlaps_count = extrapolated(
            histograms,
            window.at_ms,
            window.start_ms,
            (window.from_ms, window.until_ms),
            window.metric,
            is_counter=is_counter,
            is_rate=is_rate,
        )
        window.notes += notes
        window.overlaps_count = overlaps_count
        return result

    return work


def _instant(*, is_rate: bool) -> Callable[[Window], Value | None]:
    def work(window: Window) -> Value | None:
        if len(window.values) < 2:
            return None
        samples = list(zip(window.at_ms, window.start_ms, window.values, strict=True))[-2:]
        result, notes = instant(samples[0], samples[1], window.metric, is_rate=is_rate)
        window.notes += notes
        return result

    return work


WINDOW_FUNCTIONS: dict[str, Callable[[Window], Value | None]] = {
    "rate": _rate(is_counter=True, is_rate=True),
    "increase": _rate(is_counter=True, is_rate=False),
    "delta": _rate(is_counter=False, is_rate=False),
    "irate": _instant(is_rate=True),
    "idelta": _instant(is_rate=False),
    "sum_over_time": _sum,
    "avg_over_time": _mean,
    "count_over_time": lambda window: float(len(window.values)),
    "present_over_time": lambda _window: 1.0,
    "first_over_time": lambda window: window.values[0],
    "last_over_time": lambda window: window.values[-1],
    "ts_of_first_over_time": lambda window: window.at_ms[0] / 1000,
    "ts_of_last_over_time": lambda window: window.at_ms[-1] / 1000,
    "resets": _resets,
    "changes": _changes,
}
"""Of a window with at least one sample; None: nothing comes of it. Other functions look at numbers only."""
