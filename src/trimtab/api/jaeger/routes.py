"""Every route of the Jaeger API with its door: all of them only read."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from trimtab.api.jaeger.older import older_routes
from trimtab.api.jaeger.source import TraceSource
from trimtab.api.jaeger.version_3 import version_3_routes
from trimtab.app.doors import Door
from trimtab.app.querying import Querying
from trimtab.model.access import Permission


def jaeger_routes(querying: Querying, source: TraceSource) -> list[Route]:
    """All of them, under /jaeger/api/; version 3 first."""
    return [*version_3_routes(querying, source), *older_routes(querying, source)]


def jaeger_doors(routes: Sequence[Route]) -> list[Door]:
    """A door for each: whoever may look."""
    return [Door(route.path, ("GET",), Permission.LOOK) for route in routes]
