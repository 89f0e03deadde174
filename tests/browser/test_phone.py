"""On a phone: everything is reached, nothing is wider than the screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NARROW, Visitor
from tests.browser.layout import layout_problems
from tests.browser.servers import DayServer
from tests.browser.waiting import drawn, open_page

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]


def test_from_the_overview_to_a_query_and_its_range(phone: Visitor, day: DayServer) -> None:
    page = phone.page
    open_page(page, "/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Queries").click()
    page.wait_for_url("**/queries*")
    page.locator("#results .row-link").first.click()
    page.wait_for_url("**/queries/shop/*")
    drawn(page)
    page.get_by_role("button", name=re.compile("^Time range")).click()
    dialog = page.get_by_role("dialog", name="Time range")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    assert layout_problems(page) == []
    dialog.get_by_role("button", name="1 day", exact=True).click()
    page.wait_for_url("**from=now-24h&to=now*")
    drawn(page)
    assert layout_problems(page) == []


def test_the_link_of_the_page_is_in_sight(phone: Visitor) -> None:
    page = phone.page
    for path in ("/settings?tab=policy", "/self"):
        open_page(page, path)
        box = page.locator(".rail [aria-current]").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]


def test_the_tab_of_the_page_is_in_sight_and_more_is_hinted_at(phone: Visitor) -> None:
    page = phone.page
    for tab, more in (("systems", "right"), ("configuration", "left"), ("tokens", "left right")):
        open_page(page, f"/settings?tab={tab}")
        expect(page.locator(".tabs ul")).to_have_attribute("data-more", re.compile(f"^{more}"))
        box = page.locator(".tabs [aria-current]").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]


def test_a_decision_is_near_the_top(phone: Visitor, day: DayServer) -> None:
    page = phone.page
    open_page(page, f"/cases/{day.cases['proposed']}")
    button = page.get_by_role("button", name="Approve this change")
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box is not None
    assert box["y"] < 3 * NARROW["height"], "before the evidence, not after it"
    assert box["height"] >= 24
