"""Who may do what on the pages of Analysis: a viewer reads everything, and changes nothing that an operator can."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from tests.app.forecasting.series_there import append
from tests.web.anomalies_there import STEP_MS, Series, shop
from tests.web.change_points_there import host
from tests.web.forms import forms_of, send
from tests.web.site import Site, open_site
from trimtab.model.access import Role

pytestmark = [pytest.mark.store, pytest.mark.slow]


@dataclass(frozen=True)
class Team:
    """A server where everybody logs in, with an anomaly and a change of level."""

    site: Site
    episode: str
    change: str


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with open_site(tmp_path_factory.mktemp("team"), login_needed=True) as site:
        now_ms = time.time_ns() // 1_000_000
        sent: list[Series] = [*shop(), *host()]
        for labels, values in sent:
            at = now_ms - (len(values) - 1 - np.arange(len(values), dtype=np.int64)) * STEP_MS
            append(site.service, labels, at, values)
        site.service.telemetry.flush()
        site.service.anomalies.tick(site.service.now_ms())
        site.service.change_points.round(site.service.now_ms())
        viewer = site.logged_in(Role.VIEWER)
        episode = viewer.get("/api/trimtab/anomalies").json()["episodes"][0]["id"]
        change = viewer.get("/api/trimtab/change-points?from=now-1d").json()["rows"][0]["id"]
        yield Team(site, str(episode), str(change))


def test_a_viewer_sees_all_of_it_and_no_form(team: Team) -> None:
    viewer = team.site.logged_in(Role.VIEWER)
    for path in (
        "/anomalies",
        f"/anomalies/{team.episode}",
        "/change-points?from=now-1d",
        f"/change-points/{team.change}",
        "/patterns",
        "/forecasts",
        "/capacity",
    ):
        page = viewer.get(path)
        assert page.status_code == 200, path
        posting = [action for action in forms_of(page.text) if action not in ("/logout",) and action.count("/") > 1]
        assert posting == [], f"{path} offers a viewer {posting}"
        assert "Take back" not in page.text, path


def test_what_an_operator_can_say_a_viewer_cannot(team: Team) -> None:
    viewer, operator = team.site.logged_in(Role.VIEWER), team.site.logged_in(Role.OPERATOR)
    said = {
        f"/anomalies/{team.episode}/normal": {"reason": "a load test", "length": "1d"},
        f"/change-points/{team.change}/not-a-change": {"reason": "a load test"},
    }
    for path, body in said.items():
        assert viewer.post(path, data=body).status_code == 403, path
    assert viewer.get("/api/trimtab/anomalies").json()["normal"] == []

    for page, action in ((f"/anomalies/{team.episode}", "normal"), (f"/change-points/{team.change}", "not-a-change")):
        answer = send(operator, operator.get(page).text, f"{page}/{action}", {"reason": "a load test"})
        assert answer.status_code in (200, 303), answer.text[:500]
    (normal,) = viewer.get("/api/trimtab/anomalies").json()["normal"]
    assert viewer.post(f"/anomalies/normal/{normal['id']}/take-back").status_code == 403
    assert viewer.get("/api/trimtab/anomalies").json()["normal"] == [normal]
    assert viewer.post(f"/change-points/{team.change}/take-back").status_code == 403
    entries = [one.action for one in team.site.service.access.audit_entries(limit=50) if one.principal == "operator"]
    assert "anomaly normal" in entries
