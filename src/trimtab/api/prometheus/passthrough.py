"""The Prometheus API where metrics are another server's: requests go there, answers come back as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trimtab.api.prometheus.envelope import failure
from trimtab.app.upstream import Upstream
from trimtab.model.errors import ServerUnreachable

_BOTH, _GET, _POST = ("GET", "POST"), ("GET",), ("POST",)
PASSED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/api/v1/query", _BOTH),
    ("/api/v1/query_range", _BOTH),
    ("/api/v1/query_exemplars", _BOTH),
    ("/api/v1/format_query", _BOTH),
    ("/api/v1/parse_query", _BOTH),
    ("/api/v1/series", _BOTH),
    ("/api/v1/labels", _BOTH),
    ("/api/v1/label/{name}/values", _GET),
    ("/api/v1/metadata", _GET),
    ("/api/v1/targets", _GET),
    ("/api/v1/targets/metadata", _GET),
    ("/api/v1/rules", _GET),
    ("/api/v1/alerts", _GET),
    ("/api/v1/alertmanagers", _GET),
    ("/api/v1/scrape_pools", _GET),
    ("/api/v1/status/{what}", _GET),
    ("/api/v1/read", _POST),
)
"""Paths and methods that only read. Everything else stays here."""
_SENT = ("content-type", "content-encoding", "accept", "x-prometheus-remote-read-version")


def passthrough_routes(upstream: Upstream, ours: Collection[str] = ()) -> list[Route]:
    """A route for each of `PASSED` but those that are answered here."""

    async def pass_on(request: Request) -> Response:
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        body = await request.body() if request.method == "POST" else None
        stack = AsyncExitStack()
        try:
            query = request.scope["query_string"].decode("latin-1")
            path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
            reply = await stack.enter_async_context(upstream.ask(request.method, path, query, body, headers))
        except ServerUnreachable as error:
            return failure(502, "unavailable", error.message)

        async def pieces() -> AsyncIterator[bytes]:
            async with stack:
                async for piece in reply.body:
                    yield piece

        return StreamingResponse(pieces(), reply.status, media_type=reply.content_type or None)

    return [Route(path, pass_on, methods=list(methods)) for path, methods in PASSED if path not in ours]
