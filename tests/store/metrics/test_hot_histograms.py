"""Native histograms in memory against a plain model: repetitions, stragglers, eviction, several pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.store.metrics import hot_kernels as k
from trimtab.store.metrics.hot import Bounds
from trimtab.store.metrics.hot_histograms import HotHistograms
from trimtab.store.metrics.natives import natives_of
from trimtab.store.metrics.with_histograms import with_histograms
from trimtab.store.promql.histogram import FloatHistogram

WIDE = Bounds(oldest_ms=0, latest_ms=10**15, window_ms=10**12)
Sample = tuple[int, int, int]


def value(count: int) -> FloatHistogram:
    return FloatHistogram(count=float(count), sum=1.5)


def append(histograms: HotHistograms, samples: list[Sample], bounds: Bounds = WIDE) -> list[int]:
    slots = np.array([slot for slot, _, _ in samples], np.int32)
    at_ms = np.array([at for _, at, _ in samples], np.int64)
    natives = natives_of(enumerate(value(count) for _, _, count in samples))
    verdicts = histograms.judge(slots, at_ms, natives, bounds)
    kept = np.flatnonzero(verdicts == k.ACCEPTED)
    histograms.insert(slots[kept], at_ms[kept], natives.picked(kept))
    return [int(verdict) for verdict in verdicts]


def read(histograms: HotHistograms, from_ms: int = 0, to_ms: int = 10**15) -> dict[tuple[int, int], float]:
    _, found = histograms.gather(np.arange(6, dtype=np.int32), from_ms, to_ms)
    keys = list(zip(found.series.tolist(), found.at_ms.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, (one.count for one in found.values), strict=True))


SAMPLES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(1, 3)), min_size=1, max_size=8)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(batches=st.lists(SAMPLES, max_size=12), evict_at=st.integers(0, 12), cut=st.integers(0, 12))
def test_it_holds_what_a_dictionary_holds(batches: list[list[Sample]], evict_at: int, cut: int) -> None:
    histograms = HotHistograms(count_max=10)
    model: dict[tuple[int, int], int] = {}
    for number, batch in enumerate(batches):
        wanted = []
        for slot, at, count in batch:
            known = model.get((slot, at))
            wanted.append(k.ACCEPTED if known is None else k.REPEATED if known == count else k.DUPLICATE)
            model.setdefault((slot, at), count)
        if histograms.from_ms < 0:
            assert append(histograms, batch) == wanted
        else:
            append(histograms, batch)
        if number == evict_at:
            histograms.evict(cut)
        from_ms = max(0, histograms.from_ms)
        assert read(histograms) == {key: count for key, count in model.items() if key[1] >= from_ms}
        assert read(histograms, 3, 7) == {key: count for key, count in model.items() if max(from_ms, 3) <= key[1] <= 7}
        assert histograms.count == sum(at >= from_ms for _, at in model)
    asked = np.arange(6, dtype=np.int32)
    assert histograms.known(asked).tolist() == [any(slot == one for one, _ in model) for slot in range(6)]


def test_times_out_of_bounds_are_told_apart() -> None:
    histograms = HotHistograms(10)
    bounds = Bounds(oldest_ms=100, latest_ms=1000, window_ms=50)
    assert append(histograms, [(0, 500, 1)], bounds) == [k.ACCEPTED]
    batch = [(0, 99, 1), (0, 1001, 1), (0, 449, 1), (0, 450, 1), (0, 500, 1), (0, 500, 2), (1, 449, 1)]
    wanted = [k.TOO_OLD, k.TOO_FAR, k.OUT_OF_ORDER, k.ACCEPTED, k.REPEATED, k.DUPLICATE, k.ACCEPTED]
    assert append(histograms, batch, bounds) == wanted


def test_only_what_the_engine_has_may_go() -> None:
    histograms = HotHistograms(8)
    append(histograms, [(0, at, 1) for at in range(20)])
    histograms.evict(0)
    assert histograms.count == 20
    histograms.evict(3)
    assert (histograms.from_ms, min(read(histograms))) == (3, (0, 3))
    for _ in range(5):
        histograms.evict(100)
    assert histograms.count <= 8
    append(histograms, [(0, 1, 9), (0, 20, 9)])
    assert max(read(histograms).items()) == ((0, 20), 9.0)


def test_of_two_senders_histograms_the_one_with_more_observations_counts() -> None:
    for first, second in ((1, 2), (2, 1)):
        histograms = HotHistograms(8)
        for count in (first, second):  # as when both were judged before either was put in
            histograms.insert(np.zeros(1, np.int32), np.array([5]), natives_of([(0, value(count))]))
        _, found = histograms.gather(np.zeros(1, np.int32), 0, 10)
        offsets, at_ms, bits, objects = with_histograms(np.array([0, 2]), np.array([5, 6]), np.array([7, 8]), [found])
        assert (offsets.tolist(), at_ms.tolist(), bits[1:].tolist()) == ([0, 2], [5, 6], [8])
        assert objects == [value(2), None]
