"""What is known of forecasts: made as a whole by each round, read by pages, the API and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.charts import ChartBook
from trimtab.app.forecasting.history import Block
from trimtab.app.forecasting.issues import Issue
from trimtab.app.forecasting.record import Record
from trimtab.app.forecasting.subjects import Subject
from trimtab.store.forecast_state import MadeForecast

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeriesNow:
    """One series with its forecast: row `row` of `made`, whose history is row `history_row` of `history`.

    `backtest_90` and `backtest_ratio` are what the forecast's own rolling backtest says (how many values lay in the
    90 % band, own error as a share of the naive one; None where it is too short for one), `record` what came of
    forecasts that were told.
    """

    subject: Subject
    made: MadeForecast
    row: int
    history: Block
    history_row: int
    record: Record
    origins: int
    backtest_90: float | None
    backtest_ratio: float | None
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """What made it."""
        return self.made.models[self.row]

    @property
    def factor(self) -> float:
        """By how much its bands were widened."""
        return float(self.made.factors[self.row])

    @property
    def last(self) -> float | None:
        """The last value that was measured, of the last few steps."""
        return last_of(self.history.values[self.history_row])


def last_of(values: F64, steps: int = 3) -> float | None:
    """The last known of some steps."""
    known = values[-steps:][np.isfinite(values[-steps:])]
    return float(known[-1]) if known.size else None


@dataclass(frozen=True, slots=True)
class FamilyNow:
    """How a family does. `young` are series with too little history; `problem` says why there is no new forecast."""

    name: str
    title: str
    kind: str
    count: int
    young: int = 0
    step_ms: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ForecastNow:
    """Everything as it stood at `at_ms` (0: nothing was made yet). `left_out` are series beyond the limit of series."""

    at_ms: int = 0
    series: Mapping[str, SeriesNow] = field(default_factory=dict)
    families: tuple[FamilyNow, ...] = ()
    issues: tuple[Issue, ...] = ()
    charts: ChartBook = field(default_factory=ChartBook)
    round_s: float = 0.0
