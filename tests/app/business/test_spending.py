"""What the month costs: fixed prices from its first moment on, what is measured since it is measured, and ahead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from trimtab.analyze.cost.forecast import DAY_MS, FIXED_METHOD, Forecast, NoForecast
from trimtab.analyze.cost.prices import HOUR_MS, Price, PriceList, Resource
from trimtab.app.business.answers.cost import cost_answer
from trimtab.app.business.definitions import Budget
from trimtab.app.business.series import of_cost
from trimtab.app.business.spending import Spending
from trimtab.store.business_state import KeptUse, UseState
from trimtab.store.state_database import StateDatabase

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

START_MS = 1_793_491_200_000
"""2026-11-01 UTC, a month of 30 days."""
NOW_MS = START_MS + 25 * DAY_MS + 2 * HOUR_MS + HOUR_MS // 2
"""26 November, 02:30; it has been measured since 02:00."""
FIXED = Price(Resource.FIXED, 310.0, "2026-11-01", "a bill", ("shop",))
PROCESSOR = Price(Resource.PROCESSOR, 2.0, "2026-11-01", "a bill")
PASSED = (25 * 24 + 2.5) / (30 * 24)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[UseState]:
    database = StateDatabase(tmp_path / "state.db")
    yield UseState(database)
    database.close()


def spending(state: UseState) -> Spending:
    """It only reads what is kept."""
    return Spending(cast("TelemetryStore", None), state)


def hour(at_ms: int, processor_s: float = 1800.0, measured: float = 1.0) -> KeptUse:
    return KeptUse("shop", at_ms, processor_s, 0.0, None, measured)


def test_a_fixed_price_counts_from_the_first_though_it_was_measured_for_half_an_hour(state: UseState) -> None:
    state.keep([hour(START_MS + 25 * DAY_MS + 2 * HOUR_MS, measured=0.5)])
    now = spending(state).now(PriceList("EUR", (FIXED, PROCESSOR)), Budget(500.0), ("shop",), NOW_MS)
    answer = cost_answer(now, [], [])
    [shop] = answer.systems
    assert shop.fixed == pytest.approx(310 * PASSED)
    assert shop.processor == pytest.approx(1.0)
    assert shop.measured_from_ms == START_MS + 25 * DAY_MS + 2 * HOUR_MS
    assert answer.budget_used_ratio == pytest.approx((310 * PASSED + 1) / 500)
    samples = {dict(labels)["__name__"]: value for labels, value in of_cost(now)}
    assert samples["processing_cost_budget_used_ratio"] == answer.budget_used_ratio
    assert answer.no_forecast == (
        "there is no forecast before 7 whole days were measured: 0 were; fixed prices alone come to 310.00 EUR"
    )


def test_the_forecast_has_what_is_sure_and_draws_what_was_measured(state: UseState) -> None:
    """Ten days of 24 half busy hours at 95 % of the time: 24 EUR a day measured, made up to whole ones."""
    first_ms = START_MS + 15 * DAY_MS
    state.keep([hour(first_ms + place * HOUR_MS, 1800 * 0.95, 0.95) for place in range(24 * 10 + 2)])
    now = spending(state).now(PriceList("EUR", (FIXED, PROCESSOR)), Budget(500.0), ("shop",), NOW_MS)
    assert isinstance(now.forecast, Forecast)
    left_days = 30 - 25 - 2.5 / 24
    assert now.forecast.middle == pytest.approx(310 + 242 * 0.95 + left_days * 24)
    assert [round(cost, 6) for _, cost in now.days] == [24.0] * 10


def test_fixed_prices_alone_are_known_ahead_and_a_price_for_nobody_is_said(state: UseState) -> None:
    other = Price(Resource.FIXED, 50.0, "2026-11-01", "a bill", ("bank",))
    now = spending(state).now(PriceList("EUR", (FIXED, other)), None, ("shop",), NOW_MS)
    assert now.forecast == Forecast(310.0, 310.0, 310.0, 0, FIXED_METHOD)
    assert now.systems[0].measured_from_ms is None
    assert now.problems == (
        "prices name the system 'bank', which is not watched: nothing is counted of it (watched: 'shop')",
    )
    nobody = spending(state).now(PriceList("EUR", (FIXED, PROCESSOR)), None, (), NOW_MS)
    assert (nobody.spent, isinstance(nobody.forecast, NoForecast)) == (0.0, True)


def test_a_month_without_any_use_is_looked_through_once(state: UseState, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def nothing(_: TelemetryStore, from_ms: int, to_ms: int) -> list[KeptUse]:
        asked.append((from_ms, to_ms))
        return []

    monkeypatch.setattr("trimtab.app.business.spending.use_between", nothing)
    one = spending(state)
    one.count(NOW_MS)
    hour_ms = NOW_MS // HOUR_MS * HOUR_MS
    assert (asked[0][0], asked[-1][1], len(asked)) == (hour_ms - 31 * DAY_MS, hour_ms + HOUR_MS, 32)
    asked.clear()
    one.count(NOW_MS + 60_000)
    assert asked == [(hour_ms, hour_ms + HOUR_MS)]
    asked.clear()
    one.count(NOW_MS + HOUR_MS)  # the hour that ended is looked at once more
    assert asked == [(hour_ms, hour_ms + 2 * HOUR_MS)]
