"""Who may do what on the pages of alerts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.alerts_there import alert, write
from tests.web.forms import forms_of
from tests.web.site import Site, open_site
from trimtab.model.access import Role

pytestmark = [pytest.mark.store]

MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("team"), login_needed=True) as opened:
        write(opened.service, alert("Down", opened.service.now_ms() - MINUTE_MS, severity="page"))
        yield opened


def test_who_may_only_look_sees_alerts_and_makes_no_silence(team: Site) -> None:
    viewer, operator = team.logged_in(Role.VIEWER), team.logged_in(Role.OPERATOR)
    for path in ("/alerts", "/alerts?tab=history", "/alerts?tab=told", "/alerts/1"):
        assert viewer.get(path).status_code == 200, path
    assert "Silence …" not in viewer.get("/alerts").text
    assert forms_of(viewer.get("/alerts?tab=silences").text).keys() == {"/logout"}
    body = {"matchers": 'job="a"', "comment": "x", "length": "1h"}
    assert viewer.post("/alerts/silences", data=body).status_code == 403
    assert operator.post("/alerts/silences", data=body).status_code == 303
    [entry] = [one for one in team.service.access.audit_entries(limit=50) if one.action == "silence add"][:1]
    assert (entry.principal, entry.target) == ("operator", 'job="a"')
