"""The logs page with lines that come in by OTLP: searched by keyboard, narrowed by a brush, followed, printed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import QUIET, running
from tests.browser.waiting import drawn, open_page, until
from tests.store.logs.requests import record, request

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

SCRIPT_BYTES_MAX = 60 * 1024
LINES = 900


@dataclass(frozen=True)
class Logged:
    """A server with an hour of lines: `[start_ms, end_ms)`."""

    url: str
    start_ms: int
    end_ms: int

    def send(self, records: Sequence[LogRecord], service: str = "shop") -> None:
        """As a collector would."""
        answer = httpx2.post(
            f"{self.url}/v1/logs",
            content=request(*records, service=service),
            headers={"Content-Type": "application/x-protobuf"},
            timeout=60,
        )
        answer.raise_for_status()

    def wait_for(self, text: str, count: int) -> None:
        """Until so many lines can be found."""
        give_up_at = time.monotonic() + 60
        asked = {"query": text, "from": str(self.start_ms - 60_000), "to": "now"}
        while True:
            found = httpx2.get(f"{self.url}/api/trimtab/logs/histogram", params=asked, timeout=60).json()
            if found["total_count"] >= count:
                return
            assert time.monotonic() < give_up_at, f"{found['total_count']} of {count} lines of {text!r}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """Lines of two services; in the middle of the hour one of them fails."""
    with running(tmp_path_factory.mktemp("logs") / "data", QUIET) as server:
        now_ms = time.time_ns() // 1_000_000
        made = Logged(server.url, now_ms - 3_600_000, now_ms)
        step_ns = (made.end_ms - made.start_ms) * 1_000_000 // LINES
        shop, cart = [], []
        for number in range(LINES):
            at_ns = made.start_ms * 1_000_000 + number * step_ns
            own = {"user.id": f"u{number % 7}", "http.route": "/orders"}
            if number % 3:
                shop.append(record(f"order {number} placed in {number} ms", at_ns, own, severity_number=9))
            else:
                cart.append(record(f"cart of user {number} was emptied", at_ns, severity_number=5))
            if 400 <= number < 450:
                text = f"payment of order {number} timed out"
                shop.append(
                    record(text, at_ns + 1000, {"error.type": "Timeout"}, severity_number=17, trace_id=b"t" * 16)
                )
        made.send(shop)
        made.send(cart, "cart")
        made.wait_for("", LINES + 50)
        yield made


@pytest.fixture
def somebody(browser: Browser, logged: Logged) -> Iterator[Visitor]:
    """At a desk."""
    with visit(browser, logged.url) as opened:
        yield opened
    assert opened.seen.problems() == []


def rows(page: Page) -> list[str]:
    """What stands in the list."""
    return page.locator("#lines .text").all_inner_texts()


def parameters(page: Page) -> dict[str, list[str]]:
    """Of the address."""
    return parse_qs(urlsplit(page.url).query)


def test_one_searches_as_one_types_and_the_last_answer_wins(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs")
    page.evaluate("() => { window.ttSame = true; }")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("payment timed", delay=30)
    expect(page.locator("#lines .text").first).to_contain_text("payment of order 449 timed out")
    expect(page.locator("#lines mark").first).to_have_text("payment")
    page.wait_for_url("**/logs?q=payment%20timed")
    assert len(rows(page)) == 50
    expect(page.locator("tt-chart .chart-legend button")).to_have_count(1)
    expect(page.locator("tt-chart .chart-legend button")).to_contain_text("error")
    expect(page.locator("#counts .choice")).to_have_count(2)
    assert page.evaluate("() => window.ttSame")
    assert page.locator("#search").input_value() == "payment timed"
    expect(page.locator("#search")).to_be_focused()


def test_what_is_wrong_is_said_at_its_column_while_the_lines_stay(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?q=payment")
    box = page.locator("#search")
    box.press("End")
    page.keyboard.type(" (timed")
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("This ( is not closed")
    expect(trouble).to_contain_text("column 9")
    expect(trouble).to_contain_text("Below is what was found before")
    assert len(rows(page)) == 50
    assert violations(page) == []
    page.keyboard.type(" out)")
    expect(trouble).to_be_empty()
    expect(page.locator("#lines mark").first).to_have_text("payment")
    assert violations(page) == []


def test_names_and_values_are_completed_and_a_word_is_searched_for_as_it_is(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs")
    page.locator("#search").focus()
    page.keyboard.type("error")
    option = page.get_by_role("option", name=re.compile("^error.type"))
    expect(option).to_be_visible()
    expect(option).to_have_attribute("aria-selected", "false")
    assert violations(page) == []
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    assert page.locator("#search").input_value() == "error.type:"
    expect(page.get_by_role("option", name=re.compile("^Timeout"))).to_be_visible()
    page.keyboard.press("Tab")
    assert page.locator("#search").input_value() == "error.type:Timeout"
    page.keyboard.press("Enter")
    expect(page.locator("#lines .text")).to_have_count(50)
    page.keyboard.type(" level:err")
    expect(page.get_by_role("option", name=re.compile("^error"))).to_be_visible()
    page.keyboard.press("Tab")
    assert page.locator("#search").input_value() == "error.type:Timeout level:error"


def test_a_brush_narrows_the_lines_and_back_widens_them(somebody: Visitor, logged: Logged) -> None:
    page = somebody.page
    open_page(page, f"/logs?from={logged.start_ms}&to={logged.end_ms}")
    expect(page.locator("#counts .choice", has_text="error")).to_contain_text("50")
    over = page.locator("tt-chart .u-over").bounding_box()
    assert over is not None
    page.mouse.move(over["x"] + over["width"] * 0.05, over["y"] + 40)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * 0.3, over["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: f"from={logged.start_ms}" not in url)
    expect(page.locator("#counts .choice", has_text="error")).to_have_count(0)
    until(page, f"() => Number(document.querySelector('#lines time').dataset.ms) < {logged.start_ms + 1_300_000}")
    page.go_back()
    expect(page.locator("#counts .choice", has_text="error")).to_contain_text("50")
    until(page, f"() => Number(document.querySelector('#lines time').dataset.ms) > {logged.end_ms - 60_000}")


def test_levels_and_services_are_chosen_by_a_click_and_back_undoes_it(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?q=order")
    chart = page.locator("tt-chart").element_handle()
    page.locator("#counts .choice", has_text="error").click()
    page.wait_for_url("**level=error*")
    expect(page.locator("#lines .text")).to_have_count(50)
    expect(page.locator("tt-chart .chart-legend button")).to_have_count(1)
    assert page.locator("tt-chart").evaluate("(one, before) => one === before", chart), "the chart stays"
    page.go_back()
    page.wait_for_url("**/logs?q=order")
    expect(page.locator("#lines .text")).to_have_count(100)
    expect(page.locator("tt-chart .chart-legend button")).to_have_count(2)


def test_a_bar_has_the_lines_of_its_step_and_a_hidden_level_leaves_no_hole(somebody: Visitor, logged: Logged) -> None:
    page = somebody.page
    open_page(page, f"/logs?from={logged.start_ms}&to={logged.end_ms}")
    sums = """() => document.querySelector("tt-chart").points.map((one) =>
      [one.name, one.values.reduce((sum, value) => sum + value, 0)])"""
    assert dict(page.evaluate(sums)) == {"debug": 300, "info": 600, "error": 50}
    highest = "() => Math.max(...document.querySelector('tt-chart').plot.data.at(-1))"
    before = page.evaluate(highest)
    page.locator("tt-chart .chart-legend button", has_text="info").click()
    assert 0 < int(str(page.evaluate(highest))) < int(str(before))


def test_further_lines_come_at_the_end_of_the_list(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs")
    expect(page.locator("#lines li.line")).to_have_count(100)
    for count in (200, 300):
        page.locator("#more-lines").scroll_into_view_if_needed()
        until(page, f"() => document.querySelectorAll('#lines li.line').length >= {count}")
    assert len(set(page.locator("#lines li.line").evaluate_all("(all) => all.map((one) => one.id)"))) >= 300


def test_a_record_opens_in_place_and_its_fields_narrow_what_is_searched_now(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?q=payment")
    page.locator("#lines summary").first.click()
    rec = page.locator("#lines .rec").first
    expect(rec.get_by_role("row", name=re.compile("error.type"))).to_contain_text("Timeout")
    assert violations(page) == []
    assert layout_problems(page) == []
    page.locator("#search").fill("payment 44*")
    expect(page.locator("#lines .text")).to_have_count(10)
    expect(rec.get_by_role("row", name=re.compile("error.type"))).to_be_visible()
    rec.get_by_role("link", name="Only lines with error.type Timeout").click()
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query)["q"] == ["payment 44* error.type:Timeout"])
    assert page.locator("#search").input_value() == "payment 44* error.type:Timeout"
    expect(page.locator("#lines .text")).to_have_count(10)


def test_what_was_around_a_line_is_one_click_away(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?q=%22order+420+timed%22")
    page.locator("#lines summary").first.click()
    page.get_by_role("link", name="What was around it").click()
    page.wait_for_url("**#here")
    expect(page.locator(".line[data-here] .text")).to_have_text("payment of order 420 timed out")
    expect(page.locator(".line[data-here]")).to_be_in_viewport()
    expect(page.locator(".lines .line")).to_have_count(41)
    page.get_by_role("link", name="All services").click()
    expect(page.locator(".lines .whose", has_text="cart").first).to_be_attached()
    assert violations(page) == []
    assert layout_problems(page) == []


def test_patterns_are_grouped_and_filter_by_a_click(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?tab=patterns")
    expect(page.locator(".patterns tbody tr")).to_have_count(3)
    page.locator(".template", has_text="payment of order").click()
    page.wait_for_url("**pattern%3A*")
    expect(page.locator("#lines .text")).to_have_count(50)
    page.get_by_role("link", name="Fields").click()
    expect(page.get_by_role("region", name="error.type")).to_contain_text("100 %")


def test_a_tail_shows_lines_that_come_in_follows_the_search_and_keeps_the_place(
    somebody: Visitor, logged: Logged
) -> None:
    page = somebody.page
    open_page(page, "/logs")
    page.get_by_role("link", name="Live tail").click()
    tail = page.locator("tt-tail")
    expect(tail).to_have_attribute("data-state", "live")
    logged.send([record("tailed one", severity_number=13)])
    expect(page.locator("#lines .text").first).to_have_text("tailed one")
    expect(tail).to_contain_text("1 line came")
    page.locator("#lines summary").first.click()
    expect(page.locator("#lines .rec").first).to_contain_text("time_unix_nano")
    # who reads further down keeps the place
    page.locator("#lines li.line").nth(60).scroll_into_view_if_needed()
    place = "() => document.querySelectorAll('#lines li.line')[%d].getBoundingClientRect().top"
    before = page.evaluate(place % 60)
    logged.send([record(f"tailed more {number}") for number in range(5)])
    expect(tail).to_contain_text("6 lines came")
    assert page.evaluate(place % 65) == pytest.approx(before, abs=2)
    # a pause keeps what comes
    page.evaluate("() => scrollTo(0, 0)")
    tail.get_by_role("button", name="Pause").click()
    logged.send([record("tailed in the pause")])
    expect(tail.get_by_role("button")).to_have_text("Go on: 1 line wait")
    assert "tailed in the pause" not in rows(page)
    assert violations(page) == []
    tail.get_by_role("button").click()
    expect(page.locator("#lines .text").first).to_have_text("tailed in the pause")
    # another search, another tail
    page.locator("#search").fill("wanted")
    page.wait_for_url("**q=wanted*")
    expect(tail).to_have_attribute("data-state", "live")
    expect(tail).to_contain_text("0 lines came")
    logged.send([record("not this one"), record("wanted, this one")])
    expect(page.locator("#lines .text")).to_have_count(1)
    expect(page.locator("#lines mark")).to_have_text("wanted")
    page.get_by_role("link", name="Stop tail").click()
    expect(tail).to_have_count(0)


def test_a_tail_that_gets_too_much_says_what_it_left_out_and_lets_go_of_the_oldest(
    somebody: Visitor, logged: Logged
) -> None:
    page = somebody.page
    open_page(page, "/logs?tail=1&q=flood")
    tail = page.locator("tt-tail")
    expect(tail).to_have_attribute("data-state", "live")
    for part in range(7):
        logged.send([record(f"flood {part} {number}") for number in range(190)])
        logged.wait_for("flood", 190 * (part + 1))
    until(page, "() => /1,330 lines came/.test(document.querySelector('tt-tail').textContent)")
    expect(page.locator("#lines li.line")).to_have_count(1000)
    expect(tail).to_contain_text("let go")
    logged.send([record(f"flood at once {number}") for number in range(1500)])
    until(page, "() => /lines left out/.test(document.querySelector('tt-tail').textContent)")
    expect(page.locator("#lines .line-gap").first).to_contain_text("left out here")


def test_a_tail_without_a_server_says_so_and_goes_on(browser: Browser, logged: Logged) -> None:
    with visit(browser, logged.url) as opened:
        page = opened.page
        page.route("**/logs/tail*", lambda route: route.abort())
        open_page(page, "/logs?tail=1")
        tail = page.locator("tt-tail")
        expect(tail).to_have_attribute("data-state", "fault")
        expect(tail).to_contain_text("what comes now is not shown")
        page.unroute("**/logs/tail*")
        expect(tail).to_have_attribute("data-state", "live")


def test_it_is_moved_through_with_the_keyboard_alone(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/")
    page.keyboard.press("g")
    page.keyboard.press("g")
    page.wait_for_url("**/logs*")
    drawn(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#lines summary").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#lines .rec").nth(1)).to_contain_text("time_unix_nano")


def test_a_chart_leads_to_the_logs_of_its_time_and_service(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?service=shop")
    page.get_by_role("link", name="Levels as metrics").click()
    page.wait_for_url("**/explore?q=*log_records_total*")
    open_page(page, '/explore?q=log_records_total%7Bservice_name%3D"shop"%7D&from=now-15m&to=now')
    until(page, "() => document.querySelector('tt-chart').dataset.state !== 'loading'")
    page.locator(".answer-table .series-logs").first.click()
    page.wait_for_url("**/logs?*")
    assert parameters(page) == {"service": ["shop"], "from": ["now-15m"], "to": ["now"]}
    page.go_back()
    drawn(page)
    page.locator("tt-chart .chart-logs").click()
    page.wait_for_url("**/logs?*")
    assert parameters(page) == {"service": ["shop"], "from": ["now-15m"], "to": ["now"]}


def test_lines_are_wrapped_copied_and_downloaded(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs?q=payment&order=oldest")
    page.get_by_role("link", name="Wrap").click()
    page.wait_for_url("**wrap=1*")
    assert page.locator("#lines .text").first.evaluate("(one) => getComputedStyle(one).whiteSpace") == "pre-wrap"
    page.locator("#lines summary").first.click()
    page.get_by_role("button", name="Copy line").first.click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    lines = waiting.value.path().read_text().splitlines()
    assert [json.loads(line)["body_text"] for line in lines][:2] == [
        "payment of order 400 timed out",
        "payment of order 401 timed out",
    ]
    assert len(lines) == 50


def test_without_script_it_is_a_form_with_links(browser: Browser, logged: Logged) -> None:
    with visit(browser, logged.url, script=False) as opened:
        page = opened.page
        page.goto("/logs")
        page.locator("#search").fill("payment")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#lines .text")).to_have_count(50)
        page.locator("#lines summary").first.click()
        page.get_by_role("link", name="The whole record").first.click()
        expect(page.get_by_role("heading", name="What was around it")).to_be_visible()
        page.goto("/logs")
        page.locator("#more-lines a").click()
        expect(page.locator("#lines .text")).to_have_count(100)
        assert "cursor" in parameters(page)
        page.goto("/logs?q=(")
        expect(page.locator("#trouble")).to_contain_text("column 1")
        assert opened.seen.problems() == []


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_it_is_sound_in_both_themes(browser: Browser, logged: Logged, narrow: bool) -> None:
    with visit(browser, logged.url, size=NARROW if narrow else WIDE) as opened:
        page = opened.page
        for path in (
            "/logs",
            "/logs?q=payment&wrap=1&level=error&service=shop",
            "/logs?tab=patterns",
            "/logs?tab=fields",
            "/logs?q=nothing-like-it",
            "/logs?q=a+(b",
            "/logs?tail=1",
        ):
            open_page(page, path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert violations(page, only_colours=scheme == "dark") == [], (path, scheme)
            assert layout_problems(page) == [], path
        page.emulate_media(media="print")
        assert layout_problems(page) == []
        assert opened.seen.problems() == []


def test_it_has_little_script(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs")
    ask = """() => performance.getEntriesByType("resource").filter(({ name }) => /\\.js\\?/.test(name))
      .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
    assert 40_000 < int(str(page.evaluate(ask))) <= SCRIPT_BYTES_MAX
