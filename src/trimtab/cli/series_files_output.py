"""Answers about series in a file, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from trimtab.cli.tables import ReadableTable
from trimtab.model.readable import digits_of, percent_of

ROWS_MAX = 200
"""So many rows are shown; JSON has all."""


def draw_episodes(console: Console, answer: Any) -> None:
    """Episodes, first one first."""
    if not answer["episodes"]:
        console.print("nothing odd")
        return
    table = ReadableTable("", "series", "start", "end", "score", "observed", "expected", "band", "what spoke")
    for one in answer["episodes"][:ROWS_MAX]:
        band = f"{_digits(one['low'])} to {_digits(one['high'])}"
        _add(
            table,
            *(one["series"], one["start"], one["end"], f"{one['score']:.3f}"),
            *(_digits(one["observed"]), _digits(one["expected"]), band, one["test"].replace("_", " ")),
        )
    console.print(table)
    _rest(console, len(answer["episodes"]))


def draw_forecasts(console: Console, answer: Any) -> None:
    """How each series was forecast, then the values."""
    made = ReadableTable("", "series", "model", "error", "of naive", "tried from", "notes")
    for one in answer["series"][:ROWS_MAX]:
        error, naive = one["error"], one["naive_error"]
        of_naive = percent_of(error / naive) if error is not None and naive else "-"
        notes = "; ".join(one["notes"]) or "-"
        _add(made, one["series"], one["model"], _digits(error), of_naive, f"{one['origins']} moments", notes)
    console.print(made)
    console.print()
    table = ReadableTable("", "series", "timestamp", "mean", "80 %", "90 %")
    for one in answer["forecasts"][:ROWS_MAX]:
        bands = [f"{_digits(one[f'lo_{level}'])} to {_digits(one[f'hi_{level}'])}" for level in (80, 90)]
        _add(table, one["series"], one["timestamp"], _digits(one["mean"]), *bands)
    console.print(table)
    _rest(console, len(answer["forecasts"]))


def draw_changes(console: Console, answer: Any) -> None:
    """Changes of level."""
    if not answer["change_points"]:
        console.print("no change of level")
        return
    table = ReadableTable("", "series", "index", "timestamp", "before", "after", "ratio", "p", "")
    for one in answer["change_points"][:ROWS_MAX]:
        ratio = _digits(one["ratio"])
        if one["interval_90"]:
            ratio += " [" + ", ".join(_digits(bound) for bound in one["interval_90"]) + "]"
        marks = ["provisional"] if one["provisional"] else []
        if one["adjusted_for"]:
            marks.append(f"adjusted for {' and '.join(one['adjusted_for'])}")
        _add(
            table,
            *(one["series"], str(one["index"]), one["timestamp"], _digits(one["before"]), _digits(one["after"])),
            *(ratio, f"{one['p_value']:.2g}", ", ".join(marks)),
        )
    console.print(table)
    _rest(console, len(answer["change_points"]))


def draw_saturations(console: Console, answer: Any) -> None:
    """Dates, and why there is none."""
    table = ReadableTable("", "series", "limit", "now", "a day", "date", "range", "why")
    for one in answer["saturation"][:ROWS_MAX]:
        span = f"{(one['earliest'] or '-')[:10]} to {(one['latest'] or 'later')[:10]}" if one["earliest"] else "-"
        why = "; ".join([one["reason"], *one["notes"]])
        _add(
            table,
            *(one["series"], _digits(one["limit"]), _digits(one["current"]), _digits(one["growth_per_day"])),
            *((one["date"] or "-")[:10], span, why),
        )
    console.print(table)
    _rest(console, len(answer["saturation"]))


def _add(table: ReadableTable, *cells: str) -> None:
    """A row of texts as they are: names of series are no markup, though `latency [ms]` looks like it."""
    table.add_row(*map(Text, cells))


def _digits(value: float | None) -> str:
    return "-" if value is None else digits_of(value, 4)


def _rest(console: Console, count: int) -> None:
    if count > ROWS_MAX:
        console.print(f"{count - ROWS_MAX} more: --format json has all")
