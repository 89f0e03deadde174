"""The watcher on a real server: what it counts, what it leaves out, and what it survives."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from tests.observe.support import RealClock, Recorder, psql, until
from trimtab.model.errors import SpoolFull
from trimtab.observe.postgres.status import WatchState
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql.connect import Reference
from trimtab.sql.fingerprint import fingerprint

pytestmark = pytest.mark.postgres

BY_STATUS = "SELECT count(*) FROM orders WHERE status = 'open'"
BY_ID = "SELECT * FROM orders WHERE id = 1"


@pytest.fixture
def shop(database: Database) -> Database:
    database.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, status text)",
        "INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 1000) i",
    )
    return database


def watcher_of(cluster: Cluster, database: str, recorder: Recorder, role: str = "trimtab_watch") -> PostgresWatcher:
    """Looks at everything each time; `look` is called by the test."""
    return PostgresWatcher(
        "shop", Reference.parse(cluster.dsn(database, role)), recorder, RealClock(), slice_s=0.05, slow_looks_s=0.0
    )


@contextmanager
def running(watcher: PostgresWatcher) -> Iterator[PostgresWatcher]:
    stop = threading.Event()
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        yield watcher
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
    assert watcher.status().state is WatchState.STOPPED


@contextmanager
def looking(
    cluster: Cluster, database: str, recorder: Recorder, role: str = "trimtab_watch"
) -> Iterator[PostgresWatcher]:
    """A watcher without a thread, closed at the end."""
    watcher = watcher_of(cluster, database, recorder, role)
    try:
        yield watcher
    finally:
        stop = threading.Event()
        stop.set()
        watcher.run(stop)


def calls_of(recorder: Recorder, text: str) -> int:
    wanted = fingerprint(text)
    return sum(row["calls"] for row in recorder.rows("query_executions") if row["fingerprint"] == wanted)


def test_calls_are_counted_slice_by_slice_and_summed_over_roles_and_spellings(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        shop.execute(BY_ID)
        assert watcher.look()
        assert recorder.rows("query_slices") == [], "the first look is a base line"
        for role in ("shop_app", "postgres"):
            shop.execute(*([BY_STATUS] * 3), "select count(*) from orders where status='closed'", user=role)
        shop.execute("SELECT id FROM orders WHERE id IN (1, 2)", "SELECT id FROM orders WHERE id IN (1, 2, 3)")
        watcher.look()
        watcher.look()
    assert calls_of(recorder, BY_STATUS) == 8
    assert calls_of(recorder, "SELECT id FROM orders WHERE id IN (1)") == 2
    assert calls_of(recorder, BY_ID) == 0, "it ran before the base line"

    slices = recorder.rows("query_slices")
    assert [s["shapes_count"] for s in slices] == [2, 0]
    assert slices[0]["ended_at_ms"] == slices[1]["started_at_ms"]
    [row] = [r for r in recorder.rows("query_executions") if r["fingerprint"] == fingerprint(BY_STATUS)]
    assert row["rows"] == 8
    assert row["shared_blks_hit"] > 0
    assert row["total_exec_time_ms"] > 0
    [shape] = [s for s in recorder.rows("query_shapes") if s["fingerprint"] == fingerprint(BY_STATUS)]
    assert (shape["text"], shape["statement"], shape["tables"]) == (
        "SELECT count(*) FROM orders WHERE status = $1",
        "select",
        ["public.orders"],
    )
    found = watcher.shape(shape["fingerprint"])
    assert found is not None
    assert found in watcher.shapes()


def test_utility_commands_other_databases_and_trimtab_itself_are_left_out(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder, role="postgres") as watcher:
        watcher.look()
        shop.execute("VACUUM orders", "BEGIN", "EXPLAIN SELECT 1", "SET work_mem = '5MB'", "CREATE TABLE t (a int)")
        shop.cluster.execute("SELECT 'elsewhere' FROM pg_class LIMIT 3")
        shop.execute("SELECT relname FROM pg_class WHERE oid = 1", user="trimtab_watch")
        for _ in range(3):
            watcher.look()
    assert recorder.rows("query_executions") == []
    assert recorder.rows("query_shapes") == []
    assert len(recorder.rows("query_slices")) == 3


def test_a_reset_starts_the_slice_anew_at_its_real_time(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        shop.execute(*([BY_STATUS] * 50))
        watcher.look()
        shop.execute(*([BY_STATUS] * 5))
        watcher.look()
        shop.execute("SELECT pg_stat_statements_reset()")
        shop.execute(*([BY_STATUS] * 60))
        watcher.look()
        shop.execute(*([BY_STATUS] * 2))
        watcher.look()
    rows = [r for r in recorder.rows("query_executions") if r["fingerprint"] == fingerprint(BY_STATUS)]
    assert [r["calls"] for r in rows] == [5, 60, 2]
    assert rows[0]["ended_at_ms"] < rows[1]["started_at_ms"] < rows[1]["ended_at_ms"] == rows[2]["started_at_ms"]
    assert len(recorder.events("statistics_reset")) == 1


def test_one_entry_that_is_reset_counts_from_nothing(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        shop.execute(*([BY_STATUS] * 50))
        watcher.look()
        shop.execute(
            "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements"
            " WHERE query LIKE 'SELECT count%'"
        )
        shop.execute(*([BY_STATUS] * 4))
        watcher.look()
    assert calls_of(recorder, BY_STATUS) == 4
    assert recorder.events("statistics_reset") == []


def test_eviction_and_reappearance_never_count_twice() -> None:
    """A server with room for 100 entries, and 400 shapes that come and go."""
    recorder = Recorder()
    settings = {"pg_stat_statements.max": "100", "fsync": "off", "shared_buffers": "16MB"}
    with Cluster.temporary(settings) as cluster:
        columns = ", ".join(f"c{i} int" for i in range(400))
        cluster.execute("CREATE EXTENSION pg_stat_statements", f"CREATE TABLE t (a int, {columns})")
        cluster.execute("CREATE ROLE trimtab_watch LOGIN IN ROLE pg_monitor, pg_read_all_data")
        with looking(cluster, "postgres", recorder) as watcher, psycopg.connect(cluster.dsn(), autocommit=True) as app:
            watcher.look()
            executed = 0
            for turn in range(8):
                for shape in range(50 * turn % 400, 50 * turn % 400 + 60):
                    app.execute(f"SELECT c{shape % 400} FROM t WHERE a = {turn}".encode())
                    app.execute(b"SELECT count(*) FROM t WHERE a = 7")
                    executed += 1
                watcher.look()
    assert calls_of(recorder, "SELECT count(*) FROM t WHERE a = 7") == executed
    others = sum(r["calls"] for r in recorder.rows("query_executions")) - executed
    assert executed * 0.3 < others <= executed
    [event] = recorder.events("entries_evicted")
    assert "pg_stat_statements.max" in event


def test_more_new_texts_than_one_look_reads_are_counted_later(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.observe.postgres.texts.NEW_TEXTS_MAX", 3)
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        shop.execute(f"CREATE TABLE wide ({', '.join(f'c{i} int' for i in range(10))})")
        watcher.look()
        for i in range(10):
            shop.execute(*([f"SELECT c{i} FROM wide"] * 2))
        for _ in range(5):
            watcher.look()
    assert [s["shapes_count"] for s in recorder.rows("query_slices")] == [3, 3, 3, 1, 0]
    assert sum(r["calls"] for r in recorder.rows("query_executions")) == 20


def test_a_late_look_writes_no_slice(shop: Database) -> None:
    class Jumping(RealClock):
        offset_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.offset_ms

    clock, recorder = Jumping(), Recorder()
    reference = Reference.parse(shop.dsn("trimtab_watch"))
    watcher = PostgresWatcher("shop", reference, recorder, clock, slice_s=1.0, slow_looks_s=0.0)
    for offset_ms in (0, 2_000, 60_000, 61_000, 10_000, 11_000):  # on time, suspended, on time, clock set back, on time
        clock.offset_ms = offset_ms
        watcher.look()
    assert [round(s["ended_at_ms"] - s["started_at_ms"], -3) for s in recorder.rows("query_slices")] == [
        2000,
        1000,
        1000,
    ]
    assert len(recorder.events("slice_skipped")) == 2
    stop = threading.Event()
    stop.set()
    watcher.run(stop)


def test_samples_are_literal_statements_of_their_shape(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        watcher.look()
        app = psycopg.connect(shop.dsn("shop_app"), autocommit=True)
        for i in range(40):
            app.execute(f"SELECT count(*) FROM orders WHERE status = 'private {i}'".encode())
            watcher.look()
        app.execute("SELECT count(*) FROM orders WHERE status = %s", ("private",))
        watcher.look()
        app.execute("BEGIN; SELECT count(*) FROM orders WHERE status = 'two'; COMMIT")
        watcher.look()
        app.execute(f"SELECT count(*) FROM orders WHERE status = '{'long' * 500}'".encode())
        watcher.look()
        app.close()
        samples = watcher.samples(fingerprint(BY_STATUS) or "")
        assert watcher.bound_count(fingerprint(BY_STATUS) or "") == 1, "psycopg binds what it is given apart"
    assert len(samples) == 32
    assert samples[0] == "SELECT count(*) FROM orders WHERE status = 'private 39'"
    assert all("$1" not in s and "two" not in s and "long" not in s for s in samples)
    assert watcher.samples("nothing") == ()
    for name, table in recorder.written:
        assert "private" not in str(table.to_pylist()), f"a literal reached the store, table {name}"
    for shown in (repr(watcher.status()), repr(watcher), repr(watcher._samples)):
        assert "private" not in shown


def test_sessions_are_counted_by_what_they_wait_for(shop: Database) -> None:
    recorder = Recorder()
    with (
        looking(shop.cluster, shop.name, recorder) as watcher,
        psycopg.connect(shop.dsn(), autocommit=True) as blocker,
        psycopg.connect(shop.dsn()) as waiter,
    ):
        blocker.execute("BEGIN")
        blocker.execute("UPDATE orders SET status = 'x' WHERE id = 1")
        update = "UPDATE orders SET status = 'y' WHERE id = 1"
        thread = threading.Thread(target=waiter.execute, args=(update.encode(),))
        thread.start()

        def seen() -> list[dict[str, object]]:
            watcher.look()
            return [r for r in recorder.rows("activity_samples") if r["wait_event_type"] == "Lock"]

        until(seen, "a session that waits for a lock")
        sample = seen()[-1]
        assert (sample["state"], sample["wait_event"]) == ("active", "transactionid")
        assert sample["fingerprint"] == fingerprint(update)
        assert any(r["state"] == "idle in transaction" for r in recorder.rows("activity_samples"))
        waiting = [r["value"] for r in recorder.rows("server_statistics") if r["name"] == "locks_waiting"]
        assert max(waiting) >= 1
        blocker.execute("ROLLBACK")
        thread.join(10)


def test_tables_indexes_and_the_server_are_sampled(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        watcher.look()
        shop.execute(
            "SELECT count(*) FROM orders", "SELECT * FROM orders WHERE id = 5", "UPDATE orders SET status = 'x'"
        )

        def seen() -> bool:
            watcher.look()
            return bool(sum(r["n_tup_upd"] for r in recorder.rows("table_statistics")) >= 1000)

        until(seen, "the server's counters of the update")
    table = [r for r in recorder.rows("table_statistics") if r["relation"] == "public.orders"]
    assert table[0]["seq_scan"] == 0, "the first sample is a base line"
    assert sum(r["seq_scan"] for r in table) == 2
    assert table[-1]["relation_bytes"] >= 8192
    assert table[-1]["indexes_bytes"] >= 8192
    index = [r for r in recorder.rows("index_statistics") if r["index_name"] == "orders_pkey"]
    assert sum(r["idx_scan"] for r in index) == 1
    assert index[-1]["is_valid"] is True
    numbers = {r["name"]: r for r in recorder.rows("server_statistics")}
    assert numbers["database_bytes"]["value"] > 1e6
    assert numbers["connections_max"]["value"] == 60
    assert {"transactions_committed", "oldest_transaction_s", "replicas", "oldest_unfrozen_transactions"} <= set(
        numbers
    )


def test_a_changed_setting_is_an_event(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        watcher.look()
        try:
            psql(shop.cluster, shop.name, "ALTER SYSTEM SET work_mem = '8MB'; SELECT pg_reload_conf();")

            def seen() -> bool:
                watcher.look()
                return bool(recorder.events("setting_changed"))

            until(seen, "the setting's change")
        finally:
            psql(shop.cluster, shop.name, "ALTER SYSTEM RESET work_mem; SELECT pg_reload_conf();")
    assert recorder.events("setting_changed")[0] == "work_mem: 4096 kB → 8192 kB"


def test_a_table_that_is_locked_does_not_stop_the_looks(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher, psycopg.connect(shop.dsn()) as blocker:
        blocker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        watcher.look()
        watcher.look()
        assert watcher.status().problems == {}
    assert [r["relation"] for r in recorder.rows("table_statistics")] == ["public.orders"] * 2


def test_a_terminated_backend_is_replaced(shop: Database) -> None:
    recorder = Recorder()
    with running(watcher_of(shop.cluster, shop.name, recorder)) as watcher:
        until(lambda: watcher.status().slices_count >= 2, "two slices")
        shop.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'trimtab watch %'"
        )
        until(lambda: recorder.events("connection_lost"), "the loss")
        count = watcher.status().slices_count
        until(lambda: watcher.status().slices_count >= count + 2, "slices after the loss")
        status = watcher.status()
    assert status.state is WatchState.WATCHING
    assert status.last_error is None
    said = recorder.events("connection_lost")[0]
    # who writes into a socket that is closed already gets no word of the server
    assert "terminating connection" in said or "server closed the connection" in said
    assert len(recorder.events("connected")) == 2
    assert recorder.events("server_restarted") == []


def test_a_server_that_goes_silent_is_given_up_and_found_again(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend is stopped in its tracks, as if the network were gone: it neither answers nor hangs up."""
    monkeypatch.setattr("trimtab.observe.postgres.watcher.STATEMENT_TIMEOUT_MS", 300)
    monkeypatch.setattr("trimtab.sql.connect.ANSWER_GRACE_S", 0.2)
    recorder = Recorder()
    with running(watcher_of(shop.cluster, shop.name, recorder)) as watcher:
        until(lambda: watcher.status().slices_count >= 2, "two slices")
        with psycopg.connect(shop.dsn(), autocommit=True) as other:
            row = other.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'trimtab watch %'"
            ).fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGSTOP)
        try:
            until(lambda: recorder.events("connection_lost"), "the loss")
            assert "did not answer within 0.5 s" in recorder.events("connection_lost")[0]
            count = watcher.status().slices_count
            until(lambda: watcher.status().slices_count >= count + 2, "slices of a new session", shows=watcher.status)
        finally:
            os.kill(row[0], signal.SIGCONT)


def test_a_restarted_server_is_watched_on_and_no_slice_spans_the_gap() -> None:
    recorder = Recorder()
    with Cluster.temporary({"fsync": "off", "shared_buffers": "16MB"}) as cluster:
        cluster.execute("CREATE EXTENSION pg_stat_statements", "CREATE TABLE t (a int)")
        cluster.execute("CREATE ROLE trimtab_watch LOGIN IN ROLE pg_monitor, pg_read_all_data")
        with running(watcher_of(cluster, "postgres", recorder)) as watcher:
            until(lambda: watcher.status().slices_count >= 3, "three slices")
            cluster.execute("CHECKPOINT")  # commits are asynchronous: the crash would take the role with it
            cluster.stop("immediate")
            until(lambda: watcher.status().state is WatchState.UNREACHABLE, "unreachable")
            down = watcher.status()
            down_ms = RealClock().now_ms()
            assert down.last_error
            assert down.retry_in_s is not None or down.last_error_at_ms is not None
            cluster.start()
            count = watcher.status().slices_count
            until(
                lambda: watcher.status().slices_count >= count + 3, "three slices after the restart", 40, watcher.status
            )
            cluster.execute("SELECT count(*) FROM t")
            until(lambda: calls_of(recorder, "SELECT count(*) FROM t") == 1, "the call after the restart")
    assert len(recorder.events("connection_lost")) == 1, "one event for one outage"
    assert len(recorder.events("server_restarted")) == 1
    spans = [(s["started_at_ms"], s["ended_at_ms"]) for s in recorder.rows("query_slices")]
    assert not [s for s in spans if s[0] < down_ms < s[1]]


def test_nothing_but_connect_degrades_and_recovers_when_a_dba_helps() -> None:
    recorder = Recorder()
    with Cluster.temporary({"fsync": "off", "shared_buffers": "16MB"}) as cluster:
        cluster.execute("CREATE ROLE bare LOGIN", "CREATE TABLE t (a int)")
        with running(watcher_of(cluster, "postgres", recorder, role="bare")) as watcher:
            until(lambda: watcher.status().looks_count >= 2, "two looks")
            status = watcher.status()
            assert status.state is WatchState.DEGRADED
            assert "not created in this database" in status.problems["statements"]
            assert set(status.problems) == {"statements"}, "everything else goes on"
            assert recorder.rows("server_statistics")
            for capability in status.capabilities:
                if not capability.available:
                    psql(cluster, "postgres", capability.sql or "nothing to run")
            until(lambda: watcher.status().slices_count >= 1, "slices, once the extension is there")
            cluster.execute("SELECT count(*) FROM t")
            until(lambda: calls_of(recorder, "SELECT count(*) FROM t") == 1, "the call of another role")
            until(lambda: watcher.status().state is WatchState.WATCHING, "watching")
            cluster.execute("DROP EXTENSION pg_stat_statements")
            until(lambda: watcher.status().state is WatchState.DEGRADED, "degraded again")
    missing = " ".join(recorder.events("capability_missing"))
    for name in ("pg_stat_statements", "pg_monitor", "plans", "hypopg", "track_activity_query_size"):
        assert name in missing
    assert any("pg_stat_statements" in message for message in recorder.events("capability_gained"))


def test_a_full_store_is_said_and_survived(shop: Database) -> None:
    recorder = Recorder()
    with looking(shop.cluster, shop.name, recorder) as watcher:
        watcher.look()
        recorder.refuse = SpoolFull("the spool is full")
        watcher.look()
        assert watcher.status().problems["store"] == "the spool is full"
        recorder.refuse = None
        watcher.look()
        watcher.look()
        assert watcher.status().problems == {}
        assert watcher.status().state is WatchState.WATCHING
    assert recorder.events("facts_refused") == ["the spool is full"]


def test_a_server_that_never_answered_is_one_event(shop: Database) -> None:
    recorder = Recorder()
    reference = Reference.parse(f"host=127.0.0.1 port={shop.cluster.port} dbname=nowhere user=trimtab_watch")
    watcher = PostgresWatcher("shop", reference, recorder, RealClock(), slice_s=0.05)
    assert not watcher.look()
    assert not watcher.look()
    assert watcher.status().state is WatchState.UNREACHABLE
    [event] = recorder.events("connection_lost")
    assert "nowhere" in event


def test_looks_that_take_too_long_are_skipped_not_piled_up(shop: Database) -> None:
    class Slow(Recorder):
        def write(self, table_name: str, table: object) -> None:
            threading.Event().wait(0.12 if table_name == "query_slices" else 0)

    with running(watcher_of(shop.cluster, shop.name, Slow())) as watcher:
        until(lambda: watcher.status().skipped_count >= 4, "skipped looks")
        status = watcher.status()
    assert status.skipped_count >= status.slices_count, "two of three ticks pass while one slice is written"
