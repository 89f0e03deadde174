"""A small HTTP receiver on a real port: remembers what is posted to it, and answers as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 60.0


@dataclass
class Posted:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Hook:
    """What came, and what is answered: `answers` one by one, then `otherwise`. A number alone is a status."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    otherwise: tuple[int, dict[str, str], bytes] = (200, {}, b"ok")
    answer: Callable[[Posted], tuple[int, dict[str, str], bytes]] | None = None

    def wait_for(self, what: Callable[[list[Posted]], bool], why: str) -> list[Posted]:
        """Until what came is as wanted."""
        give_up_at = time.monotonic() + WAIT_S
        while not what(self.posted):
            shown = [(one.path, one.body[:400]) for one in self.posted]
            assert time.monotonic() < give_up_at, f"{why}: {shown}"
            time.sleep(0.02)
        return self.posted


@contextmanager
def running_hook() -> Iterator[Hook]:
    """On a free port of loopback."""
    hook = Hook()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """Any method, any path."""

        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            one = Posted(self.command, self.path, dict(self.headers), self.rfile.read(length))
            with lock:
                hook.posted.append(one)
                given = hook.answers.pop(0) if hook.answers else hook.otherwise
            status, headers, body = hook.answer(one) if hook.answer is not None else given
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _take  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
