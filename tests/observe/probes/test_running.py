"""Probes against a real PostgreSQL: what they measure, and that bad ones are refused or cut off without harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from demo.cluster import Cluster
from trimtab.model.errors import StatementRefused
from trimtab.model.objectives import Comparison
from trimtab.model.probes import DIMENSIONS, Measured, Probe, ProbeKind, Wanted
from trimtab.observe.probes.running import measure
from trimtab.observe.probes.statements import check_where, statement_of
from trimtab.sql.connect import Connection, Reference

pytestmark = pytest.mark.postgres
NAME = "probed"
SETUP = (
    "CREATE TABLE customers (id int PRIMARY KEY, region text)",
    "INSERT INTO customers SELECT n, CASE WHEN n % 10 = 0 THEN NULL ELSE 'eu' END FROM generate_series(1, 100) n",
    'CREATE TABLE orders (id int, customer_id int, status text, made_at timestamptz, "Odd name" int)',
    # 200 orders: ids 1..190, of which 10 are there twice; 20 refer to nobody; 10 with a status that is not known.
    "INSERT INTO orders SELECT CASE WHEN n <= 190 THEN n ELSE n - 190 END, CASE WHEN n <= 20 THEN 1000 + n WHEN n <= 40"
    " THEN NULL ELSE n % 100 + 1 END, CASE WHEN n % 20 = 0 THEN 'lost' ELSE 'paid' END,"
    " now() - interval '90 s' - (n - 1) * interval '1 h', n FROM generate_series(1, 200) n",
    "CREATE TABLE empty (id int, made_at timestamptz)",
    "CREATE SEQUENCE numbers",
    "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO empty VALUES (1) RETURNING 1'",
    "CREATE FUNCTION lies() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN INSERT INTO empty VALUES (1); RETURN 1; END'",
    "CREATE VIEW hidden AS SELECT lies() AS v",
)


@pytest.fixture(scope="module")
def probed(cluster: Cluster) -> Iterator[Cluster]:
    """A database with some data in it."""
    cluster.execute(f"CREATE DATABASE {NAME}")
    cluster.execute(*SETUP, database=NAME)
    yield cluster
    cluster.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def probe_of(kind: ProbeKind, **facts: object) -> Probe:
    return Probe("p", "shop", kind, DIMENSIONS[kind], **{"table": "public.orders", **facts})  # type: ignore[arg-type]


def asked(probed: Cluster, probe: Probe, user: str = "trimtab_watch") -> Measured:
    return measure(Reference.parse(probed.dsn(NAME, user)), probe, lambda: 7)


def sql(text: str, **facts: object) -> Probe:
    return probe_of(ProbeKind.SQL, sql=text, **facts)


@pytest.mark.parametrize(
    ("probe", "value"),
    [
        (probe_of(ProbeKind.VOLUME), 200.0),
        (probe_of(ProbeKind.VOLUME, where="status = 'lost' -- only these"), 10.0),
        (probe_of(ProbeKind.NULLS, table="customers", columns=("region",)), 0.1),
        (probe_of(ProbeKind.UNIQUE, columns=("id",)), 20 / 200),
        (probe_of(ProbeKind.UNIQUE, columns=("id", "Odd name")), 0.0),
        (probe_of(ProbeKind.REFERENCES, columns=("customer_id",), to_table="customers", to_columns=("id",)), 20 / 180),
        (probe_of(ProbeKind.ACCEPTED, columns=("status",), values=("paid", "it's")), 10 / 200),
        (sql("SELECT count(*) FROM orders WHERE status = 'lost';"), 10.0),
        (sql("-- why\nSELECT 'ü' <> 'x'; -- and that is all"), 1.0),
        (sql("SELECT clock_timestamp() >= now() AND random() < 2"), 1.0),
        (sql("SELECT 'a'::text = 'b'"), 0.0),
        (sql("SELECT interval '2 minutes'"), 120.0),
        (sql("WITH few AS (SELECT 1.5 AS v) SELECT v FROM few"), 1.5),
        (sql("SELECT max(made_at) - max(made_at) FROM orders"), 0.0),
    ],
    ids=lambda one: str(one.kind.value) if isinstance(one, Probe) else "",
)
def test_what_is_measured(probed: Cluster, probe: Probe, value: float) -> None:
    found = asked(probed, probe)
    assert (found.error, found.at_ms) == ("", 7)
    assert found.value == pytest.approx(value)
    assert found.duration_ms > 0


def test_freshness_is_the_age_of_the_newest_row(probed: Cluster) -> None:
    found = asked(probed, probe_of(ProbeKind.FRESHNESS, columns=("made_at",)))
    assert found.value is not None
    assert 90 <= found.value < 90 + 600


def test_rows_of_the_future_are_not_looked_at_where_a_file_says_so(probed: Cluster) -> None:
    """One row of tomorrow: the age says so; left out, the age is that of the newest row of the past."""
    late = "VALUES (now() + interval '1 day'), (now() - interval '1 hour')"
    probed.execute(f"CREATE TABLE late AS SELECT * FROM ({late}) AS v(at)", database=NAME)
    fresh = probe_of(ProbeKind.FRESHNESS, table="late", columns=("at",))
    found = asked(probed, fresh)
    assert found.value is not None
    assert found.value == pytest.approx(-86_400, abs=600)
    past = asked(probed, replace(fresh, ignores_future=True))
    assert past.error == ""
    assert past.value == pytest.approx(3_600, abs=600)


def test_times_without_a_zone_are_read_in_utc_or_in_the_zone_that_the_file_says(probed: Cluster) -> None:
    """Whatever the database says: of Tokyo's clock, a row of now was nine hours old."""
    probed.execute(
        "CREATE TABLE plain AS SELECT now() AT TIME ZONE 'UTC' AS utc, now() AT TIME ZONE 'Asia/Tokyo' AS tokyo",
        f"ALTER DATABASE {NAME} SET timezone = 'America/New_York'",
        database=NAME,
    )
    try:
        for column, zone, why in (
            ("utc", "UTC", ""),
            ("tokyo", "Asia/Tokyo", ""),
            ("utc", "Mars/Olympus", "refused: the server does not know its time zone"),
        ):
            found = asked(probed, probe_of(ProbeKind.FRESHNESS, table="plain", columns=(column,), timezone=zone))
            if why:
                assert found.error.startswith(why)
            else:
                assert found.error == ""
                assert found.value == pytest.approx(0, abs=600)
    finally:
        probed.execute(f"ALTER DATABASE {NAME} RESET timezone", database=NAME)


def test_no_rows_is_no_number(probed: Cluster) -> None:
    for probe in (
        probe_of(ProbeKind.FRESHNESS, table="empty", columns=("made_at",)),
        probe_of(ProbeKind.NULLS, table="empty", columns=("id",)),
        probe_of(ProbeKind.UNIQUE, table="empty", columns=("id",)),
    ):
        found = asked(probed, probe)
        assert found.value is None
        assert "nothing to measure" in found.error


# --- what must not happen: each is refused by the parser or the catalogue, or cut off by the server.

BAD = [
    ("insert_in_cte", "WITH w AS (INSERT INTO empty VALUES (1) RETURNING id) SELECT count(*) FROM w", "it writes"),
    ("function_that_writes", "SELECT writes()", "may do more than read"),
    ("function_that_lies", "SELECT lies()", "may do more than read"),
    ("view_over_a_function", "SELECT v FROM hidden", "may do more than read"),
    ("for_update", "SELECT id FROM customers LIMIT 1 FOR UPDATE", "it locks rows"),
    ("nextval", "SELECT nextval('numbers')", "may do more than read"),
    ("dblink", "SELECT count(*) FROM dblink('dbname=x', 'SELECT 1') AS t(a int)", "dblink"),
    ("copy_to_program", "COPY customers TO PROGRAM 'id > /tmp/trimtab-was-here'", "it is no SELECT"),
    ("do", "DO $$ BEGIN PERFORM 1; END $$", "it is no SELECT"),
    ("two_statements", "SELECT 1; DROP TABLE customers", "one statement was wanted"),
    ("pg_sleep", "SELECT 1 FROM pg_sleep(60)", "may do more than read"),
    ("terminate", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity", "may do more than read"),
    ("advisory_lock", "SELECT 1 FROM pg_advisory_lock(1)", "may do more than read"),
    ("set_config", "SELECT set_config('transaction_read_only', 'off', false)", "may do more than read"),
    ("select_into", "SELECT 1 AS a INTO made", "it makes a table"),
    ("table_command", "TABLE customers", "*"),
    ("query_to_xml", "SELECT length(query_to_xml('DROP TABLE customers', true, true, '')::text)", "more than read"),
    ("large_object", "SELECT lo_create(1)", "may do more than read"),
    ("read_file", "SELECT length(pg_read_file('/etc/passwd'))", "may do more than read"),
    ("reset", "SELECT 1 FROM pg_stat_reset()", "may do more than read"),
    ("sample", "SELECT count(*) FROM customers TABLESAMPLE SYSTEM (1)", "sample"),
    ("parameter", "SELECT $1::int", "parameters"),
    ("two_columns", "SELECT 1, 2", "2 columns"),
    ("star", "SELECT * FROM customers", "*"),
    ("text_value", "SELECT region FROM customers LIMIT 1", "a number is wanted"),
    ("many_rows", "SELECT id FROM customers", "more than one row"),
    ("not_a_number", "SELECT 'NaN'::float8", "no number"),
    ("no_row", "SELECT id FROM customers WHERE false", "no row"),
    ("no_such_table", "SELECT count(*) FROM nowhere", "refused: the server says: relation"),
    ("transaction_id", "SELECT txid_current()", "txid_current may do more than read"),
    ("transaction_id_of_today", "SELECT pg_current_xact_id()::text::int8", "may do more than read"),
    ("not_a_statement_inside", "SELECT 1) AS probe; --", "parser refuses"),
    ("syntax", "SELEC 1", "parser refuses"),
    ("secret_in_error", "SELECT region::int FROM customers WHERE region IS NOT NULL LIMIT 1", "InvalidText"),
]


@pytest.mark.parametrize(("text", "reason"), [(text, reason) for _, text, reason in BAD], ids=[n for n, _, _ in BAD])
def test_bad_sql_is_refused(probed: Cluster, text: str, reason: str) -> None:
    before = _state_of(probed)
    found = asked(probed, sql(text))
    assert found.value is None
    assert reason in found.error
    assert "'eu'" not in found.error
    assert '"eu"' not in found.error
    assert _state_of(probed) == before


def _state_of(probed: Cluster) -> tuple[object, ...]:
    with psycopg.connect(probed.dsn(NAME)) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM empty), (SELECT count(*) FROM customers), (SELECT is_called FROM numbers),"
            " (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),"
            " (SELECT count(*) FROM pg_largeobject_metadata)"
        ).fetchone()
    assert row is not None
    return row


LONG = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"


def test_a_long_runner_is_cut_off_by_the_server(probed: Cluster) -> None:
    started_s = time.monotonic()
    found = asked(probed, sql(LONG, timeout_ms=300))
    assert found.value is None
    assert found.error == "cut off: it took longer than its time-out of 0.3 s"
    assert found.duration_ms >= 250
    assert time.monotonic() - started_s < 60
    with psycopg.connect(probed.dsn(NAME), autocommit=True) as connection:
        for _ in range(600):
            left = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trimtab/probe'")
            if left.fetchone() == (0,):
                break
            time.sleep(0.05)
        else:
            raise AssertionError("a backend of a probe goes on")


def test_what_is_cut_off_is_not_counted_as_rolled_back(probed: Cluster) -> None:
    """The server's `xact_rollback` is the error rate of those who use it."""

    def rolled_back() -> int:
        with psycopg.connect(probed.dsn("postgres"), autocommit=True) as other:
            row = other.execute("SELECT xact_rollback FROM pg_stat_database WHERE datname = %s", [NAME]).fetchone()
        assert row is not None
        return int(row[0])

    before = rolled_back()
    bad = (
        (sql(LONG, timeout_ms=100), "cut off: it took longer than its time-out of 0.1 s"),
        (sql("SELECT count(*) FROM nowhere"), "refused: the server says"),
        (sql("SELECT 1 / (count(*) - count(*)) FROM orders"), "DivisionByZero"),
        (sql("SELECT region::int FROM customers WHERE region IS NOT NULL LIMIT 1"), "InvalidText"),
        (probe_of(ProbeKind.VOLUME, timezone="Mars/Olympus"), "time zone"),
    )
    for probe, reason in bad:
        found = asked(probed, probe)
        assert reason in found.error
        assert not found.rolled_back
    for _ in range(600):
        with psycopg.connect(probed.dsn("postgres"), autocommit=True) as other:
            left = other.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trimtab/probe'")
            if left.fetchone() == (0,):
                break
        time.sleep(0.05)
    assert rolled_back() == before


def test_the_step_that_took_too_long_is_told_with_its_own_limit(
    probed: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constants are made while it is planned; and what is asked before it has a limit of its own."""
    from trimtab.observe.probes import running

    constant = sql("SELECT length(repeat('x', 500000000)) + length(repeat('y', 500000000))", timeout_ms=100)
    found = asked(probed, constant)
    assert found.error == "cut off: planning it took longer than its time-out of 0.1 s"
    assert found.duration_ms >= 100

    def looks(connection: psycopg.Connection[tuple[object, ...]], _text: str) -> None:
        connection.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(running, "why_not_run", looks)
    monkeypatch.setattr(running, "CATALOGUE_TIMEOUT_MS", 200)
    found = asked(probed, sql("SELECT 1", timeout_ms=60_000))
    assert found.error == "cut off: a look at the catalogue before the probe took longer than the 0.2 s that it may"


def test_a_server_that_ends_it_late_is_still_a_time_out(probed: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is up, and busy with throwing temporary files away, say: the connection was not lost, it was given up."""
    from trimtab.observe.probes import running

    monkeypatch.setattr(running, "ANSWER_GRACE_S", 0.2)

    def slow_to_end(connection: Connection) -> None:
        sent = connection.execute

        def execute(query: bytes, *more: Any, **options: Any) -> object:
            return sent(query.replace(b"statement_timeout = 300", b"statement_timeout = 3000"), *more, **options)

        monkeypatch.setattr(connection, "execute", execute)

    late = sql(LONG, timeout_ms=300)
    found = measure(Reference.parse(probed.dsn(NAME, "trimtab_watch")), late, lambda: 7, slow_to_end)
    assert found.error.startswith("cut off: it took longer than its time-out of 0.3 s; the server, which ends it")
    assert found.duration_ms >= 500
    assert found.rolled_back


def test_temporary_files_are_bounded_by_the_server(probed: Cluster) -> None:
    probed.execute("ALTER ROLE trimtab_watch SET temp_file_limit = '1MB'")
    try:
        found = asked(probed, sql("SELECT count(*) FROM (SELECT n FROM generate_series(1, 1000000) n ORDER BY -n) s"))
    finally:
        probed.execute("ALTER ROLE trimtab_watch RESET temp_file_limit")
    assert found.error.startswith("cut off: it would have written more temporary files than the server lets this role")


def test_a_large_result_does_not_come_back(probed: Cluster) -> None:
    """Ten million rows: two of them are asked for; a text is none at all."""
    assert "more than one row" in asked(probed, sql("SELECT n FROM generate_series(1, 10000000) AS s(n)")).error
    wide = asked(
        probed, sql("SELECT string_agg(n::text, ',') FROM generate_series(1, 10000000) AS s(n)", timeout_ms=100)
    )
    assert "a number is wanted" in wide.error
    assert wide.duration_ms == 0, "its type is known before anything runs"


def test_a_lock_is_not_waited_for(probed: Cluster) -> None:
    with psycopg.connect(probed.dsn(NAME)) as holder:
        holder.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        found = asked(probed, probe_of(ProbeKind.VOLUME, table="customers"))
        holder.rollback()
    assert "lock" in found.error


def test_without_the_parser_the_server_refuses_too(probed: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction itself cannot write: with all looking switched off, and with a role that may."""
    from trimtab.observe.probes import running

    monkeypatch.setattr(running, "why_not_run", lambda _connection, _text: None)
    monkeypatch.setattr(running, "why_not_role", lambda _connection, _text: None)
    before = _state_of(probed)
    for text in ("SELECT writes()", "SELECT lies()", "SELECT nextval('numbers')::int"):
        found = asked(probed, sql(text), "postgres")
        assert found.value is None
        assert "refused" in found.error
    turned = asked(probed, sql("SELECT length(set_config('transaction_read_only', 'off', false)) + lies()"), "postgres")
    assert turned.value is None
    asked(probed, sql("SELECT lo_create(1)::int8"), "postgres")  # before version 16 READ ONLY lets it; nothing commits
    sleep = asked(probed, sql("SELECT length(pg_sleep(60)::text)", timeout_ms=200))
    assert "cut off" in sleep.error
    assert _state_of(probed) == before


@pytest.mark.parametrize(("user", "why"), [("postgres", "superuser"), ("shop_app", "pg_write_all_data")])
def test_a_role_that_could_write_runs_no_probes(probed: Cluster, user: str, why: str) -> None:
    found = asked(probed, probe_of(ProbeKind.VOLUME), user)
    assert found.value is None
    assert why in found.error
    assert found.error.startswith("refused: the role")


def test_a_role_that_may_write_to_the_table_runs_no_probes(probed: Cluster) -> None:
    probed.execute("GRANT INSERT ON customers TO trimtab_watch", database=NAME)
    try:
        found = asked(probed, probe_of(ProbeKind.VOLUME, table="customers"))
    finally:
        probed.execute("REVOKE INSERT ON customers FROM trimtab_watch", database=NAME)
    assert "may write to public.customers" in found.error


def test_a_server_that_is_not_there_is_a_value_that_says_so() -> None:
    found = measure(Reference.parse("postgresql://u@127.0.0.1:1/x"), probe_of(ProbeKind.VOLUME), lambda: 1)
    assert found.value is None
    assert "could not connect" in found.error


@pytest.mark.parametrize(
    "where", ["true) UNION SELECT (1", "true; DROP TABLE x", "true) LIMIT (1", "a = $$", "1) , (2"]
)
def test_where_does_not_leave_its_bracket(where: str) -> None:
    with pytest.raises(StatementRefused):
        check_where(where)
    check_where("a = ')' AND b IN (1, 2) -- said")


def test_names_are_quoted() -> None:
    text = statement_of(probe_of(ProbeKind.NULLS, table='a."b', columns=('x"; DROP TABLE y',)))
    assert (
        text == 'SELECT count(*) FILTER (WHERE "x""; DROP TABLE y" IS NULL)::float8 / nullif(count(*), 0) FROM a."""b"'
    )


def test_score() -> None:
    probe = probe_of(ProbeKind.NULLS, columns=("a",))
    assert Measured(1, 0.25).score(probe) == 0.75
    assert Measured(1, None, "no").score(probe) is None
    wished = replace(probe, wanted=Wanted(Comparison.AT_MOST, 0.3))
    assert (Measured(1, 0.25).score(wished), Measured(1, 0.31).score(wished)) == (1.0, 0.0)
    assert not sql("SELECT 1").is_scored
