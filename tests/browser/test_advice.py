"""One visit to the pages of advice: both themes and widths, with and without script."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from demo.cluster import Cluster
from tests.api.serving import running
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import open_page, resize
from tests.web.advised import advised_site

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.postgres]

PICTURES = os.environ.get("TRIMTAB_TEST_PICTURES")
"""A folder for pictures, for whoever wants to look."""


def test_pages_of_advice_have_nothing_wrong_with_them(browser: Browser, cluster: Cluster, tmp_path: Path) -> None:
    with advised_site(cluster, tmp_path, "advised_pages") as there, running(there.site.app) as url:
        pages = {"empty": there.address, "indexes": "/indexes"}
        with visit(browser, url) as visitor:
            for name, path in pages.items():
                look(visitor.page, name, path)
            there.fill()
            look(visitor.page, "advice", there.address)
            visitor.page.get_by_text("lines_pkey").first.wait_for()
            assert visitor.seen.problems() == []
        with visit(browser, url, script=False) as visitor:
            visitor.page.goto("/indexes")
            visitor.page.get_by_role("link", name="Drop").click()
            visitor.page.get_by_text("lines_at_twin").first.click()
            assert visitor.page.get_by_text("DROP INDEX CONCURRENTLY").first.is_visible()
            visitor.page.goto(there.address)
            visitor.page.get_by_role("button", name="Look again").click()
            assert visitor.page.get_by_text("CREATE INDEX CONCURRENTLY trimtab_lines").first.is_visible()


def look(page: Page, name: str, path: str) -> None:
    """One page, in both themes and at both widths."""
    page.emulate_media(color_scheme="light")
    open_page(page, path)
    found: list[str] = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for size in (WIDE, NARROW):
        resize(page, size)
        found += [f"{name} {size['width']}: {problem}" for problem in layout_problems(page)]
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            only_colours = scheme == "dark"
            found += [f"{name} {size['width']} {scheme}: {one}" for one in violations(page, only_colours=only_colours)]
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{scheme}-{size['width']}.png", full_page=True)
    assert found == []
