"""The tab Monitoring of the settings: what was set up, packs on and off, other values, and who may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site
from trimtab.model.access import Role

pytestmark = pytest.mark.store
HERE = "/settings?tab=monitoring"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("monitoring"), login_needed=True) as opened:
        yield opened


def test_packs_are_switched_and_get_other_values(site: Site) -> None:
    admin = site.logged_in(Role.ADMIN)
    page = admin.get(HERE).text
    assert "Nothing was set up in one call yet" in page
    assert page.count("Switch on") >= 5
    csrf = {"csrf_token": admin.headers["X-CSRF-Token"]}
    done = admin.post("/packs/host", data={**csrf, "do": "on"})
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}&notice=pack-on#pack-host")
    assert "trimtab's own table of infrastructure metrics: cpu 80" in admin.get(HERE).text.replace("&#39;", "'")
    done = admin.post("/packs/host", data={**csrf, "threshold": "cpu_percent", "value": "77"})
    assert done.status_code == 303
    assert "instance:node_cpu_busy:percent &gt; 77" in admin.get(HERE).text
    wrong = admin.post("/packs/host", data={**csrf, "threshold": "cpu_percent", "value": "770"})
    assert wrong.status_code == 400
    assert "must be from 1 to 100 %, found" in wrong.text
    assert 'value="770"' in wrong.text, "what was typed is not lost"
    assert admin.post("/packs/host", data={**csrf, "do": "off"}).status_code == 303
    assert not site.service.packs.named("host").is_enabled


def test_what_was_set_up_is_told_and_others_only_look(site: Site) -> None:
    site.service.stack.setup("me", {"application_metrics": {"throughput": {"slo": "> 5 rps"}}})
    viewer = site.logged_in(Role.VIEWER)
    page = viewer.get(HERE).text.replace("<wbr>", "")
    assert "ThroughputOutOfBounds" in page
    assert "needs a watched PostgreSQL" in page
    assert "cannot fire" in page
    assert "Switch on" not in page
    csrf = {"csrf_token": viewer.headers["X-CSRF-Token"]}
    assert viewer.post("/packs/host", data={**csrf, "do": "on"}).status_code == 403
