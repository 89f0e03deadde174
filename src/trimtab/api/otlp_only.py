"""OTLP's own HTTP port: the same application, but nothing of it but OTLP's routes."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/v1/"


class OtlpOnly:
    """The application; what comes in on `port` reaches only OTLP's routes. Everything else is as it was."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        server = scope.get("server")
        is_here = scope["type"] == "http" and server is not None and server[1] == self._port
        if is_here and not scope["path"].startswith(PREFIX):
            answer = PlainTextResponse("this port takes OTLP alone: POST /v1/traces, /v1/metrics, /v1/logs\n", 404)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)
