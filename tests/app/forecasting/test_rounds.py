"""Rounds of forecasts on a real store: history in, forecasts, their record, issues, events, an alert, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.app.forecasting.series_there import DAY_MS, HOUR_MS, append, daily, fill, hours
from tests.web.site import Site, open_site
from trimtab.analyze.rules.rule_files import groups_of
from trimtab.app.events import EventKind
from trimtab.app.forecasting.alerts import ForecastAlerts
from trimtab.app.forecasting.answers import forecast_issues, forecasts
from trimtab.app.forecasting.now import ForecastNow
from trimtab.app.forecasting.wiring import forecasting_of
from trimtab.model.errors import InputError, NotFound
from trimtab.model.forecast_settings import ForecastPolicy

pytestmark = [pytest.mark.store, pytest.mark.slow]
CONNECTIONS = 'postgres_connections{instance="shop"}'
RULES = """
groups:
- name: queues
  rules: [{alert: QueueLong, expr: "queue_depth > 250", annotations: {runbook: "empty it"}}]
"""
CPU = 'host_cpu{instance="web1",job="node"}'
FULL = 'host_storage{instance="web1",job="node",mountpoint="/data"}'


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, int]]:
    with open_site(tmp_path_factory.mktemp("forecasts")) as site:
        now_ms = site.service.now_ms() // DAY_MS * DAY_MS - DAY_MS + 6 * HOUR_MS + 60_000  # a morning, and long ago
        fill(site.service, now_ms)
        yield site, now_ms


def test_two_days_of_rounds(there: tuple[Site, int], monkeypatch: pytest.MonkeyPatch) -> None:
    site, now_ms = there
    service = site.service
    heard: list[tuple[EventKind, dict[str, object]]] = []
    monkeypatch.setattr(service.forecasts, "_publish", lambda kind, payload: heard.append((kind, dict(payload))))
    for back in range(48, -1, -6):
        now = service.forecasts.round(now_ms - back * HOUR_MS)
    assert [family.problem for family in now.families if family.problem] == []
    assert {CONNECTIONS, CPU, FULL} <= set(now.series)

    cpu = now.series[CPU]
    assert cpu.made.horizon == 24
    assert cpu.made.start_ms == (now_ms - 30_000) // HOUR_MS * HOUR_MS + HOUR_MS
    truth = daily(cpu.made.start_ms + np.arange(24) * HOUR_MS - HOUR_MS // 2, 35, 15, 0)
    assert np.abs(cpu.made.lines[0, cpu.row] - truth).mean() < 4
    assert cpu.record.points >= 100
    assert cpu.record.inside_90 is not None
    assert cpu.record.inside_90 > 0.6
    low, high = cpu.made.lines[3, cpu.row], cpu.made.lines[4, cpu.row]
    assert ((low <= cpu.made.lines[1, cpu.row]) & (cpu.made.lines[2, cpu.row] <= high)).all()

    issues = {issue.id: issue for issue in now.issues}
    issue = issues[f"{CONNECTIONS} > connections_percent"]
    assert issue.limit == 80.0
    assert issue.probability > 0.5
    assert issue.earliest_ms is not None
    assert issue.earliest_ms > now_ms - HOUR_MS
    assert "pg_stat_activity" in issue.recommended.runbook
    assert any(action.by == "trimtab" for action in issue.recommended.actions)
    assert not any(issue.series == CPU for issue in now.issues)
    assert {kind for kind, _ in heard} == {EventKind.FORECASTS}
    assert any(issue.id in payload["appeared"] for _, payload in heard)  # type: ignore[operator]

    answer = forecast_issues(service.forecasts)
    assert answer.issues[0].summary.startswith("Connections: shop is foreseen above 80 % of max_connections (")
    assert forecasts(service.forecasts, series=CPU).rows[0].points is not None
    assert [row.series for row in forecasts(service.forecasts, kind="postgres", sort="held").rows] == [CONNECTIONS]
    with pytest.raises(NotFound):
        forecasts(service.forecasts, series="nothing")
    with pytest.raises(InputError, match="kind: one of host"):
        forecasts(service.forecasts, kind="weather")


def test_an_issue_is_an_alert_where_that_is_wanted(there: tuple[Site, int]) -> None:
    site, now_ms = there
    now = site.service.forecasts.now
    off = ForecastAlerts(lambda: now, ForecastPolicy, "http://here")
    assert off.evaluate(now_ms) == []
    policy = replace(ForecastPolicy(), alerts=True)
    alerts = ForecastAlerts(lambda: now, lambda: policy, "http://here")
    (active,) = [one for one in alerts.evaluate(now_ms) or () if one.value > 0.5]
    labels = dict(active.labels)
    assert (labels["alertname"], labels["instance"], labels["severity"]) == ("ForecastIssue", "shop", "ticket")
    assert "foreseen above 80 %" in dict(active.annotations)["summary"]
    assert ForecastAlerts(ForecastNow, lambda: policy, "http://here").evaluate(now_ms) is None  # nobody looked yet


def test_another_server_goes_on_where_this_one_stopped(there: tuple[Site, int]) -> None:
    site, now_ms = there
    before = site.service.forecasts.now
    again = forecasting_of(site.service)
    now = again.round(now_ms)
    assert set(now.series) == set(before.series)
    assert now.series[CPU].record.points == before.series[CPU].record.points
    opened = {one.id: one.opened_ms for one in again.issues.open()}
    assert opened[f"{CONNECTIONS} > connections_percent"] < now_ms


def test_what_a_person_names_is_forecast_first_and_a_wrong_query_is_told(
    there: tuple[Site, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, now_ms = there
    policy = replace(ForecastPolicy(), queries=("queue_depth", "sum(rate(x[", "nothing_there"), series_max=2)
    again = forecasting_of(site.service)
    monkeypatch.setattr(again, "_policy", lambda: policy)
    now = again.round(now_ms)
    assert len(now.series) == 2
    queue = next(one for one in now.series.values() if one.subject.family.kind == "named")
    assert queue.subject.labels["queue"] == "mail"
    assert abs(float(queue.made.lines[0, queue.row].mean()) - 200) < 40
    problems = {family.title: family.problem for family in now.families}
    assert "unclosed" in problems["Query 2"] or "expected" in problems["Query 2"] or "parse" in problems["Query 2"]
    assert problems["Query 3"] == ""
    assert "forecast.series_max is 2" in problems["Connections"]


def test_a_rule_that_will_fire_is_an_issue_with_its_runbook(
    there: tuple[Site, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, now_ms = there
    again = forecasting_of(site.service)
    monkeypatch.setattr(again, "_asking", replace(again._asking, groups=lambda: groups_of(RULES, "rules.yml")))
    (issue,) = [issue for issue in again.round(now_ms).issues if issue.family == "rule:QueueLong"]
    assert (issue.limit, issue.op, issue.expected_ms is not None) == (250.0, ">", True)
    assert issue.recommended.runbook == "empty it"
    assert issue.now is not None
    assert issue.now < 250


def test_a_limit_that_was_crossed_ends_the_issue_as_having_come_true(there: tuple[Site, int]) -> None:
    site, now_ms = there
    service = site.service
    later = hours(now_ms + 3 * HOUR_MS, 0.1)
    later = later[later > now_ms]
    host = {"job": "postgres", "instance": "shop"}
    append(service, {"__name__": "trimtab_postgres_connections", **host}, later, np.full(len(later), 95.0))
    append(service, {"__name__": "pg_settings_max_connections", **host}, later, np.full(len(later), 100.0))
    now = service.forecasts.round(now_ms + 3 * HOUR_MS)
    assert all(issue.series != CONNECTIONS for issue in now.issues)
    ended = {one.id: one for one in forecast_issues(service.forecasts).ended}
    assert ended[f"{CONNECTIONS} > connections_percent"].why == "here"
