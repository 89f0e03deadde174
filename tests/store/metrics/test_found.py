"""What a selection finds, in pieces and in groups, is what the whole of it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import now_ms, samples
from tests.store.metrics.test_store import opened
from trimtab.store.metrics.block import Labels, Matcher
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.whole import groups_of

pytestmark = pytest.mark.store
ALL = [[Matcher("__name__", "=~", "m|other")]]
ONE = [[Matcher("__name__", "=", "m")]]
SERIES: list[Labels] = [
    (("__name__", "m" if number % 5 else "other"), ("job", str(number % 4)), ("n", str(number))) for number in range(60)
]
NAMES = (frozenset[str](), frozenset(("job",)), frozenset(("job", "n")), frozenset(("__name__",)), frozenset(("no",)))


@pytest.mark.parametrize("hot_bytes", [1 << 24, 4096])
def test_pieces_and_groups(tmp_path: Path, hot_bytes: int) -> None:
    begin = now_ms() - 400_000
    limits = MetricLimits(load_interval_s=0.05, hot_bytes_max=hot_bytes)
    with opened(tmp_path, limits) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES).slots
        for scrape in range(20):
            there = slots[scrape % 3 :: 2]
            metrics.append(samples(there.tolist(), begin + 15_000 * scrape, [float(scrape)] * len(there)))
            telemetry.flush(30)
        some = slots[:7]  # since when they count
        starts = np.full(len(some), begin, np.int64)
        metrics.append(Samples(some, starts + 390_000, np.ones(len(some)), starts + 300_000))
        found = metrics.open(ALL, begin + 30_000, now_ms())
        whole = found.whole()
        assert found.is_divisible
        assert whole.start_ms is not None
        assert list(found.labels) == list(whole.labels)
        assert found.samples_count == len(whole.at_ms) > 300
        for size in (1, 7, 40, 10_000):
            seen = 0
            for first, block in found.pieces(size):
                assert first == seen
                seen += len(block.offsets) - 1
                low, high = int(whole.offsets[first]), int(whole.offsets[seen])
                np.testing.assert_array_equal(block.offsets + low, whole.offsets[first : seen + 1])
                np.testing.assert_array_equal(block.at_ms, whole.at_ms[low:high])
                np.testing.assert_array_equal(block.values, whole.values[low:high])
                np.testing.assert_array_equal(block.start_ms, whole.start_ms[low:high])
            assert seen == found.series_count
        for names in NAMES:
            for is_without in (False, True):
                labels, numbers = found.groups(names, is_without=is_without)
                wanted = groups_of(whole.labels, names, is_without=is_without)
                assert (list(labels), numbers.tolist()) == (wanted[0], wanted[1].tolist())
        assert found.metric is None
        assert metrics.open(ONE, begin, now_ms()).metric == "m"
