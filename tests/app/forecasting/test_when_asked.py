"""Forecasts that are made when somebody asks: their grids, what they hold, their sum, what is kept, why none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trimtab.app.forecasting import when_asked
from trimtab.app.forecasting.history import DAY_MS, HOUR_MS, MINUTE_MS, POINTS_MAX
from trimtab.app.forecasting.when_asked import OFF, YOUNG, HistoryLine, WhenAsked, finer_grid, grid_for
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import Busy
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.store.grid import Grid

POLICY = ForecastPolicy()
NOW_MS = 1_795_700_000_000
DAY = Range(NOW_MS - DAY_MS, NOW_MS, is_live=True)


class History:
    """A line with a daily rhythm that began so long ago, and a second one that is always 5; counts what is asked."""

    def __init__(self, days: float, *, is_piled: bool = False) -> None:
        self.begin_ms = NOW_MS - round(days * DAY_MS)
        self.is_piled = is_piled
        self.grids: list[Grid] = []

    def __call__(self, grid: Grid) -> list[HistoryLine]:
        self.grids.append(grid)
        at = grid.start_ms + np.arange(grid.count) * grid.step_ms
        rng = np.random.default_rng(grid.count)
        daily = 50 + 20 * np.sin(2 * np.pi * at / DAY_MS) + rng.normal(0, 1, grid.count)
        flat = np.full(grid.count, 5.0)
        rows = {"daily": daily, "flat": flat}
        return [
            HistoryLine(name, f'{{name="{name}"}}', np.where(at >= self.begin_ms, row, np.nan), self.is_piled)
            for name, row in rows.items()
        ]


@pytest.fixture
def clock() -> list[int]:
    return [NOW_MS]


@pytest.fixture
def made(clock: list[int]) -> WhenAsked:
    return WhenAsked(lambda: POLICY, lambda: clock[0])


@pytest.mark.parametrize(("hours", "minutes"), [(1, 5), (12, 5), (13, 15), (48, 15), (49, 60), (24 * 90, 60)])
def test_the_step_goes_with_the_range(hours: int, minutes: int) -> None:
    grid = grid_for(Range(NOW_MS - hours * HOUR_MS, NOW_MS), NOW_MS, POLICY)
    assert grid.step_ms == minutes * MINUTE_MS
    assert grid.count <= POINTS_MAX
    assert -grid.step_ms < NOW_MS - grid.end_ms <= 30_000
    assert grid_for(Range(NOW_MS - hours * HOUR_MS, NOW_MS), NOW_MS, POLICY, of_steps=True).end_ms <= NOW_MS


def test_a_range_that_is_over_is_looked_at_from_its_end() -> None:
    end_ms = NOW_MS - 10 * DAY_MS
    grid = grid_for(Range(end_ms - DAY_MS, end_ms), NOW_MS, POLICY)
    assert grid.end_ms - grid.step_ms <= end_ms


def test_the_band_goes_on_behind_the_last_point_and_those_of_before_held(made: WhenAsked) -> None:
    found = made.foreseen("a", DAY, History(20), with_past=True)
    daily, flat = found.lines
    assert (daily.name, daily.about) == ("daily", '{name="daily"}')
    assert daily.ahead.start_ms - daily.ahead.step_ms <= NOW_MS < daily.ahead.start_ms + daily.ahead.step_ms
    assert daily.ahead.values.shape == (5, 96)
    mean, low_80, high_80, low_90, high_90 = daily.ahead.values
    assert (low_90 <= low_80).all()
    assert (low_80 <= mean).all()
    assert (mean <= high_80).all()
    assert (high_80 <= high_90).all()
    at = daily.ahead.start_ms + np.arange(96) * daily.ahead.step_ms
    assert np.abs(mean - 50 - 20 * np.sin(2 * np.pi * at / DAY_MS)).mean() < 1
    assert len(daily.past) == 1
    assert daily.past[0].start_ms + 96 * daily.ahead.step_ms == daily.ahead.start_ms
    assert daily.points == 96
    assert daily.inside_90 is not None
    assert daily.inside_90 > 0.7
    assert np.abs(flat.ahead.values - 5).max() < 0.1


def test_past_forecasts_know_nothing_of_what_came_later(made: WhenAsked) -> None:
    whole = History(20)
    first = made.foreseen("whole", DAY, whole, with_past=True).lines[0]

    def changed(grid: Grid) -> list[HistoryLine]:
        at = grid.start_ms + np.arange(grid.count) * grid.step_ms
        is_new = at >= first.past[0].start_ms
        return [replace(one, values=np.where(is_new, 1e6, one.values)) for one in whole(grid)]

    second = made.foreseen("changed", DAY, changed, with_past=True).lines[0]
    assert np.array_equal(first.past[0].values, second.past[0].values)
    assert second.inside_90 == 0


def test_a_week_has_the_forecast_of_each_day(made: WhenAsked) -> None:
    week = Range(NOW_MS - 7 * DAY_MS, NOW_MS)
    (daily, _) = made.foreseen("a", week, History(28), with_past=True).lines
    assert len(daily.past) == 7
    starts = [band.start_ms for band in daily.past]
    assert np.diff(starts).tolist() == [DAY_MS] * 6
    assert daily.points == 7 * 24


def test_lines_that_lie_on_each_other_have_one_forecast_of_their_sum(made: WhenAsked) -> None:
    (line,) = made.foreseen("a", DAY, History(20, is_piled=True)).lines
    assert line.is_total
    assert 40 < line.ahead.values[0].mean() < 70
    assert line.past == ()


def test_a_young_line_is_forecast_on_a_finer_grid_and_no_further_than_it_is_old(made: WhenAsked) -> None:
    young = History(1 / 12)
    found = made.foreseen("a", Range(NOW_MS - DAY_MS, NOW_MS), young)
    assert [grid.step_ms // MINUTE_MS for grid in young.grids] == [15, 1]
    assert found.lines[0].ahead.step_ms == MINUTE_MS
    assert found.lines[0].ahead.values.shape[1] <= 120 + 15


def test_what_is_too_young_says_so(made: WhenAsked) -> None:
    found = made.foreseen("a", DAY, History(10 / 1440))
    assert (found.lines, found.why) == ((), YOUNG)
    assert finer_grid(Grid(0, MINUTE_MS, 100), History(0)(Grid(NOW_MS - 5 * MINUTE_MS, MINUTE_MS, 100))) is None


def test_it_is_kept_until_a_new_point_is_there(made: WhenAsked, clock: list[int]) -> None:
    read = History(20)
    first = made.foreseen("a", DAY, read)
    assert made.foreseen("a", DAY, read) is first
    assert len(read.grids) == 1
    assert made.foreseen("b", DAY, read) is not first
    clock[0] += 16 * MINUTE_MS
    assert made.foreseen("a", Range(DAY.from_ms, clock[0]), read) is not first
    assert len(read.grids) == 3


def test_no_more_are_kept_than_that(made: WhenAsked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(when_asked, "KEPT_MAX", 2)
    read = History(10 / 1440)
    for name in "abc":
        made.foreseen(name, DAY, read)
    before = len(read.grids)
    made.foreseen("c", DAY, read)
    assert len(read.grids) == before
    made.foreseen("a", DAY, read)
    assert len(read.grids) > before


def test_what_is_kept_has_no_more_numbers_than_that(made: WhenAsked, monkeypatch: pytest.MonkeyPatch) -> None:
    read = History(20)
    first = made.foreseen("a", DAY, read)
    assert first.numbers == 2 * 5 * 96
    monkeypatch.setattr(when_asked, "NUMBERS_MAX", 2 * first.numbers)
    for name in "bc":
        made.foreseen(name, DAY, read)
    assert len(made._kept) == 2
    assert made.foreseen("a", DAY, read) is not first


def test_who_waits_too_long_is_told(made: WhenAsked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(when_asked, "WAIT_S", 0.01)
    with made._making, pytest.raises(Busy, match="other forecasts are being made"):
        made.foreseen("a", DAY, History(20))


def test_where_forecasts_are_switched_off_nothing_is_asked() -> None:
    read = History(20)
    found = WhenAsked(lambda: replace(POLICY, enabled=False), lambda: NOW_MS).foreseen("a", DAY, read)
    assert found.why == OFF
    assert read.grids == []
