"""Whether past forecasts held, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trimtab.app.forecasting.bands import chain
from trimtab.app.forecasting.families import FAMILIES
from trimtab.app.forecasting.history import HOUR_MS, Block
from trimtab.app.forecasting.record import added, factor, inside, judged, record_of, widened
from trimtab.app.forecasting.subjects import Subject, labelled
from trimtab.store.forecast_state import ForecastState, Hits, MadeForecast
from trimtab.store.state_database import StateDatabase

DAY = 24
CPU = next(family for family in FAMILIES if family.name == "host_cpu")
ONE = labelled(CPU, {"job": "node", "instance": "web1"}, "%")


def made(
    start_h: int, mean: float, half_80: float, half_90: float, *, subject: Subject = ONE, horizon: int = 24
) -> MadeForecast:
    """A flat forecast with a symmetric band."""
    lines = np.array([mean, mean - half_80, mean + half_80, mean - half_90, mean + half_90], np.float32)
    return MadeForecast(
        CPU.name,
        start_h * HOUR_MS,
        start_h * HOUR_MS,
        HOUR_MS,
        (subject.id,),
        np.broadcast_to(lines[:, None, None], (5, 1, horizon)).copy(),
        np.ones(1, np.float32),
        ("snaive",),
    )


def came(values: list[float], start_h: int = 0) -> Block:
    return Block([ONE], start_h * HOUR_MS, HOUR_MS, np.array([values], np.float64))


def whole(forecast: MadeForecast, block: Block) -> Hits | None:
    return added(*({series: hits} for series, _, hits in judged(forecast, block))).get(ONE.id)


def test_points_are_counted_by_band_and_against_the_day_before() -> None:
    yesterday = [50.0] * DAY
    today = [50.0] * 12 + [57.0] * 6 + [59.0] * 3 + [80.0] * 2 + [float("nan")]
    hits = whole(made(DAY, 52.0, 6.0, 8.0), came([*yesterday, *today]))
    assert hits is not None
    assert (hits.points, hits.inside_80, hits.inside_90) == (23, 18, 21)
    assert hits.error == pytest.approx(12 * 2 + 6 * 5 + 3 * 7 + 2 * 28)
    assert hits.naive_points == 23
    assert hits.naive_error == pytest.approx(6 * 7 + 3 * 9 + 2 * 30)
    found = record_of(hits)
    assert found.inside_90 == pytest.approx(21 / 23)
    assert found.error_ratio == pytest.approx(131 / 129)


def test_a_day_before_that_was_right_but_for_rounding_is_no_measure() -> None:
    hits = whole(made(DAY, 52.0, 6.0, 8.0), came([0.1 + 0.2] * DAY + [0.3] * DAY))
    assert hits is not None
    assert hits.naive_error > 0
    assert record_of(hits).error_ratio is None


def test_what_did_not_come_is_not_counted_and_what_was_no_series_neither() -> None:
    assert whole(made(DAY, 1.0, 1.0, 1.0), came([1.0] * DAY)) is None
    other = labelled(CPU, {"job": "node", "instance": "web2"}, "%")
    assert list(judged(made(0, 1.0, 1.0, 1.0, subject=other), came([1.0] * DAY))) == []


def test_the_naive_forecast_of_the_second_day_knows_only_what_was_known() -> None:
    values = [10.0] * DAY + [20.0] * DAY + [30.0] * DAY
    hits = whole(made(DAY, 10.0, 1.0, 1.0, horizon=2 * DAY), came(values))
    assert hits is not None
    assert hits.naive_error == pytest.approx(DAY * 10 + DAY * 20)


def test_a_forecast_that_goes_over_midnight_is_kept_by_day() -> None:
    found = list(judged(made(12, 1.0, 1.0, 1.0), came([1.0] * 48)))
    assert [(day // HOUR_MS, hits.points) for _, day, hits in found] == [(0, 12), (24, 12)]
    assert added(*({series: hits} for series, _, hits in found))[ONE.id].days == {0, 24 * HOUR_MS}


def test_bands_become_wider_the_longer_they_were_too_narrow() -> None:
    by_days = []
    for days in (1, 5, 20):
        hits = [
            hits
            for day in range(days)
            for _, _, hits in judged(made(day * DAY, 0.0, 1.0, 2.0), came([5.0, -5.0] * 12 * days))
        ]
        by_days.append(factor(added(*({ONE.id: one} for one in hits))[ONE.id]))
    assert 1.0 < by_days[0] < by_days[1] < by_days[2] < 2.6
    assert factor(None) == 1.0


def test_bands_that_were_widened_already_are_not_widened_by_the_same_again() -> None:
    narrow, wide = made(0, 0.0, 1.0, 2.0), made(0, 0.0, 2.0, 4.0)
    wide = replace(wide, factors=np.full(1, 2.0, np.float32))
    values = came([3.0, -3.0] * 12)
    first, second = whole(narrow, values), whole(wide, values)
    assert first is not None
    assert second is not None
    assert factor(first) == pytest.approx(factor(second))


def test_widening_keeps_the_middle_of_the_band_and_the_ends_that_are_possible() -> None:
    quantiles = np.array([[[80.0, 84.0, 90.0, 94.0, 98.0]]])
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    assert widened(levels, quantiles, np.array([2.0]), 0.0, 100.0).tolist() == [[[71.0, 79.0, 91.0, 99.0, 100.0]]]


def test_a_band_that_stands_beside_its_mean_is_judged_by_its_middle() -> None:
    beside = made(DAY, 10.0, 1.0, 2.0)
    lines = beside.lines.copy()
    lines[0] -= 5  # the mean is below the band
    hits = whole(replace(beside, lines=lines), came([10.0] * DAY + [10.5, 9.5] * 12))
    assert hits is not None
    assert hits.inside_90 == 24
    assert factor(hits) < 1


def test_hits_are_kept_by_day_and_forecasts_are_thinned(tmp_path: Path) -> None:
    database = StateDatabase(tmp_path / "state.db")
    state = ForecastState(database)
    block = came([1.0] * (5 * DAY))
    for hour in range(4 * DAY):
        state.keep([made(hour, 1.0, 1.0, 1.0)])
    over = state.unjudged(CPU.name, block.end_ms)
    assert len(over) == 4 * DAY
    state.set_judged(over, [found for one in over for found in judged(one, block)])
    assert state.unjudged(CPU.name, block.end_ms) == []
    hits = state.hits(0)[ONE.id]
    assert hits.points == 4 * DAY * DAY
    assert len(hits.days) == 5
    state.thin(block.end_ms, 30 * DAY * HOUR_MS)
    left = state.of(CPU.name, 0, block.end_ms)
    assert [one.start_ms // HOUR_MS for one in left] == [72, 48, 24, 0]
    np.testing.assert_array_equal(left[0].lines, made(72, 1.0, 1.0, 1.0).lines)
    assert state.newest()[0].start_ms == 72 * HOUR_MS
    state.thin(block.end_ms, 2 * DAY * HOUR_MS)
    assert [one.start_ms // HOUR_MS for one in state.of(CPU.name, 0, block.end_ms)] == [72]
    database.close()


def test_past_forecasts_are_drawn_one_after_the_other() -> None:
    runs = [made(hour, 1.0, 1.0, 1.0) for hour in (71, 70, 60, 48, 24, 0)]
    found = chain(runs, 72 * HOUR_MS, 0)
    assert [(one.start_ms // HOUR_MS, steps) for one, steps in found] == [(48, 24), (24, 24), (0, 24)]
    gap = chain([made(40, 1.0, 1.0, 1.0), made(0, 1.0, 1.0, 1.0)], 72 * HOUR_MS, 0)
    assert [(one.start_ms // HOUR_MS, steps) for one, steps in gap] == [(40, 24), (0, 24)]
    within = chain([made(60, 1.0, 1.0, 1.0)], 72 * HOUR_MS, 0)
    assert [(one.start_ms // HOUR_MS, steps) for one, steps in within] == [(60, 12)]


def test_the_mean_stays_inside_a_band_that_the_record_made_narrower() -> None:
    levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    quantiles = np.array([[[9.0, 10.0, 11.0, 13.0, 15.0, 16.0, 17.0]]])
    mean = np.array([[11.2]])
    narrow = widened(levels, quantiles, np.array([0.7]))
    assert mean[0, 0] < narrow[0, 0, 2]
    assert narrow[0, 0, 2] == inside(mean, levels, narrow)[0, 0]
    assert inside(mean, levels, quantiles)[0, 0] == 11.2
