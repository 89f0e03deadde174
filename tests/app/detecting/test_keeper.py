"""Series of a real store go through the detector: steps are told with what was expected, steady series are not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.app.detecting.worlds import STEP_MS, World, history, steady, world_of
from tests.empty_store import make_tables
from trimtab.app.detecting.answers import episode_row
from trimtab.app.detecting.normal import say_normal
from trimtab.model.anomalies import SeriesMeasure, Source
from trimtab.model.errors import InputError, NotFound
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    now_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS - 7_200_000  # a store takes nothing from the future
    with (
        EmbeddedTelemetry.open(make_tables(tmp_path / "data")) as store,
        world_of(store.metrics, tmp_path, now_ms) as made,
    ):
        yield made


def test_a_step_is_told_with_what_was_expected_and_a_steady_series_is_not(world: World) -> None:
    at_ms = history(world.now_ms, 500)
    world.write("queue", at_ms, steady(500), host="a")
    stepped = steady(500, seed=2)
    stepped[-8:] += 40
    world.write("queue", at_ms, stepped, host="b")
    world.tick()
    [found] = world.episodes()
    assert found.is_open
    assert found.series.labels["host"] == "b"
    assert found.series.measure is SeriesMeasure.VALUE
    assert found.start_ms == at_ms[-8]
    assert found.observed > 45
    assert found.low is not None
    assert found.high is not None
    assert found.expected == pytest.approx(10, abs=2)
    assert 5 < found.low < 10 < found.high < 15
    row = episode_row(found)
    assert row.query == 'queue{host="b"}'
    assert row.samples.startswith("/explore?q=queue")
    assert world.anomalies is not None
    assert (world.anomalies.now.metrics_count, world.anomalies.now.open) == (2, (found,))


def test_an_episode_ends_when_it_is_as_expected_again(world: World) -> None:
    values = steady(500)
    values[-30:-25] += 60
    world.write("queue", history(world.now_ms, 500), values)
    world.tick()
    [found] = world.episodes()
    assert found.closed_at_ms is not None
    assert found.start_ms <= found.closed_at_ms <= world.now_ms - 20 * STEP_MS
    assert world.episodes(is_open=True) == []


def test_old_history_teaches_and_is_not_told(world: World) -> None:
    values = steady(500)
    values[200:210] += 60
    world.write("queue", history(world.now_ms, 500), values)
    world.tick()
    assert world.episodes() == []


def test_counters_become_rates_over_resets_and_means_are_of_sums_and_counts(world: World) -> None:
    at_ms = history(world.now_ms, 500)
    rates = steady(500, 100.0)
    counted = np.cumsum(rates * 15)
    counted[300:] -= counted[299]  # the process began anew
    world.write("requests_total", at_ms, counted, "counter")
    took = steady(500, 0.2, seed=3)
    took[-6:] *= 5
    calls = np.cumsum(steady(500, 150.0, seed=4))
    world.write("took_seconds_sum", at_ms, np.cumsum(took * np.diff(calls, prepend=0)), "histogram")
    world.write("took_seconds_count", at_ms, calls, "histogram")
    world.tick()
    found = world.episodes()
    assert [(one.series.name, one.series.measure.value, one.series.unit) for one in found] == [
        ("took_seconds_sum", "mean", "s")
    ]
    assert found[0].observed == pytest.approx(1.0, abs=0.2)
    assert found[0].expected == pytest.approx(0.2, abs=0.05)
    query = episode_row(found[0]).query
    assert query == "rate(took_seconds_sum[60s]) / rate(took_seconds_count[60s])"


def test_names_that_are_left_out_are_not_looked_at_and_others_are_from_then_on(world: World) -> None:
    world.policy = replace(world.policy, leave_out=("*_bucket", "noise"))
    at_ms = history(world.now_ms, 100)
    for name in ("noise", "took_bucket", "queue"):
        world.write(name, at_ms, steady(100))
    world.tick()
    assert world.anomalies is not None
    now = world.anomalies.now
    assert (now.metrics_count, now.out_count) == (1, 2)
    world.policy = replace(world.policy, leave_out=("queue",))
    world.now_ms += STEP_MS
    world.tick()
    now = world.anomalies.now
    assert (now.metrics_count, now.out_count) == (2, 1)


def test_what_there_is_no_room_for_is_left_out_and_counted(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    with (
        EmbeddedTelemetry.open(make_tables(tmp_path / "data")) as store,
        world_of(store.metrics, tmp_path, now_ms, {"series_max": 100}) as world,
    ):
        for number in range(120):
            world.write("queue", history(now_ms, 5), steady(5), host=str(number))
        world.tick()
        assert world.anomalies is not None
        now = world.anomalies.now
        assert (now.metrics_count, now.full_count) == (100, 20)
        numbers = {(one.name, one.labels.get("reason")): one.value for one in world.anomalies.numbers()}
        assert numbers["trimtab_anomaly_series_left_out", "series_max"] == 20


def test_series_that_are_long_silent_make_room(world: World) -> None:
    world.policy = replace(world.policy, forget_s=600)
    world.write("queue", history(world.now_ms, 100), steady(100))
    world.tick()
    world.now_ms += 3_600_000
    world.tick()
    assert world.anomalies is not None
    assert world.anomalies.now.metrics_count == 0


def test_a_restart_goes_on_where_it_was(world: World) -> None:
    values = steady(500)
    values[-4:] += 40
    world.write("queue", history(world.now_ms, 500), values)
    world.tick()
    [before] = world.episodes()
    world.end()
    world.begin()
    world.now_ms += STEP_MS
    world.write("queue", np.array([world.now_ms]), np.array([55.0]))
    world.tick()
    [after] = world.episodes()
    assert (after.id, after.start_ms, after.is_open) == (before.id, before.start_ms, True)
    assert world.anomalies is not None
    looking = world.anomalies._looking
    assert looking is not None
    assert looking.rows_count == 1  # its history was not read again
    later = np.arange(world.now_ms + STEP_MS, world.now_ms + 270 * STEP_MS, STEP_MS)
    world.write("queue", later, steady(len(later), seed=9))
    world.now_ms = int(later[-1])
    world.tick()
    [over] = world.episodes()
    assert over.closed_at_ms is not None


def test_a_kill_loses_no_episode_and_a_torn_file_is_passed_over(world: World) -> None:
    values = steady(500)
    values[-4:] += 40
    world.write("queue", history(world.now_ms, 500), values)
    world.tick()
    [before] = world.episodes()
    world.end()
    file = world.folder / "anomalies.state"
    file.write_bytes(file.read_bytes()[:-10])
    world.begin()
    world.tick()
    assert world.anomalies is not None
    looking = world.anomalies._looking
    assert looking is not None
    assert looking.rows_count == 500
    [after] = world.episodes()  # the same one, not another of the same time
    assert (after.id, after.start_ms, after.is_open) == (before.id, before.start_ms, True)


def test_what_goes_on_after_a_kill_is_held_against_what_was_expected_when_it_began(world: World) -> None:
    values = steady(500)
    values[-4:] += 40
    world.write("queue", history(world.now_ms, 500), values)
    world.tick()
    [before] = world.episodes()
    world.end()
    (world.folder / "anomalies.state").unlink()
    later = np.arange(1, 61) * STEP_MS + world.now_ms
    world.write("queue", later, steady(60, seed=9) + np.where(np.arange(60) < 55, 40.0, 50.0))
    world.now_ms = int(later[-1])
    world.begin()
    world.tick()
    [after] = world.episodes()
    assert (after.id, after.start_ms, after.is_open) == (before.id, before.start_ms, True)
    assert (after.expected, after.low, after.high) == (before.expected, before.low, before.high)
    assert after.expected == pytest.approx(10, abs=2)


def test_what_somebody_says_is_normal_is_not_told_until_it_is_taken_back(world: World) -> None:
    at_ms = history(world.now_ms, 500)
    values = steady(500)
    values[-4:] += 40
    world.write("queue", at_ms, values)
    world.tick()
    assert world.anomalies is not None
    [found] = world.episodes(is_open=True)
    with pytest.raises(InputError, match="reason"):
        say_normal(world.anomalies, found.id, "ada", " ", hours=1, every_test=True, now_ms=world.now_ms)
    with pytest.raises(NotFound):
        say_normal(world.anomalies, 99, "ada", "batch", hours=1, every_test=True, now_ms=world.now_ms)
    said = say_normal(world.anomalies, found.id, "ada", "batch", hours=None, every_test=True, now_ms=world.now_ms)
    assert world.episodes(is_open=True) == []
    assert world.anomalies.now.open == ()
    for number in range(12):
        world.now_ms += STEP_MS
        world.write("queue", np.array([world.now_ms]), np.array([300.0 + number * 50]))
        world.tick()
    assert world.episodes(is_open=True) == []
    world.anomalies.take_back(said.id, "bob")
    world.now_ms += STEP_MS
    world.write("queue", np.array([world.now_ms]), np.array([9000.0]))
    world.tick()
    assert len(world.episodes(is_open=True)) == 1
    assert world.episodes()[0].series.source is Source.METRIC
