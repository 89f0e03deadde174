"""The hot window against a plain model: order, stragglers, repetitions, eviction, reading back."""

from __future__ import annotations

import itertools
import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.store.metrics import hot, hot_kernels
from trimtab.store.metrics.assemble import assemble
from trimtab.store.metrics.block import STALE_BITS, QueryTooBig
from trimtab.store.metrics.hot import Bounds, HotWindow
from trimtab.store.metrics.slab import merged, slab_of

WIDE = Bounds(oldest_ms=0, latest_ms=10**15, window_ms=10**12)
Sample = tuple[int, int, int]
STALE = float(np.array([STALE_BITS], np.int64).view(np.float64)[0])


def arrays(samples: list[Sample]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    columns = np.array(samples, np.int64).reshape(-1, 3)
    return columns[:, 0].astype(np.int32), columns[:, 1].copy(), columns[:, 2].copy()


def append(window: HotWindow, samples: list[Sample], bounds: Bounds = WIDE, slots_count: int = 6) -> list[int]:
    """Verdicts, in the order of the samples."""
    slots, at_ms, bits = arrays(samples)
    judged = window.judge(slots, at_ms, bits, slots_count, bounds)
    order = np.arange(len(slots)) if judged.order is None else judged.order
    verdicts = np.zeros(len(slots), np.uint8) if judged.verdicts is None else judged.verdicts
    kept = order[verdicts == hot_kernels.ACCEPTED]
    window.insert(slots[kept], at_ms[kept], bits[kept], judged.version, bounds)
    answer = np.empty(len(slots), np.int64)
    answer[order] = verdicts
    return answer.tolist()


def read(
    window: HotWindow, from_ms: int = 0, to_ms: int = 10**15, slots_count: int = 6
) -> dict[int, list[tuple[int, int]]]:
    slots = np.arange(slots_count, dtype=np.int32)
    _, parts = window.gather(slots, from_ms, to_ms)
    offsets, at_ms, bits = assemble(parts, slots_count, 10**9)
    return {
        slot: list(zip(at_ms[first:end].tolist(), bits[first:end].tolist(), strict=True))
        for slot, (first, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True))
        if end > first
    }


samples_of_tests = st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 2))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(samples_of_tests, max_size=40), max_size=12),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([3, 7, 1000]),
    st.sampled_from([1, 64]),
)
def test_it_holds_what_a_dictionary_holds(
    batches: list[list[Sample]], from_ms: int, to_ms: int, head_samples: int, stragglers_max: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hot, "_HEAD_SAMPLES_MIN", head_samples)
        patch.setattr(hot, "_STRAGGLERS_MAX", stragglers_max)
        window = HotWindow(1 << 30)
        model: dict[tuple[int, int], int] = {}
        for batch in batches:
            verdicts = append(window, batch)
            settled: dict[tuple[int, int], int] = {}
            for (slot, at, value), verdict in zip(batch, verdicts, strict=True):
                known = model.get((slot, at), settled.get((slot, at)))
                if known is None:
                    assert verdict == hot_kernels.ACCEPTED
                    settled[slot, at] = value
                else:
                    assert verdict == (hot_kernels.REPEATED if known == value else hot_kernels.DUPLICATE)
            model |= settled
        wanted: dict[int, list[tuple[int, int]]] = {}
        for (slot, at), value in sorted(model.items()):
            if from_ms <= at <= to_ms:
                wanted.setdefault(slot, []).append((at, value))
        assert read(window, from_ms, to_ms) == wanted
        assert window.newest_ms == max((at for _, at in model), default=0)


def test_times_out_of_bounds_and_unknown_slots_are_told_apart() -> None:
    window = HotWindow(1 << 30)
    bounds = Bounds(oldest_ms=100, latest_ms=1000, window_ms=50)
    assert append(window, [(0, 500, 1)], bounds) == [hot_kernels.ACCEPTED]
    batch = [(0, 99, 1), (0, 1001, 1), (0, 449, 1), (0, 450, 1), (9, 500, 1), (-1, 500, 1), (0, 500, 1), (0, 500, 2)]
    assert append(window, batch, bounds) == [
        hot_kernels.TOO_OLD,
        hot_kernels.TOO_FAR,
        hot_kernels.OUT_OF_ORDER,
        hot_kernels.ACCEPTED,
        hot_kernels.UNKNOWN,
        hot_kernels.UNKNOWN,
        hot_kernels.REPEATED,
        hot_kernels.DUPLICATE,
    ]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([1.0, 2.0, -3.0], 2.0),
        ([-1.0, -2.0], -1.0),
        ([0.0, -0.0], 0.0),
        ([math.nan, -math.inf], -math.inf),
        ([STALE, math.nan, STALE], math.nan),
        ([STALE, 1.0], 1.0),
    ],
)
def test_which_of_several_values_at_one_time_counts(values: list[float], counts: float) -> None:
    for order in itertools.permutations(values):
        bits = np.array([5.0, *order, 6.0]).view(np.int64)
        offsets, at_ms = np.array([0, len(bits)]), np.array([1, *[2] * len(order), 3])
        assert hot_kernels.drop_repeated(offsets, at_ms, bits) == 3
        assert bits[:3].tolist() == np.array([5.0, counts, 6.0]).view(np.int64).tolist()
        assert (at_ms[:3].tolist(), offsets.tolist()) == ([1, 2, 3], [0, 3])


def test_the_oldest_goes_when_it_is_full_but_only_what_the_engine_has() -> None:
    window = HotWindow(1_000_000)
    for scrape in range(2000):
        append(window, [(slot, scrape * 1000 + slot, scrape) for slot in range(100)], slots_count=100)
        window.evict(loaded_before_ms=500_000)
    assert window.size_bytes > 1_000_000
    assert 0 < window.from_ms <= 500_000
    window.evict(loaded_before_ms=10**12)
    assert window.size_bytes <= 1_000_000
    assert 500_000 < window.from_ms < 2_000_000
    found = read(window, slots_count=100)
    first = -(-window.from_ms // 1000) * 1000
    assert [at for at, _ in found[0]] == list(range(first, 2_000_000, 1000))


def test_what_comes_for_older_times_while_they_are_read_back_is_not_lost_and_not_twice() -> None:
    window = HotWindow(1 << 30)
    window.begin_reload(100)
    assert append(window, [(0, 110, 1), (1, 50, 7), (0, 60, 8), (0, 70, 9), (2, 20, 1)]) == [hot_kernels.ACCEPTED] * 5
    assert read(window) == {0: [(60, 8), (70, 9), (110, 1)], 1: [(50, 7)], 2: [(20, 1)]}
    window.evict(loaded_before_ms=1000)  # while it is read back, nothing is forgotten
    slab = slab_of(*arrays([(0, 60, 8), (0, 80, 2), (3, 55, 5)]), 4)
    assert window.prepend(slab, 50)
    assert read(window) == {0: [(60, 8), (70, 9), (80, 2), (110, 1)], 1: [(50, 7)], 2: [(20, 1)], 3: [(55, 5)]}
    assert append(window, [(3, 55, 5), (0, 80, 3)]) == [hot_kernels.REPEATED, hot_kernels.DUPLICATE]
    assert window.prepend(None, 10)
    assert read(window)[2] == [(20, 1)]
    window.end_reload()
    assert not window.prepend(None, 0)
    append(window, [(5, 5, 5), (5, 6, 6)])
    assert read(window)[5] == [(5, 5), (6, 6)]
    assert append(window, [(5, 5, 5), (5, 5, 4)]) == [hot_kernels.REPEATED, hot_kernels.DUPLICATE]
    window.evict(loaded_before_ms=6)
    assert 5 in read(window)
    window.evict(loaded_before_ms=7)
    assert 5 not in read(window)


def test_too_many_samples_are_refused_before_memory_is_taken() -> None:
    window = HotWindow(1 << 30)
    append(window, [(0, at, 0) for at in range(11)])
    _, parts = window.gather(np.zeros(1, np.int32), 0, 100)
    with pytest.raises(QueryTooBig, match="11 samples; the limit is 10"):
        assemble(parts, 1, 10)


@pytest.mark.slow
def test_readers_see_whole_scrapes_while_writers_write() -> None:
    window = HotWindow(4_000_000)
    is_over = threading.Event()
    torn: list[object] = []

    def look() -> None:
        while not is_over.is_set():
            found = read(window, slots_count=50)
            ends = {series[-1] for series in found.values()}
            if len(ends) > 1 or len(found) not in {0, 50}:
                torn.append(ends)

    reader = threading.Thread(target=look)
    reader.start()
    for scrape in range(5000):
        append(window, [(slot, scrape, scrape) for slot in range(50)], slots_count=50)
        window.evict(scrape)
    is_over.set()
    reader.join()
    assert not torn


def test_slabs_become_one_whatever_order_their_times_have() -> None:
    rng = np.random.default_rng(3)
    slabs, rows = [], []
    for slots_count in (3, 7, 5):  # series come, and a slab knows those that were there
        slots = rng.integers(0, slots_count, 40).astype(np.int32)
        at_ms, bits = rng.integers(0, 1000, 40), rng.integers(0, 1 << 62, 40)
        slabs.append(slab_of(slots, at_ms, bits, slots_count))
        rows += list(zip(slots.tolist(), at_ms.tolist(), bits.tolist(), strict=True))
    for count in (1, 3):
        one = merged(slabs[:count])
        wanted = sorted(rows[: 40 * count], key=lambda row: row[:2])  # of one time, those of the first slab come first
        series = np.repeat(np.arange(len(one.offsets) - 1), np.diff(one.offsets)).tolist()
        assert list(zip(series, one.at_ms.tolist(), one.bits.tolist(), strict=True)) == wanted
        assert (one.from_ms, one.to_ms) == (min(row[1] for row in wanted), max(row[1] for row in wanted))
