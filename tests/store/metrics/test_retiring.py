"""Series of which nothing is kept leave, and come back when they are sent again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import now_ms, read, samples, series_named
from tests.store.metrics.test_registry import labels, registry
from tests.store.metrics.test_rolled_answers import LATE, opened, wait_until_gone
from tests.store.metrics.test_store import SERIES
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.block import Matcher
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.retention import DAY_MS

UP = [labels(metric="up", job=str(number)) for number in range(4)]
ALL = [[Matcher("__name__", "=", "up")]]


def test_a_retired_series_makes_room_and_is_defined_again_in_another_slot() -> None:
    series, defined = registry(MetricLimits(series_max=4))
    slots = series.register(UP).slots
    extra = labels(metric="up", job="extra")
    assert series.register([extra]).refused[0][0] == "series_max"
    series.doom(slots[1:3])
    assert series.retire(60.0) == []
    assert series.retire(0.0) == series.ids[1:3].tolist()
    assert (series.alive_count, series.series_by_metric["up"]) == (2, 2)
    assert series.select(ALL).tolist() == [0, 3]
    assert series.slots_of(series.ids[:4]).tolist() == [0, -1, -1, 3]
    assert series.register([extra]).slots.tolist() == [4]
    sizes = series.cardinality(1)
    assert (sizes.series_by_metric, sizes.series_by_pair) == ([("up", 3)], [("__name__=up", 3)])
    # a sender that still has the slots
    assert series.living(np.array([3, 1, 1, 0, -1], np.int32)).tolist() == [3, 5, 5, 0, -1]
    assert defined[-1].labels == UP[1]
    assert series.ids[5] == series.ids[1]
    assert series.living(np.array([2, 1], np.int32)).tolist() == [-1, 5]  # there is no room for both
    assert series.labels_list(series.select(ALL)) == [UP[0], UP[3], extra, UP[1]]


def test_who_is_used_meanwhile_is_spared() -> None:
    series, _ = registry()
    slots = series.register(UP).slots
    series.doom(slots)
    series.living(slots[:1])
    series.register(UP[1:2])
    assert len(series.retire(0.0)) == 2
    assert series.select(ALL).tolist() == [0, 1]


@pytest.mark.store
@pytest.mark.usefixtures("kept_by_hand")
def test_series_without_samples_leave_memory_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = now_ms()
    gone, kept = SERIES[:50], SERIES[50:100]
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        metrics = telemetry.metrics
        metrics.append(samples(metrics.register(gone).slots, now - 3 * DAY_MS, [1.0] * 50))
        metrics.append(samples(metrics.register(kept).slots, now - 1000, [2.0] * 50))
        telemetry.flush(20)
    day = RetentionPolicy(metrics_days=1, metrics_5m_days=1, metrics_1h_days=1)
    with opened(tmp_path, day, replace(LATE, series_max=100)) as telemetry:
        metrics = telemetry.metrics
        wait_until_gone(telemetry, now - 2 * DAY_MS)
        slots = metrics.register(gone).slots
        metrics._retiring.keep()
        assert metrics.status().series_count == 100  # seen a moment ago
        monkeypatch.setattr("trimtab.store.metrics.retiring.now_ms", lambda: now + 4 * DAY_MS)
        monkeypatch.setattr(metrics._retiring, "spared_s", 0.0)
        metrics._retiring.keep()
        monkeypatch.undo()
        status = metrics.status()
        assert (status.series_count, status.retired_series_count) == (50, 50)
        telemetry.flush(20)
        stored = "SELECT uniqExact(id) AS n FROM metric_series"
        assert telemetry.query(stored)["n"].to_pylist() == [50]
        assert len(read(metrics, 0, now_ms())) == 50
        fresh = metrics.register([series_named(f"fresh{number}") for number in range(49)])
        assert (fresh.slots >= 0).all()
        assert metrics.append(samples(slots[:1], now - 500, [3.0])).accepted_count == 1
        assert metrics.append(samples(slots[1:2], now - 500, [3.0])).refused == {"series_unknown": 1}
        assert read(metrics, now - 600, now_ms())["0"] == [(now - 500, 3.0)]
    with opened(tmp_path, day) as telemetry:
        found = read(telemetry.metrics, now - DAY_MS, now_ms())
        assert found["0"] == [(now - 500, 3.0)]
        assert len(found) == 51
        assert telemetry.metrics.status().series_count == 100


@pytest.mark.store
@pytest.mark.usefixtures("kept_by_hand")
def test_who_sends_is_seen_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES[:10]).slots
        metrics.append(samples(slots, now_ms(), [1.0] * 10))
        lives = metrics._parts.registry.lives
        lives._seen_ms.array[:10] = 0
        metrics._retiring.keep()
        assert (lives.seen_ms(10) > now_ms() - 60_000).all()
        lives._seen_ms.array[:10] = 0
        telemetry.flush(20)
        monkeypatch.setattr(metrics._retiring, "spared_s", 0.0)
        monkeypatch.setattr("trimtab.store.metrics.retiring.now_ms", lambda: now_ms() + 3000 * DAY_MS)
        for _ in range(2):
            metrics._retiring.keep()  # the engine still has something of them
        assert metrics.status().series_count == 10
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        assert telemetry.metrics.status().series_count == 10
