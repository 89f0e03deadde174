"""The page is live; when trimtab does not answer any more it says so, and when it does again it goes on."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.chromium import visit
from tests.browser.layout import layout_problems
from tests.browser.servers import QUIET, running
from tests.browser.waiting import open_page
from tests.cli.conftest import Server, start_server

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

GONE = ["net::ERR_", "Failed to load resource"]
"""What Chromium says when nobody answers."""


def test_a_lost_stream_is_said_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    first = start_server(tmp_path / "data", QUIET)
    listen = urlsplit(first.url).netloc
    try:
        with visit(browser, first.url) as somebody:
            page = somebody.page
            open_page(page, "/self")
            live = page.locator("[data-action=live]")
            expect(live).to_have_attribute("data-live-state", "live")
            expect(page.locator("#stream-note")).to_be_hidden()
            assert somebody.seen.problems() == []

            first.process.send_signal(signal.SIGKILL)
            first.process.wait(timeout=30)
            expect(live).to_have_attribute("data-live-state", "stale", timeout=30_000)
            note = page.locator("#stream-note")
            expect(note).to_have_text(re.compile(r"^No word from trimtab since \d\d:\d\d:\d\d"))
            expect(page.locator("#how")).to_contain_text("Ledger")  # what was there stays
            assert violations(page) == []
            assert layout_problems(page) == []

            with running(tmp_path / "data", QUIET, "--listen", listen):
                expect(live).to_have_attribute("data-live-state", "live", timeout=60_000)
                expect(note).to_be_hidden()
                page.goto("about:blank")
            assert somebody.seen.problems(but=GONE) == []
    finally:
        first.process.kill()


TABS_COUNT = 8
"""More than the six connections that a browser opens to a host."""


@pytest.mark.parametrize("can_share", [True, False], ids=["shared", "each its own while it is seen"])
def test_eight_tabs_are_all_live(browser: Browser, tmp_path: Path, can_share: bool) -> None:
    with running(tmp_path / "data") as server, visit(browser, server.url) as somebody:
        context, count = somebody.context, TABS_COUNT if can_share else 4
        if not can_share:
            context.add_init_script("delete Navigator.prototype.locks")
        tabs = [somebody.page, *(context.new_page() for _ in range(count - 1))]
        for tab in tabs:
            tab.goto("/ledger")
            expect(tab.locator("[data-action=live]")).to_have_attribute("data-live-state", "live")
        assert streams_of(server) == (1 if can_share else count)
        tabs.pop(0).close()  # the one with the stream
        freeze(server, "true")
        for tab in tabs:
            expect(tab.locator("#frozen")).to_be_visible()
        tabs[0].goto("/cases")  # the next one goes elsewhere
        expect(tabs[0].locator("[data-action=live]")).to_have_attribute("data-live-state", "live")
        freeze(server, "false")
        for tab in tabs:
            expect(tab.locator("#frozen")).to_be_hidden()
        assert streams_of(server) == (1 if can_share else count - 1)
        for tab in tabs:
            tab.goto("about:blank")
        assert somebody.seen.problems() == []


def streams_of(server: Server) -> int:
    """How many event streams the server has open; one that was let go may take a moment to be seen as gone."""
    counts = []
    for _ in range(20):
        said = httpx2.get(f"{server.url}/metrics", timeout=60).text
        counts.append(int(float(re.findall(r"^trimtab_event_streams (\S+)", said, re.MULTILINE)[0])))
        if len(counts) > 2 and counts[-3:] == [counts[-1]] * 3:
            break
        time.sleep(0.2)
    return counts[-1]


def freeze(server: Server, frozen: str) -> None:
    """The kill switch, by the API."""
    answer = httpx2.post(
        f"{server.url}/api/trimtab/freeze", json={"frozen": frozen == "true", "by": "anna"}, timeout=60
    )
    assert answer.status_code == 200, answer.text


def test_a_chart_that_cannot_be_loaded_says_so(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, visit(browser, server.url) as somebody:
        page = somebody.page
        page.route(
            "**/series?*", lambda route: route.fulfill(status=503, json={"error": {"message": "the store is busy"}})
        )
        open_page(page, "/self")
        chart = page.locator("tt-chart").first
        expect(chart).to_have_attribute("data-state", "error")
        expect(chart).to_contain_text("Could not load this chart")
        expect(chart).to_contain_text("the store is busy")
        assert violations(page) == []
        page.unroute("**/series?*")
        page.get_by_role("button", name=re.compile("[Tt]ry again")).first.click()
        expect(chart).not_to_have_attribute("data-state", "error")
        assert somebody.seen.problems(but=["status of 503"]) == []
        page.goto("about:blank")
