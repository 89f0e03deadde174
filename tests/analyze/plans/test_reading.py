"""What is no plan is said so, with the place; logs with plans of auto_explain are read in all forms."""

from __future__ import annotations

import json

import pytest

from tests.analyze.plans.handwritten import plan, scan
from trimtab.analyze.queries.plans.document import BadPlan
from trimtab.analyze.queries.plans.reading import read_plans
from trimtab.analyze.queries.plans.steps import steps_of

TEXT = "Limit  (cost=0.00..1.00 rows=5 width=4)\n  ->  Seq Scan on t  (cost=0.00..40.00 rows=200 width=4)\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("  \n ", "it is empty"),
        ("hello", "line 1 is no step of a plan: 'hello'"),
        ("SELECT * FROM t", "line 1 is no step of a plan"),
        (
            "Limit  (cost=0.00..1.00 rows=5 width=4)\n  ->  what is this",
            "line 2 is no step of a plan: '->  what is this'",
        ),
        ("[]", "it is an empty list"),
        ("{", "it is no JSON: Expecting property name"),
        ('[{"Plan": 5}]', "plan 1: an object was wanted at $.Plan, not int"),
        ('[{"a": 5}]', 'plan 1: an object with the key "Plan" was wanted'),
        ('[{"Plan": {"Node Type": "Result", "Total Cost": "7"}}]', '"Total Cost" at $.Plan is no number'),
        ('[{"Plan": {"Node Type": "Result", "Total Cost": NaN}}]', '"Total Cost" at $.Plan is no number'),
        ('[{"Plan": {"Node Type": "Limit", "Plans": {}}}]', '"Plans" at $.Plan is no list'),
        ('[{"Plan": {"Node Type": "Limit", "Plans": [{}]}}]', 'the step at $.Plan.Plans[0] has no "Node Type"'),
        ("[" * 100_000, "nested too deeply"),
        ("<explain><Query></Query></explain>", "EXPLAIN's XML is not read"),
        ("- Plan:\n    Node Type: Result", "EXPLAIN's YAML is not read"),
        ("LOG:  duration: 1.0 ms  plan:\n\tcut off", "none of them can be read"),
    ],
)
def test_what_is_no_plan_is_said_so(text: str, message: str) -> None:
    with pytest.raises(BadPlan) as caught:
        read_plans(text)
    assert message in caught.value.message


def test_cut_off_plans_are_read_as_far_as_they_go() -> None:
    [found] = read_plans(TEXT + "        Filter: (name = 'a\nb: c'::text)\n")
    assert len(steps_of(found).steps) == 2


def test_what_a_worker_says_is_not_the_step_s() -> None:
    text = """Gather  (cost=0.00..9.00 rows=5 width=4) (actual time=1.000..9.000 rows=5 loops=1)
  Workers Planned: 1
  Workers Launched: 1
  Buffers: shared hit=300
  ->  Sort  (cost=0.00..9.00 rows=5 width=4) (actual time=1.000..8.000 rows=5 loops=2)
        Sort Key: a
        Sort Method: quicksort  Memory: 25kB
        Buffers: shared hit=300
        Worker 0:  actual time=2.000..7.000 rows=2 loops=1
          Sort Method: external merge  Disk: 77kB
          Buffers: shared hit=41
        ->  Parallel Seq Scan on t  (cost=0.00..4.00 rows=5 width=4) (actual time=0.100..2.000 rows=5 loops=2)
              Buffers: shared hit=290
Execution Time: 9.5 ms"""
    [found] = read_plans(text)
    gather, sort, below = steps_of(found).steps
    assert (gather.own_pages, sort.own_pages, below.own_pages) == (0, 10, 290)
    assert sort.raw["Workers"][0]["Sort Space Used"] == 77
    assert sort.raw["Sort Method"] == "quicksort"
    assert [one.own_ms for one in (gather, sort, below)] == [1.0, 6.0, 2.0]


def entry(body: str) -> str:
    return "duration: 12.5 ms  plan:\n" + body


PLAIN = "Query Text: SELECT *\n  FROM t\n  LIMIT 5\n" + TEXT
STRUCTURED = json.dumps({"Query Text": "SELECT 1", **plan(scan())}, indent=2)


def tabbed(message: str) -> str:
    return message.replace("\n", "\n\t")


@pytest.mark.parametrize("body", [PLAIN, STRUCTURED])
def test_logs_are_read_in_all_forms(body: str) -> None:
    stamp = "2026-11-26 03:04:05.678 UTC"
    quoted = entry(body).replace('"', '""')
    logs = {
        "text": f"{stamp} [7] LOG:  SELECT 2\n{stamp} [7] LOG:  {tabbed(entry(body))}\n{stamp} [7] LOG:  x\n",
        "csv": f'{stamp},"u","d",7,"l",1,1,"SELECT",{stamp},1/1,0,LOG,00000,"{quoted}",,,,,,,,,"","client",,0\n',
        "json": json.dumps({"timestamp": stamp, "message": entry(body)}) + "\n" + '{"message": "other"}\nno json\n',
    }
    for form, text in logs.items():
        [found] = read_plans(text)
        assert found.raw["Execution Time"] == 12.5, form
        assert found.taken_at == stamp, form
        assert (found.statement or "").startswith("SELECT"), form
        assert steps_of(found).steps[-1].kind == "Seq Scan"


def test_several_plans_in_one_file() -> None:
    assert len(read_plans(json.dumps([plan(scan()), plan(scan())]))) == 2
