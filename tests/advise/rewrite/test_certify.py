"""Certificates: what is the same on three kinds of data, what differs is found, what cannot be compared is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from demo.cluster import Cluster
from tests.advise.rewrite.conftest import connected, known
from tests.conftest import Database
from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.advising import advise_rewrite
from trimtab.advise.rewrite.apply import hints_of, rewrites_of
from trimtab.advise.rewrite.certify import CertifySettings, certify
from trimtab.advise.rewrite.model import Data, Outcome, Rewrite
from trimtab.cli.main import main
from trimtab.model.errors import StatementRefused
from trimtab.sql.connect import OWN_MARK

pytestmark = pytest.mark.postgres

QUICK = CertifySettings(seeds=(1, 2), rows=40, repetitions=3, time_max_s=30)
SLOW = (
    "SELECT o.id FROM orders o WHERE o.total > (SELECT avg(i.price) FROM items i WHERE i.order_id = o.customer_id "
    "AND i.quantity < 5)"
)


@pytest.fixture(scope="module")
def filled(golden: Database, cluster: Cluster) -> Iterator[tuple[Connection, Connection]]:
    """(a database like the golden one with rows, a private one that is empty)."""
    cluster.execute("CREATE DATABASE advise_filled TEMPLATE advise_golden", "CREATE DATABASE advise_private")
    with (
        psycopg.connect(cluster.dsn("advise_filled"), autocommit=True) as real,
        psycopg.connect(cluster.dsn("advise_private"), autocommit=True) as private,
    ):
        real.execute("CREATE EXTENSION hypopg")
        real.execute("CREATE EXTENSION pg_stat_statements")
        real.execute("CREATE ROLE asks LOGIN SUPERUSER")
        real.execute(
            "INSERT INTO customers SELECT i, 'n' || i, 'c' || i % 5, '2020-01-01', nullif(i % 7, 0) "
            "FROM generate_series(1, 200) i"
        )
        real.execute(
            "INSERT INTO orders SELECT i, 1 + i % 200, i % 90, '2024-01-01', '2024-01-01', 's' || i % 4, NULL "
            "FROM generate_series(1, 800) i"
        )
        real.execute(
            "INSERT INTO items SELECT 1 + i % 300, i, i % 50, i % 9, i % 100, NULL, now(), 1.5 "
            "FROM generate_series(1, 4000) i"
        )
        real.execute("INSERT INTO loose SELECT i % 10, nullif(i % 9, 0), 'a' FROM generate_series(1, 300) i")
        real.execute("ANALYZE")
        yield real, private
    cluster.execute("DROP DATABASE advise_filled WITH (FORCE)", "DROP DATABASE advise_private WITH (FORCE)")
    cluster.execute("DROP ROLE asks")


def test_a_form_is_advised_with_a_complete_certificate(filled: tuple[Connection, Connection]) -> None:
    real, private = filled
    from trimtab.advise.rewrite.advising import RewriteSettings

    advice = advise_rewrite(SLOW, real, private=private, run=True, settings=RewriteSettings(certify=QUICK))
    assert advice.best is not None
    certificate = advice.best.certificate
    assert advice.best.rewrite.rules == ("scalar_to_join",)
    assert certificate.is_complete
    assert certificate.cost_after < certificate.cost_before / 2
    assert certificate.measured is not None
    assert certificate.measured.interval_90[1] < 1
    assert {check.data for check in certificate.checks} == set(Data)
    assert sorted(check.seed for check in certificate.checks if check.data is Data.GENERATED and check.seed) == [1, 2]
    assert json.loads(json.dumps(certificate.document()))["complete"] is True
    assert private.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'trimtab%'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT a FROM loose WHERE a NOT IN (SELECT b FROM loose)",
         "SELECT a FROM loose x WHERE NOT EXISTS (SELECT 1 FROM loose y WHERE y.b = x.a)"),
        ("SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.partner_id = c.id) = 0",
         "SELECT c.id FROM customers c JOIN (SELECT partner_id p, count(*) n FROM orders GROUP BY 1) g ON g.p = c.id "
         "WHERE n = 0"),
        ("SELECT DISTINCT a FROM loose", "SELECT a FROM loose"),
        ("SELECT o.id FROM orders o JOIN customers c ON c.id = o.partner_id", "SELECT id FROM orders"),
    ],
)  # fmt: skip
def test_wrong_forms_are_found_on_small_tables(filled: tuple[Connection, Connection], before: str, after: str) -> None:
    real, private = filled
    wrong = Rewrite(("wrong",), before, after)
    certificate = certify(wrong, known(real, before), real, run_on_real_data=True, private=private, settings=QUICK)
    assert any(check.outcome is Outcome.DIFFERENT for check in certificate.checks)
    assert not certificate.holds
    assert certificate.measured is None  # what is wrong is not run on the real server


def test_an_original_that_does_not_end_is_compared_on_a_part_of_the_data(
    filled: tuple[Connection, Connection],
) -> None:
    real, private = filled
    from trimtab.advise.rewrite.advising import RewriteSettings

    real.execute("CREATE TABLE many AS SELECT i % 3000 AS a, i AS b FROM generate_series(1, 30000) i")
    real.execute("ANALYZE many")
    endless = "SELECT a, b FROM many x WHERE b > (SELECT avg(y.b) FROM many y WHERE y.a = x.a)"
    quick = CertifySettings(seeds=(1,), rows=40, repetitions=2, time_max_s=1)
    try:
        advice = advise_rewrite(endless, real, private=private, run=True, settings=RewriteSettings(certify=quick))
    finally:
        real.execute("DROP TABLE many")
    assert advice.best is not None
    certificate = advice.best.certificate
    assert certificate.measured is not None
    assert certificate.measured.original_is_cut
    (check,) = [check for check in certificate.checks if check.data is Data.REAL]
    assert check.outcome is Outcome.SAME
    assert check.rows > 0
    assert re.fullmatch(r"on a part of it, [1-9]\d{3} rows of 1 tables, as the original did not end in 1 s", check.why)


def test_without_leave_nothing_is_compared_and_it_is_said(filled: tuple[Connection, Connection]) -> None:
    real, _ = filled
    advice = advise_rewrite(SLOW, real)
    assert advice.best is None
    assert {check.outcome for check in advice.tried[0].certificate.checks} == {Outcome.NOT_POSSIBLE}
    assert all(check.why for check in advice.tried[0].certificate.checks)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT random() FROM loose", "volatile"),
        ("SELECT a FROM loose FOR UPDATE", "locks"),
        ("UPDATE loose SET a = 1", "no SELECT"),
        ("SELECT loose FROM loose", "whole row"),
        ("SELECT a FROM loose WHERE a IN (SELECT b FROM loose ORDER BY c LIMIT 2)", "no total order"),
        ("SELECT row_number() OVER (ORDER BY a) FROM loose", "chance"),
        ("SELECT string_agg(c, ',') FROM loose", "chance"),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r", "recursive"),
    ],
)
def test_what_no_rule_may_touch(golden: Database, statement: str, reason: str) -> None:
    with connected(golden) as connection, pytest.raises(StatementRefused, match=reason):
        rewrites_of(statement, known(connection, statement))


def test_facts_that_are_not_certain_prove_nothing(golden: Database) -> None:
    with connected(golden) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            """
            CREATE TABLE later (id int PRIMARY KEY DEFERRABLE, c int NOT NULL, d int NOT NULL);
            ALTER TABLE later ADD FOREIGN KEY (c) REFERENCES customers NOT VALID;
            CREATE TABLE heir () INHERITS (later);
            CREATE TABLE secret (id int PRIMARY KEY); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
            CREATE TABLE pointing (id int PRIMARY KEY, s int NOT NULL REFERENCES secret,
                                   t int NOT NULL REFERENCES customers DEFERRABLE)"""
        )
        for statement in (
            "SELECT DISTINCT id, d FROM later",
            "SELECT id FROM customers WHERE id NOT IN (SELECT d FROM later)",
            "SELECT l.d FROM later l JOIN customers c ON c.id = l.c",
            "SELECT p.id FROM pointing p JOIN secret s ON s.id = p.s",
            "SELECT p.id FROM pointing p JOIN customers c ON c.id = p.t",
        ):
            assert rewrites_of(statement, known(connection, statement)) == [], statement


def test_functions_of_somebody_are_never_run(filled: tuple[Connection, Connection]) -> None:
    real, private = filled
    with real.transaction(force_rollback=True):
        real.execute("CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'")
        statement = "SELECT DISTINCT id, mine(customer_id) FROM orders"
        form = Rewrite(("any",), statement, "SELECT id, mine(customer_id) FROM orders")
        certificate = certify(
            form, known(real, statement), real, run_on_real_data=True, private=private, settings=QUICK
        )
    assert {check.outcome for check in certificate.checks} == {Outcome.NOT_POSSIBLE}
    assert "mine" in certificate.checks[0].why


def test_a_deep_page_gets_a_hint(golden: Database) -> None:
    with connected(golden) as connection:
        total = "SELECT id FROM orders ORDER BY placed DESC, id DESC LIMIT 20 OFFSET 5000"
        assert "WHERE (" in hints_of(total, known(connection, total))[0].text
        loose = "SELECT id FROM orders ORDER BY placed LIMIT 20 OFFSET 5000"
        assert "not total" in hints_of(loose, known(connection, loose))[0].text
        shallow = "SELECT id FROM orders ORDER BY id LIMIT 20 OFFSET 20"
        assert hints_of(shallow, known(connection, shallow)) == []


def test_the_command_shows_and_advises(filled: tuple[Connection, Connection], cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "workload.sql"
    file.write_text(f"-- name: slow\n-- calls: 9\n{SLOW};\n-- name: easy\nSELECT id FROM orders WHERE id = 5;\n")
    dsn = cluster.dsn("advise_filled", user="asks")
    runner = CliRunner(env={"TRIMTAB_DATA_DIR": str(tmp_path)})
    shown = runner.invoke(main, ["advise", dsn, "--workload", str(file)], catch_exceptions=False)
    assert "slow: scalar_to_join" in shown.output
    assert "--run-rewrites --private" in shown.output
    arguments = ["advise", dsn, "--workload", str(file), "--run-rewrites", "--private", cluster.dsn("advise_private")]
    done = runner.invoke(main, [*arguments, "--format", "json"], catch_exceptions=False)
    document = json.loads(done.output)
    (row,) = document["rewrites"]
    assert (row["query"], row["certificate"]["advisable"]) == ("slow", True)
    assert row["advised"] == (row["costs"]["rewritten_with_indexes"] < 0.99 * row["costs"]["original_with_indexes"])
    unmarked = real_statements(filled[0])
    assert unmarked == [], unmarked
    (tmp_path / "easy.sql").write_text("SELECT id FROM orders WHERE id = 5")
    for given in (["--run-rewrites", "--private", dsn], ["--private", dsn]):
        itself = runner.invoke(main, ["advise", dsn, "--workload", str(tmp_path / "easy.sql"), *given])
        assert itself.exit_code == 2
        assert "the database itself" in itself.output


def real_statements(connection: Connection) -> list[str]:
    """What the role that asks sent to this database without trimtab's mark, but for utility commands."""
    rows = connection.execute(
        "SELECT query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'asks'"
        " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchall()
    assert any("FROM pg_attribute" in text for (text,) in rows), "it is counted"
    words = ("select", "with", "values", "insert", "update", "delete")
    return [text for (text,) in rows if text.strip().lower().startswith(words) and OWN_MARK not in text]


def test_a_table_with_row_security_says_that_itself(filled: tuple[Connection, Connection]) -> None:
    real, private = filled
    form = Rewrite((), SLOW, SLOW)
    with real.transaction(force_rollback=True):
        real.execute("ALTER TABLE items ENABLE ROW LEVEL SECURITY")
        for given in (None, private):
            found = certify(form, known(real, SLOW), real, run_on_real_data=True, private=given, settings=QUICK)
            assert "items has row security" in found.why_not
            assert "private database" not in found.why_not
    without = certify(form, known(real, SLOW), real, run_on_real_data=True, settings=QUICK)
    assert "no private database was given" in without.why_not


def test_advice_on_one_query_chains_rules_and_advises_measured_forms_alone(
    filled: tuple[Connection, Connection],
) -> None:
    """Two rules one after the other; with small tables alone nothing is advised, and what is missing is said."""
    from trimtab.advise.record.correcting import Corrections
    from trimtab.app.query_advice.asking import Asked, advice_on
    from trimtab.model.query import SlowQuery

    real, private = filled
    both = SLOW.replace("SELECT o.id", "SELECT DISTINCT o.id, o.total")
    forms = {}
    for runs in (False, True):
        asked = Asked("shop", Corrections(), 1, private=lambda: private, run_on_real_data=runs)
        forms[runs] = advice_on(real, SlowQuery(both), asked)[0].rewrites
    assert any(len(one.rules) > 1 for one in forms[True]), [one.rules for one in forms[True]]
    assert any(one.is_advised for one in forms[True]), [one.why_not for one in forms[True]]
    assert not any(one.is_advised for one in forms[False])
    assert all("not compared on real data" in one.why_not for one in forms[False])


def test_only_columns_that_are_read_are_made(filled: tuple[Connection, Connection]) -> None:
    """A type that the private database lacks keeps no comparison away, unless a form reads it."""
    real, private = filled
    from trimtab.advise.rewrite.pricing import cheaper_forms

    try:
        real.execute("CREATE EXTENSION citext SCHEMA public")
        real.execute("CREATE TYPE mood AS (a int, b text)")
        real.execute("ALTER TABLE orders ADD COLUMN mail citext NOT NULL DEFAULT 'x', ADD COLUMN mood mood")
        certificates = []
        for column in ("id", "id, o.mail", "id, o.mood"):
            text = SLOW.replace("o.id", f"o.{column}", 1)
            known_now = known(real, text)
            form = cheaper_forms(text, known_now, real)[0].rewrite
            certificates.append(certify(form, known_now, real, run_on_real_data=True, private=private, settings=QUICK))
    finally:
        real.execute("ALTER TABLE orders DROP COLUMN IF EXISTS mail, DROP COLUMN IF EXISTS mood")
        real.execute("DROP TYPE IF EXISTS mood")
        real.execute("DROP EXTENSION IF EXISTS citext")
    unread, extension, unknown = certificates
    assert unread.is_complete, unread.checks
    assert extension.is_complete, extension.checks
    assert set(unknown.missing) == {Data.CLONE, Data.GENERATED}
    assert not unknown.is_advisable
    assert "and generated data: the tables could not be made there" in unknown.why_not


def test_what_was_empty_everywhere_is_not_advised() -> None:
    from trimtab.advise.rewrite.model import Certificate, Check, Measured

    fast = Measured(0.1, (0.09, 0.12), 5, "cpu", 100.0, 10.0)
    full = {data: Check(data, Outcome.SAME, rows=3) for data in Data}
    assert Certificate((), 9.0, 1.0, tuple(full.values()), fast).is_advisable
    for data in Data:
        empty = Check(data, Outcome.SAME, rows=0, why="both are empty")
        without = Certificate((), 9.0, 1.0, tuple({**full, data: empty}.values()), fast)
        assert not without.is_advisable
        assert without.why_not == f"not compared on {data.value}: both are empty"
        other_seed = Certificate((), 9.0, 1.0, (*without.checks, full[data]), fast)
        assert other_seed.is_advisable


def test_where_texts_are_equal_by_another_rule_ilike_stays(golden: Database) -> None:
    with connected(golden) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "CREATE COLLATION loosely (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
        connection.execute("CREATE TABLE mixed (id int, t text COLLATE loosely)")
        for pattern in ("Abc%", "Abc"):
            statement = f"SELECT id FROM mixed WHERE t ILIKE '{pattern}'"
            assert rewrites_of(statement, known(connection, statement)) == []


def test_constants_of_both_forms_make_rows(filled: tuple[Connection, Connection]) -> None:
    """Without those of the second form no made-up row would meet either."""
    real, private = filled
    before, after = "SELECT a FROM loose WHERE a + 700 = 705", "SELECT loose.a FROM loose WHERE loose.a = 5"
    form = Rewrite(("bare_column",), before, after)
    found = certify(form, known(real, before), real, run_on_real_data=True, private=private, settings=QUICK)
    assert not found.missing, found.checks
