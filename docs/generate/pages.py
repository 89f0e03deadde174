"""The table of contents: which file is made from what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate.api import api_page
from docs.generate.business import business_series_block, price_lists_block
from docs.generate.command_line import command_line_page
from docs.generate.connections import causes_block, checks_block
from docs.generate.dashboards import dashboards_block
from docs.generate.decisions import decisions_block
from docs.generate.errors import errors_page
from docs.generate.events import events_page
from docs.generate.own_numbers import own_numbers_page
from docs.generate.packs import packs_page
from docs.generate.plan_findings import plan_findings_page
from docs.generate.promql import aggregations_block, functions_block
from docs.generate.rewrites import rewrites_page
from docs.generate.statements import statements_block
from docs.generate.stored import state_block, telemetry_block
from docs.generate.versions import versions_page
from trimtab.app.reference import configuration_markdown

DOCS = Path(__file__).parents[1]

Maker = Callable[[], str]

PAGES: Mapping[str, Maker] = {
    "reference/command-line.md": command_line_page,
    "reference/configuration.md": configuration_markdown,
    "reference/api.md": api_page,
    "reference/events.md": events_page,
    "reference/errors.md": errors_page,
    "reference/postgresql-versions.md": versions_page,
    "reference/own-metrics.md": own_numbers_page,
    "reference/packs.md": packs_page,
    "reference/plan-findings.md": plan_findings_page,
    "reference/rewrites.md": rewrites_page,
}
"""Files that are made as a whole."""

BLOCKS: Mapping[str, Maker] = {
    "business_series": business_series_block,
    "causes": causes_block,
    "checks": checks_block,
    "dashboards": dashboards_block,
    "decisions": decisions_block,
    "price_lists": price_lists_block,
    "promql_aggregations": aggregations_block,
    "promql_functions": functions_block,
    "statements": statements_block,
    "state": state_block,
    "telemetry": telemetry_block,
}
"""Blocks by name, wherever a hand-written page asks for one."""

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def made(folder: Path = DOCS) -> dict[Path, str]:
    """Every file that is made, or has blocks, with the text it should have."""
    found = {folder / name: maker() for name, maker in PAGES.items()}
    for file in sorted(folder.rglob("*.md")):
        if file not in found:
            text = file.read_text("utf-8")
            filled = _BLOCK.sub(lambda m: f"{m[1]}{BLOCKS[m[2]]()}\n{m[3]}", text)
            if "<!-- generated:" in text:
                found[file] = filled
    return found
