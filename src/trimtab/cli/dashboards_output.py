"""Dashboards as text."""

from __future__ import annotations

import click
from rich.console import Console

from trimtab.app.dashboards.report import Report
from trimtab.cli.controls import shown
from trimtab.cli.output import Json, plain
from trimtab.cli.tables import ReadableTable


def listed(console: Console, answer: Json) -> None:
    """One line each."""
    table = ReadableTable("", "uid", "title", "panels", "not drawn", "from")
    for row in answer["dashboards"]:
        left = row["panels_count"] - row["drawn_count"]
        origin = row["origin"] if row["origin"] == "built-in" else f"imported by {row['added_by']}"
        table.add_row(*map(plain, (row["uid"], row["title"], str(row["panels_count"]), str(left), origin)))
    console.print(table)
    for row in answer["dashboards"]:
        if row.get("problem"):
            console.print(f"{row['uid']} cannot be read: {row['problem']}", markup=False)


def detail(console: Console, answer: Json) -> None:
    """One dashboard, panel by panel."""
    row = answer["row"]
    console.print(f"{row['title']} ({row['uid']}, {row['origin']})", markup=False)
    table = ReadableTable("", "panel", "title", "kind", "drawn as", "said")
    for one in answer["panels"]:
        said = one["reason"] or "; ".join(one["notes"])
        table.add_row(*map(plain, (str(one["id"]), one["title"], one["type"], one["drawn_as"], said)))
    console.print(table)
    for note in answer["notes"]:
        console.print(note, markup=False)


def brought(console: Console, answer: Json) -> None:
    """What was imported."""
    row = answer["row"]
    console.print(
        f"{row['title']} ({row['uid']}): {row['drawn_count']} of {row['panels_count']} panels are drawn", markup=False
    )
    for one in answer["panels"]:
        if one["reason"]:
            console.print(f"  {one['title'] or one['id']} is not: {one['reason']}", markup=False)


def report(found: Report) -> None:
    """What of a file is drawn."""
    click.echo(shown(f"{found.file}: {found.title}: {found.drawn_count} of {found.panels_count} panels are drawn"))
    for title, said in [*found.not_drawn, *found.in_part]:
        click.echo(shown(f"  {title}: {said}"))
    for note in found.notes:
        click.echo(shown(f"  {note}"))


def pushed(console: Console, answer: Json) -> None:
    """What became of each thing."""
    console.print(f"{answer['url']}, folder {answer['folder']}", markup=False)
    table = ReadableTable("", "what", "name", "outcome", "said")
    for one in answer["items"]:
        table.add_row(*map(plain, (one["kind"], one["name"], one["outcome"], one["why"])))
    console.print(table)
