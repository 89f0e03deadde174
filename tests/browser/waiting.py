"""Waiting for what a page shall come to. A crowded machine is slow: nothing here waits for a time, only for a state.

Playwright's own `wait_for_function` evaluates text inside the page, which the content policy refuses, as it should.
"""

from __future__ import annotations

import time

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.chromium import TIMEOUT_MS

_CALM = """
() => new Promise((done) => {
  let [before, same] = ["", 0];
  const look = () => {
    const root = document.documentElement;
    const charts = [...document.querySelectorAll("tt-chart")].map((one) => `${one.clientWidth} ${one.plot?.width}`);
    const now = `${root.scrollWidth} ${root.scrollHeight} ${charts}`;
    same = now === before ? same + 1 : 0;
    before = now;
    if (same >= 2) done(null);
    else requestAnimationFrame(look);
  };
  look();
})
"""


def open_page(page: Page, path: str) -> None:
    """Go there, and wait until everything on it is drawn."""
    page.goto(path)
    drawn(page)


def begun(page: Page) -> None:
    """Wait until the scripts of a page that has any run; they come after the first paint."""
    expect(page.locator("html:is([data-ready], :not(:has(meta[name=tt-start])))")).to_be_attached(timeout=TIMEOUT_MS)


def drawn(page: Page) -> None:
    """Wait until scripts run, every chart has its numbers (or an end) and nothing moves any more."""
    begun(page)
    waiting = ":is(tt-chart:not([data-own]), tt-trace, #dashboard):is(:not([data-state]), [data-state=loading])"
    expect(page.locator(waiting)).to_have_count(0, timeout=TIMEOUT_MS)
    page.evaluate(_CALM)


def resize(page: Page, size: ViewportSize) -> None:
    """Another window size."""
    page.set_viewport_size(size)
    page.evaluate(_CALM)


def until(page: Page, condition: str, seconds: float = TIMEOUT_MS / 1000) -> object:
    """Ask the page again and again until the JavaScript function has a true answer, which is given back."""
    give_up_at = time.monotonic() + seconds
    while not (answer := page.evaluate(condition)):
        assert time.monotonic() < give_up_at, f"not within {seconds} s: {condition}; last answer: {answer!r}"
        page.wait_for_timeout(50)
    return answer
