"""The pages of infrastructure with something of everything, in both themes and at both widths: one visit."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import uvicorn
from playwright.sync_api import Browser

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import begun, open_page, resize
from tests.web.infrastructure_there import open_infrastructure
from trimtab.app.infrastructure.host_questions import CHARTS

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server in this process, and the range in which it has something to show."""
    with open_infrastructure(tmp_path_factory.mktemp("infrastructure") / "data") as made, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(made.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        end_ms = made.service.infrastructure.host.now.at_ms + 10_000
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", f"from={end_ms - 900_000}&to={end_ms}"
        made.service.events.close()
        server.should_exit = True
        thread.join()


def test_infrastructure_has_nothing_wrong_with_it(browser: Browser, served: tuple[str, str]) -> None:
    url, within = served
    with visit(browser, url) as visitor:
        page = visitor.page
        found: list[str] = []
        paths = (
            "/infrastructure",
            "/infrastructure/hosts/node/here",
            f"/infrastructure/hosts/linux/{quote('db1:9100')}",
            "/infrastructure/containers",
        )
        for path in paths:
            resize(page, WIDE)
            open_page(page, f"{path}?{within}" if "containers" not in path else path)
            for size in (WIDE, NARROW):
                resize(page, size)
                found += [f"{path} {size['width']}: {problem}" for problem in layout_problems(page)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{path} {scheme}: {problem}" for problem in violations(page, only_colours=scheme == "dark")]
        assert found == []
        resize(page, WIDE)
        open_page(page, f"/infrastructure?{within}")
        page.get_by_role("link", name="here", exact=True).click()
        page.wait_for_url("**/infrastructure/hosts/node/here?**")
        assert page.locator("tt-chart").count() == len(CHARTS)
        begun(page)
        page.keyboard.press("g")
        page.keyboard.press("i")
        page.wait_for_url(re.compile(r"/infrastructure(\?|$)"))
        assert visitor.seen.problems() == []
