"""What is wrong with a server stands on every page, in its status and in its log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.web.site import Site
from trimtab.app.config import parse_config
from trimtab.model.system import System

pytestmark = pytest.mark.store


def test_a_full_disk_is_said_until_there_is_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trimtab.store.spool.free_bytes", lambda _: 1024 * 1024)
        (told,) = site.service.status()["warnings"]
        assert told.startswith("nothing is taken of what is sent or measured: the disk of the spool has 1.0 MiB free; ")
        assert "make room: it goes on by itself" in told
        assert "the disk of the spool has 1.0 MiB free" in site.visitor().get("/explore").text
    assert site.service.status()["warnings"] == []
    assert "the disk of the spool" not in site.visitor().get("/explore").text


def test_many_are_one_line_that_opens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (3, 4):
        told = tuple(f"the file rules-{number}.yml is not in force: line 1: <b>" for number in range(count))
        monkeypatch.setattr(type(site.service), "warnings", lambda _, told=told: told)
        page = site.visitor().get("/cases").text
        assert page.count('class="banner" data-tone="bad"') == (3 if count == 3 else 1)
        assert all(
            f"The file rules-{number}.yml is not in force: line 1: &lt;b&gt;." in page for number in range(count)
        )
        assert ("4 things are wrong with this server" in page) == (count == 4)


def test_a_target_that_nobody_watches_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    service = site.service
    service.state.add_system(System("shop", "service=shop", None, 0))
    config = replace(service.config, targets=parse_config('[target."shpo".watch]\nalpha = 0.01').targets)
    monkeypatch.setattr(service.policies.file, "_config", config)
    with capture_logs() as logs:
        service._settings_changed()
        service._settings_changed()
    (told,) = (line["problem"] for line in logs if line["event"] == "target_unknown")
    assert told.startswith('the configuration file has [target."shpo"]')
    assert "did you mean shop?" in told
    assert service.status()["warnings"] == [told]
    assert "(did you mean shop?): nothing of it is in force." in site.visitor().get("/cases").text
    service.state.remove_system("shop")
