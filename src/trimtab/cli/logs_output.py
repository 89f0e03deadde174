"""Log records and their patterns, for people."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from trimtab.cli.controls import shown
from trimtab.cli.output import Json, plain, table

_STYLES = {"warn": "yellow", "error": "red", "fatal": "bold red", "debug": "dim", "trace": "dim"}


def records(console: Console, answer: Json) -> None:
    """A page of records, the oldest first, as in a file."""
    looked_to_ms = answer.get("looked_to_ms")
    if not answer["records"]:
        console.print("No log records that fit, as far as was looked." if looked_to_ms else "No log records that fit.")
    for one in reversed(answer["records"]):
        console.print(line(one))
    for shard in answer["missing"]:
        console.print(f"partial: {shard}")
    if looked_to_ms:
        console.print(f"The time for the search was over at {_moment(looked_to_ms * 1_000_000)}: go on from there.")
    elif answer["next_cursor"]:
        console.print("There are more: --limit shows up to 5000, and a shorter range finds what is older.")


def line(record: Json) -> Text:
    """A record in one line, or more where its text has more."""
    told = (
        f"{_moment(int(record['at_ns']))} {record['level']:<7} {record['service_name'] or '-'}  {record['body_text']}"
    )
    return Text(shown(told), style=_STYLES.get(record["level"], ""))


def _moment(at_ns: int) -> str:
    """In UTC, with milliseconds.

    >>> _moment(1_500_000_000)
    '1970-01-01 00:00:01.500Z'
    """
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at_ns // 1_000_000 % 1000:03d}Z"


def event(form: str, name: str, data: Any) -> None:
    """One event of a tail."""
    if name == "record":
        click.echo(json.dumps(data) if form == "json" else line(data).plain)
    elif name == "left_out":
        click.echo(f"{data['count']} more came at once and are not shown", err=True)
    elif name == "missing":
        click.echo(f"partial: {'; '.join(data['shards'])}", err=True)
    elif name == "error":
        click.echo(f"trimtab: {data['message']}", err=True)


def patterns(console: Console, answer: Json) -> None:
    """Patterns, the most frequent first."""
    if not answer["patterns"]:
        console.print("No log records that fit.")
        return
    drawn = table(f"{answer['lines_count']} of {answer['total_count']} lines", "lines", "levels", "services", "pattern")
    for one in answer["patterns"]:
        levels = ", ".join(f"{count} {name}" for name, count in one["by_level"].items())
        drawn.add_row(str(one["count"]), levels, plain(", ".join(one["services"])), plain(one["template"]))
    console.print(drawn)
