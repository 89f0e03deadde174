"""Complete statements: what was seen is sorted, what is made up comes from the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import ast

from tests.sql.shop_catalog import shop_catalog
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import Catalog, ColumnStatistics, Table
from trimtab.sql.conditions import Term
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.literals import LEVELS, ParameterSets, literal, parameters_of, replaced, seen, synthesised
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import single_statement, walk

STATUS = ColumnStatistics(0.0, 6, 4.0, (("done", 0.93), ("shipped", 0.04), ("pending", 0.02), ("it's", 0.01)))
TOTAL = ColumnStatistics(0.0, 8, -1.0, (), tuple(str(n) for n in range(101)))


def catalog_with(**statistics: ColumnStatistics) -> Catalog:
    """The shop's catalogue with statistics on columns of orders."""
    catalog = shop_catalog()
    orders = catalog.find(None, "orders")
    assert orders is not None
    columns = {**orders.columns, **{n: replace(orders.columns[n], statistics=s) for n, s in statistics.items()}}
    return replace(catalog, tables={**catalog.tables, orders.oid: replace(orders, columns=columns)})


def lowered(_table: Table, term: Term, row: Mapping[str, str]) -> str | None:
    """Stands for the server: lower() only."""
    return row[term.columns[0]].lower() if term.sql.startswith("lower") else None


def constants(text: str) -> list[str]:
    """The string literals of a statement."""
    found = [node.val for node in walk(single_statement(text)) if isinstance(node, ast.A_Const)]
    return [str(value.sval) for value in found if isinstance(value, ast.String)]


def made(text: str, types: Mapping[int, str] | None = None, **statistics: ColumnStatistics) -> ParameterSets:
    analysis = analyse(single_statement(text), catalog_with(**statistics))
    return synthesised(text, analysis.parameters, types or {}, lowered)


def test_sorts_what_was_seen() -> None:
    text = "SELECT * FROM t WHERE a = $1 AND b = $2"
    found = seen(
        SlowQuery(
            text,
            samples=(
                "SELECT * FROM t WHERE a = 1 AND b = 'x';",
                "SELECT * FROM t WHERE a = 1 AND b = 'x'",
                "SELECT * FROM t WHERE a = $1 AND b = 'y'",
                "SELECT * FROM t WHERE a = $1 AND b = $2",
                "SELECT * FROM t WHERE a = 1 AND b = 'cut of",
                "SELECT * FROM t WHERE a = 1",
                "",
                "DROP TABLE t",
            ),
        )
    )
    assert found.complete == ("SELECT * FROM t WHERE a = 1 AND b = 'x'",)
    assert found.complete_count == 2
    assert found.templates == ("SELECT * FROM t WHERE a = $1 AND b = 'y'",)
    assert "'x'" not in repr(found)


def test_a_complete_text_is_its_own_sample() -> None:
    found = seen(SlowQuery("SELECT * FROM t WHERE a = 5"))
    assert (found.complete, found.complete_count) == (("SELECT * FROM t WHERE a = 5",), 1)


def test_a_text_that_was_cut_off_is_known_by_its_name() -> None:
    sample = "SELECT * FROM t WHERE a = 5"
    cut = SlowQuery("SELECT * FROM t WHERE a = $1 AND", name=fingerprint(sample), samples=(sample, "SELECT 2"))
    assert seen(cut).complete == (sample,)


def test_three_levels_from_rare_to_heavy() -> None:
    sets = made("SELECT * FROM orders WHERE status = $1", status=STATUS)
    assert list(sets.statements) == [
        """SELECT * FROM orders WHERE status = 'it''s'""",
        """SELECT * FROM orders WHERE status = 'pending'""",
        """SELECT * FROM orders WHERE status = 'done'""",
    ]
    assert not sets.real
    assert "3 parameter sets made up from pg_stats (rare, median, heavy)" in sets.source
    assert sets.guesses == ()


def test_ranges_let_few_some_and_half_of_the_rows_through() -> None:
    lower = made("SELECT * FROM orders WHERE total > $1", total=TOTAL).statements
    assert [s.rsplit(" ", 1)[1] for s in lower] == ["'99'", "'95'", "'50'"]
    upper = made("SELECT * FROM orders WHERE $1 >= total", total=TOTAL).statements
    assert [s.split("'")[1] for s in upper] == ["1", "5", "50"]
    both = made("SELECT * FROM orders WHERE total BETWEEN $1 AND $2", total=TOTAL).statements
    assert [(s.split("'")[1], s.split("'")[3]) for s in both] == [("94", "95"), ("90", "95"), ("45", "95")]


def test_members_of_a_list_differ() -> None:
    for text in made("SELECT * FROM orders WHERE status IN ($1, $2, $3)", status=STATUS).statements:
        assert len(set(constants(text))) == 3
    arrays = made("SELECT * FROM orders WHERE status = ANY($1)", status=STATUS).statements
    assert arrays[2].endswith("""ANY('{"done","shipped","pending","it''s"}')""")


def test_limit_offset_pattern_and_expression() -> None:
    text = "SELECT * FROM orders WHERE lower(note) = $1 AND note LIKE $2 LIMIT $3 OFFSET $4"
    note = ColumnStatistics(0.0, 10, 2.0, (("Some_Note", 0.6), ("Other%Note", 0.4)))
    sets = made(text, note=note)
    assert sets.statements[2] == (
        r"SELECT * FROM orders WHERE lower(note) = 'some_note' AND note LIKE 'So%' LIMIT '100' OFFSET '0'"
    )
    assert r"LIKE E'Other\\\\%%'" in sets.statements[0] or "Other" in sets.statements[0]
    assert sets.guesses == ("$3: a LIMIT of 10, 20 and 100",)


def test_parts_of_texts_arrays_and_documents() -> None:
    note = ColumnStatistics(0.0, 20, 2.0, (("abcdefgh_jklmnop", 0.6), ("another of them", 0.4)))
    within = made("SELECT * FROM orders WHERE note ILIKE $1", note=note).statements
    assert [text.split(" ILIKE ")[1] for text in within] == ["'% fo reht%'", "'%fo re%'", r"E'%gh\\_%'"]
    tags = ColumnStatistics(0.0, 20, 3.0, (("{}", 0.6), ("{vip,b2b}", 0.4)))
    assert made("SELECT * FROM orders WHERE tags @> $1", tags=tags).statements[0].endswith("@> '{vip,b2b}'")
    documents = ColumnStatistics(0.0, 90, -1.0, (), ('{"a": 1, "b": 2, "c": 3}', '{"a": 4, "b": 5, "c": 6}'))
    catalog = catalog_with(data=documents)
    orders = catalog.find(None, "orders")
    assert orders is not None
    data = replace(orders.columns["data"], type_name="jsonb", category="U")
    of_json = replace(orders, columns={**orders.columns, "data": data})
    catalog = replace(catalog, tables={**catalog.tables, orders.oid: of_json})
    text = "SELECT * FROM orders WHERE data @> $1"
    sets = synthesised(text, analyse(single_statement(text), catalog).parameters, {}, lowered)
    assert [one.split(" @> ")[1] for one in sets.statements] == [
        f"'{part}'" for part in ('{"a": 1, "b": 5, "c": 3}', '{"a": 1, "b": 5}', '{"a": 1}')
    ]


def test_what_no_statistics_tell_is_guessed_by_type_and_said() -> None:
    text = "SELECT * FROM orders WHERE created_at > now() - $1 AND extract(day from created_at) = $2 AND a = $3"
    sets = made(text, {1: "interval", 2: "numeric"})
    assert sets.statements == (
        "SELECT * FROM orders WHERE created_at > now() - '7 days'::interval AND "
        "extract(day from created_at) = '1' AND a = 'x'",
    )
    assert [guess.split(":")[0] for guess in sets.guesses] == ["$1", "$2", "$3"]
    cast = made("SELECT * FROM orders WHERE created_at > now() - interval $1", {1: "interval"})
    assert cast.statements[0].endswith("interval '7 days'")


def test_no_parameter_is_left_over() -> None:
    text = (
        "SELECT $1 FROM orders o JOIN users u ON u.id = o.user_id AND u.name = $2 WHERE o.status = $3 "
        "AND (o.a, o.b) > ($4, $5) AND EXISTS (SELECT 1 FROM items WHERE price > $6) "
        "GROUP BY o.note HAVING count(*) > $7 LIMIT $8"
    )
    for statement in made(text, status=STATUS).statements:
        assert parameters_of(single_statement(statement)) == ()
    assert 1 <= len(made(text, status=STATUS).statements) <= len(LEVELS)


@given(st.text(max_size=40).filter(lambda text: "\0" not in text))
def test_a_literal_comes_back_as_itself(value: str) -> None:
    assert constants(f"SELECT {literal(value)}") == [value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT '$1', $1", "SELECT '$1', X"),
        ('SELECT "$1", $1 -- $1', 'SELECT "$1", X -- $1'),
        ("SELECT $$ $1 $$, $1, $10", "SELECT $$ $1 $$, X, $10"),
        ("SELECT 'ä$1', E'\\'$1', $1/* $1 */", "SELECT 'ä$1', E'\\'$1', X/* $1 */"),
    ],
)
def test_only_parameters_are_replaced(text: str, expected: str) -> None:
    assert replaced(text, {1: "X"}) == expected
