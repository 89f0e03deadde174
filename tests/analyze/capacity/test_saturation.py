"""Dates of saturation: each kind of history has the answer that it deserves; ranges hold on growth not tuned on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.growth_series import simulated
from benchmarks.saturation import not_filling, score
from trimtab.analyze.capacity.answers import DAY_MS, HOUR_MS, SaturationSettings
from trimtab.analyze.capacity.growth import GrowthAssumption, Relation
from trimtab.analyze.capacity.history import history_of, level_shifts, tooth_length
from trimtab.analyze.capacity.peaks import BUCKETS_MAX, peaks_of
from trimtab.analyze.capacity.saturation import saturation
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64, TimeSeries

DRAW = np.random.default_rng(11)


def daily(values: F64, name: str = "disk") -> TimeSeries:
    return TimeSeries(name, np.arange(len(values), dtype=np.int64) * DAY_MS, np.asarray(values, np.float64), "By")


def hourly(values: F64) -> TimeSeries:
    return TimeSeries("cpu", np.arange(len(values), dtype=np.int64) * HOUR_MS, np.asarray(values, np.float64), "%")


def noise(count: int, spread: float = 1.0) -> F64:
    return np.random.default_rng(3).normal(0, spread, count)


def test_a_limit_below_is_reached_from_above_as_one_above_is_from_below() -> None:
    days = np.arange(60.0)
    used = saturation(daily(100 + 2 * days + noise(60)), 300.0)
    free = saturation(daily(200 - 2 * days - noise(60)), 0.0)
    assert (used.falling, free.falling) == (False, True)
    for below, above in zip(
        (free.date_ms, free.earliest_ms, free.latest_ms), (used.date_ms, used.earliest_ms, used.latest_ms), strict=True
    ):
        assert below == pytest.approx(above, abs=DAY_MS), (
            "numbers below 0 have no growth by a factor, else it is the same"
        )
    assert used.growth_per_day == pytest.approx(2, abs=0.1)
    assert free.growth_per_day == pytest.approx(-2, abs=0.1)
    assert free.band.low[-1] < free.band.middle[-1] < free.band.high[-1]


@pytest.mark.parametrize(
    ("values", "limit", "outcome"),
    [
        (50 + noise(60), 80.0, "no_trend"),
        (np.full(60, 7.0), 9.0, "no_trend"),
        (100 + 0.5 * np.arange(60.0) + noise(60, 0.3), 100_000.0, "never"),
        (100 + 2 * np.arange(60.0), 218.0, "already"),
        (np.arange(5.0), 50.0, "too_little"),
        (np.full(30, np.nan), 1.0, "too_little"),
        (np.zeros(0), 1.0, "too_little"),
        (100 + 2 * np.arange(60.0) + noise(60), 300.0, "dated"),
    ],
)
def test_every_answer_has_its_reason(values: F64, limit: float, outcome: str) -> None:
    found = saturation(daily(values), limit)
    assert found.outcome == outcome, found
    assert found.reason
    assert (found.date_ms is not None) == (outcome == "dated")


def test_a_limit_that_is_no_number_is_refused_and_so_are_settings_beyond_their_limits() -> None:
    with pytest.raises(InputError, match="disk: the limit is a finite number, not nan"):
        saturation(daily(np.arange(20.0)), float("nan"))
    with pytest.raises(ValueError, match="range_ratio"):
        SaturationSettings(range_ratio=1.0)
    with pytest.raises(ValueError, match="paths"):
        SaturationSettings(paths=5)


def test_the_answer_does_not_depend_on_the_unit_and_is_the_same_again() -> None:
    values = 100 + 2 * np.arange(60.0) + noise(60)
    once, again = saturation(daily(values), 300.0), saturation(daily(values), 300.0)
    scaled = saturation(daily(values * 1e9), 300.0e9)
    assert once.date_ms == again.date_ms == scaled.date_ms
    assert (once.earliest_ms, once.latest_ms) == (scaled.earliest_ms, scaled.latest_ms)


def test_a_disk_that_is_cleaned_up_is_judged_by_its_tops() -> None:
    days = np.arange(90.0)
    teeth = 40 * ((days % 9) / 9)
    assert tooth_length(100 + 0.5 * days + teeth) == 9
    found = saturation(daily(100 + 0.5 * days + teeth + noise(90, 0.5)), 200.0)
    assert found.outcome == "dated"
    # The tops are 135.6 + 0.5 a day: 200 comes some 39 days ahead of the end.
    assert (found.earliest_ms or 0) < (90 + 39) * DAY_MS < (found.latest_ms or 0)
    assert any("emptied" in note for note in found.notes)
    assert saturation(daily(100 + teeth + noise(90, 0.5)), 200.0).outcome == "no_trend"


def test_what_was_before_a_shift_of_level_says_nothing_of_the_trend() -> None:
    before, after = 100 + 0.1 * np.arange(40.0), 400 + 3.0 * np.arange(40.0)
    values = np.concatenate([before, after]) + noise(80)
    assert level_shifts(values)[0].tolist() == [40]
    found = saturation(daily(values), 700.0)
    assert abs((found.date_ms or 0) / DAY_MS - (79 + (700 - 517) / 3)) < 10
    assert any("after the last shift" in note for note in found.notes)
    # One that came a few days ago is taken out, and the growth of before goes on.
    young = np.concatenate([100 + 2 * np.arange(60.0), 300 + 2 * np.arange(60.0, 66.0)]) + noise(66)
    assert abs((saturation(daily(young), 600.0).date_ms or 0) / DAY_MS - (65 + (600 - 430) / 2)) < 15


def test_growth_that_bends_has_a_wider_range_than_growth_that_does_not() -> None:
    days = np.arange(80.0)

    def width(values: F64) -> float:
        found = saturation(daily(values + noise(80, 0.5)), 260.0)
        assert found.earliest_ms is not None
        end = found.latest_ms if found.latest_ms is not None else found.horizon_end_ms
        return (end - 79 * DAY_MS) / (found.earliest_ms - 79 * DAY_MS)

    straight = width(100 + days)
    assert width(100 + 36 * np.log1p(days / 10)) > 1.5 * straight
    assert width(np.where(days < 50, 100 + 0.4 * days, 120 + 2 * (days - 50))) > straight


def test_peaks_of_the_week_come_again_in_what_is_ahead() -> None:
    days = np.arange(70.0)
    weekend = np.where(days % 7 == 6, 15.0, 0.0)
    history = history_of(100 + 0.2 * days + weekend + noise(70, 0.5), DAY_MS)
    assert len(history.rhythm) == 7
    assert np.argmax(history.rhythm) == 6
    found = saturation(daily(100 + 0.2 * days + weekend + noise(70, 0.5)), 135.0)
    assert ((found.date_ms or 0) // DAY_MS - 69) % 7 in (0, 6)


def test_hours_count_where_there_are_no_ten_days_and_older_peaks_are_left() -> None:
    hours = np.arange(96.0)
    found = saturation(hourly(20 + 0.2 * hours + 5 * np.sin(hours / 24 * 2 * np.pi) + noise(96, 0.3)), 60.0)
    assert found.bucket_ms == HOUR_MS
    assert (found.earliest_ms or 0) <= 175 * HOUR_MS <= (found.latest_ms or 0)
    assert (found.date_ms or 0) % DAY_MS < 12 * HOUR_MS, "in the half of the day in which it is high"
    years = peaks_of(daily(np.arange(1000.0)), falling=False)
    assert len(years.values) == BUCKETS_MAX


def test_gaps_are_bridged_unless_they_are_most_of_it() -> None:
    values = 100 + 2 * np.arange(60.0) + noise(60)
    values[20:30] = np.nan
    assert saturation(daily(values), 300.0).outcome == "dated"
    few = TimeSeries("disk", np.array([0, 1, 2, 30, 31, 58, 59, 60], np.int64) * DAY_MS, np.arange(8.0))
    assert "have no number" in saturation(few, 100.0).reason


def test_assumptions_move_the_date_as_arithmetic_says() -> None:
    disk = daily(100 + 2 * np.arange(60.0) + noise(60, 0.2))

    def days(what: GrowthAssumption | None, relation: Relation | None = None) -> float:
        found = saturation(disk, 300.0, None, what, relation, "stock")
        assert found.date_ms is not None
        return found.date_ms / DAY_MS - 59

    assert days(None) == pytest.approx(41, abs=2)
    assert days(GrowthAssumption(load_ratio=2.0)) == pytest.approx(20.5, abs=2)
    assert days(GrowthAssumption(load_ratio=2.0), Relation(0.5, True, 0.9, 60)) == pytest.approx(27.3, abs=2)
    assert days(GrowthAssumption(added=40.0)) == pytest.approx(21, abs=2)
    assert days(GrowthAssumption(added=40.0, from_ms=89 * DAY_MS)) == pytest.approx(30, abs=2)
    assert days(GrowthAssumption(load_per_month_ratio=1.3)) < days(None) - 4
    assert days(GrowthAssumption(load_ratio=0.5)) == pytest.approx(82, abs=6)


def test_probability_by_a_day_never_falls_and_begins_at_nothing() -> None:
    found = saturation(daily(100 + 2 * np.arange(60.0) + noise(60)), 300.0)
    chances = [found.full_by(day * DAY_MS) for day in range(55, 200, 5)]
    assert chances == sorted(chances)
    assert (chances[0], found.full_by(found.horizon_end_ms)) == (0.0, found.probability)
    assert found.full_by(found.date_ms or 0) == pytest.approx(0.5, abs=0.3)


@pytest.mark.slow
def test_ranges_hold_on_simulated_growth_and_what_does_not_fill_is_not_said_to() -> None:
    scores = [score(case) for case in simulated("reported", 66)]
    held = sum(one.held for one in scores) / len(scores)
    assert 0.82 <= held <= 1.0, [one for one in scores if not one.held]
    level = list(not_filling(40))
    soon = 7 * DAY_MS
    told = [saturation(history, limit) for kind, history, limit in level if kind.startswith("simulated")]
    false = [one for one in told if one.date_ms is not None and one.date_ms <= int(one.peaks_at_ms[-1]) + soon]
    assert len(false) <= 2, false
