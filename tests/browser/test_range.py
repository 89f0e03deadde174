"""The time range: brushing zooms every chart, Back undoes it, the address says it all, the zone is a choice."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Visitor, visit
from tests.browser.servers import DayServer
from tests.browser.waiting import drawn, open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
Span = tuple[float, float]


def shown(page: Page) -> list[Span]:
    """What each chart shows, from and to."""
    ask = "() => [...document.querySelectorAll('tt-chart')].map((chart) => [chart.range?.from_ms, chart.range?.to_ms])"
    return [(low, high) for low, high in cast("list[tuple[float, float]]", page.evaluate(ask))]


def address(page: Page) -> Span:
    """The range in the address."""
    said = parse_qs(urlsplit(page.url).query)
    return float(said["from"][0]), float(said["to"][0])


def plot(page: Page, number: int = 0) -> tuple[float, float, float, float]:
    """Where a chart is drawn: left, top, width, height."""
    over = page.locator("tt-chart .u-over").nth(number)
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def brush(page: Page, start: float, end: float, number: int = 0) -> None:
    """Drag over a part of a chart, given as shares of its width."""
    left, top, width, height = plot(page, number)
    page.mouse.move(left + start * width, top + height / 2)
    page.mouse.down()
    page.mouse.move(left + (start + end) / 2 * width, top + height / 2, steps=3)
    page.mouse.move(left + end * width, top + height / 2, steps=3)
    page.mouse.up()


def wait_for_range(page: Page, low: float, high: float, *, within_ms: float) -> None:
    """Until every chart shows that range and has its numbers."""
    until(
        page,
        f"""() => [...document.querySelectorAll("tt-chart")].every(({{ range }}) => range
          && Math.abs(range.from_ms - {low}) <= {within_ms} && Math.abs(range.to_ms - {high}) <= {within_ms})""",
    )
    drawn(page)


def test_brushing_zooms_every_chart_and_back_undoes_it_with_one_press(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    start = f"/queries/shop/{day.shape}?from={day.start_ms}&to={day.end_ms}"
    open_page(page, start)
    before = shown(page)
    assert len(before) >= 4
    width_ms = day.end_ms - day.start_ms
    brush(page, 0.5, 0.75, number=1)
    page.wait_for_url(lambda url: f"from={day.start_ms}" not in url)
    low, high = address(page)
    assert low == pytest.approx(day.start_ms + 0.5 * width_ms, abs=0.02 * width_ms)
    assert high == pytest.approx(day.start_ms + 0.75 * width_ms, abs=0.02 * width_ms)
    wait_for_range(page, low, high, within_ms=5 * MINUTE_MS)
    first = page.url

    brush(page, 0.2, 0.6)
    page.wait_for_url(lambda url: url != first)
    low_2, high_2 = address(page)
    assert low < low_2 < high_2 < high
    wait_for_range(page, low_2, high_2, within_ms=2 * MINUTE_MS)

    page.go_back()
    assert page.url == first
    wait_for_range(page, low, high, within_ms=5 * MINUTE_MS)
    page.go_back()
    assert page.url.endswith(start)
    wait_for_range(page, *before[0], within_ms=MINUTE_MS)
    page.go_forward()
    assert page.url == first
    wait_for_range(page, low, high, within_ms=5 * MINUTE_MS)


def test_a_link_shows_somebody_else_the_same(visitor: Visitor, browser: Browser, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.rolled_back_shape}?from={day.start_ms}&to={day.end_ms}")
    brush(page, 0.3, 0.7)
    page.wait_for_url(lambda url: f"from={day.start_ms}" not in url)
    drawn(page)
    wait_for_range(page, *address(page), within_ms=5 * MINUTE_MS)
    ask = "() => [...document.querySelectorAll('tt-chart')].map((chart) => JSON.stringify(chart.points))"
    mine = page.evaluate(ask)
    with visit(browser, day.url) as other:
        open_page(other.page, page.url)
        assert other.page.evaluate(ask) == mine
        assert shown(other.page) == shown(page)
        assert other.seen.problems() == []
    page.reload()
    drawn(page)
    assert page.evaluate(ask) == mine


def test_the_cross_hair_is_shared_and_says_values_and_moment(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.shape}?from={day.end_ms - 6 * HOUR_MS}&to={day.end_ms}")
    left, top, width, height = plot(page)
    page.mouse.move(left + width / 2, top + height / 2)
    moments = page.locator("tt-chart .chart-legend .when")
    expect(moments.first).to_have_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"))
    texts = {text.split(": ")[0] for text in moments.all_inner_texts()}
    assert len(texts) == 1, texts
    crossed = page.locator("tt-chart .u-cursor-x:not(.u-off)")
    assert crossed.count() == page.locator("tt-chart").count()


def test_an_absolute_range_can_be_typed(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.shape}")
    page.get_by_role("button", name=re.compile("^Time range")).click()
    dialog = page.get_by_role("dialog", name="Time range")
    start = datetime.fromtimestamp((day.end_ms - 5 * HOUR_MS) // MINUTE_MS * MINUTE_MS / 1000, UTC)
    end = datetime.fromtimestamp((day.end_ms - 3 * HOUR_MS) // MINUTE_MS * MINUTE_MS / 1000, UTC)
    dialog.get_by_label("From").fill("soon")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_contain_text('"soon" is no moment')
    dialog.get_by_label("From").fill(f"{start:%Y-%m-%d %H:%M}")
    dialog.get_by_label("To").fill(f"{end:%Y-%m-%dT%H:%M:%SZ}")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_be_hidden()
    assert address(page) == (start.timestamp() * 1000, end.timestamp() * 1000)
    wait_for_range(page, *address(page), within_ms=MINUTE_MS)
    expect(page.get_by_role("button", name=re.compile("^Time range"))).to_have_text(
        f"{start:%m-%d %H:%M} – {end:{'%H:%M' if start.date() == end.date() else '%m-%d %H:%M'}}"
    )


def test_a_quick_range_and_steps_back_and_out(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.shape}")
    page.get_by_role("button", name=re.compile("^Time range")).click()
    page.get_by_role("button", name="6 hours", exact=True).click()
    page.wait_for_url("**from=now-6h&to=now*")
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_url("**from=now-12h&to=now*")
    page.get_by_role("button", name="Earlier").click()
    page.wait_for_url(lambda url: "now-12h" not in url)
    low, high = address(page)
    assert high - low == pytest.approx(12 * HOUR_MS, abs=2000)
    wait_for_range(page, low, high, within_ms=10 * MINUTE_MS)


def test_moments_are_shown_in_the_zone_that_was_chosen(visitor: Visitor, browser: Browser, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/cases/{day.cases['kept']}")
    moment = page.locator("main time.moment").first
    at_ms = int(moment.get_attribute("data-ms") or "")
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    expect(moment).to_have_text(f"{at:%Y-%m-%d %H:%M:%S} UTC")
    page.get_by_role("button", name="Time zone: utc. Switch").click()
    berlin = page.evaluate(f"() => new Date({at_ms}).toLocaleString('sv-SE', {{ timeZone: 'Europe/Berlin' }})")
    expect(moment).to_have_text(re.compile(re.escape(str(berlin))))
    assert f"{at:%H:%M:%S}" not in moment.inner_text()
    page.reload()
    expect(moment).to_have_text(re.compile(re.escape(str(berlin))))
    with visit(browser, day.url) as other:
        open_page(other.page, f"/cases/{day.cases['kept']}?tz=local")
        expect(other.page.locator("main time.moment").first).to_have_text(re.compile(re.escape(str(berlin))))


def test_panning_pauses_and_a_press_follows_again(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.shape}?from=now-6h&to=now")
    live = page.locator("[data-action=live]")
    expect(live).to_have_attribute("data-live-state", "live")
    left, top, width, height = plot(page)
    page.keyboard.down("Shift")
    page.mouse.move(left + width / 3, top + height / 2)
    page.mouse.down()
    page.mouse.move(left + width / 2, top + height / 2, steps=4)
    expect(live).to_have_text("Paused: panning")
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(live).to_have_text("Paused: fixed range")
    low, high = address(page)
    assert high - low == pytest.approx(6 * HOUR_MS, abs=MINUTE_MS), "as long as before, up to a step of the chart"
    wait_for_range(page, low, high, within_ms=5 * MINUTE_MS)
    live.click()
    page.wait_for_url("**from=now-6h&to=now*")
    expect(live).to_have_text("Live")
    live.click()
    expect(live).to_have_text("Paused")
