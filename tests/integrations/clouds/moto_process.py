"""moto's server behind a gate that can be slow, down or busy: `python -m tests.integrations.clouds.moto_process`.

The gate goes by what a request is signed for: region `eu-down-1` answers 503, `eu-slow-1` does not answer, the key
THROTTLED is told RequestLimitExceeded always, and ONCE for the first request of each kind. `GET /gate/counts` has how
many requests came for each region and action.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Start = Callable[..., Any]
_SIGNED = re.compile(r"Credential=([A-Z0-9]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z]+)")
_BUSY = (
    b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error>"
    b"</Errors><RequestID>busy</RequestID></Response>"
)


class Gate:
    """A WSGI application in front of another."""

    def __init__(self, behind: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> None:
        self._behind = behind
        self._counts: Counter[str] = Counter()
        self._told_once: set[bytes] = set()
        self._never = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/gate/counts":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._counts).encode()]
        signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
        key, region = (signed[1], signed[2]) if signed else ("", "")
        action = self._action(environ)
        self._counts[f"{region} {action.decode()}"] += 1
        if region == "eu-slow-1":
            self._never.wait(60)
        if region == "eu-down-1":
            start("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"down"]
        if key == "THROTTLED" or (key == "ONCE" and action not in self._told_once):
            self._told_once.add(action)
            start("503 Service Unavailable", [("Content-Type", "text/xml")])
            return [_BUSY]
        return self._behind(environ, start)

    def _action(self, environ: dict[str, Any]) -> bytes:
        """What is asked for."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        found = _ACTION.search(body)
        return found[1] if found else environ.get("HTTP_X_AMZ_TARGET", "").encode()


def main() -> None:
    """Serve on a free port, and print it."""
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
