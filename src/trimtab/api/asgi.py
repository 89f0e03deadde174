"""The one port: health, trimtab's own API, OTLP, the pages that the caller brings; and the guard around all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trimtab.api.bodies import BodyTimes
from trimtab.api.control import OPERATIONS, control_routes
from trimtab.api.door_table import is_api_path
from trimtab.api.elasticsearch.routes import elasticsearch_routes
from trimtab.api.errors import handle_any, json_response
from trimtab.api.guard import AccessGuard, Handler
from trimtab.api.jaeger.routes import jaeger_doors, jaeger_routes
from trimtab.api.log_tail import DOOR as LOG_TAIL_DOOR
from trimtab.api.log_tail import log_tail_route
from trimtab.api.misses import told
from trimtab.api.openapi import openapi_document
from trimtab.api.otlp import otlp_routes
from trimtab.api.otlp_signals import Signals
from trimtab.api.own import METRICS_PATH, metrics_route
from trimtab.api.pipelines import DOORS as PIPELINE_DOORS
from trimtab.api.pipelines import pipeline_routes
from trimtab.api.prometheus.routes import metrics_doors, metrics_routes
from trimtab.api.remote_write import WRITE_PATH, remote_write_route
from trimtab.app.doors import Declared, Door, page_door
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.errors import TrimtabError
from trimtab.store.limits import TelemetryLimits

OTLP_PATHS = ("/v1/traces", "/v1/metrics", "/v1/logs")
OWN_DOORS: tuple[Door, ...] = (
    Door("/healthz", ("GET",), None),
    Door("/api/trimtab/openapi.json", ("GET",), Permission.LOOK),
    Door(METRICS_PATH, ("GET",), Permission.LOOK),
    *(Door(path, ("POST",), Permission.INGEST, body_bytes_max=None) for path in (*OTLP_PATHS, WRITE_PATH)),
)


@dataclass(frozen=True)
class Pages:
    """What the web brings: its routes, who may use each of them, and how it draws what went wrong or was refused."""

    routes: Sequence[BaseRoute] = ()
    doors: Iterable[Declared] = ()
    on_error: Handler | None = None


def make_app(
    service: Service, pages: Pages | None = None, *, allowed_hosts: Iterable[str] = (), times: BodyTimes | None = None
) -> AccessGuard:
    """The ASGI application over one service. Every route says who may use it, or this is a ValueError."""
    release = version("trimtab")
    pages = pages or Pages()

    async def healthz(request: Request) -> Response:
        known = request.scope.get("trimtab.principal") is not None
        return json_response({"status": "ok", **({"version": release} if known else {})})

    async def openapi(_request: Request) -> Response:
        return json_response(openapi_document(release))

    asked = metrics_routes(
        service.querying,
        service.upstream,
        service.scrapes.targets,
        lambda: service.alerting.rules,
        has_rules=bool(service.config.rules.files),
    )
    jaeger = jaeger_routes(service.querying, service.traces)
    limits = TelemetryLimits()
    signals = Signals(service.telemetry, limits, service.metrics_in)
    elasticsearch, elasticsearch_doors = elasticsearch_routes(service.telemetry.logs, limits, signals.logs_room)
    application = Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/api/trimtab/openapi.json", openapi, methods=["GET"]),
            *control_routes(service),
            log_tail_route(service),
            *otlp_routes(signals),
            remote_write_route(service.metrics_in),
            *pipeline_routes(service.business),
            *asked,
            *jaeger,
            *elasticsearch,
            metrics_route(service.own),
            *pages.routes,
        ],
        exception_handlers=_handlers(pages),
    )
    doors = [
        *OWN_DOORS,
        *PIPELINE_DOORS,
        LOG_TAIL_DOOR,
        *metrics_doors(asked),
        *jaeger_doors(jaeger),
        *elasticsearch_doors,
    ]
    doors += [*(operation.door for operation in OPERATIONS), *map(page_door, pages.doors)]
    return AccessGuard(
        application,
        service.access,
        doors,
        allowed_hosts=allowed_hosts,
        on_page_error=pages.on_error,
        times=times,
    )


def _handlers(pages: Pages) -> Mapping[Any, Any]:
    """The API's errors are JSON, those of pages are the web's to draw."""

    async def choose(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and is_api_path(request.url.path):
            error = told(error, request.scope, request.app.routes)
        if pages.on_error is None or is_api_path(request.url.path):
            return await handle_any(request, error)
        if isinstance(error, TrimtabError):
            request.scope.get("trimtab.audit", {}).setdefault("why", error.message)
        return await pages.on_error(request, error)

    return dict.fromkeys((TrimtabError, HTTPException, Exception), choose)
