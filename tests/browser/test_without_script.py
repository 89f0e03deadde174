"""Without JavaScript: pages can be read, lists searched, ranges chosen, and decisions made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import NARROW, Visitor, visit
from tests.browser.places import PLACES
from tests.browser.servers import DayServer

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]


@pytest.fixture
def plain(browser: Browser, day: DayServer) -> Iterator[Visitor]:
    """Somebody whose browser runs no script."""
    with visit(browser, day.url, script=False, size=NARROW) as opened:
        yield opened
    assert opened.seen.problems(but=["status of 4"]) == []


def test_every_page_can_be_read(plain: Visitor, day: DayServer) -> None:
    page = plain.page
    for place in PLACES:
        page.goto(place.address(day))
        expect(page.locator("h1")).to_be_visible()
        whole = expect(page.locator("main"))  # one that is late leads to the whole page by itself
        whole.not_to_contain_text("Loading", use_inner_text=True)
        assert len(page.locator("main").inner_text()) > 60, place.name
        dead = page.locator("button:visible:not(form button):not([form])")
        assert dead.count() == 0, f"{place.name} offers what needs a script: {dead.all_inner_texts()}"


def test_queries_are_searched_sorted_and_opened(plain: Visitor) -> None:
    page = plain.page
    page.goto("/queries")
    page.get_by_label("From").fill("now-24h")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**from=now-24h*")
    page.get_by_label("Search queries").fill("warehouses")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**q=warehouses*")
    assert "from=now-24h" in page.url
    for row in page.locator("#results tbody tr").all():
        expect(row).to_contain_text("warehouses")
    page.locator("#results .row-link").first.click()
    page.wait_for_url("**/queries/shop/*")
    expect(page.get_by_role("link", name="The same numbers as JSON").first).to_be_visible()


def test_a_change_is_approved(plain: Visitor, day: DayServer) -> None:
    page = plain.page
    path = f"/cases/{day.cases['blocked']}"
    page.goto(path)
    expect(page.locator("#decision")).to_contain_text("Waits for your yes")
    page.get_by_role("button", name="Approve this change").click()
    page.wait_for_url(f"**{path}?*")
    expect(page.locator("main > .note").first).to_be_visible()
    expect(page.locator("#decision")).to_contain_text("approved exactly this change")
    page.locator("#reject > summary").click()
    page.get_by_label("Why not").fill("another time")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator(".case-head")).to_contain_text("another time")
