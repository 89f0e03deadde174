"""Hostile text, from a database, from an application, from people: shown as text on every page, and nothing runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import HOSTILE_SHAPE, GuardedServer, log_in
from tests.browser.waiting import drawn, open_page, resize
from tests.web.stories import HOSTILE
from trimtab.model.access import Role
from trimtab.web.view import segment

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

FAILED = "the server responded with a status of 4"
"""What Chromium says of a page that does not exist."""


@pytest.fixture(scope="module")
def admin(browser: Browser, guarded: GuardedServer) -> Iterator[Visitor]:
    """Somebody who may see everything, logged in once."""
    with visit(browser, guarded.url) as opened:
        log_in(opened.page, Role.ADMIN)
        yield opened


def test_nothing_breaks_out_of_any_page_or_its_layout(admin: Visitor, guarded: GuardedServer) -> None:
    page = admin.page
    shown = 0
    for path in guarded.hostile_paths:
        open_page(page, path)
        for size in (NARROW, WIDE):
            resize(page, size)
            assert layout_problems(page) == [], (path, size)
        for picture in page.locator("tt-chart:is([data-state=ready], [data-state=stale])").all()[:3]:
            picture.get_by_role("button", name="View as table").click()
            picture.locator(".u-over").hover()
        page.evaluate("() => { for (const one of document.querySelectorAll('main details')) one.open = true; }")
        found = page.evaluate(
            """() => ({ images: document.querySelectorAll("img").length,
                scripts: document.querySelectorAll("script:not([src]), main script").length,
                handlers: [...document.querySelectorAll("*")].filter((one) =>
                  [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style"
                    && !one.closest(".uplot, tt-chart"))).length })"""
        )
        assert found == {"images": 0, "scripts": 0, "handlers": 0}, path
        assert admin.seen.problems(but=[FAILED]) == [], path
        admin.seen.forget()
        shown += HOSTILE in page.locator("body").inner_text()
    assert shown >= 20, "it is shown all the same, as text"


def test_the_hostile_query_has_its_page_with_charts_plan_and_executions(admin: Visitor) -> None:
    page = admin.page
    open_page(page, f"/queries/{segment(HOSTILE)}/{HOSTILE_SHAPE.fingerprint}")
    expect(page.locator("#latency")).to_have_attribute("data-state", re.compile("ready|stale"))
    expect(page.locator("#plans")).to_contain_text(HOSTILE)
    expect(page.locator("#executions")).to_contain_text(HOSTILE)
    drawn(page)
    assert violations(page) == []
    assert admin.seen.problems() == []


def test_login_and_what_a_role_may_not_see(browser: Browser, guarded: GuardedServer) -> None:
    with visit(browser, guarded.url) as stranger:
        page = stranger.page
        page.goto("/cases/1")
        page.wait_for_url("**/login?next=%2Fcases%2F1")
        for size in (WIDE, NARROW):
            resize(page, size)
            assert violations(page) == []
            assert layout_problems(page) == []
        page.get_by_label("Name").fill("viewer")
        page.get_by_label("Password").fill("wrong horse battery staple")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []
        assert stranger.seen.problems(but=[FAILED]) == []
        stranger.seen.forget()

        log_in(page, Role.VIEWER)
        for tab in ("people", "tokens", "audit"):
            open_page(page, f"/settings?tab={tab}")
            expect(page.locator("[data-state=forbidden]")).to_contain_text("for administrators")
            assert violations(page) == []
        open_page(page, "/cases/2")
        assert page.get_by_role("button", name="Approve this change").count() == 0
        expect(page.locator("main")).to_contain_text("You may look.")
        assert stranger.seen.problems(but=[FAILED]) == []
        page.locator("details.who summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login*")
        page.goto("/")
        page.wait_for_url("**/login?next=%2F")
