"""What catalogues and plans hold besides the usual: nothing, infinity, system columns, very long values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.advise.test_plan_work import counting, join, scan
from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.plans import nodes
from trimtab.advise.index.terms import unusable
from trimtab.advise.workload.costs import Answer
from trimtab.advise.workload.namesakes import Namesakes, doubled_names
from trimtab.advise.workload.outlook import outlook
from trimtab.advise.workload.shapes import Insert
from trimtab.advise.workload.work import Counting
from trimtab.advise.workload.writers import Paid, of_finding, of_insert
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Catalog, Column, ColumnStatistics, ExistingIndex, Table
from trimtab.sql.conditions import TableUse, Term


def known(name: str, statistics: ColumnStatistics | None = None, kind: str = "integer") -> Column:
    return Column(name, kind, "N", True, False, True, True, statistics)


EMPTY = Table(1, "public", "empty", "r", None, 0, 0, 0.0, True, {"a": known("a"), "b": known("b")})


def test_groups_of_a_table_that_is_empty_and_was_never_analysed() -> None:
    plan = {"Node Type": "Aggregate", "Strategy": "Hashed", "Group Key": ["b"], "Plan Rows": 200, "Plan Width": 40,
            "Startup Cost": 29.0, "Total Cost": 31.0, "Plans": [scan("empty", 1270)]}  # fmt: skip
    assert Counting({"empty": EMPTY}, lambda _: ()).work(plan)["groups"] == 200


@pytest.mark.parametrize("last", ["infinity", "NaN", "2026-01-01"])
def test_a_key_without_an_end_has_no_range(last: str) -> None:
    """The row of a table of dates that stands for "not yet" is at infinity: all others are no share of that."""
    dates = ColumnStatistics(0.0, 4, -1.0, histogram=("2000-01-01", last), correlation=1.0)
    years = ColumnStatistics(0.0, 4, 30.0, correlation=1.0)
    sold = ColumnStatistics(0.0, 4, 365.0, histogram=("2024-01-01", "2024-12-31"), correlation=0.0)
    pkey = ExistingIndex("pkey", "CREATE UNIQUE INDEX pkey ON public.days USING btree (day)", True, True, True, 1)
    columns = {"day": known("day", dates, "date"), "year": known("year", years)}
    days = Table(1, "public", "days", "r", 10_000.0, 100, 819_200, 1.0, True, columns, (pkey,))
    sales = Table(2, "public", "sales", "r", 1e6, 9_000, 9_000 * 8192, 1.0, True, {"on_day": known("on_day", sold)})
    plan = join("Hash Join", 500, scan("sales", 1_000_000), scan("days", 365, Filter="(year = 2024)"),
                **{"Hash Cond": "(sales.on_day = days.day)", "Inner Unique": True})  # fmt: skip
    more = Counting({"days": days, "sales": sales}, lambda _: ()).work(plan)["joined_rows"] / 500
    assert more == (pytest.approx(9497 / 365, rel=0.01) if last == "2026-01-01" else 1.0)


def test_a_join_by_where_rows_lie() -> None:
    plan = join(
        "Hash Join", 10, scan("partsupp", 10), scan("lineitem", 10), **{"Hash Cond": "(partsupp.ctid = lineitem.ctid)"}
    )
    assert counting().work(plan)["joined_rows"] == 10


def test_a_very_long_value_is_read_once() -> None:
    """Each letter of it might begin a name: 20,000 letters took 20 seconds, ten times as many take 2,000."""
    value = "a1" * 90_000
    plan = scan("orders", 1, Filter=f"((o_orderkey <> '{value}'::text) AND (f('{value}'::text) = 3))")
    joined = join("Hash Join", 10, plan, scan("lineitem", 10), **{"Hash Cond": f"(('{value}'::text || o.a) = l.b)"})
    assert counting().work(joined)["function_calls"] == 1_500_000


def test_a_statement_that_met_a_fault_has_no_time_and_stops_nothing() -> None:
    plan = {"Node Type": "Index Scan", "Index Name": "i", "Total Cost": 1.0, "Plan Rows": 1}
    candidate = Candidate(IndexDefinition("public", "empty", (IndexKey("b"),)), EMPTY, "empty", "a test")
    before, after = Answer(9.0, frozenset(), frozenset(), plan), Answer(1.0, frozenset({0}), frozenset({0}), plan)
    said = outlook("one", [(before, after)], [(0.0, 0.0)], [candidate], ())
    assert (said.predicted_ratio, said.before_ms) == (1.0, 0.0)
    assert of_finding(said, Paid(0.1, 0.1, 0.2), is_measured=True) == said
    insert = Insert("new", "public.empty", 1.0, 5.0, "x", mean_ms=0.0)
    assert of_insert(insert, EMPTY, [candidate.definition]).predicted_ratio == 1.0


def test_a_plan_says_which_of_two_tables_of_the_same_name_it_reads() -> None:
    one, other, third = (
        replace(EMPTY, oid=n, schema=schema, name="t", pages=n * 10) for n, schema in ((1, "a"), (2, "b"), (3, "c"))
    )
    uses = [TableUse(one, "x"), TableUse(other, "t"), TableUse(third, "t"), TableUse(replace(EMPTY, name="u"), "u")]
    apart = Namesakes(uses, doubled_names([use.table for use in uses]), {"a_pkey": one, "c_x": third}.get)
    assert list(apart.tables) == ["a.t", "b.t", "c.t"]
    by_index = scan("t", 1, **{"Node Type": "Bitmap Heap Scan", "Alias": "x", "Plans": [{"Index Name": "c_x"}]})
    plan = join("Hash Join", 1, scan("t", 1, Alias="x"), by_index)
    plan = join("Append", 1, plan, join("Append", 1, scan("t", 1, **{"Total Cost": 28.0}), scan("u", 1)))
    told = [str(node["Relation Name"]) for node in nodes(apart.told_apart(plan)) if "Relation Name" in node]
    assert told == ["a.t", "c.t", "c.t", "u"]
    assert by_index["Relation Name"] == "t", "the plan itself stays as it is"


def test_a_text_that_is_longer_than_any_key_is_none() -> None:
    term = Term(f"lower('{'x' * 5_000}' || b)", True, ("b",), ("lower",))
    assert unusable(term, EMPTY, Catalog(150_000, "r", None, {}, {}, {})) == (
        "an expression of 5014 characters is longer than any key"
    )
