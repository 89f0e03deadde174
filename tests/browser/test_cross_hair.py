"""All charts of a page tell of one moment, wherever the pointer is, and the moment can be read."""

from __future__ import annotations

import pytest

from tests.browser.chromium import Visitor
from tests.browser.waiting import open_page

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

_WHEN = "all => all.map(one => one.textContent.slice(0, 19))"
_CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"


@pytest.mark.parametrize("length_ms", [6 * 3_600_000, 1_234_567])
def test_one_moment_in_all_charts(visitor: Visitor, length_ms: int) -> None:
    page = visitor.page
    open_page(page, "/queries?from=now-24h")
    address = str(page.locator("#results .row-link").first.get_attribute("href")).partition("?")[0]
    end_ms = page.evaluate("Date.now()") - 3_600_123
    open_page(page, f"{address}?from={end_ms - length_ms}&to={end_ms}")
    over = page.locator("#load .u-over")
    box = over.bounding_box()
    assert box is not None
    for step in range(40):
        page.mouse.move(box["x"] + 3 + step * (box["width"] - 6) / 40, box["y"] + box["height"] / 2)
        said = set(page.locator("tt-chart .when").evaluate_all(_WHEN))
        assert len(said) == 1, said
        assert page.locator("tt-chart .when").evaluate_all(_CUT) == []
