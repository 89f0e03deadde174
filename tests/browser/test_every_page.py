"""Every page in both themes and at both widths: axe finds nothing, nothing overlaps or is cut, nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, TIMEOUT_MS, WIDE, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.places import PLACES, Place
from tests.browser.servers import DayServer
from tests.browser.waiting import drawn, open_page, resize

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]


@pytest.fixture(scope="module")
def walker(browser: Browser, day: DayServer) -> Iterator[Visitor]:
    """Somebody who goes from page to page: scripts and styles are fetched and read once, as for a person."""
    with visit(browser, day.url) as opened:
        yield opened


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_page_has_nothing_wrong_with_it(walker: Visitor, day: DayServer, place: Place) -> None:
    page = walker.page
    walker.seen.forget()
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    open_page(page, place.address(day))
    found: list[str] = []
    for size in (WIDE, NARROW):
        resize(page, size)
        found += [f"{size['width']}: {problem}" for problem in layout_problems(page)]
        page.emulate_media(color_scheme="light")
        found += [f"{size['width']} light: {problem}" for problem in violations(page)]
        page.emulate_media(color_scheme="dark")
        found += [f"{size['width']} dark: {problem}" for problem in violations(page, only_colours=True)]
    assert found == []
    assert page.locator("tt-chart[data-state=error]").count() == 0
    expected = [] if place.status == 200 else [f"status of {place.status}"]
    assert walker.seen.problems(but=expected) == []


def test_a_picture_can_be_seen_as_a_table(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    for path in ("/", f"/queries/shop/{day.shape}", f"/cases/{day.cases['kept']}"):
        open_page(page, path)
        charts = page.locator("tt-chart:is([data-state=ready], [data-state=stale])")
        assert charts.count() > 0, path
        for chart in charts.all():
            chart.get_by_role("button", name="View as table").click()
            rows = chart.locator(".chart-table tbody tr")
            has_an_empty_table = f"{path}: {chart.get_attribute('id')} has an empty table"
            expect(rows, has_an_empty_table).not_to_have_count(0, timeout=TIMEOUT_MS)
            assert chart.get_by_role("button", name="Hide table").get_attribute("aria-expanded") == "true"
        for effect in page.locator("figure.effect").all():
            effect.get_by_text("View as table").click()
            assert effect.locator("tbody tr").all_inner_texts()[0].startswith("predicted")
        alone = page.locator("main svg[role=img]:not(figure.effect svg):not(td svg)")
        assert alone.count() == 0, f"{path} has a picture without a table"
        assert layout_problems(page) == []


def test_what_is_printed_has_the_content_and_not_the_controls(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    for path in ("/", "/queries", f"/queries/shop/{day.shape}", f"/cases/{day.cases['kept']}", "/ledger"):
        open_page(page, path)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 720, "height": 1000})
        drawn(page)
        for control in (".rail", ".top-tools", ".toolbar", ".chart-tools", ".copy", "main form"):
            assert page.locator(f"{control} >> visible=true").count() == 0, f"{path} prints {control}"
        assert page.locator("main").inner_text().strip(), path
        assert layout_problems(page) == [], path
        page.emulate_media(media="screen")
        page.set_viewport_size(WIDE)
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("address", ["http://192.0.2.1/x", "http://[2001:db8::1]/x", "https://example.com/x"])
def test_nothing_else_can_be_reached_and_who_tries_is_noted(visitor: Visitor, address: str) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        visitor.page.goto(address)
    assert visitor.seen.elsewhere == [address]
    visitor.seen.forget()


def test_who_watches_the_page_sees_what_it_must_not_do(visitor: Visitor) -> None:
    page, seen = visitor.page, visitor.seen
    open_page(page, "/cases")
    page.evaluate(
        """() => {
          fetch("https://example.com/x").catch(() => {});
          document.body.append(Object.assign(document.createElement("img"), { src: "http://192.0.2.1/y.png" }));
          document.body.setAttribute("style", "color: red");
          setTimeout(() => { throw new Error("a fault"); });
          setTimeout(() => alert("hello"), 1);
        }"""
    )
    for sign in ("connect-src refused", "img-src refused", "fault: ", "dialog: hello"):
        for _ in range(400):
            if any(sign in problem for problem in seen.problems()):
                break
            page.wait_for_timeout(25)
        else:
            raise AssertionError(f"{sign!r} was not noticed: {seen.problems()}")
    seen.forget()
