"""Plans of auto_explain, read from a real server's log through the function that a DBA installs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import psycopg
import pytest

from demo.cluster import Cluster
from trimtab.app.logged_plans import NOT_ANALYZED, logged_plans
from trimtab.observe.postgres.facts import Moment
from trimtab.observe.postgres.logged_plans import LoggedPlanLooks, install_sql
from trimtab.observe.postgres.session import Session
from trimtab.sql.fingerprint import fingerprint

pytestmark = pytest.mark.postgres

STATEMENT = "SELECT * FROM t\n WHERE b = 'zqx4711ä' AND a = 7"
SETTINGS = {
    "shared_preload_libraries": "auto_explain",
    "logging_collector": "on",
    "log_directory": "log",
    "log_destination": "stderr",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "fsync": "off",
    "shared_buffers": "16MB",
}
SHAPE = fingerprint(STATEMENT) or ""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with Cluster.temporary(SETTINGS) as running:
        running.execute(
            "CREATE ROLE trimtab_watch LOGIN IN ROLE pg_monitor",
            "CREATE ROLE stranger LOGIN",
            "CREATE TABLE t AS SELECT i AS a, 'x' || i AS b FROM generate_series(1, 1000) i",
            "CREATE TABLE u AS SELECT i AS a, 'x' || i AS b FROM generate_series(1, 1000) i",
        )
        yield running


class Asked:
    """What a session's `rows` are, on a plain connection."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.connection = connection
        self.count = 0

    def rows(self, _collector: str, sql: str, values: object = None) -> list[tuple[Any, ...]]:
        self.count += 1
        return self.connection.execute(sql.encode(), cast(Any, values)).fetchall()


def install(server: Cluster) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(install_sql("trimtab_watch").encode())


def until(found: Callable[[], Mapping[str, Any]], wanted: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
    """What is found once it is as wanted: a log is written by another process."""
    end = time.monotonic() + 60
    while not wanted(now := found()):
        assert time.monotonic() < end, now
        time.sleep(0.05)
    return now


@pytest.mark.parametrize("destination", ["stderr", "csvlog", "jsonlog"])
def test_plans_come_from_the_log_without_literals(server: Cluster, destination: str) -> None:
    install(server)
    server.execute(f"ALTER SYSTEM SET log_destination = '{destination}'", "SELECT pg_reload_conf()")
    heard: list[str] = []
    looks = LoggedPlanLooks(heard.extend)
    with psycopg.connect(server.dsn(user="trimtab_watch"), autocommit=True) as connection:
        session = cast(Session, Asked(connection))

        def look() -> Mapping[str, Any]:
            server.execute(STATEMENT, "SELECT * FROM u WHERE a = 4712")
            looks.collect(session, Moment("shop", 0, 1.0))
            return {one.fingerprint: one for one in logged_plans(heard, {SHAPE: None})}

        found = until(look, lambda now: SHAPE in now)[SHAPE]
    assert found.has_actuals
    assert found.plan["Plan"]["Node Type"] == "Seq Scan"
    assert found.plan["Plan"]["Filter"] == "((b = ?::text) AND (a = ?))"
    assert "4711" not in str(found)
    assert all("plan:" in entry for entry in heard), "nothing else of the log is told"
    assert NOT_ANALYZED


def test_without_the_function_nothing_is_asked_and_nobody_else_may_call_it(server: Cluster) -> None:
    server.execute("DROP FUNCTION IF EXISTS trimtab.logged_plans(text, bigint)")
    looks = LoggedPlanLooks(lambda _entries: None)
    with psycopg.connect(server.dsn(user="trimtab_watch"), autocommit=True) as connection:
        asked = Asked(connection)
        for _ in range(3):
            looks.collect(cast(Session, asked), Moment("shop", 0, 1.0))
        assert asked.count == 1
    install(server)
    install(server)
    with psycopg.connect(server.dsn(user="stranger"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM trimtab.logged_plans(NULL, 0)")
        strange = Asked(connection)
        looks.forget()
        looks.collect(cast(Session, strange), Moment("shop", 0, 1.0))
        assert strange.count == 1
