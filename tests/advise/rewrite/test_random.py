"""Statements that nobody thought of: put together by chance, every form of them compared on data full of NULLs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.advise.rewrite.conftest import connected, known
from tests.advise.rewrite.test_adversarial import ALL_TABLES
from tests.conftest import Database
from trimtab.advise.rewrite.apply import rewrites_of
from trimtab.advise.rewrite.compare import compared, pairing_of
from trimtab.advise.rewrite.filling import fill
from trimtab.advise.rewrite.model import Data, Outcome
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import Scratch, made, read_types
from trimtab.model.errors import StatementRefused

pytestmark = pytest.mark.postgres

TABLES = {"customers": ("id", "boss"), "orders": ("id", "customer_id", "partner_id"), "loose": ("a", "b")}
ITEMS = ("order_id", "line", "part_id", "quantity")
OPERATORS = ("=", "<", "<=", ">", "<>")
WHOLE = st.integers(0, 7)


@st.composite
def simple(draw: st.DrawFn, columns: tuple[str, ...], alias: str) -> str:
    """A condition on one column."""
    column = f"{alias}.{draw(st.sampled_from(columns))}"
    number = draw(WHOLE)
    kinds = (
        f"{column} {draw(st.sampled_from(OPERATORS))} {number}",
        f"{column} IS NULL",
        f"{column} + {number} > {draw(WHOLE)}",
        f"coalesce({column}, {number}) = {draw(WHOLE)}",
        f"{column} IN ({number}, {draw(WHOLE)})",
    )
    return draw(st.sampled_from(kinds))


@st.composite
def subquery(draw: st.DrawFn, columns: tuple[str, ...]) -> str:
    """A condition with a subquery, tied to x."""
    table = draw(st.sampled_from(sorted(TABLES)))
    mine, theirs = draw(st.sampled_from(TABLES[table])), draw(st.sampled_from(columns))
    other = draw(st.sampled_from(TABLES[table]))
    extra = f" AND {draw(simple(TABLES[table], 'y'))}" if draw(st.booleans()) else ""
    tied = f"FROM {table} y WHERE y.{mine} = x.{theirs}{extra}"
    aggregate = draw(st.sampled_from(("count(*)", f"count(y.{other})", f"max(y.{other})", f"2 * avg(y.{other})")))
    compared_with = draw(st.one_of(WHOLE.map(str), st.sampled_from(columns).map(lambda name: f"x.{name}")))
    kinds = (
        f"EXISTS (SELECT 1 {tied})",
        f"x.{theirs} IN (SELECT DISTINCT y.{mine} FROM {table} y WHERE true{extra})",
        f"x.{theirs} NOT IN (SELECT y.{mine} FROM {table} y WHERE true{extra})",
        f"(SELECT {aggregate} {tied}) {draw(st.sampled_from(OPERATORS))} {compared_with}",
    )
    return draw(st.sampled_from(kinds))


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A SELECT over one or two tables."""
    table = draw(st.sampled_from(sorted(TABLES)))
    columns = TABLES[table]
    leaf = st.one_of(simple(columns, "x"), subquery(columns))
    condition = draw(
        st.recursive(
            leaf,
            lambda part: st.one_of(
                st.tuples(part, part).map(lambda two: f"({two[0]} OR {two[1]})"),
                st.tuples(part, part).map(lambda two: f"{two[0]} AND {two[1]}"),
                part.map(lambda one: f"NOT ({one})"),
            ),
            max_leaves=4,
        )
    )
    outputs = f"x.{draw(st.sampled_from(columns))}"
    source = f"{table} x"
    if draw(st.booleans()):
        kind = draw(st.sampled_from(("JOIN", "LEFT JOIN", "FULL JOIN")))
        source += f" {kind} items z ON z.{draw(st.sampled_from(ITEMS))} = x.{draw(st.sampled_from(columns))}"
        if draw(st.booleans()):
            condition = f"{condition} AND {draw(simple(ITEMS, 'z'))}"
        if draw(st.booleans()):
            outputs += f", z.{draw(st.sampled_from(ITEMS))}"
    distinct = draw(st.sampled_from(("", "", "DISTINCT ")))
    if draw(st.integers(0, 5)) == 0:
        return f"SELECT {outputs}, count(DISTINCT x.{columns[0]}) FROM {source} WHERE {condition} GROUP BY {outputs}"
    return f"SELECT {distinct}{outputs} FROM {source} WHERE {condition}"


@pytest.fixture(scope="module")
def scratch(golden: Database) -> Iterator[Scratch]:
    """The tables with rows that are made up, full of NULLs."""
    with connected(golden) as connection:
        knowledge = known(connection, ALL_TABLES)
        query = Query.of(ALL_TABLES, knowledge)
        with made(connection, query, read_types(connection, query)) as small:
            fill(small, 40, 11)
            yield small


@settings(
    max_examples=80,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(statement=statements())
def test_every_form_of_any_statement_is_the_same(scratch: Scratch, statement: str) -> None:
    knowledge = scratch.query.knowledge
    try:
        forms = rewrites_of(statement, knowledge)
    except StatementRefused:
        return
    for form in forms:
        pairing = pairing_of(statement, form.rewritten, knowledge)
        assert not isinstance(pairing, str)
        check = compared(scratch.private, pairing, Data.GENERATED)
        assert check.outcome is Outcome.SAME, (check, form.rules, statement, form.rewritten)
