"""trimtab's own numbers for Prometheus, and the time of every request for those numbers and for its own traces."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trimtab.app.own.keeper import Own
from trimtab.app.own.metrics import TEXT_FORMAT

METRICS_PATH = "/metrics"
ROUTE = "trimtab.route"
"""Where the guard leaves the route's path in the scope, with its parameters by name."""
NO_ROUTE = "(none)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OFTEN = frozenset({"/api/v1/write", "/v1/traces", "/v1/metrics", "/v1/logs"})
"""What comes all the time: a span is made afterwards, and only where it is kept."""
_STREAM = b"text/event-stream"


def metrics_route(own: Own) -> Route:
    """GET /metrics."""

    async def metrics(_request: Request) -> Response:
        text = await run_in_threadpool(own.metrics.text)
        return Response(text, headers={"Content-Type": TEXT_FORMAT})

    return Route(METRICS_PATH, metrics, methods=["GET"])


class Observed:
    """The application, with its requests measured. Event streams last as long as somebody looks: they are left out."""

    def __init__(self, app: ASGIApp, own: Own) -> None:
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = str(scope["method"]) if scope["method"] in METHODS else "other"
        begun_s = time.perf_counter()
        status, is_stream = 0, False
        is_often = scope["path"] in OFTEN

        async def answer(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = int(message["status"])
                is_stream = not is_often and any(
                    n.lower() == b"content-type" and _STREAM in v for n, v in message.get("headers", ())
                )
            await send(message)

        traces = self._own.traces
        try:
            if is_often:
                begun_ns, failure = time.time_ns(), None
                try:
                    await self._app(scope, receive, answer)
                except BaseException as error:
                    failure = type(error).__name__
                    raise
                finally:
                    name, attributes = _told(method, scope, status)
                    traces.past(name, begun_ns, attributes, str(status) if status >= 500 else failure)
                return
            with traces.span(f"{method} {NO_ROUTE}", is_server=True) as span:
                try:
                    await self._app(scope, receive, answer)
                finally:
                    name, attributes = _told(method, scope, status)
                    span.rename(name)
                    span.set_all(attributes)
                    if status >= 500:
                        span.fail(str(status))
        finally:
            if not is_stream:
                self._own.metrics.observe(
                    "trimtab_http_request_seconds",
                    time.perf_counter() - begun_s,
                    method=method,
                    route=str(scope.get(ROUTE, NO_ROUTE)),
                    status=f"{status // 100}xx" if status else "none",
                )


def _told(method: str, scope: Scope, status: int) -> tuple[str, dict[str, str | int]]:
    """The name of a request's span, and what is said of it."""
    route = str(scope.get(ROUTE, NO_ROUTE))
    told: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    return f"{method} {route}", told
