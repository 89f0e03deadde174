"""Dashboards, data sources, rules and annotations in a Grafana: there once, and never over what a person changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from scripts.dashboards.__main__ import texts
from tests.integrations.grafana.fake_grafana import TOKEN, FakeGrafana, running
from tests.integrations.grafana.models import dashboard_problem
from trimtab.analyze.rules.rule_files import groups_of
from trimtab.app.dashboards.library import builtin
from trimtab.app.dashboards.pushing import METRICS_UID, PushReport, push
from trimtab.app.dashboards.reading import count_drawn
from trimtab.extend.dashboards import ChangeNote, Place, PushOutcome
from trimtab.integrations.grafana.server import Grafana
from trimtab.model.errors import InputError, MissingError
from trimtab.model.grafana_settings import GrafanaPolicy
from trimtab.store.promql.parse import parse

RULES = groups_of(
    """
groups:
  - name: hosts
    rules:
      - alert: DiskFull
        expr: disk_used_ratio > 0.9
        for: 5m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} has {{ $value | humanizePercentage }}"}
      - record: a:b
        expr: up
      - alert: DiskFull
        expr: disk_used_ratio > 0.8
        labels: {severity: ticket}
""",
    "rules.yml",
)
OWN_URL = "http://127.0.0.1:9321"


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGrafana]:
    """A Grafana that takes a token."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with running() as fake:
        yield fake
        assert not fake.odd, "requests are as they are documented"


@pytest.fixture
def policy(grafana: FakeGrafana) -> GrafanaPolicy:
    """The settings for it."""
    return GrafanaPolicy(url=grafana.url, token="env:GRAFANA_TOKEN", alert_rules=True)


def pushed(policy: GrafanaPolicy, **more: Any) -> PushReport:
    """Put everything there."""
    return push(policy, OWN_URL, RULES, factory=Grafana, **more)


def outcomes(report: PushReport) -> set[tuple[str, str]]:
    """What became of each kind of thing."""
    return {(one.kind, one.outcome.value) for one in report.items}


def test_the_dashboards_are_as_the_builder_makes_them() -> None:
    for file, text in texts().items():
        assert file.read_text("utf-8") == text, f"{file.name} is not current: python -m scripts.dashboards"


@pytest.mark.parametrize("uid", sorted(builtin()))
def test_a_dashboard_has_one_definition_and_two_faces(uid: str) -> None:
    dashboard, data = builtin()[uid]
    assert dashboard_problem(json.loads(data)) == "", "Grafana's own models read it and write it the same"
    drawn, count = count_drawn(dashboard)
    assert drawn == count >= 5, "trimtab's pages draw all of it"
    assert not dashboard.notes
    assert not [note for panel in dashboard.panels for note in panel.notes]
    for panel in dashboard.panels:
        for target in panel.targets:
            parse(
                target.expression.replace("$__rate_interval", "1m")
                .replace("$__interval", "1m")
                .replace("$__range", "1h")
            )


def test_everything_is_there_once(grafana: FakeGrafana, policy: GrafanaPolicy) -> None:
    report = pushed(policy)
    assert outcomes(report) == {(k, "created") for k in ("folder", "data source", "dashboard", "alert rule")}
    assert set(grafana.dashboards) == set(builtin())
    assert all(one["folderUid"] == "trimtab" for one in grafana.dashboards.values())
    assert {(uid, one["type"], one["url"]) for uid, one in grafana.sources.items()} == {
        ("trimtab", "prometheus", OWN_URL),
        ("trimtab-traces", "jaeger", f"{OWN_URL}/jaeger"),
    }
    first, second = grafana.rules.values()
    assert [first["title"], second["title"]] == ["DiskFull", "DiskFull 2"]
    assert first["data"][0]["model"]["expr"] == "disk_used_ratio > 0.9"
    assert first["data"][0]["datasourceUid"] == METRICS_UID
    assert first["annotations"]["summary"] == "{{ $labels.instance }} has {{ $values.A.Value | humanizePercentage }}"
    grafana.requests.clear()
    assert outcomes(pushed(policy)) == {(k, "unchanged") for k in ("folder", "data source", "dashboard", "alert rule")}
    assert not grafana.writes, "the second time changes nothing"


@pytest.mark.parametrize("wraps_versions", [True, False])
def test_what_a_person_changed_stays(grafana: FakeGrafana, policy: GrafanaPolicy, wraps_versions: bool) -> None:
    grafana.wraps_versions = wraps_versions
    pushed(policy)
    grafana.save({**grafana.dashboards["trimtab-host"], "title": "my hosts"}, "made it mine")
    rule = next(iter(grafana.rules.values()))
    rule["for"] = "1h"
    grafana.sources["trimtab"]["url"] = "http://proxy:8080"
    report = pushed(policy)
    kept = [one for one in report.items if one.outcome is PushOutcome.KEPT]
    assert {one.name for one in kept} == {"trimtab: hosts", "DiskFull", "trimtab"}
    assert all("left as it is" in one.why for one in kept)
    assert grafana.dashboards["trimtab-host"]["title"] == "my hosts"
    assert rule["for"] == "1h"
    again = pushed(policy, overwrite=True)
    assert {one.name for one in again.items if one.outcome is PushOutcome.UPDATED} == {"trimtab: hosts", "DiskFull"}
    assert grafana.dashboards["trimtab-host"]["title"] == "trimtab: hosts"


def test_who_is_quicker_between_look_and_write_wins(grafana: FakeGrafana, policy: GrafanaPolicy) -> None:
    pushed(policy, uids=["trimtab-host"])
    grafana.versions["trimtab-host"][0]["message"] = "trimtab sha256:older"
    mine = {**grafana.dashboards["trimtab-host"], "title": "mine"}
    grafana.before_write = lambda: grafana.save(mine, "while it was looked at")
    (found,) = (one for one in pushed(policy, uids=["trimtab-host"]).items if one.kind == "dashboard")
    assert found.outcome is PushOutcome.KEPT
    assert grafana.dashboards["trimtab-host"]["title"] == "mine"


def test_a_newer_trimtab_updates_what_is_its_own(grafana: FakeGrafana, policy: GrafanaPolicy) -> None:
    pushed(policy)
    grafana.versions["trimtab-host"][0]["message"] = "trimtab sha256:of an older one"
    updated = [one.name for one in pushed(policy).items if one.outcome is PushOutcome.UPDATED]
    assert updated == ["trimtab: hosts"]
    assert len(grafana.versions["trimtab-host"]) == 2


def test_errors_name_the_thing_and_the_rest_goes_on(grafana: FakeGrafana, policy: GrafanaPolicy) -> None:
    grafana.fails["/api/dashboards/uid/trimtab-host"] = 500
    grafana.fails["/api/datasources"] = 403
    report = pushed(policy)
    failed = {one.name: one.why for one in report.items if one.outcome is PushOutcome.FAILED}
    assert failed.keys() == {"trimtab: hosts", "trimtab", "trimtab traces"}
    assert failed["trimtab: hosts"].startswith("dashboard 'trimtab: hosts' in folder 'trimtab': Grafana at http://")
    assert "answered 403: no; the token may not do that" in failed["trimtab"]
    assert report.failed_count == 3
    assert ("dashboard", "created") in outcomes(report)


def test_a_token_that_is_not_taken_or_not_there_is_told_and_never_shown(
    grafana: FakeGrafana, policy: GrafanaPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_wrong")
    (only,) = pushed(policy).items
    assert only.why.startswith("folder 'trimtab': Grafana at")
    assert "answered 401: Invalid API key; the token is not one of that Grafana" in only.why
    assert "glsa_wrong" not in only.why
    monkeypatch.delenv("GRAFANA_TOKEN")
    with pytest.raises(MissingError, match="GRAFANA_TOKEN is not set"):
        pushed(policy)


def test_a_grafana_that_is_not_there_or_says_nothing(policy: GrafanaPolicy) -> None:
    (only,) = pushed(replace(policy, url="http://127.0.0.1:1")).items
    assert "cannot be reached" in only.why
    with pytest.raises(InputError, match=r"set grafana\.url"):
        pushed(replace(policy, url=""))


@pytest.mark.parametrize("said", [None, [1, 2], {}, 7])
def test_what_answers_as_no_grafana_does_is_no_success(
    grafana: FakeGrafana, policy: GrafanaPolicy, said: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that says yes to everything."""
    monkeypatch.setattr(grafana, "answer", lambda *_: (200, said))
    (only,) = pushed(policy).items
    assert only.outcome is PushOutcome.FAILED
    assert "is that its address?" in only.why


def test_a_change_is_told_once_and_updated(grafana: FakeGrafana) -> None:
    place = Place(grafana.url, lambda: TOKEN, "trimtab", "trimtab", 5.0)
    server = Grafana(place)
    note = ChangeNote("change:c1", "shop: an index: is being applied", ("trimtab", "system:shop"), 1_000, None)
    made = server.annotate(note, None)
    assert grafana.annotations == {
        1: {"time": 1_000, "tags": ["trimtab", "system:shop", "change:c1"], "text": note.text}
    }
    assert server.annotate(replace(note, end_ms=2_000, text="kept"), made) == made
    assert server.annotate(replace(note, text="kept"), None) == made, "found by its tag where its id was lost"
    assert grafana.annotations[1]["text"] == "kept"
    del grafana.annotations[1]
    assert server.annotate(note, made) == 0, "somebody took it away, and it stays away"
    server.close()
