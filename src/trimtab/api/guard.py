"""What protects a server without a login: it answers only to this machine's own names, and to no other page.

Without this, any web page in a browser on this machine could send a POST here (cross-site request forgery), or
reach the API under a name of its own (DNS rebinding).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from trimtab.api.errors import json_response

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def host_name(value: str) -> str:
    """The name in a Host header, without the port.

    >>> host_name("127.0.0.1:9321"), host_name("[::1]:9321"), host_name("evil.example")
    ('127.0.0.1', '::1', 'evil.example')
    """
    try:
        return (urlsplit(f"//{value}").hostname or "").lower()
    except ValueError:  # such as "[::1", which no client of ours sends
        return ""


class LoopbackGuard:
    """Refuses a request whose Host is not loopback, or whose Origin is another site."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the headers, then pass the request on."""
        if scope["type"] == "http":
            headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
            host = headers.get("host", "")
            origin = headers.get("origin")
            reason = None
            if host_name(host) not in LOOPBACK_NAMES:
                reason = "this server answers only to 127.0.0.1, localhost and [::1]"
            elif origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
                reason = "requests from another site are refused"
            if reason is not None:
                response = json_response({"error": {"kind": "Forbidden", "message": reason, "facts": {}}}, 403)
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)
