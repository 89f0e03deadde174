"""Work counted in plans: by what EXPLAIN says, by what was measured, and put right where two columns join."""

from __future__ import annotations

import pytest

from trimtab.advise.index.plans import Node
from trimtab.advise.index.size import size_bytes
from trimtab.advise.workload.plan_time import nanoseconds, time_ms
from trimtab.advise.workload.work import Counting
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Column, ColumnStatistics, ExistingIndex, Table

MB = 10**6


def table(name: str, rows: int, pages: int, columns: dict[str, tuple[float, float]], key: str = "") -> Table:
    """Columns are name → (n_distinct, correlation); `key` are the columns of the primary key."""
    made = {
        column: Column(column, "integer", "N", True, False, True, True, ColumnStatistics(0.0, 4, d, correlation=c))
        for column, (d, c) in columns.items()
    }
    statement = f"CREATE UNIQUE INDEX {name}_pkey ON public.{name} USING btree ({key})"
    indexes = (ExistingIndex(f"{name}_pkey", statement, True, True, True, 1),) if key else ()
    return Table(1, "public", name, "r", float(rows), pages, pages * 8192, 1.0, True, made, indexes)


LINEITEM = table(
    "lineitem",
    6 * MB,
    112_500,
    {"l_orderkey": (380_000, 1.0), "l_partkey": (200_000, 0.0), "l_suppkey": (10_000, 0.0), "l_linenumber": (7, 0.2)},
    "l_orderkey, l_linenumber",
)
PARTSUPP = table(
    "partsupp", 800_000, 17_500, {"ps_partkey": (-0.25, 1.0), "ps_suppkey": (10_000, 0.0)}, "ps_partkey, ps_suppkey"
)
ORDERS = table("orders", 1_500_000, 26_000, {"o_orderkey": (-1.0, 1.0)}, "o_orderkey")
TABLES = {one.name: one for one in (LINEITEM, PARTSUPP, ORDERS)}
KEYS = {"lineitem_pkey": ("l_orderkey", "l_linenumber"), "orders_pkey": ("o_orderkey",), "by_part": ("l_partkey",)}


def scan(name: str, rows: int, **more: object) -> Node:
    return {"Node Type": "Seq Scan", "Relation Name": name, "Alias": name, "Plan Rows": rows, "Plan Width": 8,
            "Startup Cost": 0.0, "Total Cost": 1.0, **more}  # fmt: skip


def join(kind: str, rows: int, outer: Node, inner: Node, **more: object) -> Node:
    return {"Node Type": kind, "Join Type": "Inner", "Plan Rows": rows, "Plan Width": 8, "Startup Cost": 0.0,
            "Total Cost": 5.0, "Plans": [outer, inner], **more}  # fmt: skip


def counting() -> Counting:
    return Counting(TABLES, lambda name: KEYS.get(name, ()))


def test_a_join_by_all_columns_of_a_key_finds_its_rows() -> None:
    condition = "((lineitem.l_suppkey = partsupp.ps_suppkey) AND (lineitem.l_partkey = partsupp.ps_partkey))"
    plan = join("Hash Join", 120, scan("lineitem", 300_000), scan("partsupp", 800_000), **{"Hash Cond": condition})
    assert counting().work(plan)["joined_rows"] == pytest.approx(120 * 2_500)
    one = join("Hash Join", 120, scan("lineitem", 300_000), scan("partsupp", 800_000),
               **{"Hash Cond": "(lineitem.l_partkey = partsupp.ps_partkey)"})  # fmt: skip
    assert counting().work(one)["joined_rows"] == 120


def test_an_inner_scan_with_a_filter_reads_what_its_key_finds() -> None:
    inner = scan("lineitem", 5, **{"Node Type": "Index Scan", "Index Name": "lineitem_pkey",
                 "Index Cond": "(l_orderkey = orders.o_orderkey)", "Filter": "(l_quantity > 5)"})  # fmt: skip
    work = counting().work(join("Nested Loop", 100_000, scan("orders", 100_000), inner))
    assert work["heap_rows_near"] == pytest.approx(400_000)  # 4 rows an order, whatever n_distinct guesses
    assert work["descents_near"] == 100_000
    assert "descents_far" not in work


def test_turns_that_repeat_are_cheaper_than_turns_that_jump() -> None:
    inner = scan("lineitem", 30, **{"Node Type": "Index Scan", "Index Name": "by_part",
                 "Index Cond": "(l_partkey = partsupp.ps_partkey)"})  # fmt: skip
    work = counting().work(join("Nested Loop", 1_200_000, scan("partsupp", 40_000), inner))
    assert work["heap_rows_far"] == pytest.approx(1_200_000)
    assert time_ms(work) > 1_000


def test_measured_rows_count_where_they_are_known() -> None:
    measured = scan("orders", 10, **{"Actual Rows": 500, "Actual Loops": 2, "Rows Removed by Filter": 1_000,
                    "Filter": "(o_custkey = 4)"})  # fmt: skip
    work = counting().work(measured)
    assert work["seq_rows"] == 3_000
    assert work["seq_pages"] == 52_000
    assert work["quals"] == 3_000


def test_inflation_touches_joins_and_not_single_tables() -> None:
    plan = join("Hash Join", 1_000, scan("lineitem", 1_000), scan("partsupp", 1_000), **{
        "Hash Cond": "(lineitem.l_partkey = partsupp.ps_partkey)"})  # fmt: skip
    three = join(
        "Hash Join", 1_000, plan, scan("orders", 10), **{"Hash Cond": "(lineitem.l_orderkey = orders.o_orderkey)"}
    )
    assert counting().work(scan("orders", 10), inflation=3.0) == counting().work(scan("orders", 10))
    assert counting().work(three, inflation=3.0)["joined_rows"] == pytest.approx(1_000 + 3_000)


def test_every_kind_of_work_has_its_time() -> None:
    assert all(value > 0 for value in nanoseconds().values())
    assert time_ms({"seq_rows": 1e6, "seq_pages": 2e4}) > 10


@pytest.mark.parametrize(
    ("keys", "include", "real_mb"),
    [
        (("l_partkey",), (), 45.1),
        (("l_orderkey", "l_linenumber"), (), 134.9),
        (("l_orderkey",), (), 60.0),
        (("l_partkey",), ("l_suppkey", "l_orderkey"), 188.0),
    ],
)
def test_sizes_are_those_of_real_builds(keys: tuple[str, ...], include: tuple[str, ...], real_mb: float) -> None:
    definition = IndexDefinition("public", "lineitem", tuple(IndexKey(key) for key in keys), include)
    assert size_bytes(LINEITEM, definition) / 1e6 == pytest.approx(real_mb, rel=0.1)


def test_a_partial_index_and_a_rare_value_hold_few_rows_to_walk() -> None:
    states = ColumnStatistics(0.0, 6, 4.0, (("done", 0.97), ("failed", 0.02)))
    state = Column("state", "text", "S", True, False, True, True, states)
    jobs = Table(1, "public", "jobs", "r", 1e6, 30_000, 30_000 * 8192, 1.0, True, {"state": state})
    keys = {"some": ("run_at",), "by_state": ("state", "run_at")}
    counting = Counting({"jobs": jobs}, lambda name: keys[name], index_share=lambda name: 0.01 if name == "some" else 1)

    def walked(index: str, condition: str) -> float:
        more = {"Node Type": "Index Scan", "Index Name": index, "Filter": "(run_at <= now())"}
        more |= {"Index Cond": condition} if condition else {}
        return counting.work(scan("jobs", 5_000, **more))["heap_rows_far"]

    assert walked("some", "") == pytest.approx(10_000)
    assert walked("by_state", "(state = 'failed'::text)") == pytest.approx(20_000)
    assert walked("by_state", "(state = 'queued'::text)") == pytest.approx(5_000)
    assert walked("by_state", "(state = $1)") == pytest.approx(250_000)


def test_groups_are_as_many_as_a_unique_key_needs() -> None:
    """ANALYZE takes l_orderkey for 380,000 values; six million rows of at most seven lines have twice as many."""
    plan: Node = {"Node Type": "Aggregate", "Strategy": "Hashed", "Plan Rows": 380_000, "Plan Width": 12}
    plan |= {"Startup Cost": 2.0, "Total Cost": 2.0, "Group Key": ["lineitem.l_orderkey"]}
    whole, few = scan("lineitem", 6 * MB), scan("lineitem", 1_000, Filter="(l_suppkey = 5)")
    assert counting().work({**plan, "Plans": [whole]})["groups"] == pytest.approx(6 * MB / 7, rel=0.01)
    assert counting().work({**plan, "Plan Rows": 900, "Plans": [few]})["groups"] == pytest.approx(1_000, rel=0.01)


def test_functions_and_arrays_in_a_filter_take_time() -> None:
    text = "((substring((name)::text, 1, 2) = ANY ('{13,31,23}'::text[])) AND (kind = 'x'::character varying(20)))"
    found = counting().work(scan("orders", 100, Filter=text))
    rows = ORDERS.rows_estimate
    assert (found["function_calls"], found["elements"]) == (rows, 3 * rows)


BY_KEY = "((lineitem.l_suppkey = partsupp.ps_suppkey) AND (lineitem.l_partkey = partsupp.ps_partkey))"


def by_key(number: int, rows: int = 120, **more: object) -> Node:
    """lineitem and partsupp joined by all columns of a key, as the planner names them the `number`th time."""
    names = [f"{name}_{number}" if number else name for name in ("lineitem", "partsupp")]
    condition = BY_KEY.replace("lineitem", names[0]).replace("partsupp", names[1])
    sides = [scan(of, 300_000, Alias=name) for of, name in zip(("lineitem", "partsupp"), names, strict=True)]
    return join("Hash Join", rows, sides[0], sides[1], **{"Hash Cond": condition, **more})


def test_each_branch_of_a_union_has_its_own_factor() -> None:
    """Three joins by a key, each 2,500 times too low: all rows together are, too, and not 2,500 times to the third."""
    plan: Node = {"Node Type": "Append", "Plan Rows": 360, "Startup Cost": 0.0, "Total Cost": 20.0}
    plan["Plans"] = [by_key(number) for number in range(3)]
    grouped: Node = {"Node Type": "Aggregate", "Strategy": "Hashed", "Plan Rows": 200, "Plan Width": 12}
    grouped |= {"Startup Cost": 2.0, "Total Cost": 22.0, "Group Key": ["a"], "Plans": [plan]}
    work = counting().work(grouped)
    assert work["passed_rows"] == pytest.approx(3 * 120 * 2_500)
    assert work["groups"] <= 3 * 120 * 2_500


def test_a_join_by_a_unique_key_gives_no_more_rows_than_came() -> None:
    few = by_key(0)
    few["Plans"][0]["Plan Rows"] = 40_000
    assert counting().work(few)["joined_rows"] == pytest.approx(40_000)
    assert counting().work({**few, "Join Type": "Semi"})["joined_rows"] == pytest.approx(40_000)


def test_an_outer_join_that_keeps_each_row_once_is_not_too_low() -> None:
    left = by_key(0, rows=300_000, **{"Join Type": "Left"})
    assert counting().work(left)["joined_rows"] == pytest.approx(300_000)
    many = by_key(0, rows=600_000, **{"Join Type": "Left"})
    assert counting().work(many)["joined_rows"] >= 600_000


def days(first: int, last: int, distinct: float, correlation: float) -> ColumnStatistics:
    """Numbers of days from `first` to `last`."""
    return ColumnStatistics(0.0, 4, distinct, histogram=(str(first), str(last)), correlation=correlation)


def test_a_year_of_a_table_of_dates_is_one_in_which_something_was_sold() -> None:
    """Dates of two hundred years, sales of five: of these, a year has a fifth, and not a two-hundredth."""
    rows = 73_000.0
    columns = {
        "d_key": days(1, 73_000, -1.0, 1.0),
        "d_year": ColumnStatistics(0.0, 4, 200.0, correlation=1.0),
        "d_month": ColumnStatistics(0.0, 4, 12.0, correlation=0.1),
    }
    made = {name: Column(name, "integer", "N", True, False, True, True, of) for name, of in columns.items()}
    pkey = ExistingIndex("d_pkey", "CREATE UNIQUE INDEX d_pkey ON public.d USING btree (d_key)", True, True, True, 1)
    calendar = Table(1, "public", "d", "r", rows, 1_000, 8_192_000, 1.0, True, made, (pkey,))
    sold_on = Column("sold_on", "integer", "N", True, False, True, True, days(50_000, 51_825, 1_825.0, 0.0))
    sales = Table(2, "public", "sales", "r", 1e6, 30_000, 30_000 * 8192, 1.0, True, {"sold_on": sold_on})
    counted = Counting({"d": calendar, "sales": sales}, lambda _: ())

    def joined(condition: str, of_dates: int) -> float:
        plan = join("Hash Join", 5_000, scan("sales", 1_000_000), scan("d", of_dates, Filter=condition), **{
            "Hash Cond": "(sales.sold_on = d.d_key)", "Inner Unique": True})  # fmt: skip
        return counted.work(plan)["joined_rows"]

    assert joined("(d_year = 2001)", 365) == pytest.approx(200_000, rel=0.01)
    assert joined("(d_month = 7)", 6_083) == 5_000  # every year has a July
    inner = scan(
        "sales", 500, **{"Node Type": "Index Scan", "Index Name": "by_day", "Index Cond": "(sold_on = d.d_key)"}
    )
    looped = join("Nested Loop", 5_000, scan("d", 365, Filter="(d_year = 2001)"), inner)
    assert counted.work(looped)["heap_rows_far"] == pytest.approx(200_000, rel=0.1)


def test_what_with_computed_is_read_as_a_whole_each_time() -> None:
    whole = by_key(0, rows=2_000, **{"Parent Relationship": "InitPlan", "Subplan Name": "CTE sums"})
    read = {"Node Type": "CTE Scan", "CTE Name": "sums", "Plan Rows": 10, "Startup Cost": 0.0, "Total Cost": 2.0}
    plan: Node = {"Node Type": "Nested Loop", "Join Type": "Inner", "Plan Rows": 3, "Startup Cost": 0.0}
    plan |= {"Total Cost": 9.0, "Plans": [whole, {**read, "Alias": "a"}, {**read, "Alias": "b", "Filter": "(x = 1)"}]}
    work = counting().work(plan)
    rows = min(2_000 * 2_500, 300_000)
    assert work["passed_rows"] == pytest.approx(rows + 10 * rows / 2_000 * rows)


def test_a_row_somewhere_costs_less_where_caches_hold_a_part_of_the_table() -> None:
    known = {"v": Column("v", "integer", "N", True, False, True, True, ColumnStatistics(0.0, 4, -0.5, correlation=0.0))}
    tables = {
        f"t{n}": Table(n, "public", f"t{n}", "r", 1e6, n, n * 8192, 1.0, True, known) for n in (5_000, 13_000, 52_000)
    }
    counted = Counting(tables, lambda _: ("v",))
    scans = [
        scan(name, 1_000, **{"Node Type": "Index Scan", "Index Name": "i", "Index Cond": "(v > 5)"}) for name in tables
    ]
    assert [counted.work(one)["heap_rows_far"] for one in scans] == [300.0, 500.0, 1_000.0]
