"""No literal of a statement is left in what is stored of its plan: statements of many forms, planned by a real server.

Literals are made so that they can be told from anything that a plan says by itself: words with a mark in them, long
numbers, far dates. An estimate is no literal (a LIMIT of 4711001 rows is expected to give 4711001).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.conftest import Database
from trimtab.observe.postgres.plan_facts import BYTES_MAX, CONDITIONS, LEFT_OUT, NODES_MAX, nodes, stored_plan
from trimtab.sql.condition_text import without_literals

pytestmark = pytest.mark.slow

MARK = "zqx"
SCHEMA = (
    "CREATE TYPE mood AS ENUM ('zqxhappy', 'zqxsad')",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, status text, total numeric, at timestamptz, day date,"
    " doc jsonb, tags text[], flags bit(11), is_paid bool, feeling mood)",
    "CREATE TABLE customers (id int PRIMARY KEY, name text, born date)",
    "INSERT INTO orders SELECT i, i % 100, 'done', i, now(), now(), '{}', '{}', B'00000000000', true, 'zqxsad'"
    " FROM generate_series(1, 2000) i",
    "INSERT INTO customers SELECT i, 'n' || i, now() FROM generate_series(1, 100) i",
    "CREATE INDEX ON orders (status, at)",
    "CREATE INDEX ON orders (customer)",
    "CREATE INDEX ON orders USING gin (tags)",
    "ANALYZE",
)

WORD, NUMBER, FRACTION, DATE, LENGTH, BITS, FLAG = "%(w)s", "%(n)s", "%(f)s", "%(d)s", "%(l)s", "%(b)s", "%(t)s"
FORMS = [
    f"SELECT * FROM orders WHERE status = {WORD} AND at > {DATE}::timestamptz",
    f"SELECT * FROM orders WHERE id = {NUMBER} OR total >= {FRACTION}",
    f"SELECT * FROM orders WHERE customer = {NUMBER}",
    f"SELECT * FROM orders WHERE status IN ({WORD}, {WORD}, 'zqxfixed') AND customer = ANY(ARRAY[{NUMBER}, 4711002])",
    f"SELECT * FROM orders WHERE tags && ARRAY[{WORD}, {WORD}]",
    f"SELECT * FROM orders WHERE status LIKE {WORD} || '%%' OR status ~ {WORD} OR status SIMILAR TO {WORD}",
    f"SELECT * FROM orders WHERE at BETWEEN {DATE}::timestamptz AND {DATE}::timestamptz + {LENGTH}::interval",
    f"SELECT * FROM orders WHERE day = {DATE}::date AND EXTRACT(year FROM at) = {NUMBER}",
    f"SELECT * FROM orders WHERE doc @> jsonb_build_object({WORD}::text, {NUMBER}) OR doc ->> {WORD} = {WORD}",
    f"SELECT * FROM orders WHERE flags = {BITS}::bit(11) AND is_paid = {FLAG}",
    f"SELECT * FROM orders WHERE feeling = 'zqxhappy' AND total::numeric(12, 3) > {FRACTION}",
    f"SELECT o.id FROM orders o JOIN customers c ON o.customer + {NUMBER} = c.id AND o.status > {WORD}",
    f"SELECT o.id FROM orders o JOIN customers c ON o.customer * {NUMBER} < c.id + 4711006",
    f"SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.customer AND c.name = {WORD} WHERE c.id IS NULL",
    f"SELECT * FROM orders WHERE total > (SELECT max(total) FROM orders WHERE status = {WORD})",
    f"SELECT id, (SELECT c.name || {WORD} FROM customers c WHERE c.id = o.customer + {NUMBER}) FROM orders o",
    f"SELECT * FROM orders WHERE customer NOT IN (SELECT id FROM customers WHERE name = {WORD})",
    f"SELECT * FROM orders o WHERE EXISTS (SELECT FROM customers c WHERE c.id = o.customer AND c.name <> {WORD})",
    f"SELECT * FROM orders WHERE current_setting('application_name') = {WORD}",
    f"SELECT * FROM orders ORDER BY status = {WORD}, id # {NUMBER}, total * {FRACTION} LIMIT 5",
    f"SELECT customer %% {NUMBER}, count(*) FILTER (WHERE status = {WORD}) FROM orders GROUP BY customer %% {NUMBER}",
    f"SELECT status || {WORD}, count(*) FROM orders GROUP BY 1 HAVING count(*) > {NUMBER} OR min(status) = {WORD}",
    f"SELECT sum(total) OVER (PARTITION BY status = {WORD} ORDER BY id ROWS 3 PRECEDING) FROM orders",
    f"SELECT CASE WHEN status = {WORD} THEN {WORD} ELSE coalesce(status, {WORD}) END FROM orders",
    f"SELECT * FROM (VALUES ({WORD}, {NUMBER}), ('zqxother', 4711003)) AS v(a, b) WHERE a = {WORD}",
    f"SELECT * FROM generate_series({NUMBER}, {NUMBER} + 3) AS g WHERE g <> {NUMBER}",
    "SELECT * FROM orders TABLESAMPLE bernoulli(47.110001) REPEATABLE (4711004) WHERE status = %(w)s",
    f"WITH c AS MATERIALIZED (SELECT * FROM orders WHERE status = {WORD}) SELECT * FROM c WHERE total > {FRACTION}",
    f"SELECT * FROM orders WHERE (customer, status) > ({NUMBER}, {WORD})",
    f"SELECT * FROM orders WHERE (id, status) IN (({NUMBER}, {WORD}), (4711005, 'zqxother'))",
    f"SELECT id FROM orders WHERE status = {WORD} UNION SELECT id FROM customers WHERE name = {WORD}",
    f"SELECT x.* FROM orders, XMLTABLE('/r' PASSING xmlparse(document '<r/>') COLUMNS a text DEFAULT {WORD}) x",
    f"SELECT jsonb_build_object({WORD}::text, id) FROM orders WHERE nullif(status, {WORD}) IS DISTINCT FROM {WORD}",
    f'SELECT DISTINCT ON (left(status, {NUMBER})) * FROM orders WHERE status COLLATE "C" < {WORD}',
    f"UPDATE orders SET status = {WORD}, total = {FRACTION} WHERE customer = {NUMBER}",
    f"DELETE FROM orders USING customers c WHERE c.id = customer AND c.name = {WORD} RETURNING {WORD}",
    f"INSERT INTO customers VALUES ({NUMBER}, {WORD}, {DATE}) ON CONFLICT (id) DO UPDATE SET name = {WORD}"
    f" WHERE customers.name = {WORD}",
    f"INSERT INTO customers SELECT id + {NUMBER}, status || {WORD} FROM orders WHERE status = {WORD}",
]

NASTY = st.text(st.sampled_from("'\"\\$-/*;{}()%?:,. \nöß漢🙂a1"), max_size=8)
WORDS = st.builds(lambda a, b: f"{a}{MARK}{b}", NASTY, NASTY)
DATES = st.dates().map(lambda d: f"203{d.day % 10}-07-{1 + d.day % 28:02}")
LITERALS = st.fixed_dictionaries(
    {
        "w": WORDS,
        "n": st.integers(4711100, 4711999) | st.integers(-4711999, -4711100),
        "f": st.integers(100, 999).map(lambda n: f"98765.4321{n}"),
        "d": DATES,
        "l": st.integers(4711100, 4711999).map(lambda n: f"{n} seconds"),
        "b": st.integers(0, 1).map(lambda n: f"1011011101{n}"),
        "t": st.booleans(),
    }
)
SURVIVORS = re.compile(r"zqx|4711|98765|203\d-07|1011011101", re.IGNORECASE)


@pytest.fixture
def shop(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    database.execute(*SCHEMA)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        connection.execute("SET standard_conforming_strings = on")
        yield connection


def texts(value: object) -> Iterator[str]:
    """Every text in a document, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def plan_of(connection: psycopg.Connection[tuple[Any, ...]], options: str, statement: str) -> dict[str, Any]:
    with connection.transaction(force_rollback=True):
        row = connection.execute(f"EXPLAIN ({options}, FORMAT JSON) {statement}".encode(), prepare=False).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]
    return found


def with_literals(statement: str, values: dict[str, object]) -> str:
    """The statement with its literals written out, as an application without bound parameters sends it."""
    filled = {name: sql.Literal(value).as_string() if name != "f" else str(value) for name, value in values.items()}
    return statement % filled


@pytest.mark.postgres
@pytest.mark.slow
def test_no_literal_is_left_in_a_stored_plan(shop: psycopg.Connection[tuple[Any, ...]]) -> None:
    labels: set[str] = set()
    planned: set[str] = set()

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(LITERALS, st.sampled_from(["VERBOSE", "ANALYZE, BUFFERS, VERBOSE"]))
    def check(form: str, values: dict[str, object], options: str) -> None:
        statement = with_literals(form, values)
        try:
            plan = plan_of(shop, options, statement)
        except psycopg.Error:
            return  # such as a regular expression that is none: the server says so, and there is no plan
        planned.add(form)
        stored = stored_plan(plan)
        for node in nodes(stored["Plan"]):
            labels.update(label for label in CONDITIONS if label in node)
        for text in texts(stored):
            assert not SURVIVORS.search(text), (statement, text)

    for form in FORMS:
        check(form)
    assert planned == set(FORMS)
    assert {"Filter", "Index Cond", "Join Filter", "Hash Cond", "Sort Key", "Group Key", "Output"} <= labels
    assert {"One-Time Filter", "Function Call", "Sampling Parameters", "Recheck Cond"} <= labels


@settings(max_examples=300, deadline=None)
@given(WORDS)
def test_a_condition_with_any_word_keeps_none_of_it(word: str) -> None:
    quoted = "'" + word.replace("'", "''") + "'"
    for text in (
        f"(status = {quoted}::text)",
        f"(tags && ARRAY[{quoted}::text, 'zqx'::text])",
        f"((note ~~ {quoted}) AND (id = 4711))",
        f"COALESCE(({quoted})::text, status)",
        f"(status = {quoted}",
    ):
        assert not SURVIVORS.search(without_literals(text)), text


def test_what_is_not_known_is_not_kept() -> None:
    plan = {
        "Plan": {"Node Type": "Seq Scan", "Remote SQL": "SELECT 'zqx'", "Plan Rows": "zqx", "Filter": "(a = 'zqx')"},
        "Settings": {"a": "zqx"},
        "Query Text": "SELECT 'zqx'",
        "Planning Time": 0.5,
    }
    assert stored_plan(plan) == {"Plan": {"Node Type": "Seq Scan", "Filter": "(a = ?)"}, "Planning Time": 0.5}


def test_a_plan_with_thousands_of_nodes_and_long_conditions_is_bounded() -> None:
    leaf = {"Node Type": "Seq Scan", "Relation Name": "part", "Filter": "(a = b) AND " * 300 + "(c = d)"}
    deep: dict[str, Any] = dict(leaf)
    for _ in range(300):
        deep = {"Node Type": "Append", "Plans": [deep, dict(leaf)]}
    wide = {"Node Type": "Append", "Plans": [dict(leaf) for _ in range(5000)]}
    for root in (wide, deep):
        stored = stored_plan({"Plan": root})
        assert len(list(nodes(stored["Plan"]))) <= NODES_MAX
        assert len(json.dumps(stored)) <= BYTES_MAX
        assert sum(node.get(LEFT_OUT, 0) for node in nodes(stored["Plan"])) > 0
