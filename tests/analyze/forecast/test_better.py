"""Better models: the one that wins is taken, the one that loses is not, whatever it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.analyze.forecast.series import DAY, HOUR_MS, daily
from trimtab.analyze.forecast.answer import COMBINATION
from trimtab.analyze.forecast.forecast import forecast
from trimtab.extend.forecaster_checks import broken
from trimtab.extend.forecasters import ForecastTask, forecasters
from trimtab.model.errors import ConfigError, InputError, TrimtabError
from trimtab.stats.time_series import F64

POINTS = 28 * DAY
PERIOD = 31.7
"""No whole number of steps: no member of the default has this season, the model below knows it."""


@dataclass
class Knows:
    """Fits the cycle that it knows of; keeps what it was asked."""

    period: float = PERIOD
    asked: list[int] = field(default_factory=list)

    def points_min(self) -> int:
        return 2 * DAY

    def forecast(self, task: ForecastTask) -> F64:
        self.asked.append(task.values.shape[1])
        points = task.values.shape[1]
        at = 2 * np.pi * np.arange(points + task.horizon_steps) / self.period
        basis = np.stack([np.ones_like(at), np.sin(at), np.cos(at)], axis=1)
        out = np.full((len(task.values), task.horizon_steps), np.nan)
        for row, values in enumerate(task.values):
            known = np.flatnonzero(~np.isnan(values))
            if known.size > 2:
                parts, *_ = np.linalg.lstsq(basis[known], values[known], rcond=None)
                out[row] = basis[points:] @ parts
        return out


class Guesses:
    """A model without any idea."""

    def points_min(self) -> int:
        return 1

    def forecast(self, task: ForecastTask) -> F64:
        return np.full((len(task.values), task.horizon_steps), 1e6)


class Breaks(Guesses):
    """One that cannot."""

    def forecast(self, task: ForecastTask) -> F64:
        raise TrimtabError("its weights are not there")


class Answers(Guesses):
    """One that answers something else than was asked for."""

    def forecast(self, task: ForecastTask) -> F64:
        return np.zeros((1, 1))


class Cheats(Guesses):
    """One that keeps to nothing."""

    def __init__(self) -> None:
        self.calls = 0

    def forecast(self, task: ForecastTask) -> F64:
        self.calls += 1
        return np.full((len(task.values), task.horizon_steps), np.inf if self.calls % 2 else 0.0)


def _odd(points: int) -> F64:
    rng = np.random.default_rng(6)
    at = np.arange(points)
    shape = 50 + 10 * np.sign(np.sin(2 * np.pi * at / PERIOD)) * np.abs(np.sin(2 * np.pi * at / PERIOD))
    return np.asarray(shape + rng.normal(0, 0.5, (4, points)))


def test_a_model_that_wins_replaces_the_default_with_intervals_of_its_own_errors() -> None:
    values = _odd(POINTS + DAY)
    model = Knows()
    plain = forecast(values[:, :POINTS], HOUR_MS, 0, DAY)
    ahead = forecast(values[:, :POINTS], HOUR_MS, 0, DAY, forecasters={"knows": model})
    truth = values[:, POINTS:]
    assert ahead.model == ["knows"] * 4
    assert (ahead.error < plain.error).all()
    assert np.array_equal(ahead.naive_error, plain.naive_error)
    assert np.abs(ahead.mean - truth).mean() < np.abs(plain.mean - truth).mean()
    assert (ahead.hi_90 - ahead.lo_90).mean() < (plain.hi_90 - plain.lo_90).mean()
    assert 0.8 < ((truth >= ahead.lo_90) & (truth <= ahead.hi_90)).mean() <= 1


def test_it_is_asked_with_the_values_before_each_moment_alone() -> None:
    model = Knows()
    forecast(_odd(POINTS), HOUR_MS, 0, DAY, forecasters={"knows": model})
    assert max(model.asked) == POINTS
    assert len(set(model.asked)) > 10
    assert min(model.asked) >= model.points_min()


def test_a_model_that_loses_changes_nothing() -> None:
    values = daily(4, POINTS)
    plain = forecast(values, HOUR_MS, 0, DAY)
    ahead = forecast(values, HOUR_MS, 0, DAY, forecasters={"guesses": Guesses(), "wrong": Knows(period=17.3)})
    assert ahead.model == [COMBINATION] * 4
    assert np.array_equal(ahead.quantiles, plain.quantiles)


def test_each_series_has_its_own_winner() -> None:
    values = np.concatenate([_odd(POINTS)[:2], daily(2, POINTS)])
    ahead = forecast(values, HOUR_MS, 0, DAY, forecasters={"knows": Knows()})
    assert ahead.model == ["knows", "knows", COMBINATION, COMBINATION]


def test_a_model_that_breaks_off_is_told_and_one_that_answers_another_shape_is_an_error() -> None:
    values = daily(2, POINTS)
    ahead = forecast(values, HOUR_MS, 0, DAY, forecasters={"breaks": Breaks()})
    assert ahead.troubles == ("breaks: its weights are not there",)
    assert ahead.model == [COMBINATION] * 2
    with pytest.raises(InputError, match="'answers' answered an array of"):
        forecast(values, HOUR_MS, 0, DAY, forecasters={"answers": Answers()})


def test_the_checks_find_what_breaks_the_contract() -> None:
    assert broken(Knows(period=DAY)) == []
    assert "answered an array of (1, 1)" in broken(Answers())[0]
    problems = broken(Cheats())
    assert "it gives another answer to the same task" in problems
    assert "it answers infinity" in problems


def test_all_that_are_installed_keep_the_contract() -> None:
    for name, one in forecasters().items():
        assert broken(one) == [], name


def test_a_name_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no forecaster named 'chronos'"):
        forecasters(("chronos",))
