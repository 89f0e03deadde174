"""What watched systems used, hour by hour, and what that costs, so far and ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.analyze.cost.forecast import DAY_MS, DAYS_MAX, FIXED_METHOD, Forecast, NoForecast, month_forecast
from trimtab.analyze.cost.prices import HOUR_MS, Costs, PriceList, Use, cost_of, fixed_cost, month_bounds, total
from trimtab.app.business.definitions import Budget
from trimtab.store.business_reads import use_between
from trimtab.store.business_state import KeptUse, UseState

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

KEPT_DAYS = 400
BACK_DAYS = 31
SETTLE_MS = 300_000
"""How late facts of an hour may come: until then it is counted again."""
MEASURED_DAY = 0.9
"""A day is a whole one for the forecast if so much of it was looked at."""
NO_PRICES = "no price list is named: prices in a file of [business] files say what is paid"
METHOD = (
    "processor: execution time of statements without their waits for blocks (where the server measures those); io: "
    "blocks that statements read and wrote, a request each; storage: the size of the watched database; fixed: its part "
    "of the month, from the first on. Of the others, what was not looked at is not counted"
)


@dataclass(frozen=True, slots=True)
class SystemCost:
    """One system in the month so far. `measured_ratio` is how much of that time was looked at, first in the hour from
    `measured_from_ms` on (None: never); fixed prices count from the first of the month."""

    system: str
    costs: Costs
    measured_ratio: float
    measured_from_ms: int | None


@dataclass(frozen=True, slots=True)
class CostNow:
    """The month (UTC) as it stands. `prices` None: `why` says that nobody knows what things cost."""

    at_ms: int
    month_start_ms: int
    month_end_ms: int
    prices: PriceList | None
    budget: Budget | None
    systems: tuple[SystemCost, ...] = ()
    forecast: Forecast | NoForecast = NoForecast(NO_PRICES)  # noqa: RUF009  (frozen)
    days: tuple[tuple[int, float], ...] = ()
    why: str = ""
    problems: tuple[str, ...] = ()

    @property
    def spent(self) -> float:
        """All systems together."""
        return sum(one.costs.total for one in self.systems)

    @property
    def measured_ratio(self) -> float:
        """Of all systems, how much of the month so far was looked at."""
        return sum(one.measured_ratio for one in self.systems) / len(self.systems) if self.systems else 0.0


class Spending:
    """Counts use and says what it costs. `count` is for one thread."""

    def __init__(self, telemetry: TelemetryStore, state: UseState) -> None:
        self._telemetry, self._state = telemetry, state
        self._known_days: tuple[int, PriceList | None, dict[int, float]] = (-1, None, {})
        self._counted_hour_ms: int | None = None
        """The newest hour that was looked at, whether or not there was use in it."""

    def count(self, now_ms: int) -> None:
        """Bring the table of hours up to now: what changed since, and at the first time the last month."""
        newest = self._state.newest_ms() if self._counted_hour_ms is None else self._counted_hour_ms
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        from_ms = hour_ms - BACK_DAYS * DAY_MS if newest is None else max(newest, hour_ms - BACK_DAYS * DAY_MS)
        if now_ms - hour_ms < SETTLE_MS:
            from_ms = min(from_ms, hour_ms - HOUR_MS)
        for start_ms in range(from_ms, hour_ms + HOUR_MS, DAY_MS):
            found = use_between(self._telemetry, start_ms, min(start_ms + DAY_MS, hour_ms + HOUR_MS))
            if found:
                self._state.keep(found)
        if newest is None or newest < hour_ms:
            self._state.forget(now_ms - KEPT_DAYS * DAY_MS)
        self._counted_hour_ms = hour_ms

    def now(self, prices: PriceList | None, budget: Budget | None, watched: Sequence[str], now_ms: int) -> CostNow:
        """How the month stands. Systems that are watched and used nothing yet are among them."""
        start_ms, end_ms = month_bounds(now_ms)
        bare = CostNow(now_ms, start_ms, end_ms, prices, budget, why=NO_PRICES)
        if prices is None:
            return bare
        month = [_use(one) for one in self._state.between(start_ms, now_ms)]
        names = sorted({*(one.system for one in month), *watched})
        systems = [
            _system_cost(name, [one for one in month if one.system == name], prices, start_ms, now_ms) for name in names
        ]
        days = self._days(prices, now_ms)
        found = replace(
            bare,
            systems=tuple(sorted(systems, key=lambda one: -one.costs.total)),
            days=tuple(sorted(days.items())),
            why="",
            problems=_unknown(prices, names),
        )
        return replace(found, forecast=_ahead(days, found, prices))

    def _days(self, prices: PriceList, now_ms: int) -> dict[int, float]:
        """Costs of the days before; made anew once an hour, and for other prices."""
        hour = now_ms // HOUR_MS
        known_hour, known_prices, days = self._known_days
        if known_hour != hour or known_prices != prices:
            today_ms = now_ms // DAY_MS * DAY_MS
            days = _days(self._state.between(today_ms - DAYS_MAX * DAY_MS, today_ms), prices, now_ms)
            self._known_days = (hour, prices, days)
        return days


def _system_cost(name: str, month: Sequence[Use], prices: PriceList, start_ms: int, now_ms: int) -> SystemCost:
    """A fixed price is paid from the first of the month on, whether anybody looked or not."""
    costs = total(month, prices, now_ms) + Costs(fixed=fixed_cost(name, prices, start_ms, now_ms))
    passed = max(now_ms - start_ms, 1) / HOUR_MS
    measured_ratio = min(sum(one.measured_ratio for one in month) / passed, 1.0)
    return SystemCost(name, costs, measured_ratio, month[0].hour_ms if month else None)


def _ahead(days: dict[int, float], month: CostNow, prices: PriceList) -> Forecast | NoForecast:
    sure = sum(fixed_cost(one.system, prices, month.at_ms, month.month_end_ms) for one in month.systems)
    whole = sure + sum(one.costs.fixed for one in month.systems)
    if not prices.is_metered:
        return Forecast(whole, whole, whole, 0, FIXED_METHOD)
    found = month_forecast(days, month.spent, month.at_ms, sure)
    if isinstance(found, NoForecast) and whole:
        return NoForecast(f"{found.why}; fixed prices alone come to {whole:,.2f} {prices.currency}")
    return found


def _days(hours: Sequence[KeptUse], prices: PriceList, now_ms: int) -> dict[int, float]:
    """What was measured of days that are over and were looked at nearly whole (made up to whole ones), all systems
    together, without fixed prices."""
    costs: dict[tuple[int, str], Costs] = {}
    looked: dict[tuple[int, str], float] = {}
    known: Counter[tuple[int, str]] = Counter()
    for one in hours:
        key = (one.hour_ms // DAY_MS * DAY_MS, one.system)
        if key[0] + DAY_MS <= now_ms:
            costs[key] = costs.get(key, Costs()) + cost_of(_use(one), prices)
            looked[key] = looked.get(key, 0.0) + one.measured_ratio
            known[key] += 1
    thin = {day for (day, _), ratio in looked.items() if ratio < 24 * MEASURED_DAY}
    days: dict[int, float] = {}
    for (day, system), cost in costs.items():
        if day not in thin:
            key = (day, system)
            whole = (cost.processor + cost.io) * 24 / looked[key] + cost.storage * 24 / known[key]
            days[day] = days.get(day, 0.0) + whole
    return days


def _unknown(prices: PriceList, known: Sequence[str]) -> tuple[str, ...]:
    """Systems that only the price list knows: a price for one is counted nowhere."""
    watched = ", ".join(map(repr, known)) or "none"
    return tuple(
        f"prices name the system {name!r}, which is not watched: nothing is counted of it (watched: {watched})"
        for name in prices.systems()
        if name not in known
    )


def _use(one: KeptUse) -> Use:
    return Use(one.system, one.hour_ms, one.processor_s, one.io_requests, one.storage_bytes, one.measured_ratio)
