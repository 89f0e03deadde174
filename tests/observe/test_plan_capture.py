"""Taking plans on a real server: what is planned, what is run, and what is never run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Database
from tests.observe.support import psql
from trimtab.model.errors import ServerUnreachable, StatementRefused
from trimtab.observe.postgres.definer import install_sql
from trimtab.observe.postgres.plan_capture import GENERIC, NOT_ASKED, REAL, ROWS_ONLY, CapturedPlan, capture
from trimtab.observe.postgres.run_safety import why_not_run
from trimtab.sql.connect import Connection, Reference

pytestmark = pytest.mark.postgres

TABLES = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, status text, total numeric, at timestamptz)",
    "INSERT INTO orders SELECT i, i % 1000, CASE WHEN i % 100 = 0 THEN 'open' ELSE 'done' END, i, now()"
    " FROM generate_series(1, 20000) i",
    "ANALYZE orders",
)
SAMPLE = "SELECT * FROM orders WHERE customer = 5 AND status = 'open'"
SHAPE = "SELECT * FROM orders WHERE customer = $1 AND status = $2"


@pytest.fixture
def shop(database: Database) -> Database:
    database.execute(*TABLES)
    return database


@pytest.fixture
def connection(shop: Database) -> Iterator[Connection]:
    with connected(shop) as opened:
        yield opened


def connected(database: Database, user: str = "trimtab_watch", *, read_only: bool = True) -> Connection:
    return Reference.parse(database.dsn(user)).connect(
        read_only=read_only, statement_timeout_ms=5_000, lock_timeout_ms=200
    )


def taken(connection: Connection, text: str, sample: str | None, *, timeout_ms: int = 2_000) -> CapturedPlan:
    return capture(connection, text, sample, analyze=True, analyze_timeout_ms=timeout_ms)


# --- what is planned


def test_a_sample_is_planned_with_its_literals_and_none_is_kept(connection: Connection) -> None:
    found = capture(connection, SHAPE, SAMPLE, analyze=False, analyze_timeout_ms=1)
    root = found.plan["Plan"]
    assert (root["Node Type"], root["Relation Name"]) == ("Seq Scan", "orders")
    assert root["Filter"] == "((customer = ?) AND (status = ?::text))"
    assert (found.source, found.has_actuals, found.why_no_actuals) == (REAL, False, NOT_ASKED)
    assert "Actual Rows" not in root


def test_without_a_sample_it_is_the_generic_plan_and_is_not_run(connection: Connection) -> None:
    found = taken(connection, SHAPE, None)
    assert found.plan["Plan"]["Filter"] == "((customer = $1) AND (status = $2))"
    assert found.source == GENERIC
    assert found.why_no_actuals == "it was not run: no complete statement with its real parameters was seen"
    assert found.structure == taken(connection, SHAPE, SAMPLE).structure, "the same steps"


def test_a_plain_select_is_run_once_and_says_what_it_found(connection: Connection) -> None:
    found = taken(connection, SHAPE, SAMPLE)
    root = found.plan["Plan"]
    assert (found.has_actuals, found.why_no_actuals) == (True, "")
    assert root["Actual Rows"] == 0
    assert root["Actual Loops"] == 1
    assert root["Rows Removed by Filter"] == 20000
    assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] > 0
    assert found.plan["Execution Time"] > 0
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)


def test_another_index_is_another_structure(shop: Database, connection: Connection) -> None:
    before = taken(connection, SHAPE, SAMPLE)
    shop.execute("CREATE INDEX by_customer ON orders (customer)")
    after = taken(connection, SHAPE, SAMPLE)
    assert before.structure != after.structure
    assert "by_customer" in json.dumps(after.plan)


def test_a_write_is_planned_by_what_finds_its_rows_or_with_the_function_that_a_dba_installed(
    shop: Database, connection: Connection
) -> None:
    shape, sample = "UPDATE orders SET total = $1 WHERE customer = $2", "UPDATE orders SET total = 1 WHERE customer = 7"
    found = taken(connection, shape, sample)
    assert found.plan["Plan"]["Node Type"] == "Seq Scan"
    assert found.source == REAL + ROWS_ONLY
    assert found.why_no_actuals == "it was not run: it is no SELECT"
    psql(shop.cluster, shop.name, install_sql("trimtab_watch"))
    try:
        with connected(shop) as fresh:
            whole = taken(fresh, shape, sample)
        assert whole.plan["Plan"]["Node Type"] == "ModifyTable"
        assert (whole.source, whole.has_actuals) == (REAL, False)
    finally:
        shop.execute("DROP SCHEMA trimtab CASCADE", "DROP OWNED BY trimtab_explain", "DROP ROLE trimtab_explain")


def test_tables_that_only_the_application_finds_are_found(shop: Database, connection: Connection) -> None:
    shop.execute("CREATE SCHEMA hidden", "CREATE TABLE hidden.things AS SELECT 1 AS a")
    found = taken(connection, "SELECT * FROM things WHERE a = $1", "SELECT * FROM things WHERE a = 1")
    assert found.has_actuals
    assert found.plan["Plan"]["Relation Name"] == "things"


def test_settings_of_the_planner_are_told(shop: Database) -> None:
    shop.execute(f"ALTER DATABASE {shop.name} SET random_page_cost = 1.1")
    with connected(shop) as connection:
        assert taken(connection, SHAPE, SAMPLE).settings["random_page_cost"] == "1.1"


def test_what_cannot_be_planned_is_said_without_a_literal(connection: Connection) -> None:
    with pytest.raises(StatementRefused) as caught:
        taken(connection, "SELECT * FROM nowhere WHERE a = $1", "SELECT * FROM nowhere WHERE a = 'secret'")
    assert "secret" not in str(caught.value)


def test_a_lost_connection_is_said(shop: Database, connection: Connection) -> None:
    shop.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
    with pytest.raises(ServerUnreachable):
        taken(connection, SHAPE, SAMPLE)


# --- what is run


def test_what_does_not_end_in_time_is_stopped_and_the_estimate_stays(connection: Connection) -> None:
    slow = "SELECT count(*) FROM orders a, orders b, orders c WHERE a.total + b.total + c.total < 5"
    begun = time.monotonic()
    found = taken(connection, slow, slow, timeout_ms=150)
    assert time.monotonic() - begun < 4
    assert found.why_no_actuals == "it was run and did not end in 150 ms"
    assert found.plan["Plan"]["Node Type"] == "Aggregate"


def test_a_lock_in_the_way_is_not_waited_for(shop: Database, connection: Connection) -> None:
    with psycopg.connect(shop.dsn()) as blocker:
        blocker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        with pytest.raises(ServerUnreachable):
            taken(connection, SHAPE, SAMPLE)
        assert time.monotonic() - begun < 2


def test_a_session_that_may_write_runs_nothing(shop: Database) -> None:
    with connected(shop, read_only=False) as connection:
        assert taken(connection, SHAPE, SAMPLE).why_no_actuals == "it was not run: the session may write"


def test_running_leaves_no_trace_in_the_tables(shop: Database, connection: Connection) -> None:
    taken(connection, SHAPE, SAMPLE)
    with psycopg.connect(shop.dsn()) as owner:
        assert owner.execute("SELECT count(*) FROM orders").fetchone() == (20000,)
        locks = owner.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert locks == (0,)


OURS = (
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION pg_trgm",
    "CREATE EXTENSION tablefunc",
    "CREATE EXTENSION postgres_fdw",
    "CREATE SEQUENCE numbers",
    "CREATE FUNCTION hidden_sleep() RETURNS int LANGUAGE plpgsql STABLE"
    " AS $$BEGIN PERFORM pg_sleep(5); RETURN 1; END$$",
    "CREATE FUNCTION innocent(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'",
    "CREATE FUNCTION as_column(orders) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN RETURN 1; END$$",
    "CREATE VIEW sleepy AS SELECT id, pg_sleep(0.001)::text AS nap FROM orders",
    "CREATE VIEW twice AS SELECT * FROM sleepy",
    "CREATE VIEW calm AS SELECT id, lower(status) AS status FROM orders WHERE total > 5",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM orders",
    "CREATE DOMAIN checked AS int CHECK (innocent(VALUE) > 0)",
    "CREATE TYPE pair AS (a int, b int)",
    "CREATE TABLE guarded AS SELECT 1 AS a",
    "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
    "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw",
    "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere",
    "CREATE FOREIGN TABLE far (a int) SERVER elsewhere",
    "CREATE TABLE parts (a int) PARTITION BY RANGE (a)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
)

HARMLESS = [
    "SELECT 1",
    "SELECT * FROM orders WHERE at > now() - interval '1 day' ORDER BY id LIMIT 10",
    "SELECT count(*), sum(total), max(at) FROM orders o JOIN kept k USING (id) GROUP BY o.status HAVING count(*) > 1",
    "SELECT * FROM calm WHERE status = 'open'",
    "SELECT * FROM parts WHERE a = 1",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "SELECT random(), gen_random_uuid(), clock_timestamp() FROM orders",
    "SELECT similarity(status, 'open') FROM orders WHERE status % 'opne'",
    "SELECT *, row_number() OVER (PARTITION BY customer ORDER BY at) FROM orders",
    "SELECT string_agg(status, ',' ORDER BY id), array_agg(id), jsonb_agg(total) FROM orders",
    "SELECT * FROM generate_series(1, 5) g, LATERAL (SELECT * FROM orders WHERE customer = g LIMIT 1) x",
    "SELECT to_tsvector('english', status) @@ to_tsquery('open') FROM orders",
    "SELECT id::text, '{1,2}'::int[], CAST(total AS numeric(10, 2)), date_trunc('day', at) FROM orders",
    "VALUES (1), (2)",
    "TABLE orders",
    "(SELECT 1) UNION ALL (SELECT 2)",
]

HARMFUL = [
    ("SELECT pg_sleep(10)", "pg_catalog.pg_sleep may do more than read"),
    ("SELECT id, pg_advisory_lock(id) FROM orders", "pg_advisory_lock may do more"),
    ("SELECT nextval('numbers')", "nextval may do more"),
    ("SELECT setval('numbers', 5)", "setval may do more"),
    ("SELECT lo_create(0)", "lo_create may do more"),
    ("SELECT lo_unlink(1)", "lo_unlink may do more"),
    ("SELECT pg_terminate_backend(1)", "pg_terminate_backend may do more"),
    ("SELECT pg_notify('a', 'b')", "pg_notify may do more"),
    ("SELECT set_config('transaction_read_only', 'off', false)", "set_config may do more"),
    ("SELECT pg_read_file('/etc/passwd')", "pg_read_file may do more"),
    ("SELECT * FROM dblink('', 'DROP TABLE orders') AS t(a int)", "dblink may do more"),
    ("SELECT dblink_exec('', 'DROP TABLE orders')", "dblink_exec may do more"),
    ("SELECT * FROM crosstab('SELECT pg_sleep(9)') AS t(a text, b text)", "crosstab may do more"),
    ("SELECT query_to_xml('SELECT pg_sleep(9)', true, true, '')", "query_to_xml may do more"),
    ("SELECT table_to_xml('sleepy', true, true, '')", "table_to_xml may do more"),
    ("SELECT ts_stat('SELECT pg_sleep(9)')", "ts_stat may do more"),
    ("SELECT hidden_sleep()", "public.hidden_sleep may do more"),
    ("SELECT public.hidden_sleep() FROM orders", "public.hidden_sleep may do more"),
    ("SELECT innocent(id::int) FROM orders", "public.innocent may do more"),
    ("SELECT o.as_column FROM orders o", "public.as_column may be called like a column"),
    ("SELECT (o).as_column FROM orders o", "public.as_column may be called like a column"),
    ("SELECT * FROM sleepy", "pg_catalog.pg_sleep may do more"),
    ("SELECT * FROM twice LIMIT 1", "pg_catalog.pg_sleep may do more"),
    ("SELECT id::checked FROM orders", "casts to public.checked"),
    ("SELECT checked(5)", "casts to public.checked"),
    ("SELECT (1, 2)::pair", "casts to public.pair"),
    ("SELECT * FROM guarded", "public.guarded has row security"),
    ("SELECT * FROM far", "public.far is a foreign table"),
    ("SELECT * FROM numbers", "public.numbers is a sequence"),
    ("SELECT * FROM orders TABLESAMPLE system(1)", "it draws a sample"),
    ("SELECT * FROM orders FOR UPDATE", "it locks rows"),
    ("SELECT * FROM (SELECT * FROM orders FOR SHARE) x", "it locks rows"),
    ("SELECT * INTO copied FROM orders", "it makes a table"),
    ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone", "it writes"),
    ("SELECT * FROM orders WHERE id = $1", "no complete statement"),
    ("DELETE FROM orders", "it is no SELECT"),
    ("SELECT 1; DROP TABLE orders", "one statement was wanted"),
    ("EXPLAIN ANALYZE SELECT 1", "it is no SELECT"),
]


@pytest.fixture
def full(shop: Database) -> Database:
    shop.execute(*OURS)
    return shop


def test_only_what_can_do_nothing_but_read_is_run(full: Database) -> None:
    with connected(full) as connection:
        reasons = {text: why_not_run(connection, text) for text in HARMLESS}
        assert reasons == dict.fromkeys(HARMLESS)
        for text, reason in HARMFUL:
            found = why_not_run(connection, text)
            assert found is not None, text
            assert reason in found, (text, found)


def test_operators_and_casts_that_somebody_made_here_stop_everything_that_might_use_them(full: Database) -> None:
    full.execute(
        "CREATE FUNCTION odd(int, text) RETURNS bool LANGUAGE plpgsql STABLE AS $$BEGIN RETURN true; END$$",
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = odd)",
    )
    with connected(full) as connection:
        assert why_not_run(connection, "SELECT 1 = 1") is None
        assert why_not_run(connection, "SELECT 1 === 'a'") == "this database has an operator === of its own"
        full.execute("CREATE OPERATOR = (LEFTARG = int, RIGHTARG = text, FUNCTION = odd)")
        assert why_not_run(connection, "SELECT 1") == "this database has an operator = of its own"
        full.execute(
            "DROP OPERATOR = (int, text)",
            "CREATE FUNCTION made(pair) RETURNS text LANGUAGE sql STABLE AS 'SELECT ''x'''",
            "CREATE CAST (pair AS text) WITH FUNCTION made(pair) AS IMPLICIT",
        )
        assert why_not_run(connection, "SELECT 1") == "this database has a cast of its own (made)"


def test_a_function_of_the_same_name_in_another_schema_counts(full: Database) -> None:
    full.execute(
        "CREATE SCHEMA workshop",
        "CREATE FUNCTION workshop.lower(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(9); END$$",
    )
    with connected(full) as connection:
        assert why_not_run(connection, "SELECT lower('A')") == "workshop.lower may do more than read"
        assert why_not_run(connection, "SELECT pg_catalog.lower('A')") is None


def test_a_partition_that_is_elsewhere_is_seen_in_the_plan(full: Database) -> None:
    full.execute("CREATE FOREIGN TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20) SERVER elsewhere")
    with connected(full) as connection:
        found = taken(connection, "SELECT * FROM parts WHERE a > $1", "SELECT * FROM parts WHERE a > 1")
    assert found.why_no_actuals == "it was not run: its plan has a Foreign Scan"
