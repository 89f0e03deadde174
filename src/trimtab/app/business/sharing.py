"""Who a system's cost is of: query shapes by what they used, pipelines by the time that they waited for databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.analyze.cost.prices import HOUR_MS, PriceList, Resource
from trimtab.app.business.spending import CostNow

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore


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
