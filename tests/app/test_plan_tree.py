"""Stored plans as trees: whose cost it is, where estimates were wrong, and what is said of each step."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.app.reading.plan_tree import PlanNode, plan_tree
from trimtab.observe.postgres.plan_facts import LEFT_OUT

Raw = dict[str, Any]


def step(kind: str, cost: float, rows: float, *below: Raw, **more: Any) -> Raw:
    facts = {key.replace("_", " "): value for key, value in more.items()}
    node: Raw = {"Node Type": kind, "Startup Cost": 0.0, "Total Cost": cost, "Plan Rows": rows, **facts}
    return node | ({"Plans": list(below)} if below else {})


def every(node: PlanNode) -> list[PlanNode]:
    return [node, *(found for child in node.children for found in every(child))]


def test_the_inner_side_of_a_nested_loop_costs_as_often_as_it_runs() -> None:
    outer = step("Seq Scan", 100.0, 50, Parent_Relationship="Outer", Relation_Name="orders")
    inner = step("Index Scan", 8.0, 1, Parent_Relationship="Inner", Relation_Name="users", Index_Name="users_pkey")
    root = plan_tree({"Plan": step("Nested Loop", 510.0, 50, outer, inner)})
    scan, lookup = root.children
    assert (scan.self_cost, lookup.self_cost, root.self_cost) == (100.0, 400.0, 10.0)
    assert lookup.cost_total == 8.0
    assert lookup.title == "Index Scan using users_pkey on users"
    assert sum(node.share for node in every(root)) == pytest.approx(1.0)


def test_what_a_limit_does_not_let_happen_is_not_charged() -> None:
    scan = step("Index Scan", 5000.0, 100_000, Parent_Relationship="Outer")
    sort = step("Sort", 6000.0, 100_000, scan, Parent_Relationship="Outer")
    early = plan_tree({"Plan": step("Limit", 0.5, 10, scan)})
    assert (early.self_cost, early.children[0].self_cost) == (0.0, 0.5)
    late = plan_tree({"Plan": step("Limit", 6000.0, 10, sort)})
    assert [node.self_cost for node in every(late)] == [0.0, 1000.0, 5000.0]


def test_all_own_costs_add_up_to_the_whole_whatever_the_tree() -> None:
    deep = step("Index Scan", 9.0, 3, Parent_Relationship="Outer")
    inner = step("Limit", 3.0, 1, deep, Parent_Relationship="Inner")
    outer = step("Hash Join", 70.0, 20, step("Seq Scan", 40.0, 9), step("Hash", 20.0, 9), Parent_Relationship="Outer")
    sub = step("Result", 0.5, 1, Parent_Relationship="SubPlan", Subplan_Name="SubPlan 1")
    root = plan_tree({"Plan": step("Nested Loop", 135.0, 60, outer, inner, sub)})
    assert sum(node.self_cost for node in every(root)) == pytest.approx(135.0)
    assert all(node.self_cost >= 0 for node in every(root))
    assert root.children[2].details[0].text == "SubPlan 1"


def test_rows_times_and_buffers_of_a_run() -> None:
    scan = step(
        "Seq Scan",
        40.0,
        10,
        Relation_Name="orders",
        Alias="o",
        Filter="(status = ?)",
        Actual_Rows=400,
        Actual_Loops=3,
        Actual_Total_Time=5.0,
        Rows_Removed_by_Filter=600,
        Shared_Hit_Blocks=70,
        Shared_Read_Blocks=30,
        Temp_Read_Blocks=0,
        Temp_Written_Blocks=2,
        Parallel_Aware=True,
    )
    gather = step("Gather", 60.0, 30, scan, Workers_Launched=2, Actual_Rows=1200, Actual_Loops=1, Actual_Total_Time=6.0)
    root = plan_tree({"Plan": gather})
    (below,) = root.children
    assert below.title == "Parallel Seq Scan on orders o"
    assert (below.rows_estimated, below.rows_actual, below.loops, below.misestimate_factor) == (10, 400, 3, 40)
    assert (below.time_ms, root.time_ms, root.self_time_ms) == (5.0, 6.0, 1.0), "three work side by side"
    assert below.share == pytest.approx(5 / 6), "of the time, not of the cost"
    assert (below.buffers_hit, below.buffers_read, below.buffers_temp) == (70, 30, 2)
    assert below.rows_removed == 600
    assert [(c.label, c.text) for c in below.conditions] == [("Filter", "(status = ?)")]


def test_a_step_that_was_stopped_early_was_not_estimated_wrongly() -> None:
    ran = {"Actual_Loops": 1, "Actual_Total_Time": 1.0}
    scan = step("Index Scan", 900.0, 10_000, Actual_Rows=10, **ran)
    below_limit = plan_tree({"Plan": step("Limit", 1.0, 10, scan, Actual_Rows=10, **ran)})
    assert below_limit.children[0].misestimate_factor is None
    sort = step("Sort", 950.0, 10_000, scan, Actual_Rows=10, **ran)
    below_sort = plan_tree({"Plan": step("Limit", 951.0, 10, sort, Actual_Rows=10, **ran)})
    assert below_sort.children[0].misestimate_factor is None, "the sort gave only what was asked for"
    assert below_sort.children[0].children[0].misestimate_factor == pytest.approx(0.001), "but it took in everything"


def test_a_step_that_never_ran_has_no_estimate_to_be_wrong() -> None:
    never = step("Index Scan", 8.0, 100, Actual_Rows=0, Actual_Loops=0, Actual_Total_Time=0.0)
    root = plan_tree({"Plan": step("Append", 8.0, 1, never, Actual_Rows=0, Actual_Loops=1, Actual_Total_Time=0.1)})
    assert root.children[0].misestimate_factor is None
    assert root.children[0].time_ms == 0


def test_a_plan_that_was_only_made_has_no_actual_numbers() -> None:
    root = plan_tree({"Plan": step("Seq Scan", 4.0, 2)})
    assert root.rows_actual is root.loops is root.time_ms is root.self_time_ms is root.buffers_hit is None
    assert root.misestimate_factor is None


def test_details_name_units() -> None:
    root = plan_tree(
        {
            "Plan": step(
                "Sort",
                1.0,
                1,
                Sort_Key=["(a) DESC", "b"],
                Sort_Method="external merge",
                Sort_Space_Used=12_000,
                Sort_Space_Type="Disk",
                **{LEFT_OUT: 7},
            )
        }
    )
    assert [(c.label, c.text) for c in root.conditions] == [("Sort Key", "(a) DESC, b")]
    assert [(d.label, d.text) for d in root.details] == [("Sort", "external merge, 12000 KiB disk")]
    assert root.nodes_left_out == 7
