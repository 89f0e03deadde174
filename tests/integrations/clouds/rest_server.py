"""A small HTTP server on loopback that answers as a cloud's REST API does, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """One that came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    authorization: str


@dataclass
class Rest:
    """`routes` by method and path: an answer, or a function that makes one. `first` are answers that are given before
    (each once), by path."""

    routes: dict[tuple[str, str], Json | Callable[[Request], Json]] = field(default_factory=dict)
    first: dict[str, list[tuple[int, Json, Mapping[str, str]]]] = field(default_factory=dict)
    slow_s: dict[str, float] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def answer(self, request: Request) -> tuple[int, Json, Mapping[str, str]]:
        """Status, body and headers."""
        self.requests.append(request)
        time.sleep(self.slow_s.get(request.path, 0.0))
        if self.first.get(request.path):
            return self.first[request.path].pop(0)
        made = self.routes.get((request.method, request.path))
        if made is None:
            return 404, {"error": {"code": 404, "message": f"there is no {request.path}", "status": "NOT_FOUND"}}, {}
        return 200, made(request) if callable(made) else made, {}

    def asked(self, path: str) -> list[Request]:
        """Those for a path."""
        return [one for one in self.requests if one.path == path]


@contextmanager
def serving(rest: Rest) -> Iterator[Rest]:
    """Serve on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            request = Request(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                json.loads(body) if body else None,
                self.headers.get("Authorization", ""),
            )
            status, answer, headers = rest.answer(request)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who asked has gone
                self.wfile.write(text)

        do_GET = do_POST = _any  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    rest.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield rest
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def paged(items: list[Json], size: int, key: str, wrap: Callable[[list[Json]], Json]) -> Callable[[Request], Json]:
    """A list in pages, with the tokens of Google's APIs."""

    def answer(request: Request) -> Json:
        first = int(request.query.get("pageToken", "0"))
        more = {key: str(first + size)} if first + size < len(items) else {}
        return {**wrap(items[first : first + size]), **more}

    return answer
