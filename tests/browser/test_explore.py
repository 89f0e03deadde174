"""The Explorer page with real samples: written with completion by keyboard alone, seen as lines, shared as a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import QUIET, running
from tests.browser.waiting import drawn, open_page, until
from tests.promql.sending import Sent, send_example

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

SCRIPT_BYTES_MAX = 60 * 1024
RATE = "sum by (job) (rate(requests_total[5m]))"


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """A server with a few series of the last hour."""
    with running(tmp_path_factory.mktemp("metrics") / "data", QUIET) as server:
        yield send_example(server.url)


@pytest.fixture
def somebody(browser: Browser, sent: Sent) -> Iterator[Visitor]:
    """At a desk."""
    with visit(browser, sent.url) as opened:
        yield opened
    assert opened.seen.problems() == []


def address(*queries: str, more: str = "") -> str:
    """The page with these queries."""
    return "/explore?" + "&".join(f"q={quote(query, safe='')}" for query in queries) + more


def box(page: Page, letter: str = "a") -> str:
    """What stands in a box."""
    return page.locator(f"#q-{letter}").input_value()


def test_a_query_is_written_with_the_keyboard_alone(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/explore")
    expect(page.locator("#q-a")).to_be_focused()
    options = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    page.keyboard.type("sum")
    expect(options.first).to_contain_text("sum")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(page.locator("#q-a")).to_be_focused()
    page.keyboard.type("(rat")
    expect(page.get_by_role("option", name=re.compile("^rate"))).to_have_attribute("aria-selected", "true")
    expect(page.locator("tt-complete p")).to_contain_text("rate(v[5m]) growth per second of a counter")
    assert page.locator("#q-a").get_attribute("aria-activedescendant") == "complete-0"
    assert violations(page) == []
    page.keyboard.press("Tab")
    assert box(page) == "sum(rate()"
    page.keyboard.type("requ")
    expect(page.get_by_role("option", name=re.compile("^requests_total"))).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.type("{jo")
    expect(page.get_by_role("option", name=re.compile("^job"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert box(page) == 'sum(rate(requests_total{job="db")'
    page.keyboard.type("}[")
    expect(page.get_by_role("option", name=re.compile("^5m"))).to_be_visible()
    page.keyboard.type("5m]")
    page.keyboard.press("End")
    page.keyboard.type(")")
    assert box(page) == 'sum(rate(requests_total{job="db"}[5m]))'
    page.keyboard.press("Enter")
    page.wait_for_url("**/explore?q=sum*")
    drawn(page)
    expect(page.locator("tt-chart")).to_have_attribute("data-state", "ready")
    expect(page.locator("#answer-a .answer-table td")).to_have_text(re.compile(r"^[\d.]+ /s$"))
    expect(page.locator("#q-a")).to_be_focused()


def test_shift_and_enter_writes_a_line_and_undo_takes_a_suggestion_back(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/explore")
    page.keyboard.type("tempe")
    expect(page.get_by_role("option", name=re.compile("^temperature"))).to_be_visible()
    page.keyboard.press("Tab")
    assert box(page) == "temperature"
    page.keyboard.press("Control+z")
    assert box(page) == "tempe"
    page.keyboard.press("End")
    page.keyboard.press("Shift+Enter")
    assert box(page) == "tempe\n"
    assert page.url.endswith("/explore")


def test_an_error_is_shown_at_its_place_and_the_other_query_stays(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, address("sum(\n  rate(up[5m])", RATE))
    trouble = page.locator("#answer-a .trouble")
    expect(trouble).to_contain_text("line 2, column 15")
    expect(page.locator("#answer-b tt-chart")).to_have_attribute("data-state", "ready")
    trouble.get_by_role("button", name="Go there").click()
    assert page.evaluate("() => document.activeElement.selectionStart") == 19
    page.keyboard.type(")")
    chart = page.locator("#answer-b tt-chart").element_handle()
    page.keyboard.press("Enter")
    expect(page.locator("#answer-a tt-chart")).to_have_attribute("data-state", "ready")
    assert page.locator("#answer-b tt-chart").evaluate("(one, before) => one === before", chart), "drawn once"


def test_queries_come_and_go_and_back_brings_them_again(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, address("up"))
    page.get_by_role("button", name="Add query").click()
    expect(page.locator("#q-b")).to_be_focused()
    page.keyboard.type("temperatur")
    expect(page.get_by_role("option", name=re.compile("^temperature"))).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=up&q=temperature")
    drawn(page)
    expect(page.locator("tt-chart[data-state=ready]")).to_have_count(2)
    page.get_by_role("button", name="Hide query A").click()
    page.wait_for_url("**&off=a")
    expect(page.locator("tt-chart")).to_have_count(1)
    page.get_by_role("button", name="Remove query A").click()
    page.wait_for_url("**/explore?q=temperature")
    expect(page.locator("#q-b")).to_have_count(0)
    assert box(page) == "temperature"
    for ending in ("off=a", "q=up&q=temperature"):
        page.go_back()
        page.wait_for_url(f"**{ending}")
        expect(page.locator("#q-b")).to_be_visible()
        assert (box(page), box(page, "b")) == ("up", "temperature")
    drawn(page)
    expect(page.locator("tt-chart[data-state=ready]")).to_have_count(2)


def test_a_brush_zooms_every_chart_and_a_link_shows_the_same(somebody: Visitor, browser: Browser, sent: Sent) -> None:
    page = somebody.page
    start = address(RATE, "temperature", more=f"&from={sent.start_ms}&to={sent.end_ms}")
    open_page(page, start)
    over = page.locator("tt-chart .u-over").first.bounding_box()
    assert over is not None
    page.mouse.move(over["x"] + over["width"] * 0.3, over["y"] + 60)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * 0.6, over["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: f"from={sent.start_ms}" not in url)
    width_ms = sent.end_ms - sent.start_ms
    until(
        page,
        f"""() => [...document.querySelectorAll("tt-chart")].every(({{ range }}) =>
          range.to_ms - range.from_ms < {0.4 * width_ms})""",
    )
    drawn(page)
    moment = "() => document.querySelector('#answer-a .answer-foot time').dataset.ms"
    until(page, f"() => ({moment})() < {sent.end_ms - 0.3 * width_ms}")
    points = "() => [...document.querySelectorAll('tt-chart')].map((chart) => JSON.stringify(chart.points))"
    mine = page.evaluate(points)
    with visit(browser, sent.url) as other:
        open_page(other.page, page.url)
        assert other.page.evaluate(points) == mine
        assert box(other.page) == RATE
        assert other.seen.problems() == []
    page.locator("#q-a").press("Enter")
    page.wait_for_timeout(200)
    assert f"from={sent.start_ms}" not in page.url, "the form goes with the range"
    page.go_back()
    assert page.url.endswith(start)
    until(page, f"() => document.querySelector('tt-chart').range.to_ms - {sent.start_ms} > {0.9 * width_ms}")


def test_a_name_in_the_legend_shows_its_line_alone_and_all_again(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, address("temperature"))
    names = page.locator(".chart-legend button")
    expect(names).to_have_count(2)
    assert names.first.get_attribute("title") == 'temperature{instance="10.0.0.0:9100",job="api"}'
    names.first.click()
    expect(names.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(names.nth(1)).to_have_attribute("aria-pressed", "false")
    names.first.click()
    expect(names.nth(1)).to_have_attribute("aria-pressed", "true")


def test_sorting_and_views_do_not_load_the_page_again(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, address("temperature"))
    page.evaluate("() => { window.ttSame = true; }")
    page.get_by_role("link", name="Value").click()
    page.wait_for_url("**sort=value&desc=1")
    page.get_by_role("button", name="Table", exact=True).click()
    page.wait_for_url("**view=table*")
    expect(page.locator("tt-chart")).to_have_count(0)
    page.get_by_role("button", name="Graph", exact=True).click()
    page.wait_for_url("**view=graph*")
    drawn(page)
    expect(page.locator(".answer-table")).to_have_count(0)
    assert page.evaluate("() => window.ttSame")


def test_without_script_it_is_a_form(browser: Browser, sent: Sent) -> None:
    with visit(browser, sent.url, script=False) as opened:
        page = opened.page
        page.goto("/explore")
        page.locator("#q-a").fill("temperature")
        page.get_by_role("button", name="Add query").click()
        page.locator("#q-b").fill("sum(")
        page.get_by_role("button", name="Run").click()
        expect(page.locator("#answer-a .answer-table tbody tr")).to_have_count(2)
        expect(page.locator("#answer-b .trouble")).to_contain_text("line 1, column 5")
        page.get_by_role("button", name="Remove query B").click()
        expect(page.locator("#q-b")).to_have_count(0)
        assert opened.seen.problems() == []


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_it_is_sound_in_both_themes(browser: Browser, sent: Sent, narrow: bool) -> None:
    with visit(browser, sent.url, size=NARROW if narrow else WIDE) as opened:
        for path in ("/explore", address(RATE, "sum(\n  x", "up[1m]", "temperature", "nothing", '"text"')):
            open_page(opened.page, path)
            for scheme in ("light", "dark"):
                opened.page.emulate_media(color_scheme=scheme)
                assert violations(opened.page, only_colours=scheme == "dark") == []
            assert layout_problems(opened.page) == []
        assert opened.seen.problems() == []


def test_it_has_little_script(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, address(RATE))
    ask = """() => performance.getEntriesByType("resource").filter(({ name }) => /\\.js\\?/.test(name))
      .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
    assert 40_000 < int(str(page.evaluate(ask))) <= SCRIPT_BYTES_MAX
