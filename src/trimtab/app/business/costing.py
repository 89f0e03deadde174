"""The answer about cost: the month, with the shapes and pipelines that cost the most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.app.business.answers import CostAnswer, cost_answer
from trimtab.app.business.spending import pipeline_costs, shape_costs

if TYPE_CHECKING:
    from trimtab.app.service import Service


def costs(service: Service, system: str | None, limit: int) -> CostAnswer:
    """Of all systems, or of one; at most `limit` shapes and pipelines."""
    now = service.business.now.cost

    def text(name: str, fingerprint: str) -> str | None:
        found = service.read.texts.of(name).get(fingerprint)
        return None if found is None else found.text

    shapes = shape_costs(service.telemetry, now, text, limit, system)
    waited = service.business.pipelining.database_ms(now.month_start_ms, now.at_ms)
    return cost_answer(now, shapes, pipeline_costs(waited, now.prices)[:limit], system)
