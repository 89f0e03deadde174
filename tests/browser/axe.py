"""axe-core, as it comes from npm (`make web`), run inside a page."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TypedDict, cast

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = """
(rules) => axe.run(document, { runOnly: rules, resultTypes: ["violations"], elementRef: false })
  .then((found) => found.violations.map((rule) => ({
    id: rule.id, help: rule.help,
    where: rule.nodes.map((node) => `${node.target.join(" ")}: ${node.html.slice(0, 160)} -- ${node.failureSummary}`),
  })))
"""


class _Violation(TypedDict):
    id: str
    help: str
    where: list[str]


@functools.cache
def _source() -> str:
    if not SOURCE.exists():
        raise RuntimeError(f"{SOURCE} is missing: make web")
    return SOURCE.read_text()


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now: rule, then where."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_source())
    found = cast("list[_Violation]", page.evaluate(_RUN, list(RULES)))
    return [f"{one['id']} ({one['help']}): {place}" for one in found for place in one["where"]]
