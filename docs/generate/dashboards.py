"""Which panels of public dashboards are drawn, and why others are not: read from the files themselves.

The files are not ours and not in the repository. Where they are absent the table stays as it was written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from docs.generate.markdown import code, table
from trimtab.app.dashboards.report import report_of

DATA = Path(os.environ.get("TRIMTAB_PUBLIC_DASHBOARDS", Path(__file__).parents[3] / "shared/data/dashboards"))
FILES = (
    "rfmoz-node-exporter-full.json",
    "rfmoz-node-exporter-bsd.json",
    "rfmoz-apache-full.json",
    "rfmoz-bind9-full.json",
    "rfmoz-nfs-full.json",
    "rfmoz-unbound-full.json",
)
PAGE = Path(__file__).parents[1] / "reference/dashboards.md"
_WRITTEN = re.compile(r"<!-- generated: dashboards -->\n(.*?)\n<!-- end -->", re.DOTALL)


def dashboards_block() -> str:
    """A row for each file; what is not drawn, or only in part, with its reason."""
    if not DATA.is_dir():
        found = _WRITTEN.search(PAGE.read_text("utf-8"))
        return found[1] if found else ""
    rows = []
    for name in FILES:
        one = report_of((DATA / name).read_bytes(), name)
        said = [f"{title}: {why}" for title, why in (*one.not_drawn, *one.in_part)]
        kinds = ", ".join(f"{count} {kind}" for kind, count in one.kinds)
        rows.append([code(name), f"{one.drawn_count} of {one.panels_count}", kinds, "; ".join(said) or "–"])
    return table(["file", "panels drawn", "as", "not, or in part"], rows)
