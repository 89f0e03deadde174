"""Plans: directly, through the definer function, of `$n` texts, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from click.testing import CliRunner

from tests.conftest import Database
from tests.observe.support import psql
from trimtab.cli.main import main
from trimtab.model.errors import PermissionMissing, ServerUnreachable, StatementRefused
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.definer import install_sql
from trimtab.observe.postgres.explain import Plan, explain
from trimtab.sql.connect import Connection, Reference

pytestmark = pytest.mark.postgres

ORDERS = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, status text, total numeric, at timestamptz, doc jsonb)",
    "INSERT INTO orders SELECT i, i % 1000, CASE WHEN i % 100 = 0 THEN 'open' ELSE 'done' END, i, now(), '{}'"
    " FROM generate_series(1, 20000) i",
    "ANALYZE orders",
)


@pytest.fixture
def shop(database: Database) -> Iterator[Database]:
    database.execute(*ORDERS, "CREATE ROLE looker LOGIN")
    yield database
    database.execute("DROP SCHEMA IF EXISTS trimtab CASCADE", "DROP OWNED BY looker", "DROP ROLE looker")
    database.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'trimtab_explain') THEN"
        " DROP OWNED BY trimtab_explain; DROP ROLE trimtab_explain; END IF; END $$"
    )


def connected(database: Database, role: str, *, autocommit: bool = True) -> Connection:
    return Reference.parse(database.dsn(role)).connect(autocommit=autocommit)


def node_of(plan: Plan) -> str:
    node = plan["Plan"]
    while "Plans" in node:
        node = node["Plans"][0]
    return str(node["Node Type"])


def prepared_left(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'trimtab%'").fetchall()


def test_a_literal_statement_is_planned_directly(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection:
        plan = explain(connection, "/* app:web */ SELECT * FROM orders WHERE customer = 5; -- done")
        assert node_of(plan) == "Seq Scan"
        assert plan["Plan"]["Plan Rows"] == pytest.approx(20, rel=0.5)


def test_text_with_parameters_gets_a_generic_plan_and_leaves_nothing(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection:
        plan = explain(connection, "SELECT * FROM orders WHERE status = $1 AND total > $2 LIMIT $3")
        assert plan["Plan"]["Plan Rows"] > 1, "NULLs that the planner saw would give one row and a one-time filter"
        assert "$1" in str(plan)
        assert prepared_left(connection) == []
        row = connection.execute("SHOW plan_cache_mode").fetchone()
        assert row == ("auto",)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM orders WHERE at > now() - interval $1",
        "SELECT * FROM orders WHERE at >= date $1 AND at < $2",
        "SELECT jsonb_build_object($1, id, $2, $3) FROM orders WHERE $4 IS NULL",
        "SELECT * FROM orders WHERE customer IN ($1 /*, ... */)",
    ],
)
def test_texts_of_pg_stat_statements_that_the_server_itself_cannot_read(shop: Database, text: str) -> None:
    with connected(shop, "trimtab_watch") as connection:
        assert node_of(explain(connection, text)) in ("Seq Scan", "Result")
        assert prepared_left(connection) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; DROP TABLE orders",
        "DROP TABLE orders",
        "EXPLAIN ANALYZE SELECT 1",
        "SELEC 1",
        "",
        "CREATE TABLE x AS SELECT 1",
        "EXECUTE p(pg_sleep(1))",
        "MERGE INTO orders o USING orders s ON o.id = s.id WHEN MATCHED THEN DELETE",
        "SELECT 1\0",
        "SELECT '" + "x" * 200_000 + "'",
    ],
)
def test_what_is_not_exactly_one_plain_statement_is_refused(shop: Database, text: str) -> None:
    with connected(shop, "trimtab_watch") as connection, pytest.raises(StatementRefused):
        explain(connection, text)


def test_errors_name_tables_but_never_literals(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection:
        with pytest.raises(StatementRefused, match='relation "nowhere" does not exist') as caught:
            explain(connection, "SELECT * FROM nowhere WHERE card = '4711'")
        assert "4711" not in str(caught.value)
        with pytest.raises(StatementRefused, match="InvalidTextRepresentation") as caught:
            explain(connection, "SELECT * FROM orders WHERE id = 'card 4711'")
        assert "4711" not in str(caught.value)
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_an_open_transaction_survives_a_refusal(shop: Database) -> None:
    with connected(shop, "trimtab_watch", autocommit=False) as connection:
        connection.execute("SELECT 1")
        with pytest.raises(StatementRefused):
            explain(connection, "SELECT * FROM nowhere WHERE a = $1")
        assert node_of(explain(connection, "SELECT * FROM orders WHERE customer = $1")) == "Seq Scan"
        assert prepared_left(connection) == []


def test_a_lock_in_the_way_is_given_up_in_time(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection, psycopg.connect(shop.dsn()) as blocker:
        connection.execute("SET lock_timeout = '100ms'")
        blocker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ServerUnreachable, match="did not plan the statement in time"):
            explain(connection, "SELECT * FROM orders WHERE customer = $1")
        assert prepared_left(connection) == []


def test_a_lost_connection_is_said(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection:
        shop.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
        with pytest.raises(ServerUnreachable, match="lost"):
            explain(connection, "SELECT * FROM orders WHERE customer = $1")


def test_a_role_without_rights_is_told_the_sql_and_that_sql_helps(shop: Database) -> None:
    """The same connection goes on once the DBA ran it; hypothetical indexes count either way."""
    with connected(shop, "looker") as connection:
        statement = "SELECT * FROM orders WHERE customer = 5"
        with pytest.raises(PermissionMissing) as caught:
            explain(connection, statement)
        psql(shop.cluster, shop.name, str(caught.value.facts["sql"]))
        assert node_of(explain(connection, statement)) == "Seq Scan"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM orders")

        assert "$1" in str(explain(connection, "SELECT * FROM orders WHERE customer = $1 AND at > now() - interval $2"))
        assert node_of(explain(connection, "UPDATE orders SET total = 0 WHERE id = 5")) == "Index Scan"
        assert explain(connection, "WITH d AS (DELETE FROM orders WHERE id = $1 RETURNING *) SELECT * FROM d")
        assert explain(connection, "SELECT id FROM orders WHERE id = 1 FOR UPDATE")
        assert prepared_left(connection) == []

        connection.execute("SELECT hypopg_create_index('CREATE INDEX ON orders (customer)')")
        plan = explain(connection, statement)
        assert "<" in str(plan)
        assert "btree_orders_customer" in str(plan)


def test_the_command_without_rights_says_the_grants_and_where_the_script_is(shop: Database) -> None:
    def said(statement: str) -> list[str]:
        ended = CliRunner().invoke(main, ["explain", shop.dsn("looker"), statement])
        assert ended.exit_code == 3
        return ended.stderr.splitlines()

    lines = said("SELECT * FROM orders WHERE customer = 5")
    assert len(lines) <= 6
    assert lines[0].endswith("may not plan this statement: permission denied for table orders")
    grant = "GRANT pg_read_all_data TO looker;"
    assert lines[2] == grant or lines[3] == "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker;"
    assert "lines that 'trimtab doctor DSN --format sql' prints" in lines[-1]
    report = CliRunner().invoke(main, ["doctor", shop.dsn("looker"), "--format", "sql"])
    assert install_sql("looker").splitlines()[-1] in report.stdout, "it is there, as was said"
    lines = said("SELECT id FROM orders FOR UPDATE")
    assert len(lines) == 2, "who may only read may not plan it: no GRANT of reading helps"
    assert "GRANT" not in lines[1]
    shop.execute(*(line for line in said("SELECT * FROM orders") if line.startswith(("GRANT", "ALTER DEFAULT"))))
    assert CliRunner().invoke(main, ["explain", shop.dsn("looker"), "SELECT * FROM orders"]).exit_code == 0


def test_plans_of_writes_need_the_function(shop: Database) -> None:
    with connected(shop, "trimtab_watch") as connection:
        missing = {c.name for c in probe(connection) if not c.available}
        assert "plans_of_writes" in missing
        assert "plans" not in missing
        with pytest.raises(PermissionMissing, match="may not plan"):
            explain(connection, "DELETE FROM orders WHERE id = 5")
        psql(shop.cluster, shop.name, install_sql("trimtab_watch"))
        assert node_of(explain(connection, "DELETE FROM orders WHERE id = $1")) == "Index Scan"
        assert "plans_of_writes" not in {c.name for c in probe(connection) if not c.available}


ATTACKS = [
    ("SELECT 1; DROP TABLE orders", "InvalidCursorDefinition"),
    ("SELECT 1; SELECT 2", "InvalidCursorDefinition"),
    ("DROP TABLE orders", "FeatureNotSupported"),
    ("ANALYZE SELECT 1", "FeatureNotSupported"),
    ("(ANALYZE) SELECT 1", "SyntaxError"),
    ("EXECUTE trimtab_p(pg_sleep(5))", "FeatureNotSupported"),
    ("EXECUTE trimtab_p(NULL, pg_ls_dir('.'))", "FeatureNotSupported"),
    ("/* x */ EXECUTE trimtab_p(pg_sleep(5))", "FeatureNotSupported"),
    ("CREATE TABLE x AS SELECT * FROM orders", "FeatureNotSupported"),
    ("SELECT * FROM orders WHERE id = table_to_xml('orders', true, true, '')::text::int", "FeatureNotSupported"),
    ("SELECT * FROM orders WHERE id = U&\"table\\005fto_xml\"('orders', true, true, '')::text::int", "FeatureNotSupp"),
]


@pytest.mark.parametrize(("text", "error"), ATTACKS)
def test_the_function_itself_refuses_what_could_do_more_than_plan(shop: Database, text: str, error: str) -> None:
    psql(shop.cluster, shop.name, install_sql("looker"))
    with connected(shop, "looker") as connection:
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT trimtab.explain_json(%s)", (text,))
        assert type(caught.value).__name__.startswith(error)
    shop.execute("SELECT 1 FROM orders LIMIT 1")


def test_the_function_quotes_no_data_in_its_errors(shop: Database) -> None:
    psql(shop.cluster, shop.name, install_sql("looker"))
    with connected(shop, "looker") as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT trimtab.explain_json($$SELECT * FROM orders WHERE id = ('se' || 'cret')::int$$)")
    assert "secret" not in str(caught.value)


def test_the_function_refuses_a_caller_who_could_plant_code(shop: Database) -> None:
    """An immutable function is run while planning, with the rights of the definer."""
    psql(shop.cluster, shop.name, install_sql("looker"))
    shop.execute(
        "CREATE SCHEMA workshop AUTHORIZATION looker",
        "CREATE FUNCTION workshop.f() RETURNS int LANGUAGE sql IMMUTABLE RETURN 1",
        "ALTER FUNCTION workshop.f() OWNER TO looker",
    )
    with connected(shop, "looker") as connection, pytest.raises(PermissionMissing, match="owns functions"):
        explain(connection, "SELECT * FROM orders WHERE id = workshop.f()")


def test_what_planning_runs_cannot_write(shop: Database) -> None:
    psql(shop.cluster, shop.name, install_sql("looker"))
    shop.execute(
        "CREATE TABLE written (a int)",
        "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$INSERT INTO written VALUES (1) RETURNING a$$",
        "CREATE FUNCTION lies() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN public.writes(); END$$",
    )
    with psycopg.connect(shop.dsn("looker"), autocommit=True) as connection:  # a session that may write
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("off",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("SELECT trimtab.explain_json('SELECT * FROM orders WHERE id = lies()')")
    with psycopg.connect(shop.dsn()) as owner:
        assert owner.execute("SELECT count(*) FROM written").fetchone() == (0,)


def test_nobody_else_may_call_the_function(shop: Database) -> None:
    psql(shop.cluster, shop.name, install_sql("looker"))
    with connected(shop, "shop_app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT trimtab.explain_json('SELECT 1')")


def test_the_script_can_run_again_and_knows_version_13(shop: Database) -> None:
    """Version 13 has no pg_read_all_data: rights are given table by table."""
    script = install_sql("looker")
    old = script.replace(">= 140000", ">= 990000")
    assert old != script
    psql(shop.cluster, shop.name, old)
    psql(shop.cluster, shop.name, old)
    with connected(shop, "looker") as connection:
        assert node_of(explain(connection, "DELETE FROM orders WHERE id = $1")) == "Index Scan"
