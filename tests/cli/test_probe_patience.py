"""`trimtab probes run` waits longer than the probe may take, and says what it waited for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from trimtab.cli import business
from trimtab.cli.main import main

ENOUGH = threading.Event()


class Slow(BaseHTTPRequestHandler):
    """Tells of a probe at once, and does not come back from running it."""

    def do_GET(self) -> None:
        body = json.dumps({"timeout_ms": 60_000}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        ENOUGH.wait(60)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    ENOUGH.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    ENOUGH.set()
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_it_is_the_time_of_the_probe_that_is_waited_for(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute, which the probe may take, less what is left of it here; not the half minute of other requests."""
    monkeypatch.setattr(business, "RUN_AROUND_S", -59.7)
    done = CliRunner().invoke(main, ["probes", "run", "late", "--server", slow])
    assert done.exit_code != 0
    assert "took the request and did not answer it within 0.3 s; it may still do it" in done.stderr
    assert "trimtab up" not in done.stderr
