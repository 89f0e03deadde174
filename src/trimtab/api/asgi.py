"""The one port: health, trimtab's own API, OTLP."""

from __future__ import annotations

from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.control import control_routes
from trimtab.api.errors import handle, handle_http, json_response
from trimtab.api.guard import LoopbackGuard
from trimtab.api.openapi import openapi_document
from trimtab.api.otlp import otlp_routes
from trimtab.app.service import Service
from trimtab.model.errors import TrimtabError
from trimtab.store.limits import TelemetryLimits


def make_app(service: Service) -> Starlette:
    """The ASGI application over one service."""
    release = version("trimtab")

    async def healthz(_request: Request) -> Response:
        return json_response({"status": "ok", "version": release})

    async def openapi(_request: Request) -> Response:
        return json_response(openapi_document(release))

    return Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/api/trimtab/openapi.json", openapi, methods=["GET"]),
            *control_routes(service),
            *otlp_routes(service.telemetry, TelemetryLimits()),
        ],
        middleware=[Middleware(LoopbackGuard)],
        exception_handlers={TrimtabError: handle, HTTPException: handle_http},
    )
