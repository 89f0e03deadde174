"""Windows over histograms of one layout: all at once gives what window by window gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram, spans_of
from trimtab.store.promql.histogram_over_time import WINDOW_FUNCTIONS, Window
from trimtab.store.promql.histogram_rows import NAMES, Rows, over_rows
from trimtab.store.promql.histogram_table import table_of
from trimtab.store.promql.script_compare import almost_equal_histograms

RANGE_MS = 60_000
HINTS: list[CounterResetHint] = ["unknown", "reset", "not_reset", "gauge"]


@st.composite
def series(draw: st.DrawFn) -> tuple[list[FloatHistogram], list[int], list[int]]:
    """Samples that mostly grow, and begin again now and then; times, and since when they count."""
    counts = dict.fromkeys(range(-3, 4), 0.0)
    histograms: list[FloatHistogram] = []
    at_ms = [0]
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.integers(0, 5)) == 0:
            counts = dict.fromkeys(counts, 0.0)
        for index in draw(st.lists(st.integers(-3, 3), max_size=4)):
            counts[index] += 1
        spans, buckets = spans_of(counts)
        hint = draw(st.sampled_from(HINTS)) if draw(st.integers(0, 3)) == 0 else "unknown"
        histograms.append(FloatHistogram(hint, 1, 0.0, 0.0, sum(buckets), sum(buckets) / 2, spans, (), buckets, (), ()))
        at_ms.append(at_ms[-1] + draw(st.integers(1, 30)) * 1000)
    starts = [draw(st.sampled_from([0, 0, 0, at - 5000, at])) for at in at_ms[1:]]
    return histograms, at_ms[1:], [max(start, 0) for start in starts]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES))
@given(samples=series())
def test_all_at_once_is_window_by_window(name: str, samples: tuple[list[FloatHistogram], list[int], list[int]]) -> None:
    histograms, at_ms, start_ms = samples
    table = table_of(histograms)
    assert table is not None
    ends_ms = np.arange(5_000, at_ms[-1] + RANGE_MS, 7_000)
    lows = np.searchsorted(at_ms, ends_ms - RANGE_MS, side="right")
    highs = np.searchsorted(at_ms, ends_ms, side="right")
    is_filled = highs > lows
    lows, highs, ends_ms = lows[is_filled], highs[is_filled], ends_ms[is_filled]
    rows = Rows(table, np.array(at_ms), np.array(start_ms), lows, highs, ends_ms, RANGE_MS)
    outcome = over_rows(name, rows, "m")
    assert outcome is not None
    notes, overlaps_count = set(), 0
    for place, (low, high, end) in enumerate(zip(lows.tolist(), highs.tolist(), ends_ms.tolist(), strict=True)):
        part = slice(low, high)
        window = Window("m", end - RANGE_MS, end, at_ms[part], list(histograms[part]), start_ms[part])
        expected, found = WINDOW_FUNCTIONS[name](window), outcome.histograms[place]
        assert (expected is None) == (found is None)
        if isinstance(expected, FloatHistogram) and found is not None:
            assert almost_equal_histograms(expected, found, with_hint=True)
        notes |= set(window.notes)
        overlaps_count += window.overlaps_count
    assert set(outcome.notes) == notes
    assert outcome.overlaps_count == overlaps_count


def test_other_layouts_are_no_table() -> None:
    assert table_of([FloatHistogram(schema=1), FloatHistogram(schema=2)]) is None
    assert table_of([FloatHistogram(), FloatHistogram(zero_threshold=0.5)]) is None
