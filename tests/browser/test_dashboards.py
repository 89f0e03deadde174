"""A dashboard in a real browser: only what is seen is asked, it follows range and variables."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, Visitor
from tests.browser.layout import layout_problems
from tests.browser.servers import DayServer
from tests.browser.waiting import drawn, open_page, resize, until

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]
SOURCE = {"type": "prometheus"}
RATE = 'sum by (job) (rate(requests_total{job=~"$job"}[$__rate_interval]))'
ROWS = 24
"""Rows of panels below those of each kind: more than anybody sees at once."""


def panel(number: int, kind: str, expression: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    """A panel of a third of the width."""
    target = {"refId": "A", "expr": expression, "legendFormat": more.pop("legend", "")}
    place = {"x": x, "y": y, "w": 8, "h": 6}
    own = {"id": number, "type": kind, "title": f"Panel {number}", "description": "What it is about.", "gridPos": place}
    return {**own, "datasource": SOURCE, "targets": [target], **more}


def document() -> dict[str, Any]:
    """Each kind, and many charts below them."""
    custom = {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 40}
    unit = {"defaults": {"unit": "reqps", "custom": custom}, "overrides": []}
    kinds = [
        panel(1, "timeseries", RATE, 0, 0, legend="{{job}}", fieldConfig=unit),
        panel(2, "stat", "count(requests_total)", 8, 0),
        panel(3, "gauge", "50", 16, 0, fieldConfig={"defaults": {"unit": "percent", "max": 100}}),
        panel(4, "bargauge", "sum by (job) (requests_total)", 0, 6, legend="{{job}}"),
        panel(5, "table", "sum by (job) (requests_total)", 8, 6),
        panel(6, "piechart", "1", 16, 6),
        {
            "id": 7,
            "type": "text",
            "gridPos": {"x": 0, "y": 12, "w": 24, "h": 2},
            "options": {"content": "## Below are many"},
        },
    ]
    many = [panel(100 + n, "timeseries", RATE, n % 3 * 8, 20 + n // 3 * 6, legend="{{job}}") for n in range(3 * ROWS)]
    job = {"name": "job", "label": "Job", "type": "query", "query": "label_values(requests_total, job)"}
    return {
        "uid": "browser",
        "title": "Seen in a browser",
        "templating": {"list": [{**job, "includeAll": True, "current": {"value": "$__all"}}]},
        "panels": [*kinds, *many],
    }


BANDS = """(chart) => {
  const { plot, points } = chart;
  // where lines run level: the pixel is some way beside the point
  const isLevel = ({ values }, at) => values[at] > 0 && Math.abs(values[at] - values[at - 1]) < values[at] / 20;
  const at = plot.data[0].findLastIndex((_, at) => points.every((line) => isLevel(line, at) && isLevel(line, at + 1)));
  const signs = [...chart.querySelectorAll(":scope > .chart-legend i")];
  const colours = signs.map((one) => getComputedStyle(one).backgroundColor);
  const { width, height } = plot.ctx.canvas;
  const pixels = plot.ctx.getImageData(0, 0, width, height).data;
  let below = 0;
  return points.map(({ values }, place) => {
    const above = plot.data[place + 1][at];
    const x = Math.round(plot.valToPos(plot.data[0][at], "x", true)) - 5;
    const y = Math.round(plot.valToPos(below + (above - below) * 0.37, "y", true));
    const start = (y * width + x) * 4;
    const seen = [...pixels.slice(start, start + 4)].join();
    const added = values[at];
    const found = { added, from: below, to: above, colour: colours[place], seen };
    below = above;
    return found;
  });
}"""
"""Each band of a stack, the first at the bottom: its edges, and the colour between them beside that of the legend."""


def stands_for(seen: str, colour: str) -> bool:
    """Whether a pixel has a colour, let through in part."""
    *mixed, alpha = (float(part) for part in seen.split(","))
    wanted = [float(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return 90 < alpha < 140 and all(abs(a - b) < 8 for a, b in zip(mixed, wanted, strict=True))


@pytest.fixture
def brought(day: DayServer) -> Iterator[str]:
    """The dashboard is there, and its address."""
    api = f"{day.url}/api/trimtab/dashboards"
    body = json.dumps({"document": document(), "replace": True}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(api, body, headers)).close()
    yield "/dashboards/browser?from=now-1h&to=now"
    urllib.request.urlopen(urllib.request.Request(f"{api}/browser", method="DELETE")).close()


def test_a_dashboard_is_looked_at(visitor: Visitor, brought: str) -> None:
    page = visitor.page
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/data?" in request.url:
            asked.append(request.url)

    page.on("request", note)
    open_page(page, brought)

    # only what is seen is asked for, all of it at once
    keys = {part.partition("%3A")[0] for url in asked for part in url.split("panel=")[1:]}
    assert {"1", "2", "3", "4", "5"} <= keys
    assert len(keys) < 40, "of those that ask"
    assert len(asked) <= 3
    chart = page.locator("#chart-1")
    expect(chart).to_have_attribute("data-state", "ready")
    lines = chart.locator(".chart-legend button")
    assert lines.count() > 1
    assert "req/s" in lines.first.inner_text()
    bands = chart.evaluate(BANDS)
    for band in bands:
        assert band["to"] - band["from"] == pytest.approx(band["added"]), "the first is at the bottom"
        assert stands_for(band["seen"], band["colour"]), str(band)
    lines.first.click()  # one alone: what is hidden holds nobody up
    assert chart.evaluate("(chart) => chart.plot.bands.length") == 0
    lines.first.click()
    assert chart.evaluate("(chart) => chart.plot.bands.length") == len(bands) - 1
    expect(page.locator("#panel-2 .figure")).to_have_text("2")
    expect(page.locator("#panel-3 .figure")).to_have_text("50 %")
    assert page.locator("#panel-4 li").count() == lines.count()
    assert page.locator("#panel-5 tbody tr").count() == lines.count()
    expect(page.locator("#panel-6")).to_contain_text("Pie charts are not drawn here")
    expect(page.locator("#panel-7 .md-2")).to_have_text("Below are many")

    # what comes into sight is asked for then
    last = page.locator(f"#chart-{100 + 3 * ROWS - 1}")
    assert last.get_attribute("data-state") == "loading"
    last.scroll_into_view_if_needed()
    expect(last).to_have_attribute("data-state", "ready")
    page.evaluate("scrollTo(0, 0)")
    drawn(page)

    # a brush is the page's range, and every panel that is seen follows it
    asked.clear()
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 30, steps=4)
    page.mouse.up()
    until(page, "() => /from=[0-9]{13}/.test(location.search)")
    drawn(page)
    assert asked
    assert all("from=now" not in url for url in asked)

    # a variable goes into the address, with the range
    page.get_by_label("Job").select_option("api")
    page.wait_for_url("**/dashboards/browser?*var-job=api*")
    drawn(page)
    assert "from=" in page.url
    expect(page.locator("#chart-1 .chart-legend button")).to_have_count(1)
    href = page.locator("#panel-1 .dash-explore").get_attribute("href")
    assert href is not None
    assert href.startswith("/explore?q=sum+by+%28job%29")

    # nothing overlaps or is cut, and axe finds nothing, in both themes
    found = [f"wide: {problem}" for problem in layout_problems(page)]
    page.emulate_media(color_scheme="light")
    found += [f"light: {problem}" for problem in violations(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {problem}" for problem in violations(page, only_colours=True)]
    resize(page, NARROW)
    drawn(page)
    found += [f"narrow: {problem}" for problem in layout_problems(page)]
    assert found == [], chr(10).join(found)

    open_page(page, "/dashboards")
    assert layout_problems(page) == []
    assert violations(page) == []
