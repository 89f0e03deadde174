"""Dark and light, by the system and by hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import Visitor
from tests.browser.servers import DayServer
from tests.browser.waiting import open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]


LIGHT_INK, DARK_INK = "rgb(85, 96, 110)", "rgb(154, 165, 181)"
"""What is muted: also the axes of charts."""


def is_drawn(page: Page, ink: str) -> None:
    """Until the page is dark or light, and so are the axes of its charts."""
    until(
        page,
        f"""() => getComputedStyle(document.querySelector(".chart-note")).color === "{ink}"
          && [...document.querySelectorAll("tt-chart")].every((chart) => chart.plot?.axes[0].stroke() === "{ink}")""",
    )
    red = page.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/)[0]")
    assert (float(str(red)) < 100) == (ink == DARK_INK)


def test_the_theme_is_that_of_the_system_until_a_hand_chooses(visitor: Visitor, day: DayServer) -> None:
    page = visitor.page
    path = f"/queries/shop/{day.shape}"
    open_page(page, path)
    is_drawn(page, LIGHT_INK)
    page.emulate_media(color_scheme="dark")
    is_drawn(page, DARK_INK)
    page.emulate_media(color_scheme="light")
    is_drawn(page, LIGHT_INK)

    page.get_by_role("button", name="Theme: system. Switch").click()
    is_drawn(page, DARK_INK)
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark", "the server draws it so, before any script"
    is_drawn(page, DARK_INK)
    page.get_by_role("button", name="Theme: dark. Switch").click()
    page.emulate_media(color_scheme="dark")
    is_drawn(page, LIGHT_INK)
    open_page(page, path)
    is_drawn(page, LIGHT_INK)
    page.get_by_role("button", name="Theme: light. Switch").click()
    is_drawn(page, DARK_INK)
