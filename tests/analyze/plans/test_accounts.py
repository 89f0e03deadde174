"""Own times and pages: nothing counted twice, nothing lost, whatever runs inside what."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.analyze.plans.handwritten import plan, ran, scan, step
from trimtab.analyze.queries.plans.document import BadPlan, PlanDocument
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.analyze.queries.plans.read_json import documents
from trimtab.analyze.queries.plans.steps import Step, StepTree, steps_of


def tree(root: dict[str, Any], **beside: Any) -> StepTree:
    return steps_of(PlanDocument(plan(root, **beside)))


def own(found: StepTree) -> dict[str, float]:
    return {one.title: round(one.own_ms or 0.0, 3) for one in found.steps}


def apart(raw: dict[str, Any], name: str, relationship: str = "InitPlan") -> dict[str, Any]:
    return raw | {"Parent Relationship": relationship, "Subplan Name": name}


@pytest.mark.parametrize(
    ("name", "used"), [("InitPlan 1 (returns $0)", "(a > $0)"), ("InitPlan 1", "(a > (InitPlan 1).col1)")]
)
def test_an_initplan_is_taken_from_the_step_that_asks_for_it(name: str, used: str) -> None:
    asks = scan(ms=100.0, Filter=used, Shared_Hit_Blocks=50)
    made = apart(ran("Aggregate", ms=70.0, Strategy="Plain", Shared_Hit_Blocks=30), name)
    root = ran("Sort", ms=110.0, Shared_Hit_Blocks=50)
    root["Plans"] = [made, asks | {"Parent Relationship": "Outer"}]
    found = tree(root)
    assert own(found) == {"Sort": 10.0, "Aggregate": 70.0, "Seq Scan on orders": 30.0}
    assert [one.own_pages for one in found.steps] == [0, 30, 20]


def test_a_cte_runs_inside_the_scans_that_read_it() -> None:
    made = apart(scan(ms=60.0), "CTE c")
    first = ran("CTE Scan", ms=50.0, CTE_Name="c", Alias="a")
    second = ran("CTE Scan", ms=30.0, CTE_Name="c", Alias="b")
    root = ran("Hash Join", ms=90.0, Join_Type="Inner")
    root["Plans"] = [made, first | {"Parent Relationship": "Outer"}, second | {"Parent Relationship": "Inner"}]
    found = tree(root)
    assert own(found) == {
        "Hash Join": 10.0,
        "Seq Scan on orders": 60.0,
        "CTE Scan on c a": 0.0,
        "CTE Scan on c b": 20.0,
    }
    assert sum(own(found).values()) == 90.0


def test_a_subplan_counts_as_often_as_it_ran() -> None:
    sub = apart(scan("lines", ms=0.5, rows=1, loops=100), "SubPlan 1", "SubPlan")
    root = scan(ms=80.0)
    root["Plans"] = [sub]
    assert own(tree(root)) == {"Seq Scan on orders": 30.0, "Seq Scan on lines": 50.0}


def test_processes_share_the_time_and_add_up_the_pages() -> None:
    below = scan(ms=90.0, loops=3, rows=1000, Parallel_Aware=True, Shared_Hit_Blocks=300)
    gather = ran("Gather", below, ms=100.0, Workers_Planned=2, Workers_Launched=2, Shared_Hit_Blocks=300)
    found = tree(gather)
    assert own(found) == {"Gather": 10.0, "Parallel Seq Scan on orders": 90.0}
    assert found.steps[1].rows_all == 3000
    assert [one.own_pages for one in found.steps] == [0, 300]


def test_a_step_that_one_process_alone_ran_took_all_of_its_time() -> None:
    members = [scan(f"part_{n}", ms=60.0, loops=1) | {"Parent Relationship": "Member"} for n in range(3)]
    append = ran("Append", ms=60.0, loops=3) | {"Plans": members}
    found = tree(ran("Gather", append, ms=70.0, Workers_Planned=2, Workers_Launched=2))
    assert sum(own(found).values()) == pytest.approx(70.0), "side by side: not three times as long"
    assert own(found)["Seq Scan on part_0"] == 20.0


def test_rounding_makes_nothing_longer_than_what_it_ran_inside() -> None:
    inner = scan("lines", ms=0.001, loops=20_000)
    found = tree(ran("Nested Loop", scan(ms=4.0), inner, ms=18.0, Join_Type="Inner"))
    assert sum(own(found).values()) == pytest.approx(18.0)


def test_what_never_ran_took_nothing() -> None:
    never = ran("Seq Scan", ms=0.0, rows=0, loops=0, Relation_Name="lines")
    found = tree(ran("Nested Loop", scan(rows=0), never, ms=81.0, Join_Type="Inner"))
    assert (found.steps[2].own_ms, found.steps[2].ran) == (0.0, False)


@pytest.mark.slow
def test_deep_and_wide_plans_are_read_at_once_or_refused() -> None:
    deep: dict[str, Any] = scan()
    for _ in range(1_900):
        deep = ran("Subquery Scan", deep, ms=80.0)
    wide = ran("Append", ms=900.0) | {
        "Plans": [
            apart(scan(f"t{n}", ms=0.01), f"InitPlan {n} (returns ${n})") if n % 2 else scan(f"t{n}", ms=0.01)
            for n in range(4_000)
        ]
    }
    began = time.process_time()
    for root in (deep, wide):
        [document] = documents({"Plan": root})
        assert len(steps_of(document).steps) > 1_900
        hints_of(document)
    assert time.process_time() - began < 4.0
    for _ in range(200):
        deep = ran("Subquery Scan", deep, ms=80.0)
    with pytest.raises(BadPlan, match=r"more than 2,000 deep"):
        documents({"Plan": deep})
    with pytest.raises(BadPlan, match=r"more than 20,000 steps"):
        documents({"Plan": ran("Append", ms=1.0) | {"Plans": [step("Result") for _ in range(20_000)]}})


def test_costs_of_loops_count_as_often_as_they_are_expected() -> None:
    outer = step("Seq Scan", Relation_Name="a", Total_Cost=10.0, Plan_Rows=20)
    inner = step("Index Scan", Relation_Name="b", Total_Cost=4.0)
    found = tree(step("Nested Loop", outer, inner, Total_Cost=100.0, Join_Type="Inner"))
    assert [one.own_cost for one in found.steps] == [10.0, 10.0, 80.0]
    assert [one.share for one in found.steps] == pytest.approx([0.1, 0.1, 0.8])
    assert all(isinstance(one, Step) for one in found.root.all_below())
