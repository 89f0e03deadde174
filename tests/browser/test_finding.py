"""Finding things: the query among ten thousand, the change that was rolled back, and why."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Visitor
from tests.browser.servers import SHAPES_COUNT, DayServer
from tests.browser.waiting import drawn, open_page

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

DAY = "/queries?from=now-24h&to=now"


def column(page: Page, label: str) -> list[float]:
    """The exact numbers of a column, top to bottom, as their titles have them; what was not measured is left out."""
    cells: Locator = page.locator(f"#results tbody td[data-label='{label}'] > .num")
    titles = [cell.get_attribute("title") or "" for cell in cells.all()]
    return [float(title.split()[0]) for title in titles]


def total(page: Page) -> int:
    """How many queries there are, as the pager says."""
    said = re.search(r"of ([\d,]+) queries", page.locator("#results .pager-text").inner_text())
    assert said is not None
    return int(said[1].replace(",", ""))


def test_ten_thousand_queries_are_sorted_searched_and_paged(visitor: Visitor) -> None:
    page = visitor.page
    open_page(page, DAY)
    assert total(page) > 0.9 * SHAPES_COUNT, "all that ran within the day"
    loads = column(page, "Load")
    assert loads == sorted(loads, reverse=True)
    assert len(loads) == 50

    page.get_by_role("link", name="Mean", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Mean")
    assert "sort=mean_ms" in page.url or "sort=mean" in page.url
    means = column(page, "Mean")
    assert means == sorted(means, reverse=True)
    page.get_by_role("link", name="Mean", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Mean")
    means = column(page, "Mean")
    assert means == sorted(means)
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Mean")
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Load")

    first = page.locator("#results tbody code.statement").first.inner_text()
    page.get_by_role("link", name=re.compile("Next")).click()
    expect(page.locator("#results .pager-text")).to_contain_text("51 to 100")
    assert page.locator("#results tbody code.statement").first.inner_text() != first
    assert "page=2" in page.url

    page.keyboard.press("/")
    page.keyboard.type("warehouses")
    expect(page.locator("#results .pager-text")).to_contain_text("1 to ")
    page.wait_for_url("**q=warehouses*")
    assert "page=2" not in page.url
    assert 0 < total(page) < 0.2 * SHAPES_COUNT
    for row in page.locator("#results tbody tr").all():
        assert "warehouses" in row.inner_text()
    searched = page.url
    page.keyboard.type(" zzz")
    expect(page.locator("#results")).to_contain_text("No query fits")
    open_page(page, searched)
    expect(page.locator("#search")).to_have_value("warehouses")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/queries/shop/*")
    drawn(page)


def test_the_change_that_was_rolled_back_and_why(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, "/")
    row = page.locator("#last-changes tr", has_text="rolled back").first
    expect(row).to_contain_text("slower")
    row.locator(".row-link").click()
    page.wait_for_url(f"**/cases/{day.cases['rolled_back']}*")
    drawn(page)
    head = page.locator(".case-head")
    expect(head).to_contain_text("rolled back")
    expect(head).to_contain_text("Proven slower: 1.80 times what it took, between 1.62 and 2.02")
    expect(page.locator(".outcome-figure")).to_have_text("1.8× slower")
    expect(page.locator(".case-outcome")).to_contain_text("predicted: 5× faster")
    steps = page.locator(".steps li[data-status=done]")
    assert steps.count() == 7
    expect(steps.last).to_contain_text("Rolled back")
    expect(page.locator("#undo")).to_contain_text("The index was dropped again")
    expect(page.locator("#timeline")).to_contain_text("Applied")
    effect = page.locator("figure.effect")
    effect.get_by_text("View as table").click()
    assert effect.locator("tbody tr").nth(1).inner_text().split() == ["measured", "1.8", "1.62", "2.02"]
    expect(page.locator("#plan-before")).to_contain_text("Seq Scan")
    expect(page.locator("#plan-after")).to_contain_text("Index Scan")

    page.locator("#finding tbody a").first.click()  # evidence is one click away
    page.wait_for_url("**/queries/shop/*from=*")
    drawn(page)
    expect(page.locator("tt-chart").first).to_have_attribute("data-state", "ready")
    page.go_back()
    page.wait_for_url(f"**/cases/{day.cases['rolled_back']}*")
    open_page(page, "/ledger?state=rolled_back")
    expect(page.locator("#applied tbody tr").first).to_contain_text("rolled back")


def test_marks_on_the_chart_lead_to_their_cases(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    open_page(page, f"/queries/shop/{day.rolled_back_shape}?from={day.start_ms}&to={day.end_ms}")
    link = page.locator("#latency .chart-marks a").first
    expect(link).to_be_visible()
    number = (link.get_attribute("href") or "").rpartition("/")[2]
    link.click()
    page.wait_for_url(f"**/cases/{number}*")
