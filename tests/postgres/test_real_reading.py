"""What is read, counted and planned, on a real server of every version: grade R."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from tests.observe.support import RealClock, Recorder
from tests.postgres import shop
from tests.postgres.conftest import Server
from tests.postgres.looking import check, look
from tests.postgres.proofs import Grade, proves
from tests.postgres.real import ON_REAL_SERVERS, connected, own_database
from trimtab.advise.index.plans import nodes
from trimtab.observe.postgres.explain import explain
from trimtab.observe.postgres.status import WatchState
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql import versions
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.connect import Reference
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.trees import single_statement

pytestmark = ON_REAL_SERVERS


@proves(
    Grade.REAL,
    versions.STATEMENTS_EXEC_TIME,
    versions.STATEMENTS_WAL,
    versions.STATEMENTS_TOPLEVEL,
    versions.STATEMENTS_INFO,
    versions.STATEMENTS_IO_TIME,
    versions.STATEMENTS_SINCE,
    versions.LISTS_SQUASHED,
    versions.UTILITY_NORMALISED,
    versions.ACTIVITY_QUERY_ID,
    versions.LOCK_WAIT_START,
    versions.STARTING_STATE,
    versions.GENERIC_PLAN,
    versions.SUBPLAN_NAMES,
    versions.MERGE,
    versions.NEVER_ANALYSED,
    versions.LOCALE_PROVIDER,
    versions.VIRTUAL_COLUMNS,
    versions.NULLS_NOT_DISTINCT,
    versions.READ_ALL_DATA,
)
def test_everything_that_is_read(server: Server) -> None:
    doings = shop.Doings(server.cluster, server.major)
    with connected(server) as connection:
        seen = look(connection, doings.begin, doings.end)
    doings.close()
    check(seen, server.major, has_hypopg=False)


@proves(Grade.REAL, versions.STATEMENTS_INFO)
def test_the_watcher_sees_slices_and_a_reset(server: Server) -> None:
    recorder, stop = Recorder(), threading.Event()
    watcher = PostgresWatcher(
        "shop", Reference.parse(server.dsn("trimtab_watch")), recorder, RealClock(), slice_s=0.05, slow_looks_s=0.0
    )
    try:
        for _ in range(2):
            shop.run_load(server.cluster, server.major)
            assert watcher.look()
        server.execute("SELECT tools.pg_stat_statements_reset()")
        shop.run_load(server.cluster, server.major)
        assert watcher.look()
        assert watcher.look()
        status = watcher.status()
    finally:
        stop.set()
        watcher.run(stop)
    assert status.problems == {}
    assert status.state is WatchState.WATCHING
    wanted = fingerprint(shop.BY_CUSTOMER.format(1))
    calls = [row["calls"] for row in recorder.rows("query_executions") if row["fingerprint"] == wanted]
    assert calls == [3, 3], "before the reset and after it"
    assert bool(recorder.events("statistics_reset")) is versions.STATEMENTS_INFO.applies(server.major * 10_000)


@proves(Grade.REAL, versions.STATEMENTS_EXEC_TIME, versions.STATEMENTS_WAL)
def test_an_extension_that_was_never_updated_is_watched_all_the_same(server: Server) -> None:
    with own_database(
        server, "upgraded", "CREATE EXTENSION pg_stat_statements VERSION '1.7'", "CREATE TABLE t (a int)"
    ):
        recorder, stop = Recorder(), threading.Event()
        watcher = PostgresWatcher(
            "shop",
            Reference.parse(server.dsn(database="upgraded")),
            recorder,
            RealClock(),
            slice_s=0.05,
            slow_looks_s=0.0,
        )
        watcher.look()
        server.execute("SELECT * FROM t WHERE a = 1", database="upgraded")
        watcher.look()
        status = watcher.status()
        stop.set()
        watcher.run(stop)
    assert status.problems == {}
    assert [row["calls"] for row in recorder.rows("query_executions")] == [1]
    [capability] = [c for c in status.capabilities if c.name == "pg_stat_statements"]
    assert capability.available
    assert capability.detail.endswith(
        "version 1.7 is older than the server's, ALTER EXTENSION pg_stat_statements UPDATE"
    )


@proves(Grade.REAL, versions.NAMES_NOT_OIDS)
def test_a_table_that_is_made_anew_keeps_its_shape(server: Server) -> None:
    recorder, stop = Recorder(), threading.Event()
    with own_database(server, "anew", "CREATE EXTENSION pg_stat_statements", "CREATE TABLE t (a int)"):
        watcher = PostgresWatcher(
            "shop", Reference.parse(server.dsn(database="anew")), recorder, RealClock(), slice_s=0.05, slow_looks_s=0.0
        )
        watcher.look()
        for _ in range(2):
            server.execute("SELECT * FROM t WHERE a = 1", "DROP TABLE t", "CREATE TABLE t (a int)", database="anew")
        watcher.look()
        with psycopg.connect(server.dsn(database="anew")) as connection:
            found = connection.execute(
                "SELECT count(DISTINCT queryid) FROM pg_stat_statements WHERE query LIKE 'SELECT * FROM t WHERE a%'"
                " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
        stop.set()
        watcher.run(stop)
    assert found == (1 if versions.NAMES_NOT_OIDS.applies(server.major * 10_000) else 2,)
    assert [row["calls"] for row in recorder.rows("query_executions")] == [2]


@proves(Grade.REAL, versions.STATEMENTS_SINCE)
def test_an_entry_that_was_dropped_and_came_back_bigger(server: Server) -> None:
    """What a busy server with a small pg_stat_statements.max does all the time."""
    text, recorder, stop = "SELECT * FROM t WHERE a = 1", Recorder(), threading.Event()
    with own_database(server, "dropped", "CREATE EXTENSION pg_stat_statements", "CREATE TABLE t (a int)"):
        watcher = PostgresWatcher(
            "shop",
            Reference.parse(server.dsn(database="dropped")),
            recorder,
            RealClock(),
            slice_s=0.05,
            slow_looks_s=0.0,
        )
        server.execute(text, text, database="dropped")
        watcher.look()
        server.execute(
            "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements"
            " WHERE query LIKE 'SELECT * FROM t%'",
            *[text] * 5,
            database="dropped",
        )
        watcher.look()
        stop.set()
        watcher.run(stop)
    wanted = fingerprint(text)
    calls = [row["calls"] for row in recorder.rows("query_executions") if row["fingerprint"] == wanted]
    exact = versions.STATEMENTS_SINCE.applies(server.major * 10_000)
    assert calls in ([[5]] if exact else [[3], [5]]), "before 17 it is known only if some counter, or time, is smaller"


@proves(Grade.REAL, versions.LOCALE_PROVIDER)
@pytest.mark.parametrize(
    ("since", "options", "by_bytes"),
    [
        (13, "LC_COLLATE 'C' LC_CTYPE 'C'", True),
        (15, "LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'", False),
        (17, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'", True),
    ],
    ids=["libc", "icu", "builtin"],
)
def test_which_databases_sort_by_bytes(server: Server, since: int, options: str, by_bytes: bool) -> None:
    if server.major < since:
        return
    server.execute(f"CREATE DATABASE sorted TEMPLATE template0 {options}", database="postgres")
    try:
        server.execute(
            "CREATE TABLE t (a text)",
            "INSERT INTO t SELECT 'x' || i FROM generate_series(1, 20000) i",
            "CREATE INDEX t_a ON t (a)",
            "VACUUM ANALYZE t",
            database="sorted",
        )
        with connected(server, "postgres", "sorted") as connection:
            table = read_catalog(connection, [single_statement("SELECT * FROM t")]).find(None, "t")
            plan = explain(connection, "SELECT * FROM t WHERE a LIKE 'x777%'")["Plan"]
    finally:
        server.execute("DROP DATABASE sorted WITH (FORCE)", database="postgres")
    assert table is not None
    assert table.columns["a"].c_collation is by_bytes
    assert any("Index Cond" in node for node in nodes(plan)) is by_bytes, "the server thinks so, too"


@proves(Grade.REAL, versions.DATABASE_COUNTERS_AGE)
def test_counters_are_older_than_the_last_restart(server: Server) -> None:
    server.cluster.stop()
    restarted_s = time.monotonic()
    server.cluster.start()
    with connected(server) as connection:
        table = read_catalog(connection, [single_statement("SELECT * FROM orders")]).find(None, "orders")
    assert table is not None
    age_s = float(table.writes.source.split(" over ")[1].split(" s")[0])
    assert age_s > time.monotonic() - restarted_s + 1
