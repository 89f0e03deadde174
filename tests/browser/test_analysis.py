"""Under Analysis, over a server with weeks of history: every page as it should be, and a search that stays."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.analysis import analysis_server
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import drawn, open_page, resize

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]
PAGES = ("/change-points", "/change-points/1", "/patterns", "/capacity", "/capacity?traffic=%2B30%25&nodes=-1&of=3")
"""Anomalies and forecasts have tests of their own."""
SEARCHED = {"/anomalies": "disk wait", "/change-points": "host-b", "/patterns": "web1", "/forecasts": "web1 /logs"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with analysis_server(tmp_path_factory.mktemp("analysis")) as address:
        yield address


def test_no_page_has_anything_wrong_with_it(browser: Browser, url: str) -> None:
    found: list[str] = []
    with visit(browser, url) as visitor:
        for path in PAGES:
            for size in (WIDE, NARROW):
                resize(visitor.page, size)
                open_page(visitor.page, path)
                found += [f"{path} {size['width']}: {problem}" for problem in layout_problems(visitor.page)]
            for scheme in ("light", "dark"):
                visitor.page.emulate_media(color_scheme=scheme)
                wrong = violations(visitor.page, only_colours=scheme == "dark")
                found += [f"{path} {scheme}: {problem}" for problem in wrong]
        assert visitor.seen.problems() == []
    assert found == []


@pytest.mark.parametrize("path", SEARCHED)
def test_what_is_searched_is_in_the_address_and_stays_when_the_page_follows(
    browser: Browser, url: str, path: str
) -> None:
    with visit(browser, url) as visitor:
        page = visitor.page
        open_page(page, path)
        page.keyboard.press("/")
        page.keyboard.type(SEARCHED[path])
        expect(page).to_have_url(re.compile(r"[?&]q="))
        drawn(page)
        with page.expect_response(re.compile("fragment=results")) as refreshed:
            page.evaluate("() => document.body.dispatchEvent(new Event('tt:refresh'))")
        assert "q=" in refreshed.value.url
        assert visitor.seen.problems() == []
