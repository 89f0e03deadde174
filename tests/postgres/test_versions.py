"""trimtab on a real server of every version: grade R. `make postgres-versions` fetches the servers and runs this."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.act.support import (
    BY_CUSTOMER,
    FakeClock,
    FakeJudge,
    Rig,
    changing,
    finding,
    make_table,
    ours,
    policy,
    proposal,
)
from tests.advise.conftest import fill_shop
from tests.advise.golden import GOLDEN
from tests.advise.test_golden import asked
from tests.conftest import Database
from tests.observe.support import RealClock, Recorder, psql
from tests.postgres import shop
from tests.postgres.conftest import Server
from tests.postgres.looking import check, look
from tests.postgres.proofs import Grade, proves
from trimtab.act.create_index import CreateIndex
from trimtab.advise.index.advisor import advise
from trimtab.advise.index.plans import nodes
from trimtab.model.change import ChangeState, JudgementKind
from trimtab.model.errors import ExtensionMissing, PermissionMissing
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.query import SlowQuery
from trimtab.model.system import Capability
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.explain import explain
from trimtab.observe.postgres.plan_capture import capture
from trimtab.observe.postgres.status import WatchState
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql import versions
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.index_ddl import readable
from trimtab.sql.trees import single_statement
from trimtab.store.state import State

pytestmark = [
    pytest.mark.versions,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("TRIMTAB_VERSIONS"), reason="make postgres-versions runs these"),
]


def connected(server: Server, role: str = "trimtab_watch", database: str = shop.DATABASE) -> Connection:
    return Reference.parse(server.dsn(role, database)).connect("trimtab/versions")


def missing(capabilities: tuple[Capability, ...]) -> set[str]:
    return {c.name for c in capabilities if not c.available}


@contextmanager
def own_database(server: Server, name: str, *statements: str) -> Iterator[Database]:
    """A database of the test's own."""
    server.execute(f"CREATE DATABASE {name}", database="postgres")
    try:
        server.execute(*statements, database=name)
        yield Database(server.cluster, name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


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


@proves(Grade.REAL, versions.READ_ALL_DATA, versions.GENERIC_PLAN)
def test_what_is_missing_is_given_by_its_sql(server: Server) -> None:
    with own_database(
        server,
        "bare",
        "CREATE EXTENSION pg_stat_statements",
        "CREATE TABLE t (a int)",
        "INSERT INTO t SELECT generate_series(1, 500)",
        "ANALYZE t",
    ) as database:
        with connected(server, "stranger", "bare") as connection:
            found = probe(connection)
            assert missing(found) == {"pg_monitor", "plans", "plans_of_writes", "hypopg"}
            with pytest.raises(PermissionMissing):
                explain(connection, "SELECT * FROM t WHERE a = 1")
            for capability in found:
                if not capability.available and capability.name != "hypopg":
                    psql(server.cluster, database.name, capability.sql or "nothing to run")
            assert missing(probe(connection)) == {"hypopg"}
            for text in (
                "SELECT * FROM t WHERE a = 1",
                "SELECT * FROM t WHERE a = $1",
                "UPDATE t SET a = 2 WHERE a = $1",
            ):
                plan = explain(connection, text)
                assert [n["Node Type"] for n in nodes(plan["Plan"])][-1] == "Seq Scan"
        server.execute("DROP SCHEMA trimtab CASCADE", "DROP OWNED BY trimtab_explain", database="bare")
        server.execute("DROP ROLE trimtab_explain", "REVOKE pg_monitor FROM stranger", database="postgres")


@proves(Grade.REAL, versions.ROLE_OPTIONS)
def test_a_managed_service_whose_dba_is_no_superuser(server: Server) -> None:
    """Roles named as Amazon RDS names them, on a plain server: no proof for the service itself."""
    modern = versions.READ_ALL_DATA.applies(server.major * 10_000)
    server.execute("CREATE ROLE rds_superuser", "GRANT pg_monitor TO rds_superuser WITH ADMIN OPTION")
    if modern:
        server.execute("GRANT pg_read_all_data, pg_write_all_data TO rds_superuser WITH ADMIN OPTION")
    server.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser")
    try:
        with own_database(server, "managed", "CREATE EXTENSION pg_stat_statements") as database:
            server.execute(
                "ALTER DATABASE managed OWNER TO master", "ALTER SCHEMA public OWNER TO master", database="managed"
            )
            server.execute("CREATE TABLE t (a int)", database="managed", user="master")
            with connected(server, "stranger", "managed") as connection:
                found = {c.name: c for c in probe(connection)}
                assert "(Amazon RDS or Aurora)" in found["server_version"].detail
                assert has_hypopg(server) or "does not offer hypopg" in (found["hypopg"].sql or "")
                psql(server.cluster, database.name, found["pg_monitor"].sql or "", user="master")
                psql(server.cluster, database.name, found["plans"].sql or "", user="master")
                psql(server.cluster, database.name, found["plans"].sql or "", user="master")  # may be run again
                assert missing(probe(connection)) == {"hypopg"}
                assert explain(connection, "UPDATE t SET a = $1")["Plan"]["Node Type"] == "ModifyTable"
            assert not is_member(server, "master", "trimtab_explain"), "only for the time of the script"
            if versions.ROLE_OPTIONS.applies(server.major * 10_000):
                server.execute("GRANT pg_read_all_data TO stranger WITH INHERIT FALSE")
                with connected(server, "stranger", "managed") as connection:
                    row = connection.execute("SELECT pg_has_role('pg_read_all_data', 'USAGE')").fetchone()
                    assert row == (False,)
                server.execute("REVOKE pg_read_all_data FROM stranger")
            server.execute("DROP SCHEMA trimtab CASCADE", "DROP OWNED BY trimtab_explain", database="managed")
    finally:
        server.execute("REVOKE pg_monitor FROM stranger", "REVOKE pg_monitor FROM rds_superuser CASCADE")
        server.execute("DROP ROLE IF EXISTS trimtab_explain", "DROP ROLE master", "DROP ROLE rds_superuser")


def is_member(server: Server, role: str, of: str) -> bool:
    """Whether a role may use the rights of another, without SET ROLE."""
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT pg_has_role(%s, %s, 'USAGE')", (role, of)).fetchone()
    return row is not None and bool(row[0])


@proves(Grade.REAL, versions.ALTER_SYSTEM)
def test_a_server_without_alter_system(server: Server) -> None:
    if not versions.ALTER_SYSTEM.applies(server.major * 10_000):
        return
    conf = server.cluster.data / "postgresql.conf"
    before = conf.read_text()
    with conf.open("a") as file:
        file.write("allow_alter_system = off\ntrack_io_timing = off\n")
    try:
        server.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)
        with connected(server, "stranger") as connection:
            found = {c.name: c for c in probe(connection)}
        assert "allow_alter_system = off" in found["server_version"].detail
        assert "ALTER SYSTEM" not in (found["track_io_timing"].sql or "")
    finally:
        conf.write_text(before)
        server.execute("SELECT pg_reload_conf()")


@proves(Grade.REAL, versions.IDLE_SESSION_TIMEOUT, versions.TRANSACTION_TIMEOUT)
def test_timeouts_of_the_server_do_not_end_our_sessions(server: Server) -> None:
    names = versions.session_timeouts(server.major * 10_000)
    hurry = [f"ALTER DATABASE hurried SET {name} = '300ms'" for name in names]
    with (
        own_database(server, "hurried", *hurry),
        connected(server, database="hurried") as ours_,
        psycopg.connect(server.dsn(database="hurried")) as theirs,
    ):
        theirs.rollback()
        time.sleep(0.6)
        assert ours_.execute("SELECT pg_sleep(0.5)").fetchone() is not None
        if names:
            with pytest.raises(psycopg.OperationalError):
                theirs.execute("SELECT 1")
        else:
            theirs.execute("SELECT 1")


@proves(Grade.REAL, versions.DISABLED_NODES)
def test_a_forbidden_node_costs_what_it_costs(server: Server) -> None:
    texts = (
        "SELECT * FROM orders WHERE customer_id = 5",
        "SELECT * FROM orders ORDER BY note",
        shop.BY_CUSTOMER.format("$1"),
    )
    with connected(server) as connection:
        allowed = [explain(connection, text)["Plan"] for text in texts]
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = off")
        forbidden = [explain(connection, text)["Plan"] for text in texts]
    for before, after in zip(allowed, forbidden, strict=True):
        assert after["Total Cost"] == pytest.approx(before["Total Cost"], rel=0.01)
        scans = [node for node in nodes(after) if node["Node Type"] == "Seq Scan"]
        assert [node.get("Disabled") for node in scans] == [True]


@proves(Grade.REAL, versions.FRACTIONAL_ROWS, versions.BUFFERS_BY_DEFAULT)
def test_a_plan_that_was_run_has_rows_and_buffers(server: Server) -> None:
    text = "SELECT c.id, o.id FROM customers c JOIN orders o ON o.id = c.id * 40 WHERE c.id < 100"
    with connected(server) as connection:
        found = capture(connection, text, text, analyze=True, analyze_timeout_ms=5_000)
    assert found.has_actuals, found.why_no_actuals
    steps = list(nodes(found.plan["Plan"]))
    assert all(isinstance(step["Actual Rows"], int | float) for step in steps)
    assert sum(step["Shared Hit Blocks"] for step in steps) > 0


@proves(Grade.REAL, versions.SKIP_SCAN)
def test_a_skip_scan_is_in_todays_price(server: Server) -> None:
    with connected(server) as connection:
        plan = explain(connection, "SELECT count(*) FROM orders WHERE total = 5")["Plan"]
    conditions = [str(node["Index Cond"]) for node in nodes(plan) if "Index Cond" in node]
    if versions.SKIP_SCAN.applies(server.major * 10_000):
        assert conditions
        assert "total" in conditions[0]
    else:
        assert plan["Total Cost"] > 100


def has_hypopg(server: Server) -> bool:
    """Whether somebody put HypoPG into the server's folder: the package comes without."""
    with psycopg.connect(server.dsn()) as connection:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"
        return connection.execute(query).fetchone() == (1,)


def test_golden_advice_where_hypopg_is_there(server: Server) -> None:
    if not has_hypopg(server):
        pytest.skip("the server's folder has no HypoPG: on 15 tests/advise runs this with Debian's")
    with own_database(server, "golden") as database:
        fill_shop(database)
        with connected(server, "postgres", "golden") as connection:
            for golden in GOLDEN:
                advice = asked(connection, golden)
                said = [readable(p.index) for p in advice.proposals]
                assert said[:1] == [] if not golden.best else said[0] in golden.best, golden.text


@proves(Grade.REAL, versions.HYPOPG_VERSION)
def test_advice_needs_hypopg_and_says_so(server: Server) -> None:
    """These servers come without HypoPG; on 15 the whole adviser is tested with it (tests/advise)."""
    with connected(server) as connection, pytest.raises(ExtensionMissing) as caught:
        advise(connection, SlowQuery("SELECT * FROM orders WHERE customer_id = 5"), system="shop")
    assert caught.value.facts["sql"] == "CREATE EXTENSION hypopg"


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


KINDS = {
    "plain": BY_CUSTOMER,
    "expression": IndexDefinition("public", "orders", (IndexKey("lower(email)", is_expression=True),)),
    "partial": IndexDefinition(
        "public", "orders", (IndexKey("created_at"),), predicate="status = 'disputed' AND total > 50"
    ),
    "covering": IndexDefinition("public", "orders", (IndexKey("customer_id"),), include=("total", "status")),
    "pattern": IndexDefinition("public", "orders", (IndexKey("email", opclass="text_pattern_ops"),)),
    "brin": IndexDefinition("public", "orders", (IndexKey("created_at"),), method="brin"),
}


@proves(Grade.REAL, versions.CONCURRENT_BUILDS, versions.MAINTENANCE_SEARCH_PATH, versions.PREPARED_TRANSACTIONS)
def test_indexes_are_built_and_taken_back(server: Server, tmp_path: Path) -> None:
    with own_database(server, "act", "ALTER SCHEMA public OWNER TO shop_owner") as database:
        make_table(database)
        clock, judge = FakeClock(), FakeJudge()
        for name, index in KINDS.items():
            with State.open(tmp_path / f"{name}.db", now_ms=clock.now_ms) as state:
                actuator = CreateIndex(changing(database), drop_back_off_s=0.01)
                case = state.open_case(finding(), "select $1")
                rig = Rig(database, state, actuator, judge, clock, case.id, policy())
                judge.will_say(JudgementKind.UNDECIDED)
                change = rig.until(rig.propose(index=index).id, "watching")
                assert [valid for _, valid in ours(database)] == [True], name
                judge.will_say(JudgementKind.ROLL_BACK)
                assert rig.machine.advance(change.id).state is ChangeState.ROLLED_BACK, name
                assert ours(database) == [], name


@proves(Grade.REAL, versions.PUBLIC_CREATE, versions.MAINTAIN)
def test_rights_that_a_build_needs(server: Server, tmp_path: Path) -> None:
    with own_database(server, "rights"), State.open(tmp_path / "state.db") as state:
        database = Database(server.cluster, "rights")
        make_table(database)
        actuator = CreateIndex(changing(database))
        case = state.open_case(finding(), "select $1")
        change = state.create_change(case.id, proposal())

        def privilege() -> tuple[bool | None, str]:
            [result] = [r for r in actuator.checks(change, policy()) if r.name == "privilege"]
            return result.passed, result.message

        may_create = not versions.PUBLIC_CREATE.applies(server.major * 10_000)
        assert privilege()[0] is may_create
        server.execute("GRANT CREATE ON SCHEMA public TO shop_owner", database="rights")
        assert privilege()[0] is True
        server.execute("ALTER TABLE orders OWNER TO postgres", database="rights")
        if versions.MAINTAIN.applies(server.major * 10_000):
            server.execute("GRANT MAINTAIN ON orders TO trimtab_change", database="rights")
        assert privilege() == (False, "the changing role lacks membership in postgres, the owner of the table")
        [version] = [r for r in actuator.checks(change, policy()) if r.name == "server_version"]
        assert (version.passed, version.message) == (True, version.message)
        assert f"PostgreSQL {server.major}." in version.message
