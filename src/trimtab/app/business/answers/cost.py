"""Cost: the month, with the shapes and pipelines that cost the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.analyze.cost.forecast import Forecast
from trimtab.analyze.cost.prices import PER
from trimtab.app.business.sharing import PipelineCost, ShapeCost, pipeline_costs, shape_costs
from trimtab.app.business.spending import METHOD, CostNow

if TYPE_CHECKING:
    from trimtab.app.service import Service

PIPELINE_COST_METHOD = "time that runs waited for databases, at the price of processor time: the most that it can be"


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A line of the price list."""

    resource: str
    price: float
    per: str
    as_of: str
    source: str
    systems: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class SystemCostRow:
    """What a system cost in the month so far, by resource: `fixed` from the first on, the others since
    `measured_from_ms` (null: it was not looked at this month)."""

    system: str
    total: float
    processor: float
    io: float
    storage: float
    fixed: float
    measured_ratio: float
    measured_from_ms: int | None


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """The whole month: it lies between `low` and `high` 8 times in 10."""

    middle: float
    low: float
    high: float
    days_count: int
    method: str


@dataclass(frozen=True, slots=True)
class CostAnswer:
    """The month (UTC). `why` says why nothing is known; `no_forecast`, why there is no forecast.

    `problems` are prices that count nothing.
    """

    at_ms: int
    month_start_ms: int
    month_end_ms: int
    currency: str
    spent: float
    measured_ratio: float
    budget: float | None
    budget_used_ratio: float | None
    forecast: ForecastRow | None
    no_forecast: str
    systems: tuple[SystemCostRow, ...]
    shapes: tuple[ShapeCost, ...]
    pipelines: tuple[PipelineCost, ...]
    prices: tuple[PriceRow, ...]
    method: str
    pipelines_method: str
    why: str
    problems: tuple[str, ...]


def costs(service: Service, system: str | None, limit: int) -> CostAnswer:
    """Of all systems, or of one; at most `limit` shapes and pipelines."""
    now = service.business.now.cost

    def text(name: str, fingerprint: str) -> str | None:
        found = service.read.texts.of(name).get(fingerprint)
        return None if found is None else found.text

    shapes = shape_costs(service.telemetry, now, text, limit, system)
    waited = service.business.pipelining.database_ms(now.month_start_ms, now.at_ms)
    return cost_answer(now, shapes, pipeline_costs(waited, now.prices)[:limit], system)


def cost_answer(
    now: CostNow, shapes: list[ShapeCost], pipelines: list[PipelineCost], system: str | None = None
) -> CostAnswer:
    """Of all systems, or of one (budget and forecast are of all)."""
    ahead = now.forecast
    known = now.prices is not None
    budget = None if now.budget is None else now.budget.month
    return CostAnswer(
        at_ms=now.at_ms,
        month_start_ms=now.month_start_ms,
        month_end_ms=now.month_end_ms,
        currency="" if now.prices is None else now.prices.currency,
        spent=now.spent,
        measured_ratio=now.measured_ratio,
        budget=budget,
        budget_used_ratio=now.spent / budget if budget and known else None,
        forecast=ForecastRow(ahead.middle, ahead.low, ahead.high, ahead.days_count, ahead.method)
        if isinstance(ahead, Forecast)
        else None,
        no_forecast="" if isinstance(ahead, Forecast) else ahead.why,
        systems=tuple(
            SystemCostRow(
                one.system,
                one.costs.total,
                one.costs.processor,
                one.costs.io,
                one.costs.storage,
                one.costs.fixed,
                one.measured_ratio,
                one.measured_from_ms,
            )
            for one in now.systems
            if system in (None, one.system)
        ),
        shapes=tuple(shapes),
        pipelines=tuple(pipelines),
        prices=tuple(
            PriceRow(one.resource.value, one.price, PER[one.resource], one.as_of, one.source, one.systems, one.note)
            for one in (() if now.prices is None else now.prices.prices)
        ),
        method=METHOD,
        pipelines_method=PIPELINE_COST_METHOD,
        why=now.why,
        problems=now.problems,
    )
