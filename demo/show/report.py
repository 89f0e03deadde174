"""The table at the end of an unattended demo."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.show.view import Json, ms_text, ratio_text

PLAIN_WIDTH = 160


def print_report(document: Json) -> None:
    """Predicted and measured side by side, one block for each closed case."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    table = Table(title="What came out", title_justify="left", show_lines=True)
    for column in ("#", "fault", "verdict", "change", "predicted", "measured", "p95", "reason"):
        table.add_column(column, overflow="fold")
    for row in document["cases"]:
        table.add_row(
            str(row["id"]),
            (row["fault"] or "-").replace(":", " of ").replace("_", " "),
            row["verdict"],
            Text(str(row["change"] or "-")),
            ratio_text(row["predicted_ratio"], row["predicted_interval_90"]),
            ratio_text(row["measured_ratio"], row["measured_interval_90"]),
            f"{ms_text(row['p95_before_ms'])} -> {ms_text(row['p95_after_ms'])}" if row["p95_before_ms"] else "-",
            Text(str(row["reason"] or "-")),
        )
    console.print(table)
    if document["seconds_to_first_kept"] is not None:
        console.print(f"first change kept {document['seconds_to_first_kept']} s after the server's first answer")
