"""Plans that real servers of the versions 13 to 18 gave, as text and as JSON: both are read as the same plan."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.analyze.plans.cases import CASES, Case
from trimtab.analyze.queries.plans.document import PlanDocument
from trimtab.analyze.queries.plans.hint import ScoreOf
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.analyze.queries.plans.read_json import documents
from trimtab.analyze.queries.plans.read_text import read_text
from trimtab.analyze.queries.plans.reading import read_plans
from trimtab.analyze.queries.plans.steps import Step, StepTree, steps_of
from trimtab.analyze.queries.plans.write_text import write_text
from trimtab.sql.versions import VERSIONS

FOLDER = Path(__file__).parents[2] / "data" / "plans"
MEASURED = re.compile(
    r"time=[\d.]+(?:\.\.[\d.]+)?|(?:Buffers|I/O Timings|(?:Planning|Execution) Time): .*|rows=\d+ loops"
)
OF_VERSIONS = [(major, case) for major in VERSIONS for case in CASES if case.since <= major]
IDS = [f"{major}-{case.rule}" for major, case in OF_VERSIONS]


@lru_cache
def plans_of(major: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{major}.json").read_text())
    return found


def tree_of(form: object) -> StepTree:
    return steps_of(read_text(form) if isinstance(form, str) else documents(form)[0])


def measured(line: str) -> str:
    return MEASURED.sub("", line).strip()


@pytest.mark.parametrize(("major", "case"), OF_VERSIONS, ids=IDS)
def test_the_lint_speaks_of_the_one_and_not_of_the_other(major: int, case: Case) -> None:
    forms = plans_of(major)[case.rule]
    for name in ("text", "json"):
        tree = tree_of(forms[name])
        hint = next((one for one in hints_of(tree) if one.id == case.rule), None)
        assert hint is not None, (name, [one.id for one in hints_of(tree)])
        assert 0.01 <= hint.score <= 1.0
        assert hint.score_of is ScoreOf.TIME
        assert (hint.step if case.rule != "trigger-time" else "Trigger for constraint") in tree.lines[hint.line - 1]
        assert hint.mends
    assert case.rule not in {one.id for one in hints_of(tree_of(forms["quiet"]))}


@pytest.mark.parametrize("major", VERSIONS)
def test_text_and_json_are_read_as_the_same_plan(major: int) -> None:
    for rule, forms in plans_of(major).items():
        text, structured = tree_of(forms["text"]), tree_of(forms["json"])
        told = [
            [
                (step.title, relationship(step, major), step.depth, step.rows_estimated, step.loops, step.cost)
                for step in tree.steps
            ]
            for tree in (text, structured)
        ]
        assert told[0] == told[1], rule
        for one, other in zip(text.steps, structured.steps, strict=True):
            assert facts(one.raw) == facts(other.raw), (rule, one.title)


def relationship(step: Step, major: int) -> str:
    """Version 13 called what is below a change its member."""
    return "Outer" if major == 13 and step.relationship == "Member" else step.relationship


def facts(raw: Any) -> dict[str, Any]:
    """What a step says, without what differs from run to run, and without what text leaves out."""
    left = ("Time", "Plans", "Blocks", "Aware", "Capable", "Parent Relationship", "Actual Rows", "Workers", "Alias")
    found = {
        key: value
        for key, value in raw.items()
        if value not in (0, False, [], 0.0) and not any(word in key for word in left)
    }
    for key in ("Operation", "Parent Relationship", "Single Copy", "Scan Direction", "Original Hash Buckets"):
        found.pop(key, None)
    for key in ("Original Hash Batches", "Inner Unique", "Group Key", "Partial Mode", "Peak Memory Usage", "Strategy"):
        found.pop(key, None)
    return found


@pytest.mark.parametrize("major", VERSIONS)
def test_what_was_read_is_written_back_as_it_was(major: int) -> None:
    for rule, forms in plans_of(major).items():
        read = read_text(forms["text"])
        written, line_of = write_text(PlanDocument(read.raw))
        wanted = forms["text"].splitlines()
        assert list(written) == wanted, rule
        assert line_of == read.line_of
        from_json = [measured(line) for line in write_text(documents(forms["json"])[0])[0]]
        from_text = [measured(line) for line in wanted]
        told = [[line for line in lines if line not in ("", "Planning:")] for lines in (from_json, from_text)]
        assert told[0] == told[1], rule


@pytest.mark.parametrize("major", [13, 15, 18])
def test_verbose_text_and_plain_estimates_are_read(major: int) -> None:
    for rule, forms in plans_of(major).items():
        verbose = tree_of(forms["verbose"])
        assert verbose.score_of is ScoreOf.PAGES, rule
        titles = [re.sub(r"\bpublic\.", "", step.title) for step in verbose.steps]
        assert titles == [step.title for step in tree_of(forms["json"]).steps], rule
        estimated = tree_of(forms["estimated"])
        assert estimated.score_of is ScoreOf.COST
        assert sum(step.own_cost for step in estimated.steps) == pytest.approx(estimated.root.cost)


@pytest.mark.parametrize("major", VERSIONS)
def test_own_times_add_up_to_the_whole(major: int) -> None:
    for rule, forms in plans_of(major).items():
        for name in ("json", "quiet", "text"):
            tree = tree_of(forms[name])
            total = sum(step.own_ms or 0.0 for step in tree.steps)
            assert total == pytest.approx(tree.root.time_ms or 0.0, rel=0.1, abs=0.05), (rule, name)
            pages = sum(step.own_pages or 0.0 for step in tree.steps)
            assert pages == pytest.approx(tree.root.pages or 0.0, rel=0.02, abs=2), (rule, name)
            assert sum(step.share for step in tree.steps) <= 1.0 + 1e-9


def test_psql_s_frame_and_quotes_are_taken_off() -> None:
    plain = plans_of(15)["sort-spill"]
    framed = "                QUERY PLAN\n-----------------\n" + "".join(
        f" {line}\n" for line in plain["text"].splitlines()
    )
    for text in (
        framed + "(9 rows)\n",
        "\n".join(f'"{line}"' for line in plain["text"].splitlines()),
        json.dumps(plain["json"]),
        "QUERY PLAN\n----\n" + json.dumps(plain["json"], indent=2).replace("\n", " +\n") + "\n(1 row)\n",
    ):
        found = read_plans(text)
        assert [step.title for step in steps_of(found[0]).steps] == [
            step.title for step in tree_of(plain["json"]).steps
        ]
