"""What is wrong with a server stands on every page, in its status and in its log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.web.site import Site
from trimtab.app.config import parse_config
from trimtab.model.system import System

pytestmark = pytest.mark.store


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
