"""A server gets series by remote write: a step in one is an episode in the API and on the page, by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import running
from tests.browser.waiting import open_page, resize
from tests.empty_store import make_tables
from tests.web.anomalies_there import STEP_MS, shop, write

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]
CONFIG = "[anomalies]\ninterval_s = 1\nleave_out = ['node_*', 'process_*', 'pg_*', 'scrape_*', 'up']\n"
WAIT_S = 90.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = make_tables(tmp_path_factory.mktemp("anomalies") / "data")
    with running(folder, CONFIG) as server:
        yield server.url


def asked(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx2.get(f"{url}/api/trimtab/anomalies?open=true", timeout=60).json()
    return answer


def wait_for(url: str, episodes: int, series: int) -> dict[str, Any]:
    """Until so many are open, and so many series are looked at."""
    give_up_at = time.monotonic() + WAIT_S
    while True:
        found = asked(url)
        if found["total"] >= episodes and found["looked_at"]["metrics_count"] >= series:
            return found
        assert time.monotonic() < give_up_at, found
        time.sleep(0.25)


def test_a_step_is_on_the_page_and_an_operator_says_that_it_is_normal(browser: Browser, url: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    steady = shop(0)
    write(url, steady, now_ms - 12 * STEP_MS)
    assert wait_for(url, 0, 9)["total"] == 0
    with visit(browser, url) as visitor:
        page = visitor.page
        open_page(page, "/anomalies")
        assert page.get_by_text("No anomaly in this range").is_visible()
        odd = [(labels, values[-12:]) for labels, values in shop(12) if labels["instance"] == "host-b:9100"]
        write(url, odd, now_ms)
        rows = wait_for(url, 2, 9)["episodes"]
        assert {row["labels"]["instance"] for row in rows} == {"host-b:9100"}
        page.locator("li.lane").first.wait_for(timeout=30_000)  # the stream tells: nobody loaded the page again
        found: list[str] = []
        queue = next(row for row in rows if row["series"].startswith("shop_queue_length"))
        for path in ("/anomalies", f"/anomalies/{queue['id']}"):
            for size in (WIDE, NARROW):
                resize(page, size)
                open_page(page, path)
                found += [f"{path} {size['width']}: {problem}" for problem in layout_problems(page)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{path} {scheme}: {problem}" for problem in violations(page, only_colours=scheme == "dark")]
        assert found == []
        resize(page, WIDE)
        page.locator("tt-chart[data-state=ready]").wait_for()
        page.get_by_label("Why").fill("the sale of today")
        page.get_by_role("button", name="This is normal").click()
        page.get_by_text("the sale of today").first.wait_for()
        assert queue["id"] not in {row["id"] for row in asked(url)["episodes"]}
        page.get_by_role("link", name="Look at the samples").click()
        page.wait_for_url("**/explore?**")
        assert "shop_queue_length" in page.url
        assert visitor.seen.problems() == []
