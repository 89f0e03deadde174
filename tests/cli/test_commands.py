"""The command line against a real server and a real PostgreSQL: answers, errors, exit codes."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.cli.conftest import Server, start_server, trimtab
from tests.conftest import Database

pytestmark = [pytest.mark.postgres, pytest.mark.store, pytest.mark.slow]
SECRET = "hunter2-and-more"


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> object:
    """Poll until it is true; the last answer is in the error."""
    give_up_at = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up_at, f"not within {seconds} s; last answer: {answer!r}"
        time.sleep(0.2)
    return answer


def case_now(server: Server, number: str) -> dict[str, object]:
    """One case as JSON."""
    found: dict[str, object] = server.json("case", number)
    return found


def test_what_the_environment_holds_is_not_for_whoever_names_it(server: Server) -> None:
    done = server.run("watch", "postgresql://x@${TRIMTAB_TEST_HIDDEN}:5432/b")
    assert done.returncode == 3
    assert "hidden.invalid" not in done.stderr
    assert "***" in done.stderr


def test_an_empty_server_says_so(server: Server) -> None:
    assert "no system is watched" in server.run("status").stdout
    assert server.json("cases") == []
    assert httpx2.get(f"{server.url}/healthz").json()["status"] == "ok"


def test_openapi_names_every_route(server: Server) -> None:
    document = httpx2.get(f"{server.url}/api/trimtab/openapi.json").json()
    assert "/api/trimtab/cases/{case_id}/approve" in document["paths"]
    assert "DecisionRequest" in document["components"]["schemas"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("case", "99"), 2, "there is no case 99"),
        (("approve", "99"), 2, "there is no case 99"),
        (("cases", "--limit", "0"), 2, "limit must be from 1 to 1000, found 0"),
        (("watch", f"postgresql://u:{SECRET}@127.0.0.1/x"), 2, "passfile"),
        (("watch", f"host=127.0.0.1 password={SECRET}"), 2, "passfile"),
        (("watch", "env:NOT_SET_ANYWHERE"), 2, "NOT_SET_ANYWHERE"),
        (("watch", "postgresql://trimtab_watch@127.0.0.1:1/x"), 3, "could not connect"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_name_what_is_wrong(server: Server, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = server.run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr


def test_bodies_that_are_not_right_are_refused(server: Server) -> None:
    url = f"{server.url}/api/trimtab/systems"
    assert httpx2.post(url, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    assert "dsn" in httpx2.post(url, json={}).json()["error"]["message"]
    assert "unknown field" in httpx2.post(url, json={"dsn": "x", "pasword": "y"}).json()["error"]["message"]
    assert httpx2.post(url, json={"dsn": "x" * 200_000}).status_code == 413
    assert httpx2.get(f"{server.url}/api/trimtab/cases?limit=9999").status_code == 400
    assert httpx2.get(f"{server.url}/api/trimtab/cases/abc").status_code == 400
    assert httpx2.get(f"{server.url}/nowhere").status_code == 404


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    done = trimtab("status", "--data-dir", str(tmp_path), is_executed=True)
    assert done.returncode == 3
    assert "trimtab up" in done.stderr
    done = trimtab("status", "--server", "http://127.0.0.1:1")
    assert done.returncode == 3
    assert "does not answer" in done.stderr


@pytest.mark.parametrize(
    ("listen", "code", "message"),
    [
        ("0.0.0.0:0", 2, "--tls-cert FILE and --tls-key FILE"),
        ("127.0.0.1", 2, "HOST:PORT"),
        ("127.0.0.1:99999", 2, "65535"),
    ],
)
def test_where_it_may_not_listen(tmp_path: Path, listen: str, code: int, message: str) -> None:
    done = trimtab("up", "--listen", listen, "--data-dir", str(tmp_path / "d"))
    assert done.returncode == code
    assert message in done.stderr


def test_a_taken_port_and_a_taken_directory(server: Server, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = trimtab("up", "--listen", f"127.0.0.1:{port}", "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir))
    assert done.returncode == 3
    assert str(server.process.pid) in done.stderr
    assert server.run("status").returncode == 0


def test_options_of_later_versions_are_refused_clearly(tmp_path: Path) -> None:
    done = trimtab("up", "--state", "postgresql://x", "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 2
    assert "--state is not available in this version" in done.stderr


def test_a_store_that_cannot_be_is_said_without_its_password(tmp_path: Path) -> None:
    done = trimtab("up", "--store", "clickhouse://ann:geheim@x/obs", "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 2
    assert "a password in plain text can be read by everybody" in done.stderr
    file = tmp_path / "trimtab.toml"
    file.write_text('[server]\nstore = "clickhouse://ann:geheim@x/obs"\n')
    told = trimtab("up", "--config", str(file), "--data-dir", str(tmp_path / "d"))
    assert told.returncode == 2
    assert "server.store cannot be 'clickhouse://ann:***@x/obs': a password in plain text" in told.stderr
    assert "geheim" not in f"{done.stdout}{done.stderr}{told.stdout}{told.stderr}"
    gone = trimtab("up", "--store", "clickhouse://127.0.0.1:1/obs", "--data-dir", str(tmp_path / "d"))
    assert gone.returncode == 3
    assert "could not open the telemetry" in gone.stderr
    assert "127.0.0.1:1 does not answer" in gone.stderr


def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[watch]\nslice_s = 0.1\n")
    done = trimtab("up", "--config", str(file), "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 2
    assert f"{file}, line 2, column 11: watch.slice_s must be from 0.5 to 300, found 0.1" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_drain_and_exit_0(tmp_path: Path, number: signal.Signals) -> None:
    running = start_server(tmp_path / "data", is_executed=True)
    running.process.send_signal(number)
    assert running.process.wait(timeout=180) == 0
    assert not (running.data_dir / "server.json").exists()
    assert "Traceback" not in (tmp_path / "data.log").read_text()


def test_from_a_slow_query_to_a_proposal_that_a_person_rejects(server: Server, database: Database) -> None:
    database.execute(
        "SET ROLE shop_owner; CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text)",
        "INSERT INTO orders SELECT i, i % 40000, repeat('x', 100) FROM generate_series(1, 200000) i",
        "ANALYZE orders",
    )
    stop = threading.Event()

    def load() -> None:
        with psycopg.connect(database.dsn("shop_app"), autocommit=True, cursor_factory=psycopg.ClientCursor) as app:
            number = 0
            while not stop.wait(0.1):
                number += 1
                app.execute("SELECT id, note FROM orders WHERE customer_id = %s", (number % 40000,))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    try:
        watched = server.json("watch", database.dsn("trimtab_watch"), "--name", "shop")
        assert all(c["available"] for c in watched["capabilities"] if c["name"] in ("hypopg", "pg_stat_statements"))
        wait_for(lambda: [c for c in server.json("cases") if c["change"]])
        (case,) = server.json("cases")
        number = str(case["id"])
        assert case["finding"]["kind"] == "objective_broken"
        assert "customer_id" in case["change"]["proposal"]["summary"]
        assert case["change"]["proposal"]["predicted_ratio"] < 0.2
        table = server.run("case", number).stdout
        for word in ("Found", "Proposed", "predicted ratio", "verified", "not verified", "hash", "Ledger"):
            assert word in table
        assert "no connection for changes" in str(case_now(server, number)["waits_for"])
        right = case["change"]["proposal"]["content_hash"]
        for wrong, code, says in (("0" * 8, 2, "64 hex digits"), ("0" * 64, 1, "another change by now, or the hash")):
            refused = server.run("approve", number, "--hash", wrong)
            assert refused.returncode == code
            assert says in refused.stderr
            assert right not in refused.stderr
        heaviest = server.json("queries", "--search", "customer_id", "--limit", "1")["rows"]
        assert [row["fingerprint"] for row in heaviest] == [case["fingerprint"]]
        assert "customer_id" in server.run("queries", "--sort", "mean").stdout
        early = server.run("rollback", number)
        assert early.returncode == 1
        assert "nothing to roll back" in early.stderr
        rejected = server.json("reject", number, "--reason", "not today")
        assert (rejected["verdict"], rejected["state"]) == ("rejected", "closed")
        assert "not today" in rejected["reason"]
        assert next(e["event"] for e in rejected["ledger"]) == "proposed"
        assert [entry["event"] for entry in server.json("ledger", "--limit", "1")] == ["rejected"]
        assert "not today" in server.run("ledger").stdout
        again = server.run("approve", number)
        assert again.returncode == 1
        status = server.json("status")
        assert status["ledger"]["intact"] is True
        assert [s["name"] for s in status["systems"]] == ["shop"]
        again = server.run("watch", database.dsn("trimtab_watch"), "--name", "twin")
        assert again.returncode == 1
        assert "watched already, as 'shop'" in again.stderr
        again = server.run("watch", database.dsn("shop_app"), "--name", "shop")
        assert again.returncode == 1
        assert "by another reference" in again.stderr
        assert server.json("status")["systems"][0]["change_dsn"] is None
        more = server.json(
            "watch", database.dsn("trimtab_watch"), "--name", "shop", "--change-dsn", database.dsn("trimtab_change")
        )
        assert "trimtab_change@" in more["change_dsn"]
        assert "trimtab_watch@" in json.dumps(status)
        frozen = server.json("freeze")
        assert frozen["frozen"]
        assert server.json("freeze", "--off")["frozen"] is None
        assert server.json("unwatch", "shop")["systems"] == []
        assert server.run("unwatch", "shop").returncode == 2
        assert len(server.json("cases")) == 1
    finally:
        stop.set()
        thread.join(timeout=10)
