"""One round for one family: its history, what came of earlier forecasts, the new one, the issues in it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.app.forecasting.actions import recommended
from trimtab.app.forecasting.asking import Asking
from trimtab.app.forecasting.families import Family
from trimtab.app.forecasting.history import DAY_MS, HOUR_MS, Block, History, Source, enough
from trimtab.app.forecasting.issues import Ahead, Issue, issues_of
from trimtab.app.forecasting.limits import limit_of
from trimtab.app.forecasting.now import FamilyNow, SeriesNow, last_of
from trimtab.app.forecasting.record import added, factors, inside, judged, record_of, widened
from trimtab.extend.forecasters import Forecaster, forecasters
from trimtab.model.errors import TrimtabError
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.store.forecast_state import ForecastState, Hits, MadeForecast

F64 = NDArray[np.float64]
CHUNK = 500
"""Series that are forecast at one time."""
UNDER_WAY_MAX = 24
"""Forecasts that are not over are compared with what came already, so many of the newest."""
log = structlog.get_logger()
_LEVEL_OF = {"lo_80": 0.1, "hi_80": 0.9, "lo_90": 0.05, "hi_90": 0.95}


@dataclass(frozen=True, slots=True)
class FamilyRound:
    """What a round made of a family. `ended` are issues that are none any more, with the reason."""

    now: FamilyNow
    series: tuple[SeriesNow, ...] = ()
    made: MadeForecast | None = None
    issues: tuple[Issue, ...] = ()
    ended: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """Forecasts of many series, with the numbers that stand beside them; see `analyze.forecast.Forecast`."""

    mean: F64
    levels: tuple[float, ...]
    quantiles: F64
    models: tuple[str, ...]
    origins: NDArray[np.int64]
    coverage_90: F64
    ratio: F64
    notes: tuple[tuple[str, ...], ...]


def family_round(
    family: Family,
    source: Source,
    history: History,
    asking: Asking,
    state: ForecastState,
    hits: Mapping[str, Hits],
    policy: ForecastPolicy,
    now_ms: int,
    room: int,
    there: frozenset[str],
) -> FamilyRound:
    """`hits` are those of past days, `room` how many series may be forecast, `there` issues that are foreseen.

    TrimtabError where the history cannot be read.
    """
    block = history.bring(source, now_ms, round(policy.history_days * DAY_MS), room)
    old_enough = enough(block)
    known = FamilyNow(
        family.name, family.title, family.kind, int(old_enough.sum()), int((~old_enough).sum()), block.step_ms
    )
    fresh = look_back(state, family, block)
    if not old_enough.any():
        return FamilyRound(known)
    rows = np.flatnonzero(old_enough)
    subjects = [block.subjects[row] for row in rows.tolist()]
    ids = [one.id for one in subjects]
    whole = added(hits, fresh.over)
    by = factors(ids, whole)
    horizon = max(1, round(policy.horizon_hours * HOUR_MS / block.step_ms))
    told = _told(block.values[rows], block, horizon, policy)
    quantiles = widened(told.levels, told.quantiles, by, family.least, family.most)
    mean = inside(told.mean, told.levels, quantiles)
    made = MadeForecast(
        family.name,
        block.end_ms,
        block.end_ms,
        block.step_ms,
        tuple(ids),
        np.stack([mean, *(_level(quantiles, told.levels, level) for level in _LEVEL_OF.values())]).astype(np.float32),
        by.astype(np.float32),
        told.models,
    )
    state.keep([made])
    records = added(whole, fresh.under_way)
    series = tuple(
        SeriesNow(
            subject,
            made,
            row,
            block,
            int(rows[row]),
            record_of(records.get(subject.id)),
            int(told.origins[row]),
            _number(told.coverage_90[row]),
            _number(told.ratio[row]),
            told.notes[row],
        )
        for row, subject in enumerate(subjects)
    )
    last = np.array([last_of(block.values[row]) or np.nan for row in rows.tolist()], np.float64)
    ahead = Ahead(subjects, made.made_ms, made.start_ms, made.step_ms, mean, told.levels, quantiles, last)
    issues, ended, problem = _issues(family, ahead, asking, policy, now_ms, there)
    return FamilyRound(replace(known, problem=problem), series, made, tuple(issues), ended)


# --- what came


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of forecasts: of those that are over, which is kept, and of those under way."""

    over: Mapping[str, Hits]
    under_way: Mapping[str, Hits]


def look_back(state: ForecastState, family: Family, came: Block) -> Looked:
    """Compare forecasts of a family with what came. Those that are over are compared once, and that is kept."""
    over = state.unjudged(family.name, came.end_ms)
    by_day = [found for made in over for found in judged(made, came)]
    if over:
        state.set_judged(over, by_day)
    under_way = [made for made in state.of(family.name, came.end_ms, came.end_ms + 1) if made.start_ms < came.end_ms]
    open_ones = [found for made in under_way[:UNDER_WAY_MAX] for found in judged(made, came)]
    return Looked(_summed(by_day), _summed(open_ones))


def _summed(found: Sequence[tuple[str, int, Hits]]) -> dict[str, Hits]:
    return added(*({series: hits} for series, _, hits in found))


# --- what will come


def _told(values: F64, block: Block, horizon: int, policy: ForecastPolicy) -> _Told:
    settings = ForecastSettings(holidays=policy.holidays, time_zone=policy.time_zone)
    begun = int(np.isfinite(values).any(axis=0).argmax())  # where no series had begun is no gap
    values, start_ms = values[:, begun:], block.start_ms + begun * block.step_ms
    parts = [
        forecast(values[first : first + CHUNK], block.step_ms, start_ms, horizon, settings, forecasters=better_models())
        for first in range(0, len(values), CHUNK)
    ]
    return _Told(
        np.concatenate([part.mean for part in parts]),
        parts[0].levels,
        np.concatenate([part.quantiles for part in parts]),
        tuple(model for part in parts for model in part.model),
        np.concatenate([part.origins for part in parts]).astype(np.int64),
        np.concatenate([part.coverage_90 for part in parts]),
        np.concatenate([part.better_ratio() for part in parts]),
        tuple(notes for part in parts for notes in part.notes),
    )


@functools.cache
def better_models() -> Mapping[str, Forecaster]:
    """Models that are installed; none where one of them cannot be loaded, which is logged."""
    try:
        return forecasters()
    except TrimtabError as error:
        log.warning("forecasters_not_loaded", reason=error.message)
        return {}


def _level(quantiles: F64, levels: tuple[float, ...], level: float) -> F64:
    place = min(range(len(levels)), key=lambda one: abs(levels[one] - level))
    return quantiles[:, :, place]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _issues(
    family: Family, ahead: Ahead, asking: Asking, policy: ForecastPolicy, now_ms: int, there: frozenset[str]
) -> tuple[list[Issue], dict[str, str], str]:
    """Issues, those that ended, and what could not be looked at."""
    found: list[Issue] = []
    ended: dict[str, str] = {}
    for wish in family.limits:
        try:
            limit = limit_of(wish, ahead.subjects, asking.pack_value, lambda query: asking.asked(now_ms, query))
        except TrimtabError as error:
            return found, ended, f"its limit is not known: {error.message}"
        runbook = asking.runbook(wish)
        advice = {one.id: recommended(family, wish, runbook, one.href) for one in ahead.subjects}
        some, over = issues_of(ahead, limit, policy.probability_percent / 100.0, there, advice)
        found += some
        ended |= over
    return found, ended, ""
