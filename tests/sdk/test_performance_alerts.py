"""The seed's `trigger_performance_alert`, against the real application on a real port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import trimtab
from tests.api.serving import running
from tests.web.site import Site, open_site
from trimtab.model.access import Role
from trimtab.model.errors import InputError, NotAllowed, ServerUnreachable

pytestmark = pytest.mark.store


@dataclass(frozen=True)
class QueryExecution:
    """As the seed has it."""

    system: str
    fingerprint: str
    duration_ms: float


@dataclass(frozen=True)
class Server:
    """The application, and where it is."""

    site: Site
    url: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("alerts")
    with open_site(folder, login_needed=True) as site, running(site.app) as url:
        yield Server(site, url)


def test_each_anomaly_is_an_alert_of_its_query(server: Server) -> None:
    _, token = server.site.service.access.create_token("test", "profiler", Role.OPERATOR)
    alerts = trimtab.PerformanceAlerts(server.url, token=token)
    anomalies = [
        {"metric": "execution_time_ms", "value": 812.0, "severity": "critical", "summary": "ten times as slow"},
        "the plan is another one",
    ]
    made = alerts.trigger_performance_alert(anomalies, QueryExecution("shop", "ab12", 812.0))
    [source] = [one for one in server.site.service.notify.sources if one.origin == "triggered"]
    active = source.evaluate(server.site.service.now_ms()) or ()
    assert [dict(one.labels) for one in active] == [
        {
            "alertname": "PerformanceAnomaly",
            "severity": "critical",
            "system": "shop",
            "fingerprint": "ab12",
            "metric": "execution_time_ms",
        },
        {"alertname": "PerformanceAnomaly", "severity": "warning", "system": "shop", "fingerprint": "ab12"},
    ]
    assert [dict(one.annotations)["summary"] for one in active] == ["ten times as slow", "the plan is another one"]
    assert active[0].value == 812.0
    assert active[0].source == "triggered:token:profiler"
    again = alerts.trigger_performance_alert(anomalies[:1], QueryExecution("shop", "ab12", 900.0))
    assert again == made[:1], "the same query and metric is the same alert"


def test_who_may_not_is_told_so(server: Server) -> None:
    _, token = server.site.service.access.create_token("test", "looker", Role.VIEWER)
    with pytest.raises(NotAllowed):
        trimtab.PerformanceAlerts(server.url, token=token).trigger_performance_alert(["x"])
    with pytest.raises(NotAllowed):
        trimtab.PerformanceAlerts(server.url).trigger_performance_alert(["x"])


def test_what_cannot_be_is_said(server: Server) -> None:
    with pytest.raises(ServerUnreachable, match="could not trigger an alert"):
        trimtab.PerformanceAlerts("http://127.0.0.1:1").trigger_performance_alert(["x"])
    with pytest.raises(InputError, match="in the clear"):
        trimtab.PerformanceAlerts("http://trimtab.example", token="secret")
    with pytest.raises(InputError, match="server is a URL"):
        trimtab.PerformanceAlerts("trimtab.example")
    _, token = server.site.service.access.create_token("test", "other", Role.OPERATOR)
    with pytest.raises(InputError, match="length_s"):
        trimtab.PerformanceAlerts(server.url, token=token).trigger_performance_alert(["x"], length_s=-1)
