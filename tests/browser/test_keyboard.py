"""Everything works with the keyboard alone: keys, order of Tab, focus that can be seen, no traps."""

from __future__ import annotations

import re
from typing import TypedDict, cast

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import Visitor
from tests.browser.layout import layout_problems
from tests.browser.servers import DayServer
from tests.browser.waiting import begun, drawn, open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

_FOCUSED = """
() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  window.ttSeen ??= new Map();
  if (!ttSeen.has(one)) ttSeen.set(one, ttSeen.size);
  const ringed = ["", "::after"].map((part) => getComputedStyle(one, part));
  const box = one.getBoundingClientRect();
  const text = (one.getAttribute("aria-label") ?? one.textContent ?? "").trim().replace(/\\s+/g, " ").slice(0, 40);
  return {
    number: ttSeen.get(one),
    name: `${one.tagName.toLowerCase()} ${text}`,
    ring: ringed.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1),
    inside: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0,
    after: !window.ttLast || Boolean(ttLast.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING),
    last: (window.ttLast = one) && true,
  };
}
"""


class Stop(TypedDict):
    """One element that Tab comes to."""

    number: int
    name: str
    ring: bool
    inside: bool
    after: bool


def walk(page: Page, stops_max: int = 400) -> list[Stop]:
    """Press Tab until it leaves the page or comes round, and say what had the focus."""
    stops: list[Stop] = []
    page.evaluate("() => { window.ttSeen = new Map(); window.ttLast = null; }")
    for _ in range(stops_max):
        page.keyboard.press("Tab")
        stop = cast("Stop | None", page.evaluate(_FOCUSED))
        if stop is None or stop["number"] < len(stops):
            return stops
        stops.append(stop)
    raise AssertionError(f"no end after {stops_max} stops; the last: {[stop['name'] for stop in stops[-5:]]}")


@pytest.mark.parametrize("path", ["/", "/queries?from=now-24h&to=now", "/cases/{proposed}", "/settings?tab=policy"])
def test_tab_comes_to_everything_in_order_and_shows_where_it_is(visitor: Visitor, day: DayServer, path: str) -> None:
    page = visitor.page
    open_page(page, path.format(**day.cases))
    page.keyboard.press("p")  # nothing is redrawn meanwhile; a click would move where Tab begins
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
          .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0
            && one.type !== "hidden" && !one.closest("[inert]")
            && !(one.type === "radio" && !one.checked)).length"""
    )
    stops = walk(page)
    assert stops[0]["name"] == "a Skip to content"
    assert [stop["name"] for stop in stops if not stop["ring"]] == [], "focus cannot be seen"
    assert [stop["name"] for stop in stops if not stop["inside"]] == [], "focus is out of sight"
    assert [stop["name"] for stop in stops if not stop["after"]] == [], "against the order of the page"
    assert len(stops) == wanted


def test_the_first_tab_leads_past_the_navigation(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, "/queries")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#search")).to_be_focused()


def test_keys_lead_to_places(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, "/?from=now-6h&to=now")
    for key, path in (
        ("q", "/queries"),
        ("e", "/explore"),
        ("c", "/cases"),
        ("h", "/changes"),
        ("l", "/ledger"),
        ("s", "/settings"),
        ("t", "/self"),
        ("o", "/"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(re.compile(rf"{path}\?from=now-6h&to=now$"))
        begun(page)
        if path == "/explore":
            expect(page.locator("#q-a")).to_be_focused()  # one comes there to write
            page.keyboard.press("Escape")
    open_page(page, "/cases/1")
    page.keyboard.press("/")
    page.wait_for_url("**/queries*")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("g q / ?")
    begun(page)  # what comes late neither takes away nor selects what was typed
    expect(page.locator("#search")).to_have_value("g q / ?")
    page.keyboard.press("Escape")
    expect(page.locator("#search")).not_to_be_focused()


def test_help_says_every_key_and_escape_closes_it(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, "/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    assert dialog.locator("dl > div").count() >= 15
    assert violations(page) == []
    assert layout_problems(page) == []
    page.keyboard.press("j")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_range_is_chosen_without_a_mouse(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, "/")
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Time range")
    expect(dialog).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("t")
    expect(dialog.get_by_role("button", name="1 hour", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**from=now-6h&to=now*")
    page.keyboard.press("z")
    page.wait_for_url("**from=now-12h&to=now*")
    drawn(page)


def test_rows_are_walked_and_opened(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, "/queries?from=now-24h&to=now")
    links = page.locator("main .row-link")
    for key, row in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(links.nth(row)).to_be_focused()
    target = links.nth(1).get_attribute("href") or ""
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
    drawn(page)
    page.go_back()
    page.wait_for_url("**/queries?from=now-24h&to=now")


def test_a_chart_is_read_and_zoomed_with_keys(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.shape}?from={day.start_ms}&to={day.end_ms}")
    chart = page.locator("tt-chart .chart-plot").first
    chart.focus()
    assert (chart.get_attribute("aria-label") or "").startswith("Latency.")
    page.keyboard.press("ArrowLeft")
    when = page.locator("tt-chart .chart-legend .when").first
    expect(when).not_to_be_empty()
    at = when.inner_text()
    page.keyboard.press("Shift+ArrowLeft")
    expect(when).not_to_have_text(at)
    page.keyboard.press("+")
    page.wait_for_url(lambda url: f"from={day.start_ms}" not in url)
    until(
        page,
        f"""() => {{ const range = document.querySelector('tt-chart').range;
          return range.to_ms - range.from_ms < {0.6 * (day.end_ms - day.start_ms)}; }}""",
    )
    page.keyboard.press("Home")
    page.wait_for_url(f"**from={day.start_ms}&to={day.end_ms}")
    page.keyboard.press("Tab")
    expect(chart).not_to_be_focused()
