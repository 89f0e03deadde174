"""Anomalies as tables."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trimtab.cli.output import Json, moment, plain, table
from trimtab.model.readable import duration_of


def episodes(console: Console, answer: Json) -> None:
    """Episodes, what is said to be normal, and what is looked at."""
    drawn = table("Anomalies", "id", "series", "since", "lasted", "score", "what")
    for row in answer["episodes"]:
        end_ms = row["closed_at_ms"]
        drawn.add_row(
            str(row["id"]),
            plain(row["title"]),
            moment(row["start_ms"]),
            "goes on" if end_ms is None else duration_of(max(end_ms - row["start_ms"], 1)),
            f"{row['score']:.2f}",
            plain(row["said"]),
        )
    if answer["episodes"]:
        console.print(drawn)
    else:
        console.print("No anomaly in this range.", markup=False)
    if answer["total"] > len(answer["episodes"]):
        console.print(f"The first {len(answer['episodes'])} of {answer['total']}.", markup=False)
    if answer["normal"]:
        normal = table("Said to be normal", "number", "series", "test", "until", "by", "why")
        for row in answer["normal"]:
            until = "for good" if row["until_ms"] is None else moment(row["until_ms"])
            test = row["test"] or "every"
            normal.add_row(str(row["id"]), plain(row["series"]), test, until, plain(row["by"]), plain(row["reason"]))
        console.print(normal)
    looked = answer["looked_at"]
    if looked["problem"]:
        console.print(Text(f"Not looked at now: {looked['problem']}", style="red"))
    console.print(
        f"Looked at: {looked['metrics_count']} series and {looked['queries_count']} measures of query shapes, "
        f"last {moment(looked['at_ms'] or None)}. Left out: {looked['left_out_by_name_count']} by name, "
        f"{looked['left_out_for_room_count']} for want of room; {looked['waiting_count']} are new.",
        markup=False,
    )


def episode(console: Console, row: Json) -> None:
    """One of them, whole."""
    end = "goes on" if row["closed_at_ms"] is None else f"until {moment(row['closed_at_ms'])}"
    console.print(f"{row['title']}", markup=False)
    console.print(f"  {moment(row['start_ms'])}, {end}, score {row['score']:.2f}", markup=False)
    console.print(f"  {row['said']}", markup=False)
    if row["query"]:
        console.print(f"  query: {row['query']}", markup=False)
    console.print(f"  samples: {row['samples']}", markup=False)


def said(console: Console, row: Json) -> None:
    """What is normal from now on."""
    until = "for good" if row["until_ms"] is None else f"until {moment(row['until_ms'])}"
    what = f"what the test '{row['test']}' finds" if row["test"] else "whatever is found"
    console.print(f"{row['id']}: {what} in {row['series']} is normal {until}.", markup=False)


def taken_back(console: Console, _answer: Json) -> None:
    """It is not normal any more."""
    console.print("Taken back: it is told again.", markup=False)
