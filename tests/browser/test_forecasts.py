"""Forecasts from end to end: history by remote write, a forecast, the API, the page, bands on the charts of a host."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from tests.app.forecasting.series_there import HOUR_MS, weeks
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import open_page, resize
from tests.promql.sending import send
from tests.web.site import open_site

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]
HOST = "/infrastructure/hosts/node/web1?from=now-2d&to=now"
DAYS, STEP_MS = 5, 300_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that got five days of series, and has made forecasts for a day and a half."""
    with open_site(tmp_path_factory.mktemp("forecasts")) as site, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        now_ms = site.service.now_ms()
        for labels, at_ms, values in weeks(now_ms, DAYS, STEP_MS):
            answer = send(url, [(labels, list(zip(at_ms.tolist(), values.tolist(), strict=True)))])
            assert answer.status_code == 204, answer.text
        for back in range(36, -1, -6):
            site.service.forecasts.round(now_ms - back * HOUR_MS)
        yield url
        site.service.events.close()
        server.should_exit = True
        thread.join()


def test_the_page_of_forecasts_has_nothing_wrong_with_it(browser: Browser, served: str) -> None:
    rows = httpx2.get(f"{served}/api/trimtab/forecasts").json()["rows"]
    cpu = next(row["series"] for row in rows if row["family"] == "host_cpu")
    with visit(browser, served) as visitor:
        page = visitor.page
        found: list[str] = []
        for path in ("/forecasts", f"/forecasts?series={cpu}"):
            resize(page, WIDE)
            open_page(page, path)
            expect(page.locator(".chart-ahead-key").first).to_contain_text("Forecast, 80 and 90 %")
            for size in (WIDE, NARROW):
                resize(page, size)
                found += [f"{path} {size['width']}: {problem}" for problem in layout_problems(page)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{path} {scheme}: {problem}" for problem in violations(page, only_colours=scheme == "dark")]
        assert found == []
        resize(page, WIDE)
        open_page(page, "/forecasts")
        expect(page.locator("#ahead")).to_contain_text("Connections: shop")
        page.get_by_role("searchbox").fill("web1 /data")
        expect(page.locator(".forecasts-table tbody tr")).to_have_count(1)


def test_charts_get_bands_when_they_are_wanted_and_room_for_them(browser: Browser, served: str) -> None:
    with visit(browser, served) as visitor:
        page = visitor.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        open_page(page, HOST)
        chart = page.locator("#host-cpu")
        expect(chart).to_have_attribute("data-state", re.compile("ready|stale"))
        end_ms = chart.evaluate("(chart) => chart.range.to_ms")
        assert not any("/series/ahead" in url or "chart-ahead.js" in url for url in asked)

        chart.get_by_role("button", name="Forecast", exact=True).click()
        expect(chart.locator(".chart-ahead-key")).to_contain_text("points held")
        expect(page.locator("#host-storage .chart-ahead-note")).to_have_text("")
        assert "ahead=on" in page.url
        room_h = (chart.evaluate("(chart) => chart.range.to_ms") - end_ms) / HOUR_MS
        assert 22 < room_h < 26
        assert chart.locator(".chart-plot").get_attribute("aria-label", timeout=1000) is not None
        assert "Forecast: forecast to" in (chart.locator(".chart-plot").get_attribute("aria-label") or "")

        box = chart.locator(".u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
        expect(chart.locator(".when")).to_contain_text("forecast:")

        chart.get_by_role("button", name="Past forecasts").click()
        expect(page).to_have_url(re.compile("ahead=past"))
        chart.get_by_role("button", name="View as table").click()
        expect(chart.locator(".ahead-row").first).to_contain_text("forecast")

        open_page(page, "/explore?q=queue_depth&q=queue_depth+>+1e9&from=now-2d&to=now")  # the browser remembers
        expect(page.locator("tt-chart .chart-ahead-key")).to_contain_text("points would have held")

        open_page(page, HOST)
        chart.get_by_role("button", name="Forecast", exact=True).click()
        expect(chart.locator(".chart-ahead-key")).to_have_count(0)
        page.wait_for_timeout(200)
        assert abs(chart.evaluate("(chart) => chart.range.to_ms - Date.now()")) < HOUR_MS


PANELS = {
    "uid": "coming",
    "title": "What comes",
    "panels": [
        {
            "id": number,
            "type": "timeseries",
            "title": title,
            "gridPos": {"x": (number - 1) * 8, "y": 0, "w": 8, "h": 8},
            "targets": [{"refId": "A", "expr": query, "legendFormat": "{{queue}}{{mode}}"}],
            "fieldConfig": {"defaults": {"custom": {"stacking": {"mode": stacking}}}},
        }
        for number, title, query, stacking in (
            (1, "Queue", "queue_depth", "none"),
            (2, "Modes", "sum by (mode) (rate(node_cpu_seconds_total[10m]))", "normal"),
            (3, "Shares", "sum by (mode) (rate(node_cpu_seconds_total[10m]))", "percent"),
        )
    ],
}


def test_panels_of_a_dashboard_have_the_same_switch(browser: Browser, served: str) -> None:
    brought = httpx2.post(f"{served}/api/trimtab/dashboards", json={"document": PANELS})
    assert brought.status_code == 201, brought.text
    with visit(browser, served) as visitor:
        page = visitor.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        open_page(page, "/dashboards/coming?from=now-1d&to=now")
        queue, modes, shares = (page.locator(f"#chart-{number}") for number in (1, 2, 3))
        for chart in (queue, modes, shares):
            expect(chart).to_have_attribute("data-state", re.compile("ready|stale"))
        assert not any("chart-ahead" in url or "/ahead" in url for url in asked)
        end_ms = queue.evaluate("(chart) => chart.range.to_ms")

        modes.get_by_role("button", name="Forecast", exact=True).click()
        expect(queue.locator(".chart-ahead-key")).to_have_text("Forecast, 80 and 90 %")
        expect(modes.locator(".chart-ahead-key")).to_have_text("Forecast of the total, 80 and 90 %")
        expect(shares.locator(".chart-ahead-note")).to_contain_text("100 % together")
        assert (queue.evaluate("(chart) => chart.range.to_ms") - end_ms) / HOUR_MS > 22

        queue.get_by_role("button", name="Past forecasts").click()
        expect(queue.locator(".chart-ahead-key")).to_contain_text("points would have held")
        queue.get_by_role("button", name="View as table").click()
        expect(queue.locator(".ahead-row").first).to_contain_text("forecast")
        box = modes.locator(".u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
        expect(modes.locator(".when")).to_contain_text("forecast: all together")
        modes.locator(".chart-legend button").first.click()
        expect(modes.locator(".chart-ahead-key")).to_have_count(0)  # of what is hidden in part there is no sum

        found: list[str] = []
        for size in (WIDE, NARROW):
            resize(page, size)
            found += [f"{size['width']}: {problem}" for problem in layout_problems(page)]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {problem}" for problem in violations(page, only_colours=scheme == "dark")]
        assert found == []
        queue.get_by_role("button", name="Forecast", exact=True).click()
        expect(queue.locator(":is(.chart-ahead-key, .chart-ahead-past, .ahead-row)")).to_have_count(0)
