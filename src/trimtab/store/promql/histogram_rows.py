"""Functions over windows of one series whose samples are all histograms of one layout: all its windows at once.

What `histogram_over_time` does window by window, for the common case. The answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.store.promql import histogram_kernels
from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram
from trimtab.store.promql.histogram_table import COUNT, SUM, HistogramTable
from trimtab.store.promql.notes import Note, conflicting_resets, not_a_counter, not_a_gauge

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

NAMES = frozenset(("rate", "increase", "delta", "sum_over_time", "avg_over_time"))


@dataclass(frozen=True, slots=True)
class Rows:
    """The samples of the series, and where its windows begin and end among them (each has one sample or more)."""

    table: HistogramTable
    at_ms: Ints
    start_ms: Ints
    lows: Ints
    highs: Ints
    ends_ms: Ints
    range_ms: int


@dataclass(slots=True)
class Outcome:
    """A histogram for each window (None: nothing comes of it), and what is to be told."""

    histograms: list[FloatHistogram | None]
    notes: list[Note] = field(default_factory=list)
    overlaps_count: int = 0


def over_rows(name: str, rows: Rows, metric: str) -> Outcome | None:
    """One of `NAMES` over all windows; None: it has to be done window by window."""
    if name in ("sum_over_time", "avg_over_time"):
        return _summed(rows, is_mean=name == "avg_over_time")
    return _grown(rows, metric, is_counter=name != "delta", is_rate=name == "rate")


def _summed(rows: Rows, *, is_mean: bool) -> Outcome | None:
    table = rows.table
    sums = np.zeros((len(rows.lows), table.numbers.shape[1]))
    histogram_kernels.window_sums(table.numbers, rows.lows, rows.highs, sums)
    if is_mean:
        if np.isinf(sums).any():
            return None
        sums /= (rows.highs - rows.lows)[:, np.newaxis]
    has_reset, has_none, has_gauge, has_unknown = (
        _any_in(_has_hint(table, hint), rows.lows, rows.highs) for hint in ("reset", "not_reset", "gauge", "unknown")
    )
    is_mixed = has_reset & has_none
    hints = [
        _hint(gauge=gauge, mixed=mixed or unknown, reset=reset)
        for gauge, mixed, unknown, reset in zip(
            *(flags.tolist() for flags in (has_gauge, is_mixed, has_unknown, has_reset)), strict=True
        )
    ]
    outcome = Outcome(list(table.histograms(sums, hints)))
    if is_mixed.any():
        outcome.notes.append(conflicting_resets("aggregation"))
    return outcome


def _hint(*, gauge: bool, mixed: bool, reset: bool) -> CounterResetHint:
    if gauge:
        return "gauge"
    if mixed:
        return "unknown"
    return "reset" if reset else "not_reset"


def _grown(rows: Rows, metric: str, *, is_counter: bool, is_rate: bool) -> Outcome:
    table, lows, highs = rows.table, rows.lows, rows.highs
    at_ms, start_ms = rows.at_ms, rows.start_ms
    first = table.numbers[lows]
    is_several = highs - lows > 1
    grown = growth(rows, is_counter=is_counter)
    from_ms = rows.ends_ms - rows.range_ms
    begun_ms = start_ms[lows]
    has_begun = is_counter & (begun_ms != 0) & (from_ms < begun_ms) & (begun_ms < at_ms[lows])
    grown = np.where(has_begun[:, np.newaxis], np.where(is_several[:, np.newaxis], grown, 0.0) + first, grown)
    sampled_s = np.where(has_begun, at_ms[highs - 1] - begun_ms, at_ms[highs - 1] - at_ms[lows]) / 1000
    between_s = (at_ms[highs - 1] - at_ms[lows]) / 1000 / np.maximum(highs - lows - 1, 1)
    to_start_s, to_end_s = (at_ms[lows] - from_ms) / 1000, (rows.ends_ms - at_ms[highs - 1]) / 1000
    to_start_s = np.where(to_start_s >= between_s * 1.1, between_s / 2, to_start_s)
    to_end_s = np.where(to_end_s >= between_s * 1.1, between_s / 2, to_end_s)
    if is_counter:
        can_be_zero = (grown[:, COUNT] > 0) & (first[:, COUNT] >= 0)
        with np.errstate(all="ignore"):
            to_zero_s = np.where(can_be_zero, sampled_s * (first[:, COUNT] / grown[:, COUNT]), np.inf)
        to_start_s = np.minimum(to_start_s, to_zero_s)
    to_start_s = np.where(has_begun, 0.0, to_start_s)
    with np.errstate(all="ignore"):
        factor = np.where(sampled_s != 0, (sampled_s + to_start_s + to_end_s) / sampled_s, 1.0)
    if is_rate:
        factor = factor / (rows.range_ms / 1000)
    there = is_several | has_begun
    hints: list[CounterResetHint] = [
        "gauge" if several else table.hints[low]
        for several, low in zip(is_several[there].tolist(), lows[there].tolist(), strict=True)
    ]
    made = table.histograms(grown[there] * factor[there, np.newaxis], hints)
    outcome = Outcome([next(made) if is_there else None for is_there in there.tolist()])
    _tell(outcome, rows, is_several, metric, is_counter=is_counter)
    return outcome


def growth(rows: Rows, *, is_counter: bool) -> Floats:
    """From the first to the last sample of each window, through resets."""
    numbers, lows, highs = rows.table.numbers, rows.lows, rows.highs
    if not is_counter:
        return numbers[highs - 1] - numbers[lows]
    is_new = _begins_anew(rows)
    second_is_new = is_new[np.minimum(lows + 1, len(is_new) - 1)] & (highs - lows > 1)
    grown: Floats = numbers[highs - 1] - np.where(second_is_new[:, np.newaxis], 0.0, numbers[lows])
    for at in np.flatnonzero(is_new).tolist():
        grown[(lows + 1 < at) & (at < highs)] += numbers[at - 1]
    return grown


def _begins_anew(rows: Rows) -> Bools:
    """Whether the counters began again between the sample before and this one."""
    table, at_ms, start_ms = rows.table, rows.at_ms, rows.start_ms
    result = np.zeros(len(at_ms), np.bool_)
    falls = table.numbers[1:] < table.numbers[:-1]
    falls[:, SUM] = False
    result[1:] = falls.any(axis=1)
    result[_has_hint(table, "reset")] = True
    result[_has_hint(table, "not_reset")] = False
    before_ms, before_start_ms, starts_ms = at_ms[:-1], start_ms[:-1], start_ms[1:]
    is_known = (starts_ms != 0) & (starts_ms < at_ms[1:]) & (starts_ms >= before_ms)
    follows = (before_start_ms != 0) & (before_start_ms < before_ms)
    result[1:] |= is_known & ((starts_ms > before_ms) | follows)
    result[0] = False
    return result


def _tell(outcome: Outcome, rows: Rows, is_several: Bools, metric: str, *, is_counter: bool) -> None:
    lows, highs = rows.lows[is_several], rows.highs[is_several]
    is_gauge = _has_hint(rows.table, "gauge")
    if not is_counter:
        if not (is_gauge[lows] & is_gauge[highs - 1]).all():
            outcome.notes.append(not_a_gauge(metric))
        return
    if _any_in(is_gauge, lows, highs).any():
        outcome.notes.append(not_a_counter(metric))
    overlaps = np.zeros(len(is_gauge), np.bool_)
    starts_ms = rows.start_ms[1:]
    overlaps[1:] = (starts_ms != 0) & (starts_ms < rows.at_ms[:-1]) & (starts_ms != rows.start_ms[:-1])
    outcome.overlaps_count = int(_any_in(overlaps, lows + 1, highs).sum())


def _has_hint(table: HistogramTable, hint: CounterResetHint) -> Bools:
    return np.array([one == hint for one in table.hints], np.bool_)


def _any_in(flags: Bools, lows: Ints, highs: Ints) -> Bools:
    """Whether any flag is set in each of `[lows, highs)`."""
    seen = np.concatenate(([0], np.cumsum(flags)))
    result: Bools = seen[highs] > seen[lows]
    return result
