"""Cycles, other periods, bursts, saw-teeth and leaks: found where they are, and nothing in noise of any colour."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from tests.analyze.patterns.made import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOISES,
    day_wave,
    moments,
    noise,
    saw,
    series,
    with_gaps,
)
from trimtab.analyze.patterns.bursts import bursts
from trimtab.analyze.patterns.cycles import daily, weekly
from trimtab.analyze.patterns.found import Answer, Bursts, Cycle, Leak, NoPattern, SawTeeth, Why
from trimtab.analyze.patterns.leaks import leak
from trimtab.analyze.patterns.of_series import QUESTIONS, patterns_of
from trimtab.analyze.patterns.other_periods import other_period
from trimtab.analyze.patterns.saw_teeth import saw_teeth
from trimtab.stats.time_series import TimeSeries

STEP_MS = 15 * MINUTE_MS
DAYS = 14
COUNT = DAYS * 96
EVERY: tuple[Callable[[TimeSeries], Answer], ...] = (*QUESTIONS, other_period)


def cycle(answer: Answer) -> Cycle:
    assert isinstance(answer, Cycle), answer
    return answer


@pytest.mark.parametrize("kind", NOISES)
def test_a_day_is_found_in_any_noise_with_its_peak_and_amplitude(kind: str) -> None:
    rng = np.random.default_rng(3)
    at = moments(COUNT, STEP_MS)
    found = cycle(daily(series(50 + 10 * (day_wave(at, 15.0) + noise(kind, COUNT, rng) / 2), STEP_MS)))
    assert abs(found.peak_ms - 15 * HOUR_MS) < 2.5 * HOUR_MS  # its top is flat
    assert found.peak_ms_90[0] - HOUR_MS < 15 * HOUR_MS < found.peak_ms_90[1] + HOUR_MS
    assert found.amplitude_90[0] <= found.amplitude
    assert abs(found.amplitude / (20 * np.sqrt(2)) - 1) < 0.2
    share = found.evidence.explained_share
    assert share is not None
    assert 0.55 < share < 1.0
    assert found.evidence.found_share == 1.0


def test_a_week_is_found_beside_the_day() -> None:
    rng = np.random.default_rng(4)
    count = 28 * 24
    at = moments(count, HOUR_MS)
    monday = (at - 4 * DAY_MS) % (7 * DAY_MS)
    is_weekend = monday >= 5 * DAY_MS
    made = series(20 + 5 * day_wave(at, 12.0) - 8 * is_weekend + rng.normal(0, 2, count), HOUR_MS)
    found = cycle(weekly(made))
    assert found.name == "week"
    assert found.profile.index(min(found.profile)) * found.period_ms // len(found.profile) >= 5 * DAY_MS
    assert cycle(daily(made)).name == "day"


def test_another_period_is_found_with_its_length_whatever_its_shape() -> None:
    rng = np.random.default_rng(5)
    pulses = 3.0 * (np.arange(2000) % 37 < 5) + rng.normal(0, 0.8, 2000)
    found = cycle(other_period(series(pulses, MINUTE_MS)))
    assert abs(found.period_ms / (37 * MINUTE_MS) - 1) < 0.01


def test_what_a_day_explains_is_no_other_period() -> None:
    rng = np.random.default_rng(6)
    at = moments(COUNT, STEP_MS)
    made = series(day_wave(at, 9.0) ** 3 + noise("white", COUNT, rng), STEP_MS)
    assert {one.name for one in patterns_of(made) if isinstance(one, Cycle)} == {"day"}


def test_what_repeats_four_times_a_day_is_no_day_and_is_told_once() -> None:
    rng = np.random.default_rng(17)
    wave = np.sin(moments(COUNT, STEP_MS) / (6 * HOUR_MS) * 2 * np.pi)
    answers = patterns_of(series(wave + rng.normal(0, 0.5, COUNT), STEP_MS))
    assert [round(one.period_ms / HOUR_MS) for one in answers if isinstance(one, Cycle)] == [6]
    teeth = patterns_of(series(saw(COUNT, 24) + rng.normal(0, 0.1, COUNT), STEP_MS))
    assert [type(one) for one in teeth if not isinstance(one, NoPattern)] == [SawTeeth]


def test_bursts_of_a_schedule_have_its_minute() -> None:
    rng = np.random.default_rng(7)
    at = moments(3 * 1440, MINUTE_MS)
    load = rng.normal(10, 1, at.size) + 20 * (at // MINUTE_MS % 30 == 11)
    found = bursts(series(load, MINUTE_MS))
    assert isinstance(found, Bursts)
    assert (found.period_ms, found.at_ms) == (30 * MINUTE_MS, 11 * MINUTE_MS)
    assert found.seen_ratio == 1.0
    assert found.burst_share > 0.5


def test_bursts_without_a_schedule_have_a_tail_instead() -> None:
    rng = np.random.default_rng(8)
    load = rng.normal(10, 1, 4000)
    load[rng.choice(4000, 80, replace=False)] += 10 * (rng.pareto(1.5, 80) + 1)
    found = bursts(series(load, MINUTE_MS))
    assert isinstance(found, Bursts)
    assert found.period_ms is None
    assert found.tail_index_90 is not None
    assert found.tail_index_90[0] < 1.5 < found.tail_index_90[1]


@pytest.mark.parametrize(("sign", "direction"), [(1, "up"), (-1, "down")])
def test_saw_teeth_have_their_period_whichever_way_they_stand(sign: int, direction: str) -> None:
    rng = np.random.default_rng(9)
    found = saw_teeth(series(sign * 10 * saw(1000, 70, 20) + rng.normal(0, 2, 1000), MINUTE_MS))
    assert isinstance(found, SawTeeth)
    assert found.direction == direction
    assert abs(found.period_ms / (70 * MINUTE_MS) - 1) < 0.02
    assert abs(found.amplitude / (10 * np.sqrt(12)) - 1) < 0.2
    assert found.evidence.found_share == 1.0


def test_a_leak_has_its_slope_with_and_without_saw_teeth() -> None:
    rng = np.random.default_rng(10)
    count = 1440
    grows = 1e6 * np.arange(count) / 60
    plain = leak(series(grows + rng.normal(0, 2e6, count), MINUTE_MS, unit="By"))
    assert isinstance(plain, Leak)
    assert plain.slope_per_h_90[0] < 1e6 < plain.slope_per_h_90[1]
    assert not plain.is_under_saw_teeth
    under = leak(series(grows + 2e7 * saw(count, 60), MINUTE_MS, unit="By"))
    assert isinstance(under, Leak)
    assert under.is_under_saw_teeth
    assert abs(under.slope_per_h / 1e6 - 1) < 0.1


def test_a_leak_is_counted_from_the_last_reset() -> None:
    rng = np.random.default_rng(11)
    values = np.concatenate([np.arange(900.0), np.arange(500.0)]) + rng.normal(0, 5, 1400)
    found = leak(series(values, MINUTE_MS))
    assert isinstance(found, Leak)
    assert found.last_reset_ms is not None
    assert (
        0 <= (found.last_reset_ms - moments(1400, MINUTE_MS)[900]) // MINUTE_MS <= 3
    )  # noise is lowest a little later
    assert found.resets == 1


@pytest.mark.parametrize("kind", NOISES)
def test_noise_has_no_pattern_in_more_than_a_few_of_many_series(kind: str) -> None:
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(12):
        answers = patterns_of(series(noise(kind, 10 * 96, rng), STEP_MS))
        wrong += sum(not isinstance(one, NoPattern | Bursts) for one in answers)
        wrong += sum(isinstance(one, Bursts) and one.period_ms is not None for one in answers)
    assert wrong <= 2  # of 72 answers; benchmarks/patterns.py has the rates


def test_gaps_are_bridged_and_too_many_are_refused() -> None:
    rng = np.random.default_rng(13)
    at = moments(COUNT, STEP_MS)
    made = series(day_wave(at, 6.0) + noise("white", COUNT, rng) / 2, STEP_MS)
    assert cycle(daily(with_gaps(made, 0.15, rng))).name == "day"
    refused = daily(with_gaps(made, 0.45, rng))
    assert isinstance(refused, NoPattern)
    assert refused.why is Why.GAPS


@pytest.mark.parametrize("question", EVERY)
def test_short_and_constant_series_say_so(question: Callable[[TimeSeries], Answer]) -> None:
    short = question(series(np.arange(20.0), MINUTE_MS))
    assert isinstance(short, NoPattern)
    assert short.why is Why.TOO_SHORT
    same = question(series(np.full(500, 7.0), MINUTE_MS))
    assert isinstance(same, NoPattern)
    assert same.why is Why.CONSTANT
    empty = question(series(np.full(500, np.nan), MINUTE_MS))
    assert isinstance(empty, NoPattern)
    assert empty.why is Why.TOO_SHORT


def test_two_days_are_too_short_for_a_day_and_two_weeks_for_a_week() -> None:
    rng = np.random.default_rng(14)
    for question, days in ((daily, 2), (weekly, 14)):
        refused = question(series(rng.normal(0, 1, days * 96), STEP_MS))
        assert isinstance(refused, NoPattern)
        assert refused.why is Why.TOO_SHORT


def test_the_unit_and_the_step_change_nothing() -> None:
    rng = np.random.default_rng(15)
    at = moments(COUNT, STEP_MS)
    values = 100 + 10 * day_wave(at, 8.0) + rng.normal(0, 3, COUNT)
    whole, small = cycle(daily(series(values, STEP_MS))), cycle(daily(series(values / 1000, STEP_MS)))
    assert small.amplitude == pytest.approx(whole.amplitude / 1000)
    assert small.evidence.p_value == pytest.approx(whole.evidence.p_value)
    assert small.peak_ms == whole.peak_ms


def test_answers_can_be_written_as_json() -> None:
    rng = np.random.default_rng(16)
    at = moments(7 * 1440, MINUTE_MS)
    values = (
        np.arange(at.size) / 100
        + 5 * day_wave(at, 3.0)
        + rng.normal(0, 1, at.size)
        + 20 * (np.arange(at.size) % 60 == 5)
    )
    values[rng.choice(at.size, 30, replace=False)] += 50
    answers = patterns_of(series(values, MINUTE_MS))
    assert sum(not isinstance(one, NoPattern) for one in answers) >= 2
    for made in (*answers, saw_teeth(series(saw(900, 60), MINUTE_MS)), leak(series(values, MINUTE_MS))):
        assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made
