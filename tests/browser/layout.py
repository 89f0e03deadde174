"""What is wrong with the layout of a page, whatever is on it: measured in the browser, not by eye.

Nothing may be wider than the page; no text may leave its table cell or lie on another; nothing may be cut off without
an ellipsis. What scrolls, or is cut with an ellipsis, counts as far as it can be seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from playwright.sync_api import Page

_LOOK = Path(__file__).with_suffix(".js").read_text()


def layout_problems(page: Page) -> list[str]:
    """At the size that the window has now."""
    return cast("list[str]", page.evaluate(_LOOK))
