"""Docker's engine and Kubernetes' API as servers that say what stands in tests/data/containers."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

FILES = Path(__file__).parents[2] / "data" / "containers"
Answer = tuple[int, object]
Handle = Callable[[str, dict[str, str], str], Answer]
"""Path, query and the Authorization header; the answer's status and JSON (or bytes)."""


def recorded(name: str) -> object:
    """One answer."""
    return json.loads((FILES / f"{name}.json").read_text("utf-8"))


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _handler(handle: Handle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, said = handle(parts.path, dict(parse_qsl(parts.query)), self.headers.get("Authorization", ""))
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_arguments: object) -> None:
            """Nothing: what is asked is what the test looks at."""

    return Handler


@contextmanager
def on_a_socket(path: Path, handle: Handle) -> Iterator[str]:
    """On a socket of the machine, as Docker's engine listens."""
    server = _UnixServer(str(path), _handler(handle))
    with _running(server):
        yield f"unix://{path}"


@contextmanager
def on_a_port(handle: Handle) -> Iterator[str]:
    """On a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(handle))
    server.daemon_threads = True
    with _running(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
