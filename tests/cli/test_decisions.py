"""Saying yes on the command line: nobody approves what was not shown, and a terminal is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
from click.testing import CliRunner

from tests.cli.conftest import TRIMTAB, trimtab
from trimtab.cli.main import main
from trimtab.model.index import IndexDefinition, IndexKey

pytestmark = pytest.mark.slow

HASH = "5f2c0a" + "7" * 58


def case(state: str = "proposed") -> dict[str, object]:
    """A case as the API gives it."""
    proposal = {
        "index": msgspec.to_builtins(IndexDefinition("public", "orders", (IndexKey("customer_id"),))),
        "summary": "index on public.orders (customer_id)",
        "predicted_ratio": 0.01,
        "predicted_interval_90": [0.005, 0.02],
        "interval_source": "residuals",
        "gain_ms_per_s": 30.0,
        "write_cost_ms_per_s": 1.0,
        "build_time_s": 1.0,
        "size_bytes": 25_000_000,
        "parameters_source": "samples",
        "risk": "low",
        "risk_reasons": ["exactly this was rejected by anna (case 7)"],
        "verified": [],
        "not_verified": ["how it is with a cold cache"],
        "content_hash": HASH,
    }
    return {
        "id": 1,
        "system": "shop",
        "state": "proposed",
        "verdict": None,
        "query_text": "SELECT 1",
        "finding": {"noticed_at_ms": 0, "title": "slow", "evidence": []},
        "proposals": [proposal],
        "reason": None,
        "change": {
            "id": "c1-0123456789",
            "state": state,
            "proposal": proposal,
            "approved_by": "cli:anna",
            "approval_expires_at_ms": 86_400_000,
            "reason": None,
        },
        "ledger": [],
    }


@dataclass
class Api:
    """A server that answers as trimtab does, and remembers what it was sent."""

    url: str
    posted: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    state: str = "proposed"


@pytest.fixture
def api() -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(case(made.state))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.posted.append((self.path, msgspec.json.decode(body)))
            self.answer(case(made.state))

        def answer(self, value: object) -> None:
            data = msgspec.json.encode(value)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Api(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def on_terminal(api: Api, typed: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of an approval typed by a person."""
    leader, follower = pty.openpty()
    try:
        process = subprocess.Popen(
            [TRIMTAB, "approve", "1", "--server", api.url, *arguments],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(leader, typed.encode())
        out, said = process.communicate(timeout=30)
        return process.returncode, out, said
    finally:
        os.close(leader)
        os.close(follower)


def yes(api: Api) -> list[object]:
    """What was approved."""
    return [body["content_hash"] for path, body in api.posted if path.endswith("/cases/1/approve")]


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_terminal_shows_the_statement_and_asks(api: Api, typed: str, code: int) -> None:
    returned, _, said = on_terminal(api, typed)
    assert returned == code
    assert "CREATE INDEX CONCURRENTLY trimtab_orders_customer_id_" in said
    assert "not verified: how it is with a cold cache" in said
    assert "Approve this change? [y/N]" in said
    assert said.index("risk: exactly this was rejected by anna (case 7)") < said.index("Approve this change?")
    assert yes(api) == ([HASH] if code == 0 else [])
    assert ("nothing was approved" in said) is (code == 1)


@pytest.mark.parametrize("arguments", [("--yes",), ("--hash", HASH)])
def test_a_terminal_is_not_asked_by_who_said_it_already(api: Api, arguments: tuple[str, ...]) -> None:
    returned, _, said = on_terminal(api, "", *arguments)
    assert (returned, yes(api)) == (0, [HASH])
    assert ("CREATE INDEX" in said) is (arguments == ("--yes",))
    assert "[y/N]" not in said


def test_what_a_script_approves_is_shown_beside_its_answer(api: Api) -> None:
    done = trimtab("approve", "1", "--server", api.url, "--format", "json")
    assert (done.returncode, yes(api)) == (0, [HASH])
    assert "CREATE INDEX CONCURRENTLY trimtab_orders_customer_id_" in done.stderr
    assert HASH in done.stderr
    assert msgspec.json.decode(done.stdout)["id"] == 1


def test_where_nothing_is_to_be_approved_nobody_is_asked(api: Api) -> None:
    api.state = "watching"
    _, _, said = on_terminal(api, "")
    assert said == ""  # the server refuses, and says why
    assert yes(api) == [HASH]


def test_a_rollback_is_asked_for_with_its_reason(api: Api) -> None:
    done = CliRunner().invoke(main, ["rollback", "1", "--reason", "too large", "--server", api.url])
    assert done.exit_code == 0, done.output
    ((path, body),) = api.posted
    assert path == "/api/trimtab/cases/1/rollback"
    assert body["reason"] == "too large"


def test_a_yes_is_answered_in_two_lines(api: Api) -> None:
    done = trimtab("approve", "1", "--yes", "--server", api.url)
    assert done.stdout.splitlines() == [
        "Approved by cli:anna: case 1, index on public.orders (customer_id) on shop; valid until 1970-01-02 00:00:00Z.",
        "Next: guards and checks are asked, then it is built and measured. 'trimtab case 1' tells how it goes.",
    ]


def test_a_case_shows_the_statement_and_its_undo(api: Api) -> None:
    lines = [line.strip() for line in trimtab("case", "1", "--server", api.url).stdout.splitlines()]
    (statement,) = (line for line in lines if line.startswith("statement: "))
    (undo,) = (line for line in lines if line.startswith("undo: "))
    name = statement.split()[4]
    assert statement.startswith("statement: CREATE INDEX CONCURRENTLY trimtab_orders_customer_id_")
    assert undo == f"undo: DROP INDEX CONCURRENTLY public.{name}"
    assert lines[0] == "Case 1 · shop · proposed"
