"""What the lint says would mend a plan, done on a real server: the finding is gone. And `trimtab explain` on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from demo.cluster import Cluster
from tests.analyze.plans.cases import CASES, DEFAULTS, NO_SEQ, SHOP, SMALL, TINY
from trimtab.analyze.queries.plans.hint import Hint, MendKind
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.app.plan_catalogue import catalogue_of
from trimtab.cli.explaining import explain

pytestmark = pytest.mark.postgres

DATABASE = "plans_of_a_shop"
ANALYZED = "EXPLAIN (ANALYZE, BUFFERS, SETTINGS, FORMAT JSON) "
BY_RULE = {case.rule: case for case in CASES}


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[Cluster]:
    """The shop of the cases, made once."""
    cluster.execute(f"CREATE DATABASE {DATABASE}")
    try:
        cluster.execute(*SHOP, database=DATABASE)
        cluster.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO trimtab_watch", database=DATABASE)
        yield cluster
    finally:
        cluster.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def connection(shop: Cluster) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A session whose changes are taken back."""
    with psycopg.connect(shop.dsn(DATABASE), autocommit=False) as opened:
        yield opened
        opened.rollback()


def said(
    connection: psycopg.Connection[tuple[Any, ...]], statement: str, settings: Mapping[str, str]
) -> dict[str, Hint]:
    for name, value in {**DEFAULTS, **settings}.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
    connection.execute("SAVEPOINT before")
    row = connection.execute((ANALYZED + statement).encode()).fetchone()
    connection.execute("ROLLBACK TO before")
    assert row is not None
    plan = row[0][0]
    return {one.id: one for one in hints_of(plan, catalogue_of(connection, plan))}


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("rows-thrown-away", MendKind.INDEX),
        ("inefficient-index", MendKind.INDEX),
        ("function-on-column", MendKind.INDEX),
        ("nested-loop-large-inner", MendKind.INDEX),
        ("correlated-subplan", MendKind.INDEX),
        ("sort-for-limit", MendKind.INDEX),
        ("misestimate", MendKind.STATISTICS),
        ("lossy-bitmap", MendKind.WORK_MEM),
        ("sort-spill", MendKind.WORK_MEM),
        ("hash-spill", MendKind.WORK_MEM),
        ("aggregate-spill", MendKind.WORK_MEM),
        ("store-spill", MendKind.WORK_MEM),
    ],
)
def test_what_would_mend_it_mends_it(
    connection: psycopg.Connection[tuple[Any, ...]], rule: str, kind: MendKind
) -> None:
    case = BY_RULE[rule]
    before = said(connection, case.fires, case.settings)[rule]
    sql = next(mend.sql for mend in before.mends if mend.kind is kind)
    assert sql is not None
    if kind is MendKind.WORK_MEM:
        settings = {**case.settings, "work_mem": re.findall(r"'(.*)'", sql)[0]}
        assert settings["work_mem"] != "64MB"
        after = said(connection, case.fires, settings)
    else:
        connection.execute(sql.replace("CONCURRENTLY ", "").encode())
        connection.execute("ANALYZE")
        after = said(connection, case.fires, case.settings)
    if rule == "correlated-subplan":  # it still runs once for each row, but no longer reads a table each time
        assert after.get(rule) is None or not any(mend.kind is kind for mend in after[rule].mends)
    else:
        assert rule not in after, after[rule]


def explained(*arguments: str, given: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(explain, list(arguments), input=given)
    return done.exit_code, done.stdout, done.stderr


def test_explain_estimates_runs_and_plans_for_unknown_parameters(shop: Cluster) -> None:
    dsn = shop.dsn(DATABASE, "trimtab_watch")
    statement = "SELECT * FROM orders WHERE customer = $1 AND status = $2"
    code, out, _ = explained(dsn, statement, "--format", "json")
    [generic] = json.loads(out)["plans"]
    assert (code, generic["how"], generic["score_of"]) == (0, "generic: planned for unknown parameters", "cost")
    code, out, _ = explained(dsn, statement, "--param", "5", "--param", "it's", "--analyze", "--format", "json")
    [run] = json.loads(out)["plans"]
    assert (code, run["how"], run["score_of"], run["why_not_run"]) == (0, "run once", "time", None)
    assert run["structure"] == generic["structure"]
    [finding] = [one for one in run["findings"] if one["id"] == "rows-thrown-away"]
    assert finding["mends"][0]["sql"] == "CREATE INDEX CONCURRENTLY ON public.orders (customer, status)"
    assert finding["step"] in run["text"][finding["line"] - 1]
    assert sum(one["own_ms"] for one in run["steps"]) == pytest.approx(run["steps"][0]["time_ms"], rel=0.05)
    code, out, _ = explained(
        dsn, "-", "--analyze", "--fail-on", "0.5", given="SELECT * FROM orders WHERE customer = 5;"
    )
    assert code == 1
    assert "[1]" in out
    assert "Seq Scan on orders" in out


def test_explain_runs_nothing_that_could_do_more_than_read(shop: Cluster) -> None:
    dsn = shop.dsn(DATABASE)
    for statement, why in (
        ("DELETE FROM lines", "its plan has a ModifyTable"),
        ("SELECT pg_sleep(0)", "pg_catalog.pg_sleep may do more than read"),
        ("SELECT * FROM lines FOR UPDATE", "its plan has a LockRows"),
        ("SELECT * FROM lines WHERE id = $1", "no complete statement"),
    ):
        code, out, _ = explained(dsn, statement, "--analyze", "--format", "json")
        [plan] = json.loads(out)["plans"]
        assert code == 0
        assert why in plan["why_not_run"], statement
        assert plan["execution_ms"] is None
    slow = "SELECT count(*) FROM orders a, orders b, orders c"
    code, out, _ = explained(dsn, slow, "--analyze", "--timeout", "400ms", "--format", "json")
    assert "did not end in 400 ms" in json.loads(out)["plans"][0]["why_not_run"]


@pytest.mark.parametrize(
    ("statement", "code", "message"),
    [
        ("SELEC 1", 2, "PostgreSQL's parser refuses the statement, at line 1, column 1"),
        ("SELECT 1\n  FROM )", 2, "at line 2, column 8"),
        ("", 2, "the statement is empty"),
        ("SELECT 1; SELECT 2", 2, "one statement was wanted, 2 were found"),
        ("DROP TABLE orders", 2, "only a SELECT, INSERT, UPDATE or DELETE has a plan, and this is Drop"),
        ("COPY orders TO STDOUT", 2, "and this is Copy"),
        ("EXPLAIN ANALYZE SELECT 1", 2, "leave EXPLAIN out"),
        ("SELECT * FROM nowhere", 2, 'relation "nowhere" does not exist'),
        ("SELECT " + "1," * 500_000 + "1", 2, "the statement has 1,000,008 characters, the limit is 200,000"),
        ("SELECT * FROM secrets", 3, "may not plan this statement"),
    ],
)
def test_explain_says_what_is_wrong(shop: Cluster, statement: str, code: int, message: str) -> None:
    shop.execute("CREATE TABLE IF NOT EXISTS secrets (a int)", "REVOKE ALL ON secrets FROM PUBLIC", database=DATABASE)
    shop.execute("DO $$ BEGIN CREATE ROLE plans_stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    dsn = shop.dsn(DATABASE, "plans_stranger" if code == 3 else "trimtab_watch")
    ended, out, said_ = explained(dsn, "-", given=statement) if statement else explained(dsn, "")
    assert (ended, out) == (code, "")
    assert message in said_


def test_explain_takes_what_belongs_together(shop: Cluster) -> None:
    for arguments, message in (
        ((), "explain needs a DSN and a statement, or --plan FILE"),
        (("service=x",), "explain needs a DSN and a statement"),
        (("service=x", "SELECT 1", "--plan", "-"), "--plan reads a file"),
        (("service=x", "SELECT 1", "--timeout", "ever"), "--timeout is 'ever'"),
        (("--plan", "/nowhere/plan"), "there is no file /nowhere/plan"),
        ((shop.dsn(DATABASE), "SELECT $1, $2", "--param", "5"), "--param was given 1 times, and the statement has 2"),
    ):
        code, _, said_ = explained(*arguments)
        assert code == 2
        assert message in said_
    for value, wanted in (("abc", "bigint"), ("1e400", "bigint"), ("9" * 40, "bigint")):
        code, _, said_ = explained(
            shop.dsn(DATABASE), "SELECT * FROM orders WHERE status = $1 AND id = $2", "--param", "x", "--param", value
        )
        assert code == 2
        assert f"--param number 2, for $2, is '{value}': a value of type {wanted} was wanted" in said_
    code, out, said_ = explained("--plan", "-", given="no plan")
    assert (code, out) == (2, "")
    assert "--plan: standard input: line 1 is no step of a plan" in said_
    code, out, _ = explained("--plan", "-", given="Result  (cost=0.00..0.01 rows=1 width=4)")
    assert code == 0
    assert "nothing found" in out


def test_settings_of_tiny_memory_are_those_of_the_cases() -> None:
    assert BY_RULE["sort-spill"].settings == SMALL
    assert BY_RULE["not-in-subplan"].settings == TINY
    assert BY_RULE["forbidden-step"].settings == NO_SEQ
