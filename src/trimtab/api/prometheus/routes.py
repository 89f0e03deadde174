"""Every route of the Prometheus API with its door: all of them only read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import BODY_BYTES_MAX
from trimtab.api.prometheus.passthrough import passthrough_routes
from trimtab.api.prometheus.queries import query_routes
from trimtab.api.prometheus.remote_read import remote_read_route
from trimtab.api.prometheus.rules import rules_routes
from trimtab.api.prometheus.series import series_routes
from trimtab.api.prometheus.status import status_routes
from trimtab.app.doors import Door
from trimtab.app.querying import Querying
from trimtab.app.upstream import Upstream
from trimtab.model.access import Permission

if TYPE_CHECKING:
    from trimtab.app.alerting.rules import Rules
    from trimtab.observe.scrape.scraper import TargetStatus


def metrics_routes(
    querying: Querying,
    upstream: Upstream | None,
    targets: Callable[[], Sequence[TargetStatus]] = tuple,
    rules: Callable[[], Rules | None] = lambda: None,
    *,
    has_rules: bool = False,
) -> list[Route]:
    """All of them: of the own store, or passed through to somebody else's; rules are told here if they are ours."""
    ours = rules_routes(querying, rules)
    if upstream is not None:
        if not has_rules:
            ours = []
        return [*_alive_routes(), *ours, *passthrough_routes(upstream, [route.path for route in ours])]
    return [
        *ours,
        *_alive_routes(),
        *query_routes(querying),
        *series_routes(querying),
        *status_routes(querying, targets),
        remote_read_route(querying),
    ]


def _alive_routes() -> list[Route]:
    """What `promtool check healthy` and `check ready` ask. `/healthz` is for those who have no token."""

    def answer(_request: Request) -> Response:
        return PlainTextResponse("trimtab is there.\n")

    return [Route(path, answer, methods=["GET"]) for path in ("/-/healthy", "/-/ready")]


def metrics_doors(routes: Sequence[Route]) -> list[Door]:
    """A door for each: whoever may look."""
    return [
        Door(
            route.path,
            tuple(sorted(set(route.methods or ()) - {"HEAD"})),
            Permission.LOOK,
            body_bytes_max=BODY_BYTES_MAX,
            only_reads=True,
        )
        for route in routes
    ]
