"""Query shapes and the ledger as tables."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trimtab.cli.output import Json, cut, detail_of, milliseconds, moment, plain, table


def queries(console: Console, answer: Json) -> None:
    """A list of query shapes."""
    rows = answer["rows"]
    if not rows:
        console.print("No queries: nothing ran that fits (see trimtab status).")
        return
    drawn = table(
        f"Queries from {moment(answer['from_ms'])} to {moment(answer['to_ms'])}: {len(rows)} of {answer['total']}",
        "system",
        "fingerprint",
        "calls",
        "mean",
        "load",
        "share",
        "p95",
        "case",
        "query",
    )
    for row in rows:
        drawn.add_row(
            plain(row["system"]),
            row["fingerprint"],
            str(row["calls"]),
            milliseconds(row["mean_exec_time_ms"]),
            f"{row['load_ms_per_s']:.3g} ms/s",
            f"{row['load_share']:.1%}",
            milliseconds(row["p95_ms"]),
            "-" if row["case_id"] is None else f"{row['case_id']} {row['case_state'] or ''}".rstrip(),
            plain(cut(console, row["text"] or "-")),
        )
    console.print(drawn)


def ledger(console: Console, answer: list[Json]) -> None:
    """Entries of the ledger."""
    if not answer:
        console.print("Nothing was done yet.")
        return
    drawn = table("Ledger", "#", "when", "case", "change", "state", "event", "by", "detail")
    for entry in answer:
        drawn.add_row(
            str(entry["seq"]),
            moment(entry["at_ms"]),
            str(entry["case_id"]),
            entry["change_id"],
            entry["state"],
            entry["event"],
            plain(entry["actor"]),
            plain(detail_of(console, entry)),
        )
    console.print(drawn)
    console.print(Text("proposals, checks and judgements: --format json", "dim"))
