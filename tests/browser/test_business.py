"""The pages of data quality, pipelines, cost and satisfaction, in both themes and at both widths: one visit."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from demo.cluster import Cluster
from tests.api.serving import running
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import begun, open_page, resize
from tests.web.business_there import business_site, dbt_results
from tests.web.site import Site
from trimtab.observe.pipelines.dbt import run_of

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.postgres, pytest.mark.slow]
PATHS = (
    *("/quality", "/quality?state=refused", "/quality/probes/orders_fresh", "/quality/probes/nowhere"),
    *("/quality/pipelines", "/quality/cost", "/quality/satisfaction"),
)


@pytest.fixture
def url(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    now_ms = time.time_ns() // 1_000_000
    with business_site(cluster, tmp_path_factory.mktemp("business"), now_ms) as site:
        _tell(site, now_ms)
        with running(site.app) as address:
            yield address
            site.service.events.close()


def _tell(site: Site, now_ms: int) -> None:
    """Runs of two pipelines, one with a name that is too long; then everything is counted."""
    business = site.service.business
    for name, statuses in (("shop", ("success",)), ("endless-" * 30, ("success", "error"))):
        business.pipelining.keep([run_of(dbt_results(now_ms - 60_000, name, *statuses), name)])
    business.round(now_ms)


def test_business_has_nothing_wrong_with_it(browser: Browser, url: str) -> None:
    with visit(browser, url) as visitor:
        page = visitor.page
        found: list[str] = []
        for path in PATHS:
            resize(page, WIDE)
            open_page(page, path)
            for size in (WIDE, NARROW):
                resize(page, size)
                found += [f"{path} {size['width']}: {problem}" for problem in layout_problems(page)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{path} {scheme}: {problem}" for problem in violations(page, only_colours=scheme == "dark")]
        assert found == []
        resize(page, WIDE)
        open_page(page, "/quality")
        page.get_by_role("link", name="User satisfaction").click()
        page.wait_for_url("**/quality/satisfaction**")
        begun(page)
        page.get_by_text("3 lines are refused").click()
        assert page.get_by_text("line 9: 2126-01-01T00:00:00Z lies in the future").is_visible()
        _axes(page)
        assert visitor.seen.problems() == []


def _axes(page: Page) -> None:
    """A rate of nothing but zeros has an axis of percents; a time says its unit where it is written, not above."""
    open_page(page, f"/quality/pipelines?pipeline={'endless-' * 30}")
    rate = page.locator("tt-chart#rate")
    rate.locator("canvas").wait_for()
    values, most = rate.evaluate(
        "(chart) => [chart.plot.data[1].filter((one) => one !== null), chart.plot.scales.y.max]"
    )
    assert (set(values), most) == ({0}, 100)
    assert page.locator("#durations-title").inner_text().strip() == "How long the newest run took"
