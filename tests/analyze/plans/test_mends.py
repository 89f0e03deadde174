"""What is said to mend a finding can be run, does not contradict itself, and is not said of trifles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analyze.plans.handwritten import facts_of, plan, ran, scan
from tests.analyze.plans.test_lint import found
from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.catalogue import Catalogue, TableFacts
from trimtab.analyze.queries.plans.hint import MendKind
from trimtab.analyze.queries.plans.hints import hints_of

THROWN: dict[str, Any] = {"Rows_Removed_by_Filter": 90_000}


@pytest.mark.parametrize("condition", ["((id + $1) = 5)", "((id + ?) = 5)", "((doc ->> $1) = 'x'::text)"])
def test_no_index_has_a_parameter_in_it(condition: str) -> None:
    hints = hints_of(plan(scan(Filter=condition, rows=100_000, Plan_Rows=10, Rows_Removed_by_Filter=1e6)))
    mends = [mend for hint in hints for mend in hint.mends]
    assert found(hints, "function-on-column").mends[0].words.startswith("no index can hold")
    assert all("$1" not in (mend.sql or "") and "?" not in (mend.sql or "") for mend in mends)


def test_statistics_are_on_the_expression_and_not_on_its_column() -> None:
    raw = scan(rows=50_000, Plan_Rows=50, Filter="((lower(status) = 'open'::text) AND (priority = 2))")
    mends = found(hints_of(plan(raw)), "misestimate").mends
    assert [mend.kind for mend in mends] == [MendKind.ANALYZE, MendKind.STATISTICS]
    assert (mends[1].sql or "").endswith(" ON priority, (lower(status)) FROM orders")
    assert "from version 14 on" in mends[1].words
    alone = scan(rows=50_000, Plan_Rows=50, Filter="(lower(o.status) = 'open'::text)", Alias="o")
    sql = found(hints_of(plan(alone)), "misestimate").mends[1].sql
    assert sql == "CREATE STATISTICS orders_status_given ON (lower(status)) FROM orders"


def test_an_index_that_lacks_a_column_of_the_condition_is_not_said_to_have_them() -> None:
    facts = Catalogue({"orders": TableFacts("public", "orders", 1e5, indexes={"mm": ("priority", "user_id")})})
    made = plan(scan(Filter="((lower(status) = 'open'::text) AND (priority = 2))", **THROWN))
    [mend] = found(hints_of(made, facts), "rows-thrown-away").mends
    assert mend.sql == "CREATE INDEX CONCURRENTLY ON public.orders (priority, (lower(status)))"
    other = plan(scan(Filter="((status <> 'open'::text) AND (priority = 2))", **THROWN))
    [mend] = found(hints_of(other, facts), "rows-thrown-away").mends
    assert mend.words == "index mm was not taken: it has nothing of status, on which the condition is, too"


def _sorted_on_disk(**beside: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"Sort_Space_Used": 9000, "Sort_Space_Type": "Disk", "Sort_Method": "external merge"}
    return plan(ran("Sort", scan(), ms=200.0, rows=1000, **facts), **beside)


def test_work_mem_is_told_where_it_is_known_alone() -> None:
    unknown = found(hints_of(_sorted_on_disk()), "sort-spill").mends[0]
    assert "work_mem is not known" in unknown.words
    assert unknown.sql == "SET work_mem = '9MB'"
    usual = found(hints_of(_sorted_on_disk(Settings={"jit": "off"})), "sort-spill").mends[0]
    assert "work_mem is 4MB" in usual.words, "SETTINGS would have said another one"
    enough = found(hints_of(_sorted_on_disk(Settings={"work_mem": "64MB"})), "sort-spill").mends[0]
    assert "not enough all the same" in enough.words
    assert enough.sql == "SET work_mem = '128MB'"


def test_a_table_that_is_joined_with_itself_is_analyzed_once() -> None:
    root = ran(
        "Hash Join", scan(), scan(), ms=200.0, rows=90_000, Plan_Rows=9, Join_Type="Inner", Hash_Cond="(a.x = b.x)"
    )
    [mend] = found(hints_of(plan(root)), "misestimate").mends
    assert mend.sql == "ANALYZE orders"


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        ("CTE Scan", {"CTE_Name": "recent"}, "no statistics of what WITH recent gives"),
        ("SetOp", {}, "nothing is known that mends the estimate of a SetOp"),
    ],
)
def test_an_estimate_without_statistics_is_said_to_have_none(kind: str, facts: dict[str, Any], words: str) -> None:
    raw = ran(kind, ms=200.0, rows=90_000, Plan_Rows=9, **facts)
    assert words in found(hints_of(plan(raw)), "misestimate").mends[0].words


def _waited(io_ms: float, pages: int) -> set[str]:
    raw = scan(ms=io_ms * 2) | {"Shared Hit Blocks": 1, "Shared Read Blocks": pages, "I/O Read Time": io_ms}
    return {one.id for one in hints_of(plan(raw, Execution_Time=io_ms * 2))}


def test_a_cold_page_or_two_is_no_finding() -> None:
    assert "read-from-disk" in _waited(limits.IO_MS_MIN, limits.IO_PAGES_MIN)
    assert "read-from-disk" not in _waited(limits.IO_MS_MIN * 0.9, limits.IO_PAGES_MIN)
    assert "read-from-disk" not in _waited(limits.IO_MS_MIN, limits.IO_PAGES_MIN - 1)


def test_shares_of_next_to_nothing_are_no_findings() -> None:
    brief = scan(ms=0.2, rows=3, Plan_Rows=3)
    compiled = {"Functions": 2, "Timing": {"Total": limits.JIT_MS_MIN * 0.9}}
    called = [{"Trigger Name": "audit", "Time": limits.TRIGGERS_MS_MIN * 0.9, "Calls": 1}]
    gather = ran("Gather", brief, ms=0.3, Workers_Planned=2, Workers_Launched=0)
    bitmap = ran("Bitmap Heap Scan", ms=0.2, Lossy_Heap_Blocks=3, Exact_Heap_Blocks=1, Relation_Name="orders")
    for raw in (
        plan(brief, JIT=compiled, Execution_Time=9.0),
        plan(brief, Triggers=called, Execution_Time=2.0),
        plan(gather, Execution_Time=0.3),
        plan(bitmap, Execution_Time=0.2),
    ):
        assert hints_of(raw) == []
    assert hints_of(plan(brief, Execution_Time=0.3), facts_of(has_statistics=False)) == [], "a table of three rows"
