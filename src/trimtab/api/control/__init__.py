"""trimtab's own API under /api/trimtab/: one operation for each thing a user can do. Thin: parse, service, format.

A file for each kind of thing holds its `OPERATIONS`; a route, a row of the OpenAPI document and a row of the table of
permissions are made from each.
"""

from __future__ import annotations

from starlette.routing import Route

from trimtab.api.control import (
    access,
    advice,
    alerts,
    anomalies,
    business,
    capacity,
    cases,
    change_points,
    clouds,
    dashboards,
    forecasts,
    infrastructure,
    logs,
    objectives,
    packs,
    patterns,
    plans,
    policy,
    reading,
    rules,
    sources,
    stack,
    systems,
    traces,
)
from trimtab.api.control.operation import Operation
from trimtab.api.control.routes import routes_of
from trimtab.app.service import Service

OPERATIONS: tuple[Operation, ...] = (
    *systems.OPERATIONS,
    *cases.OPERATIONS,
    *reading.OPERATIONS,
    *policy.OPERATIONS,
    *plans.OPERATIONS,
    *advice.OPERATIONS,
    *traces.OPERATIONS,
    *logs.OPERATIONS,
    *sources.OPERATIONS,
    *alerts.OPERATIONS,
    *rules.OPERATIONS,
    *objectives.OPERATIONS,
    *packs.OPERATIONS,
    *stack.OPERATIONS,
    *clouds.OPERATIONS,
    *dashboards.OPERATIONS,
    *business.OPERATIONS,
    *anomalies.OPERATIONS,
    *change_points.OPERATIONS,
    *forecasts.OPERATIONS,
    *capacity.OPERATIONS,
    *patterns.OPERATIONS,
    *infrastructure.OPERATIONS,
    *access.OPERATIONS,
)


def control_routes(service: Service) -> list[Route]:
    """Routes for Starlette, under /api/trimtab."""
    return routes_of(service, OPERATIONS)
