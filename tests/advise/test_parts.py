"""The adviser's parts, each by itself: size, existing indexes, risks of plans, predictions, turned statements."""

from __future__ import annotations

import math
import random

import psycopg
import pytest

from tests.conftest import Database
from trimtab.advise.index.existing import columns_of, indexed_columns, invalid_twin, same_or_wider
from trimtab.advise.index.expression_share import sample_expression
from trimtab.advise.index.frames import is_safe_predicate
from trimtab.advise.index.knowledge import costs, priors
from trimtab.advise.index.plans import bets_on_limit, cost_without_stop, guessed_loop, rescaled_cost
from trimtab.advise.index.predict import conformal, predict
from trimtab.advise.index.size import size_bytes
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.conditions import Term
from trimtab.sql.connect import Connection
from trimtab.sql.index_ddl import create_statement
from trimtab.sql.trees import single_statement


def table_of(connection: Connection, name: str) -> Table:
    found = read_catalog(connection, [single_statement(f"SELECT * FROM {name}")]).find(None, name)
    assert found is not None
    return found


def index(table: str, *keys: str, include: tuple[str, ...] = (), predicate: str | None = None) -> IndexDefinition:
    made = tuple(IndexKey(key[1:-1], True) if key.startswith("(") else IndexKey(key) for key in keys)
    return IndexDefinition("public", table, made, include, predicate)


@pytest.mark.postgres
def test_the_size_model_is_near_the_truth(shop: Database, watch: Connection) -> None:
    definitions = [
        (index("orders", "tenant_id"), 1.0),
        (index("orders", "user_id"), 1.0),
        (index("orders", "id", "tenant_id"), 1.0),
        (index("orders", "status"), 1.0),
        (index("orders", "total"), 1.0),
        (index("orders", "tenant_id", "status"), 1.0),
        (index("orders", "tenant_id", include=("total", "created_at")), 1.0),
        (index("orders", "user_id", predicate="paid_at IS NULL"), 0.05),
        (index("users", "(lower(email))"), 1.0),
        (index("events", "(payload ->> 'session')"), 1.0),
        (index("events", "(payload ->> 'path')"), 1.0),
        (index("items", "order_id"), 1.0),
    ]
    with psycopg.connect(shop.dsn()) as builder:
        for definition, share in definitions:
            table = table_of(watch, definition.table)
            key = definition.keys[0]
            sample = None
            if key.is_expression:
                columns = tuple(columns_of(definition))
                sample = sample_expression(watch, table, Term(key.sql, is_expression=True, columns=columns))
                assert sample is not None
            predicted = size_bytes(table, definition, rows_share=share, sample=sample)
            builder.execute(create_statement(definition, "size_probe", concurrently=False).encode())
            row = builder.execute("SELECT pg_relation_size('size_probe')").fetchone()
            builder.rollback()
            assert row is not None
            assert 0.6 < predicted / row[0] < 1.7, (definition, predicted, row[0])


@pytest.mark.postgres
def test_an_expression_is_sampled(watch: Connection) -> None:
    users, events = table_of(watch, "users"), table_of(watch, "events")
    unique = sample_expression(watch, users, Term("lower(email)", is_expression=True, columns=("email",)))
    assert unique is not None
    assert unique.distinct_count == pytest.approx(20_000, rel=0.1)
    assert unique.equality_share == pytest.approx(1 / 20_000, rel=0.1)
    few = sample_expression(watch, events, Term("payload ->> 'level'", is_expression=True, columns=("payload",)))
    assert few is not None
    assert few.distinct_count == pytest.approx(4, abs=0.1)
    assert few.equality_share == pytest.approx(0.25, rel=0.05)
    broken = sample_expression(
        watch, events, Term("(payload ->> 'path')::int", is_expression=True, columns=("payload",))
    )
    assert broken is None
    assert watch.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.postgres
def test_existing_indexes_are_known_however_they_are_written(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (a int, b int, c varchar(20), d timestamptz, j jsonb, e int)",
        "CREATE INDEX one ON t (a, b DESC) INCLUDE (e)",
        "CREATE INDEX two ON t (lower(c))",
        "CREATE INDEX three ON t ((j ->> 'k'), a) WHERE d IS NULL AND c = 'x'",
        "CREATE INDEX four ON t USING hash (e)",
        "CREATE INDEX five ON t (d)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'five'::regclass",
    )
    with psycopg.connect(database.dsn()) as connection:
        table = table_of(connection, "t")

    def found(definition: IndexDefinition) -> str | None:
        there = same_or_wider(table, definition)
        return there.name if there is not None else None

    a, b, b_down = IndexKey("a"), IndexKey("b"), IndexKey("b", descending=True)
    a_down = IndexKey("a", descending=True)
    assert found(IndexDefinition("public", "t", (a,))) == "one"
    assert found(IndexDefinition("public", "t", (a, b_down))) == "one"
    assert found(IndexDefinition("public", "t", (a_down, b))) == "one"
    assert found(IndexDefinition("public", "t", (a, b_down), include=("e",))) == "one"
    assert found(IndexDefinition("public", "t", (a, b))) is None
    assert found(IndexDefinition("public", "t", (b_down,))) is None
    assert found(IndexDefinition("public", "t", (a,), include=("d",))) is None
    assert found(IndexDefinition("public", "t", (IndexKey("a", nulls_first=True),))) is None
    assert found(index("t", "(lower(c))")) == "two"
    assert found(index("t", "(upper(c))")) is None
    assert found(index("t", "(j ->> 'k')", predicate="d IS NULL AND c = 'x'")) == "three"
    assert found(index("t", "(j ->> 'k')")) is None
    assert found(index("t", "e")) is None
    assert found(index("t", "d")) is None
    twin = invalid_twin(table, index("t", "d"))
    assert twin is not None
    assert twin.name == "five"
    assert invalid_twin(table, index("t", "a")) is None
    assert indexed_columns(table) == {"a", "b", "c", "d", "e", "j"}
    assert columns_of(index("t", "a", "(lower(c))", include=("e",), predicate="d IS NULL")) == {"a", "c", "d", "e"}


@pytest.mark.parametrize(
    ("predicate", "is_safe"),
    [
        ("a IS NULL", True),
        ("a IS NOT NULL AND b", True),
        ("NOT b AND c = 'x'", True),
        ("b IS TRUE", True),
        ("c IN ('x', 'y')", True),
        ("c = ANY (ARRAY['x', 'y'])", True),
        ("c = 'x'::text", True),
        ("a > 0", False),
        ("c <> 'x' AND d NOT IN ('y', 'z')", True),
        ("c NOT LIKE '%x%'", True),
        ("c NOT LIKE 'x%'", False),
        ("c LIKE 'x%'", False),
        ("a = b", True),
        ("a < b", True),
        ("a < b + 1", False),
        ("lower(c) = 'x'", False),
        ("c = 'x' OR a > 0", False),
        ("NOT (a > 0)", False),
        ("a BETWEEN 1 AND 2", False),
        ("a = 1 AND b > 2", False),
        ("not an expression (", False),
    ],
)
def test_only_predicates_that_hypopg_survives_are_priced(predicate: str, is_safe: bool) -> None:
    assert is_safe_predicate(predicate) is is_safe


def node(kind: str, cost: float, rows: float = 10, *below: dict[str, object], **more: object) -> dict[str, object]:
    return {"Node Type": kind, "Total Cost": cost, "Plan Rows": rows, "Plans": list(below), **more}


def test_a_bet_on_a_limit_is_seen() -> None:
    filtered = node("Index Scan", 9000, 500, Filter="(x > 1)")
    bet = node("Limit", 30, 20, filtered)
    assert bets_on_limit(bet) == [filtered]
    assert cost_without_stop(bet) == 9000
    assert bets_on_limit(node("Limit", 30, 20, node("Index Scan", 9000, 500))) == []
    assert bets_on_limit(node("Limit", 8990, 20, filtered)) == []
    sorted_first = node("Limit", 30, 20, node("Incremental Sort", 9000, 500, filtered))
    assert bets_on_limit(sorted_first) == [filtered]
    blocked = node("Limit", 30, 20, node("Sort", 9000, 500, filtered))
    assert bets_on_limit(blocked) == []
    joined = node("Nested Loop", 9000, 500, node("Index Scan", 900, 500), node("Index Scan", 1, 1))
    assert bets_on_limit(node("Limit", 30, 20, joined)) == [joined]


def test_a_guessed_loop_is_seen() -> None:
    inner = node("Index Scan", 1, 1, **{"Index Name": "i"})
    one = node("Seq Scan", 50, 5, Filter="(a = 1)")
    two = node("Seq Scan", 50, 5, Filter="((a = 1) AND (b = 2))")
    join = node("Hash Join", 90, 5, one, one)
    assert guessed_loop(node("Nested Loop", 100, 5, one, inner), "i") is None
    assert guessed_loop(node("Nested Loop", 100, 5, two, inner), "i") == "medium"
    assert guessed_loop(node("Nested Loop", 100, 5, join, inner), "i") == "high"
    assert guessed_loop(node("Nested Loop", 100, 5, join, inner), "other") is None
    many = node("Hash Join", 90, 50_000, one, one)
    assert guessed_loop(node("Nested Loop", 100, 5, many, inner), "i") is None


def test_a_cost_is_rescaled_at_the_scan_alone() -> None:
    heap = node("Bitmap Heap Scan", 100, 50, node("Bitmap Index Scan", 10, 50, **{"Index Name": "i"}))
    plan = node("Hash Join", 400, 50, heap, node("Seq Scan", 200, 1000))
    assert rescaled_cost(plan, "i", 0.5) == 350
    assert rescaled_cost(plan, "i", 2) == 500
    assert rescaled_cost(plan, "other", 0.5) == 400


def test_a_prediction_has_a_floor_and_an_interval() -> None:
    p = predict(1000.0, 0.001, 10.0)
    assert p.after_ms == pytest.approx(costs().floor_ms, rel=0.01)
    assert 0 < p.interval_90[0] < p.ratio < p.interval_90[1]
    rows = predict(1000.0, 0.001, 10.0, rows=100)
    assert rows.after_ms == pytest.approx(costs().floor_ms + 100 * costs().floor_ms_per_row, rel=0.01)
    all_floor = predict(1000.0, 1.0, 0.004, rows=1000)
    assert 0.5 <= all_floor.ratio < 1
    bet = predict(1000.0, 1.0, 10.0, classes=("early_stop",), cost_at_worst=2000.0)
    assert bet.interval_90[1] > 2
    assert "never stops early" in bet.source


def test_every_prior_is_an_interval_with_a_source() -> None:
    for name, prior in priors().items():
        assert prior.name == name
        assert prior.low < 0 < prior.high
        assert len(prior.source) > 20
    assert {"plain", "covering", "expression", "loop", "early_stop", "unknown_statistics"} <= set(priors())


def test_conformal_intervals_hold_nine_times_in_ten() -> None:
    draw = random.Random(7)
    for count in (20, 40):
        inside = 0
        for _ in range(4000):
            *known, new = (draw.gauss(0.2, 0.8) for _ in range(count + 1))
            low, high = conformal(known)
            inside += low <= new <= high
        assert 0.89 <= inside / 4000 <= 0.96
    assert all(math.isfinite(bound) for bound in conformal([0.0] * 20))
