"""In a real browser: one click from a chart to the trace behind it; logs and traces of several stores on one page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.api.serving import running as serving
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, TIMEOUT_MS, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import QUIET, running
from tests.browser.waiting import drawn, open_page, until
from tests.cli.receivers import traces_protobuf
from tests.integrations.fake_elasticsearch import Fake
from tests.store.logs.requests import record, request

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

PROTOBUF = {"Content-Type": "application/x-protobuf"}
QUANTILE = "1000 * histogram_quantile(0.9, sum by (le) (rate(checkout_seconds_bucket[5m])))"
INSIDE = """
() => {
  const [dot, over] = [".chart-dot", ".u-over"].map((one) => document.querySelector(one).getBoundingClientRect());
  return dot.x > over.x - 9 && dot.right < over.right + 9 && dot.y > over.y - 9 && dot.bottom < over.bottom + 9;
}
"""


@dataclass(frozen=True)
class Told:
    """A server, and a trace that it has."""

    url: str
    trace_id: str
    at_ms: int


def histogram(at_ms: int, counts: list[int], trace_id: str) -> dict[str, object]:
    """How long checkouts took, with an example of the longest."""
    point = {
        "startTimeUnixNano": str((at_ms - 600_000) * 10**6),
        "timeUnixNano": str(at_ms * 10**6),
        "count": str(sum(counts)),
        "sum": 1.0,
        "bucketCounts": [str(count) for count in counts],
        "explicitBounds": [0.1, 1.0],
        "exemplars": [{"timeUnixNano": str((at_ms - 1000) * 10**6), "asDouble": 0.8, "traceId": trace_id}],
    }
    metric = {"name": "checkout_seconds", "histogram": {"aggregationTemporality": 2, "dataPoints": [point]}}
    named = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceMetrics": [{"resource": named, "scopeMetrics": [{"metrics": [metric]}]}]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """With an Elasticsearch beside it that answers, and one that does not."""
    fake, now_ms = Fake(), time.time_ns() // 1_000_000
    for number in range(30):
        moment = datetime.fromtimestamp((now_ms - 1000 * number) / 1000, UTC).isoformat()
        document = {"@timestamp": moment, "message": f"far line {number}", "service": {"name": "far"}, "user": "anna"}
        fake.add("copied", f"id/{number}", document)
    with serving(fake.app) as far:
        config = (
            f'{QUIET}[integrations]\nlogs = ["far=elasticsearch+{far}/copied", "gone=elasticsearch+http://127.0.0.1:1/x"]\n'
            'traces = ["gone=jaeger+http://127.0.0.1:1"]\ntimeout_s = 30\n'
        )
        with running(tmp_path_factory.mktemp("leads") / "data", config) as server, httpx2.Client(timeout=60) as client:
            body = traces_protobuf("shop", range(8))
            client.post(f"{server.url}/v1/traces", content=body, headers=PROTOBUF).raise_for_status()
            lines = request(*(record(f"own line {number}", (now_ms - 700 * number) * 10**6) for number in range(20)))
            client.post(f"{server.url}/v1/logs", content=lines, headers=PROTOBUF).raise_for_status()
            give_up_at = time.monotonic() + TIMEOUT_MS / 1000
            while not (found := client.get(f"{server.url}/api/trimtab/traces").json()["traces"]):
                assert time.monotonic() < give_up_at, "the traces were never stored"
                time.sleep(0.1)
            trace = found[0]
            for number, counts in enumerate(([1, 1, 0], [2, 3, 0], [4, 6, 0], [6, 9, 0])):
                at_ms = now_ms - 60_000 * (3 - number)
                answer = client.post(f"{server.url}/v1/metrics", json=histogram(at_ms, counts, trace["trace_id"]))
                answer.raise_for_status()
            yield Told(server.url, trace["trace_id"], now_ms)


@pytest.fixture(params=["light", "dark"])
def somebody(browser: Browser, told: Told, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """At a desk, in both themes."""
    with visit(browser, told.url, scheme=request.param) as opened:
        yield opened
    assert opened.seen.problems() == []


@pytest.fixture
def phone(browser: Browser, told: Told) -> Iterator[Visitor]:
    """On the way."""
    with visit(browser, told.url, size=NARROW) as opened:
        yield opened
    assert opened.seen.problems() == []


def test_a_dot_on_a_chart_leads_to_its_trace(somebody: Visitor, told: Told) -> None:
    page = somebody.page
    open_page(page, f"/explore?q={QUANTILE}&from=now-15m&to=now")
    dots = page.locator(".chart-dot")
    expect(dots.first).to_be_visible(timeout=TIMEOUT_MS)
    until(page, INSIDE)
    most = page.locator(".chart-most")
    expect(most).to_have_text(f"Highest of {dots.count()} traces: 800")
    assert violations(page) == []
    assert layout_problems(page) == []
    page.get_by_role("button", name="View as table").click()
    page.get_by_role("button", name="Hide table").click()
    dots.last.click()
    page.wait_for_url(f"**/traces/{told.trace_id}*")
    expect(page.locator("#trace-head")).to_contain_text(told.trace_id)


def test_a_brush_works_beside_the_dots(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, f"/explore?q={QUANTILE}&from=now-15m&to=now")
    expect(page.locator(".chart-dot").first).to_be_visible(timeout=TIMEOUT_MS)
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    until(page, "() => !location.search.includes('from=now-15m')")


def test_stores_of_logs_side_by_side(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/logs")
    chooser = page.get_by_role("navigation", name="Store that is asked")
    chooser.get_by_role("link", name="far").click()
    expect(page.locator(".line")).to_have_count(30, timeout=TIMEOUT_MS)
    expect(page.locator(".level-chart")).to_have_count(0)
    page.locator(".line summary").first.click()
    expect(page.locator(".line .fact-table").first).to_contain_text("user")
    assert violations(page) == []
    assert layout_problems(page) == []
    chooser.get_by_role("link", name="all stores").click()
    expect(page.locator(".line")).to_have_count(50, timeout=TIMEOUT_MS)
    expect(page.locator("#results .note")).to_contain_text("gone")
    assert violations(page) == []
    assert layout_problems(page) == []
    chooser.get_by_role("link", name="trimtab").click()
    expect(page.locator(".level-chart tt-chart")).to_have_attribute("data-state", "ready", timeout=TIMEOUT_MS)
    expect(page.locator(".line")).to_have_count(20)


def test_stores_of_traces_side_by_side(somebody: Visitor) -> None:
    page = somebody.page
    open_page(page, "/traces?source=all&service=shop")
    expect(page.locator(".trace-list tbody tr")).to_have_count(8)
    expect(page.locator("#results .note")).to_contain_text("gone")
    assert violations(page) == []
    assert layout_problems(page) == []
    page.locator(".trace-list .row-link").first.click()
    expect(page.locator("tt-trace")).to_have_attribute("data-state", "ready", timeout=TIMEOUT_MS)
    expect(page.get_by_role("link", name="Look in gone")).to_be_visible()


def test_on_a_phone(phone: Visitor) -> None:
    page = phone.page
    for path in ("/logs?source=all", "/traces?source=all&service=shop", f"/explore?q={QUANTILE}&from=now-15m&to=now"):
        open_page(page, path)
        if "explore" in path:
            expect(page.locator(".chart-most")).to_have_text("Highest of 4 traces: 800", timeout=TIMEOUT_MS)
        drawn(page)
        assert layout_problems(page) == [], path


def test_without_script(browser: Browser, told: Told) -> None:
    with visit(browser, told.url, script=False) as nobody:
        page = nobody.page
        page.goto("/logs?q=line")
        page.get_by_role("navigation", name="Store that is asked").get_by_role("link", name="far").click()
        expect(page.locator(".line")).to_have_count(30)
        page.locator(".line summary").first.click()
        page.locator(".line .rec-wait a").first.click()
        expect(page.locator(".fact-table").first).to_contain_text("user")
        page.get_by_role("link", name="What was logged there then").click()
        expect(page.locator(".line")).to_have_count(30)
