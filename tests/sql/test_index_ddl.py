"""`CREATE INDEX` from a definition: quoting, one canonical spelling, and nothing that can hide in a piece of SQL."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import ast, parse_sql

from tests.conftest import Database
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.index_ddl import change_hash, create_statement, definition_hash, index_name, readable


def expression(sql: str) -> IndexDefinition:
    return IndexDefinition("public", "t", (IndexKey(sql, is_expression=True),))


def test_writes_every_part() -> None:
    definition = IndexDefinition(
        "Sales",
        "order",
        (
            IndexKey("Tenant Id", opclass="public.int4_ops"),
            IndexKey("payload->>'path'", is_expression=True, opclass="text_pattern_ops"),
            IndexKey("at", descending=True, nulls_first=False),
            IndexKey("x", nulls_first=True),
            IndexKey("y", descending=True, nulls_first=True),
        ),
        include=("user",),
        predicate="deleted_at is null and status = 'it''s'",
    )
    assert create_statement(definition, "trimtab_1", concurrently=False) == (
        'CREATE INDEX trimtab_1 ON "Sales"."order" USING btree ("Tenant Id" public.int4_ops, '
        "(payload ->> 'path') text_pattern_ops, at DESC NULLS LAST, x NULLS FIRST, y DESC) "
        """INCLUDE ("user") WHERE deleted_at IS NULL AND status = 'it''s'"""
    )
    assert readable(definition).startswith('"Sales"."order" ("Tenant Id"')


@pytest.mark.parametrize(
    "sql",
    [
        "true) ; DROP TABLE users; --",
        "a), (b",
        "a) INCLUDE (b",
        "(SELECT 1)",
        "a = (SELECT max(a) FROM t)",
        "EXISTS (SELECT 1)",
        "$1",
        "a = $1",
        "a AS b",
        "*",
        "t.a",
        "count(*)",
        "sum(a) OVER ()",
        "current_date",
        "",
        " ",
        "--",
        "a, b",
        "1 UNION SELECT 2",
        "a FROM t",
        "x" * 5000,
        "'a\\",
        "a\0b",
    ],
)
def test_refuses_what_is_not_one_plain_expression(sql: str) -> None:
    with pytest.raises(StatementRefused):
        create_statement(expression(sql), "i", concurrently=False)
    with pytest.raises(StatementRefused):
        create_statement(IndexDefinition("public", "t", (IndexKey("a"),), predicate=sql), "i", concurrently=False)


@pytest.mark.parametrize("name", ["", "a\0", "x" * 64, "ä" * 32])
def test_refuses_impossible_names(name: str) -> None:
    for definition in (
        IndexDefinition(name, "t", (IndexKey("a"),)),
        IndexDefinition("s", name, (IndexKey("a"),)),
        IndexDefinition("s", "t", (IndexKey(name),)),
        IndexDefinition("s", "t", (IndexKey("a"),), include=(name,)),
    ):
        with pytest.raises(StatementRefused):
            create_statement(definition, "i", concurrently=False)


@pytest.mark.parametrize(
    "definition",
    [
        IndexDefinition("s", "t", ()),
        IndexDefinition("s", "t", tuple(IndexKey(f"c{n}") for n in range(33))),
        IndexDefinition("s", "t", (IndexKey("a"),), method="btree (a); DROP TABLE t; --"),
    ],
)
def test_refuses_impossible_definitions(definition: IndexDefinition) -> None:
    with pytest.raises(StatementRefused):
        create_statement(definition, "i", concurrently=False)


names = st.text(min_size=1, max_size=15).filter(lambda s: "\0" not in s and len(s.encode("utf-8", "replace")) <= 63)
names = names.filter(lambda s: s.isprintable())


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(names, names, names, names, st.text(max_size=40))
def test_any_name_comes_back_as_itself(schema: str, table: str, column: str, included: str, change_id: str) -> None:
    definition = IndexDefinition(schema, table, (IndexKey(column),), include=(included,))
    name = index_name(definition, change_id)
    statement = parse_sql(create_statement(definition, name, concurrently=True))[0].stmt
    assert isinstance(statement, ast.IndexStmt)
    assert statement.relation is not None
    assert (statement.relation.schemaname, statement.relation.relname) == (schema, table)
    assert [p.name for p in statement.indexParams or ()] == [column]
    assert [p.name for p in statement.indexIncludingParams or ()] == [included]
    assert statement.idxname == name
    assert len(name.encode()) <= 63
    assert name.startswith("trimtab_")


def test_hash_ignores_spelling_and_nothing_else() -> None:
    base = IndexDefinition("public", "t", (IndexKey("a"),), predicate="b IS NULL")
    assert definition_hash(base) == definition_hash(
        IndexDefinition("public", "t", (IndexKey("a", nulls_first=False),), predicate="b  is null")
    )
    others = [
        IndexDefinition("public", "t", (IndexKey("a"),), predicate="b IS NOT NULL"),
        IndexDefinition("public", "t", (IndexKey("a"),)),
        IndexDefinition("public", "T", (IndexKey("a"),), predicate="b IS NULL"),
        IndexDefinition("public", "t", (IndexKey("a", descending=True),), predicate="b IS NULL"),
        IndexDefinition("public", "t", (IndexKey("a", nulls_first=True),), predicate="b IS NULL"),
        IndexDefinition("public", "t", (IndexKey("a"), IndexKey("c")), predicate="b IS NULL"),
        IndexDefinition("public", "t", (IndexKey("a"),), include=("c",), predicate="b IS NULL"),
        IndexDefinition("public", "t", (IndexKey("a"),), predicate="b IS NULL", method="hash"),
    ]
    assert len({definition_hash(d) for d in [base, *others]}) == len(others) + 1
    assert len({change_hash("s", "create_index", d) for d in [base, *others]}) == len(others) + 1
    assert change_hash("s", "create_index", base) != change_hash("r", "create_index", base)


def test_names_differ_by_change_and_by_definition() -> None:
    a = IndexDefinition("public", "a" * 60, (IndexKey("a"),))
    b = IndexDefinition("public", "a" * 60, (IndexKey("b"),))
    assert len({index_name(d, c) for d in (a, b) for c in ("1", "2")}) == 4


@pytest.mark.postgres
def test_postgres_builds_what_was_asked_for(database: Database) -> None:
    database.execute(
        'CREATE SCHEMA "Big Shop"',
        """CREATE TABLE "Big Shop"."order" (id int, "User" text, payload jsonb, "select" timestamptz, x numeric)""",
    )
    definition = IndexDefinition(
        "Big Shop",
        "order",
        (
            IndexKey('lower("User")', is_expression=True, opclass="text_pattern_ops"),
            IndexKey("date(\"select\" at time zone 'UTC')", is_expression=True, descending=True, nulls_first=False),
        ),
        include=("x",),
        predicate="id in (1, 2) and x between -1.5 and 2 and not (payload->>'a' is null or \"User\" like 'x%')",
    )
    name = index_name(definition, "c1")
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        connection.execute(create_statement(definition, name, concurrently=True).encode())
        row = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [f'"Big Shop".{name}']
        ).fetchone()
    assert row == (True,)
