"""What burns becomes an alert for each severity, and a case of its system; what is old says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.app.objectives.world import MINUTE_MS, World, settle
from trimtab.app.objectives.alerts import OLD_MS, BurnAlerts
from trimtab.app.objectives.cases import QUIET_MS, BurnCases
from trimtab.app.objectives.keeper import Objectives
from trimtab.model.case import CaseState, Verdict
from trimtab.model.errors import StoreError
from trimtab.model.finding import FindingKind, Severity
from trimtab.model.system import System

pytestmark = pytest.mark.store
DAY = 24 * 60


def burning(world: World, system: str = "shop") -> Objectives:
    """An objective that began to burn three hours ago: 5 % of its events are bad, where 0.1 % may be."""
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [100.0] * DAY)
    world.counter(bad, [0.0] * (DAY - 180) + [5.0] * 180)
    text = f"""
    objectives:
      - name: shop
        display_name: The shop answers
        service: web
        system: {system}
        target: 99.9%
        labels: {{team: blue}}
        annotations: {{runbook: "https://example.org/shop"}}
        events: {{bad: {bad}, total: {total}}}
    """
    return world.counted(text)


def test_what_burns_is_one_alert_for_each_severity(world: World) -> None:
    objectives = burning(world)
    alerts = BurnAlerts(lambda: objectives.standing, "http://127.0.0.1:9321/")
    found = {dict(active.labels)["severity"]: active for active in alerts.evaluate(world.now_ms)}
    assert set(found) == {"page", "ticket"}
    page = found["page"]
    assert dict(page.labels) == {
        "alertname": "ErrorBudgetBurn",
        "objective": "shop",
        "service": "web",
        "system": "shop",
        "severity": "page",
        "team": "blue",
    }
    assert page.value == pytest.approx(50, rel=0.01)
    assert page.source == "objective:shop"
    assert page.generator_url == "http://127.0.0.1:9321/objectives/shop"
    told = dict(page.annotations)
    assert told["runbook"] == "https://example.org/shop"
    assert told["summary"] == "The shop answers burns its error budget 50.0 times as fast as allowed (over 1h)"
    assert "rule fast: 50.0 over 1h" in told["description"]


def test_what_is_not_measured_any_more_is_told(world: World) -> None:
    up = world.unique("up")
    world.gauge(up, [1.0] * 100 + [float("nan")] * 21)
    objectives = world.counted(f"objectives: [{{name: it, target: 99%, window: 2h, availability: {up}}}]")
    (alert,) = BurnAlerts(lambda: objectives.standing, "http://127.0.0.1:9321").evaluate(world.now_ms)
    assert dict(alert.labels) == {"alertname": "ObjectiveNotMeasured", "objective": "it", "severity": "ticket"}
    assert "nothing was counted for 15m" in dict(alert.annotations)["summary"]


def test_what_was_never_measured_says_why_it_is_quiet(world: World) -> None:
    objectives = world.counted(
        f"objectives: [{{name: it, target: 99%, window: 2h, availability: {world.unique('up')}}}]"
    )
    (told,) = objectives.standing.objectives["it"].budget.notices
    assert told.startswith("its queries found no samples in its window")


def test_counts_that_are_old_say_nothing_about_now(world: World) -> None:
    objectives = burning(world)
    alerts = BurnAlerts(lambda: objectives.standing, "http://127.0.0.1:9321")
    with pytest.raises(StoreError, match="objectives were not counted since"):
        alerts.evaluate(world.now_ms + OLD_MS + MINUTE_MS)


def test_a_burning_objective_opens_a_case_of_its_system_and_closes_it_when_it_is_over(world: World) -> None:
    world.state.add_system(System("shop", "service=shop", None, 0))
    objectives, cases = burning(world), BurnCases(world.state)
    standing = objectives.standing
    cases.look(standing)
    cases.look(standing)
    (case,) = world.state.cases()
    assert (case.kind, case.fingerprint, case.system) == (FindingKind.OBJECTIVE_BURNING, "objective:shop", "shop")
    assert case.finding.severity is Severity.CRITICAL
    assert [round(one.value) for one in case.finding.evidence[:2]] == [50, 50]
    now = standing.objectives["shop"]
    calm = replace(standing, objectives={"shop": replace(now, burns=())})
    cases.look(calm)
    assert world.state.case(case.id).state is CaseState.OPEN, "rules that go on and off are one case"
    cases.look(replace(calm, at_ms=standing.at_ms + QUIET_MS))
    closed = world.state.case(case.id)
    assert (closed.state, closed.verdict) == (CaseState.CLOSED, Verdict.RECOVERED)
    assert "has not burned for 15 minutes" in (closed.reason or "")


def test_an_objective_of_no_watched_system_opens_no_case(world: World) -> None:
    objectives = burning(world, system="")
    BurnCases(world.state).look(objectives.standing)
    assert world.state.cases() == ()


def test_a_case_of_an_objective_that_is_gone_is_closed(world: World) -> None:
    world.state.add_system(System("shop", "service=shop", None, 0))
    objectives, cases = burning(world), BurnCases(world.state)
    cases.look(objectives.standing)
    objectives.define([])
    settle(objectives, world.now_ms)
    cases.look(objectives.standing)
    (case,) = world.state.cases()
    assert (case.verdict, case.reason) == (Verdict.RECOVERED, "the objective is not defined any more")
