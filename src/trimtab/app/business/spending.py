"""What watched systems used, hour by hour, and what that costs: by system, shape and pipeline, and ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.analyze.cost.forecast import DAY_MS, DAYS_MAX, Forecast, NoForecast, month_forecast
from trimtab.analyze.cost.prices import HOUR_MS, Costs, PriceList, Resource, Use, cost_of, month_bounds, total
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
    "of the month. What was not looked at is not counted"
)


@dataclass(frozen=True, slots=True)
class SystemCost:
    """One system in the month so far. `measured_ratio` is how much of that time was looked at, since `from_ms`."""

    system: str
    costs: Costs
    measured_ratio: float
    from_ms: int


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

    def count(self, now_ms: int) -> None:
        """Bring the table of hours up to now: what changed since, and at the first time the last month."""
        newest = self._state.newest_ms()
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

    def now(self, prices: PriceList | None, budget: Budget | None, watched: Sequence[str], now_ms: int) -> CostNow:
        """How the month stands. Systems that are watched and used nothing yet are among them."""
        start_ms, end_ms = month_bounds(now_ms)
        bare = CostNow(now_ms, start_ms, end_ms, prices, budget, why=NO_PRICES)
        if prices is None:
            return bare
        month = [_use(one) for one in self._state.between(start_ms, now_ms)]
        first: dict[str, int] = {}
        for one in month:
            first.setdefault(one.system, one.hour_ms)
        systems = [
            _system_cost(name, [one for one in month if one.system == name], prices, start_ms, now_ms)
            for name in sorted({*first, *watched})
        ]
        days = self._days(prices, now_ms)
        spent = sum(one.costs.total for one in systems)
        forecast = month_forecast(days, spent, now_ms)
        return replace(
            bare,
            systems=tuple(sorted(systems, key=lambda one: -one.costs.total)),
            forecast=forecast,
            days=tuple(sorted(days.items())),
            why="",
        )

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
    """A fixed price is paid for every hour, whether it was looked at or not: from the first hour that is known."""
    from_ms = month[0].hour_ms if month else start_ms
    costs = total(month, prices, now_ms)
    known = {one.hour_ms for one in month}
    if month:
        missing = [
            Use(name, hour_ms, 0.0, 0.0, None, 0.0)
            for hour_ms in range(from_ms, now_ms // HOUR_MS * HOUR_MS + HOUR_MS, HOUR_MS)
            if hour_ms not in known
        ]
        costs += Costs(fixed=total(missing, prices, now_ms).fixed)
    passed = max(now_ms - start_ms, 1) / HOUR_MS
    return SystemCost(name, costs, min(sum(one.measured_ratio for one in month) / passed, 1.0), from_ms)


def _days(hours: Sequence[KeptUse], prices: PriceList, now_ms: int) -> dict[int, float]:
    """Costs of days that are over and were looked at nearly whole (made up to whole ones), all systems together."""
    costs: dict[tuple[int, str], float] = {}
    looked: dict[tuple[int, str], float] = {}
    for one in hours:
        key = (one.hour_ms // DAY_MS * DAY_MS, one.system)
        if key[0] + DAY_MS <= now_ms:
            costs[key] = costs.get(key, 0.0) + cost_of(_use(one), prices).total
            looked[key] = looked.get(key, 0.0) + one.measured_ratio
    thin = {day for (day, _), ratio in looked.items() if ratio < 24 * MEASURED_DAY}
    days: dict[int, float] = {}
    for (day, system), cost in costs.items():
        if day not in thin:
            days[day] = days.get(day, 0.0) + cost * 24 / looked[day, system]
    return days


def _use(one: KeptUse) -> Use:
    return Use(one.system, one.hour_ms, one.processor_s, one.io_requests, one.storage_bytes, one.measured_ratio)


@dataclass(frozen=True, slots=True)
class ShapeCost:
    """A query shape in the month so far: its share of what its system's processor and requests cost.

    `month` is what a whole month of it would cost if it went on as in the time that was looked at.
    """

    system: str
    fingerprint: str
    text: str | None
    calls: int
    total_exec_time_ms: float
    cost: float
    month: float
    share: float


def shape_costs(
    telemetry: TelemetryStore,
    now: CostNow,
    text_of: Callable[[str, str], str | None],
    limit: int = 20,
    system: str | None = None,
) -> list[ShapeCost]:
    """The dearest shapes. Processor cost is shared by execution time, that of requests by blocks read; storage and
    fixed prices belong to no shape."""
    from trimtab.store.shape_sums import shape_sums

    if now.prices is None:
        return []
    sums = shape_sums(telemetry, now.month_start_ms, now.at_ms)
    time_of: dict[str, float] = {}
    blocks_of: dict[str, float] = {}
    for place, name in enumerate(sums.systems):
        time_of[name] = time_of.get(name, 0.0) + float(sums.total_exec_time_ms[place])
        blocks_of[name] = blocks_of.get(name, 0.0) + float(sums.shared_blks_read[place])
    systems = {one.system: one for one in now.systems}
    found = []
    for place, name in enumerate(sums.systems):
        of_system = systems.get(name)
        if of_system is None or (system is not None and name != system):
            continue
        took, blocks = float(sums.total_exec_time_ms[place]), float(sums.shared_blks_read[place])
        cost = of_system.costs.processor * (took / time_of[name] if time_of[name] else 0.0)
        cost += of_system.costs.io * (blocks / blocks_of[name] if blocks_of[name] else 0.0)
        whole = of_system.costs.processor + of_system.costs.io
        measured_ms = of_system.measured_ratio * (now.at_ms - now.month_start_ms)
        month_ms = now.month_end_ms - now.month_start_ms
        found.append((cost, place, name, took, month_ms / measured_ms if measured_ms else 0.0, whole))
    found.sort(key=lambda one: -one[0])
    return [
        ShapeCost(
            system=name,
            fingerprint=sums.fingerprints[place],
            text=text_of(name, sums.fingerprints[place]),
            calls=int(sums.calls[place]),
            total_exec_time_ms=took,
            cost=cost,
            month=cost * factor,
            share=cost / whole if whole else 0.0,
        )
        for cost, place, name, took, factor, whole in found[:limit]
    ]


@dataclass(frozen=True, slots=True)
class PipelineCost:
    """A pipeline in the month so far: its time in databases at the price of processor time, the most it can be."""

    pipeline: str
    database_ms: float
    cost: float


def pipeline_costs(waited_ms: dict[str, float], prices: PriceList | None) -> list[PipelineCost]:
    """Of pipelines whose time in databases is known."""
    price = None if prices is None else prices.of(Resource.PROCESSOR, "")
    if price is None:
        return []
    return [PipelineCost(name, ms, ms / HOUR_MS * price.price) for name, ms in waited_ms.items()]
