"""The public dashboards open, and the table in the documentation says what of them is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate.dashboards import DATA, FILES, dashboards_block
from trimtab.app.dashboards.report import report_of

DOCS = Path(__file__).parents[3] / "docs"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the public dashboards are not there ({DATA})")


@needs_data
@pytest.mark.parametrize("name", FILES)
def test_every_panel_is_drawn_or_says_why_not(name: str) -> None:
    found = report_of((DATA / name).read_bytes(), name)
    assert found.panels_count == found.drawn_count + len(found.not_drawn)
    assert found.drawn_count >= 0.9 * found.panels_count
    assert all(reason for _, reason in found.not_drawn)


@needs_data
def test_the_table_in_the_documentation_is_current() -> None:
    text = (DOCS / "reference/dashboards.md").read_text("utf-8")
    assert dashboards_block() in text, "python -m docs.generate"
