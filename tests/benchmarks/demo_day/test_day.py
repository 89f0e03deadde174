"""The truth of a day, its load, and the baseline."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.demo_day import three_sigma
from benchmarks.demo_day.clock import MINUTES, DayClock
from benchmarks.demo_day.curve import Curve
from benchmarks.demo_day.recording import Recording, Series, increase
from benchmarks.demo_day.timetable import DayTimetable
from benchmarks.demo_day.truth import FIRST_MINUTE, RECOVERY_MINUTES, Kind, draw_day
from demo.load.requests import Request


@pytest.mark.parametrize("seed", range(40))
def test_every_day_has_all_five_faults_apart_from_each_other(seed: int) -> None:
    day = draw_day(seed)
    assert {fault.kind for fault in day} == set(Kind)
    assert day[0].begins >= FIRST_MINUTE
    assert all(a.ends + RECOVERY_MINUTES <= b.begins + 0.1 for a, b in itertools.pairwise(day))
    assert day[-1].ends + RECOVERY_MINUTES <= MINUTES + 0.1


def test_seeds_differ_and_repeat() -> None:
    assert draw_day(4) == draw_day(4)
    assert len({draw_day(seed) for seed in range(10)}) == 10


def test_the_night_is_quiet_and_its_reports_run_once() -> None:
    curve = Curve(5)
    for day in range(3):
        factors = [curve.factor(day * MINUTES + minute) for minute in range(MINUTES)]
        assert np.mean(factors[3 * 60 : 5 * 60]) < 0.5 * np.mean(factors[19 * 60 : 21 * 60])
        on = [minute for minute in range(MINUTES) if curve.batch_is_on(day * MINUTES + minute)]
        assert 35 <= len(on) <= 45
        assert on == list(range(on[0], on[-1] + 1))
        assert 120 <= on[0] <= 125


def test_arrivals_come_by_chance_as_often_as_the_pace_says() -> None:
    requests = [Request("GET /a", 10.0, lambda _: None), Request("GET /night", 5.0, lambda _: None)]
    table = DayTimetable(requests, 1, lambda at: 2.0 if at >= 50.0 else 1.0, {"GET /night": lambda _: 0.0}, lambda: 0.0)
    seconds = np.zeros(100)
    due = 0.0
    while due < 99.9:
        request, due = table.take()
        assert request.route == "GET /a"
        if due < 100.0:
            seconds[int(due)] += 1
    assert seconds[:50].mean() == pytest.approx(10.0, abs=2.0)
    assert seconds[50:].mean() == pytest.approx(20.0, abs=3.0)
    assert seconds[:50].var() > 4.0


def recording(values: np.ndarray) -> tuple[Recording, DayClock]:
    made = Recording((Series("a", "value", {}),), 1000 * np.arange(1, len(values) + 1), values[None, :])
    return made, DayClock(0, 1.0)


def test_the_baseline_tells_of_a_step_once() -> None:
    values = np.random.default_rng(1).normal(10.0, 1.0, 600)
    values = np.clip(values, 8.0, 12.0)
    values[500:520] = 30.0
    [alarm] = three_sigma.alarms(*recording(values))
    assert alarm.start_ms == 501_000
    assert alarm.observed == 30.0
    assert alarm.expected == pytest.approx(10.0, abs=0.2)


def test_the_baseline_says_nothing_of_constants_gaps_and_its_first_hour() -> None:
    assert three_sigma.alarms(*recording(np.full(300, 5.0))) == []
    values = np.random.default_rng(2).uniform(0.0, 1.0, 300)
    values[30] = 1000.0
    values[100:150] = np.nan
    assert three_sigma.alarms(*recording(values)) == []


def test_a_recording_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("recording")
    made = Recording((Series("a", "rate", {"job": "x"}, ("public.orders",), "SELECT"),), np.arange(3), np.ones((1, 3)))
    made.write(folder)
    again = Recording.read(folder)
    assert again.series == made.series
    assert (again.values == made.values).all()


def test_counters_become_increases_by_row_over_gaps_and_new_beginnings() -> None:
    nan = np.nan
    values = np.array([nan, 10.0, 12.0, nan, nan, 18.0, 4.0, 4.0])
    np.testing.assert_array_equal(increase(values), [nan, nan, 2.0, nan, nan, 2.0, 4.0, 0.0])
