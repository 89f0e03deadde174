"""axe-core, as it comes from npm (`make web`), run inside a page."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TypedDict, cast

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "web/node_modules/axe-core/axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that look at colours: all that another theme can break."""
_RUN = """
(rules) => axe.run(document, { runOnly: rules, resultTypes: ["violations"], elementRef: false, preload: false })
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


def violations(page: Page, *, only_colours: bool = False) -> list[str]:
    """What axe finds on the page as it is now: rule, then where."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_source())
    rules = {"type": "rule", "values": list(OF_COLOURS)} if only_colours else {"type": "tag", "values": list(TAGS)}
    found = cast("list[_Violation]", page.evaluate(_RUN, rules))
    return [f"{one['id']} ({one['help']}): {place}" for one in found for place in one["where"]]
