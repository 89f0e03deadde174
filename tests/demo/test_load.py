"""The application process: spans, its own log, literals in the statements, and a quick end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from opentelemetry.sdk.trace import TracerProvider

from demo.keep.kept import ROOT
from demo.latencies import read_calls
from demo.load.application import LATENCY_FILE, STATEMENTS_FILE, Application
from demo.load.telemetry import ENDPOINT_VARIABLE
from tests.conftest import Database
from tests.demo.conftest import SMALL_SCALE
from tests.demo.otlp_receiver import attributes, receiving
from tests.demo.processes import wait_until

pytestmark = pytest.mark.postgres

STOP_S_MAX = 3.0


@contextmanager
def application(dsn: str, folder: Path, endpoint: str | None) -> Iterator[subprocess.Popen[bytes]]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    if endpoint is not None:
        environment[ENDPOINT_VARIABLE] = endpoint
    command = [sys.executable, "-m", "demo.load", "--dsn", dsn, "--seed", "1", "--folder", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--scale", str(SMALL_SCALE)], cwd=ROOT, env=environment, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def lines(folder: Path) -> int:
    log = folder / LATENCY_FILE
    return log.read_bytes().count(b"\n") if log.exists() else 0


def stop(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    return time.monotonic() - began


def test_spans_and_the_own_log_tell_the_same(small_shop: Database, tmp_path: Path) -> None:
    with receiving() as receiver, application(small_shop.dsn("shop_app"), tmp_path, receiver.url) as process:
        wait_until(lambda: lines(tmp_path) > 150, "statements run")
        took_s = stop(process)
        spans = list(receiver.spans)
    assert took_s < STOP_S_MAX
    texts = json.loads((tmp_path / STATEMENTS_FILE).read_text())
    queries = [span for span in spans if "db.query.text" in attributes(span)]
    requests = [span for span in spans if "http.route" in attributes(span)]
    assert queries
    assert requests
    first = attributes(queries[0])
    assert first["db.system.name"] == "postgresql"
    assert first["db.query.text"] in texts.values()
    assert first["db.operation.name"] in ("SELECT", "INSERT", "UPDATE")
    assert str(first["db.collection.name"]) in str(first["db.query.text"])
    assert first["server.port"] == small_shop.cluster.port
    parents = {span.span_id for span in requests}
    assert all(span.parent_span_id in parents for span in queries)
    # the same statements, the same durations, in both records
    name_of = {text: name for name, text in texts.items()}
    logged: dict[str, list[float]] = {}
    for call in read_calls(tmp_path / LATENCY_FILE):
        assert not call.failed
        logged.setdefault(call.name, []).append(call.duration_ms)
    for name in ("product_page", "order_detail"):
        traced = [
            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
            for span in queries
            if name_of[str(attributes(span)["db.query.text"])] == name
        ]
        assert len(traced) == len(logged[name])
        assert sum(traced) == pytest.approx(sum(logged[name]), rel=0.3, abs=2.0)


def test_the_server_sees_literals(small_shop: Database, tmp_path: Path) -> None:
    query = "SELECT query FROM pg_stat_activity WHERE application_name = 'shop' AND query LIKE '%WHERE id = %'"
    with application(small_shop.dsn("shop_app"), tmp_path, None) as process:
        with psycopg.connect(small_shop.dsn(), autocommit=True) as connection:
            seen: list[str] = []

            def look() -> bool:
                seen.extend(str(row[0]) for row in connection.execute(query).fetchall())
                return bool(seen)

            wait_until(look, "a statement is seen")
        stop(process)
    assert seen
    assert not any("$1" in text for text in seen)


def test_it_survives_lost_connections_and_a_receiver_that_is_away(small_shop: Database, tmp_path: Path) -> None:
    with application(small_shop.dsn("shop_app"), tmp_path, "http://127.0.0.1:9/v1/traces") as process:
        wait_until(lambda: lines(tmp_path) > 50, "statements run")
        small_shop.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop'")
        wait_until(lambda: any(c.failed for c in read_calls(tmp_path / LATENCY_FILE)), "a failure is logged")
        seen = lines(tmp_path)
        wait_until(lambda: lines(tmp_path) > seen + 100, "statements run again")
        assert process.poll() is None
        assert stop(process) < STOP_S_MAX
    assert "SELECT" not in (tmp_path / "log").read_text(), "messages hold no statements"


def test_it_waits_for_a_database_and_stops_while_it_waits(tmp_path: Path) -> None:
    with application("postgresql://shop_app@127.0.0.1:9/shop", tmp_path, None) as process:
        wait_until(lambda: b"database is away" in (tmp_path / "log").read_bytes(), "it says so")
        assert stop(process) < STOP_S_MAX


def made(dsn: str, folder: Path) -> Application:
    return Application(dsn, (), 1, folder, TracerProvider().get_tracer("shop"), SMALL_SCALE)


def test_addresses_are_found_in_a_shop_of_few_pages(small_shop: Database, tmp_path: Path) -> None:
    application = made(small_shop.dsn("shop_app"), tmp_path)
    found = [application._emails() for _ in range(40)]
    application.stop()
    application.run()
    assert all(found)


def test_an_application_whose_worker_breaks_says_so(
    small_shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = made(small_shop.dsn("shop_app"), tmp_path)

    def broken(*_: object) -> None:
        raise IndexError("no address")

    monkeypatch.setattr(Application, "_serve", broken)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises(RuntimeError, match="a worker of the shop's application broke"):
        application.run()
    application.stop()
