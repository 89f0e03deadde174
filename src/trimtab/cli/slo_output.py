"""Objectives as tables."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.console import Console
from rich.text import Text

from trimtab.analyze.slo.explain import Explained, Firing
from trimtab.analyze.slo.quantities import duration_text
from trimtab.cli.output import Json, moment, plain, table
from trimtab.model.objectives import Objective

NOTHING = "-"
ASSUMED_TOLD = 0.1
"""Where more than this of a budget stands on time that was not measured, it is said."""


def explained(found: Sequence[Explained], objectives: Sequence[Objective]) -> None:
    """When rules fire: a block for each objective."""
    for place, (one, objective) in enumerate(zip(found, objectives, strict=True)):
        if place:
            click.echo()
        click.echo(
            f"{one.objective}: {one.target:.6g} over {duration_text(one.period_ms)}  ({objective.origin or 'input'})"
        )
        heads = ["errors", *(f"{100 * firing.error_ratio:g} %" for firing in one.first)]
        rows = [
            ["burn rate", *(f"{firing.burn_rate:.4g}" for firing in one.first)],
            ["first to fire", *(firing.rule or "never" for firing in one.first)],
            ["severity", *(firing.severity or NOTHING for firing in one.first)],
            ["time to fire", *(_after(firing.fires_after_ms) for firing in one.first)],
            ["budget spent by then", *(_share(firing.spent_ratio) for firing in one.first)],
            ["budget gone after", *(_after(firing.spends_all_after_ms) for firing in one.first)],
        ]
        for rule, firings in one.by_rule:
            wait = f", for {duration_text(rule.for_ms)}" if rule.for_ms else ""
            windows = f"{duration_text(rule.long_ms)}/{duration_text(rule.short_ms)}"
            named = f"rule {rule.name} ({rule.severity}, {windows} × {rule.factor:.4g}{wait})"
            rows.append([named, *(_cell(firing) for firing in firings)])
        _aligned([heads, *rows])
        for notice in (*one.notices, *objective.notices):
            click.echo(f"  note: {notice}")


def _cell(firing: Firing) -> str:
    return (
        "never" if firing.fires_after_ms is None else f"{_after(firing.fires_after_ms)}, {_share(firing.spent_ratio)}"
    )


def _after(ms: float | None) -> str:
    """A time with two units at most.

    >>> _after(51_840), _after(2_592_000), _after(12_960_000), _after(None)
    ('52s', '43m12s', '3h36m', 'never')
    """
    if ms is None:
        return "never"
    seconds = round(ms / 1000)
    for unit_s in (86_400, 3_600, 60):
        if seconds >= unit_s:
            smaller = {86_400: 3_600, 3_600: 60, 60: 1}[unit_s]
            return duration_text(seconds // smaller * smaller * 1000)
    return f"{seconds}s"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.3g} %"


def _aligned(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first = f"{row[0]:<{widths[0]}}"
        rest = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        click.echo("  ".join((first, *rest)).rstrip())


def objectives(console: Console, answer: Json) -> None:
    """A list of objectives, and what is wrong with their files."""
    rows = answer["objectives"]
    if not rows:
        console.print("No objectives (see objectives.files in the configuration, and trimtab slo check).")
    else:
        drawn = table(
            f"Objectives as counted up to {moment(answer['at_ms'])}",
            "objective",
            "state",
            "target",
            "good",
            "budget left",
            "burn",
            "coverage",
            "ends",
            "window",
        )
        for row in rows:
            drawn.add_row(
                plain(row["name"]),
                row["state"],
                f"{100 * row['target_ratio']:.6g} %",
                percent(row["good_ratio"], 6),
                _left(row),
                NOTHING if row["burn_rate"] is None else f"{row['burn_rate']:.3g}",
                percent(row["coverage_ratio"], 3),
                ends(row["end"]),
                plain(row["window"]),
            )
        console.print(drawn)
    for file in answer["files"]:
        for problem in file["problems"]:
            place = f"{file['file']}, line {problem['line']}, column {problem['column']}"
            console.print(Text(f"{place}: {problem['reason']}", style="red"))
    if answer["error"]:
        console.print(Text(f"not counted now: {answer['error']}", style="red"))


def objective(console: Console, answer: Json) -> None:
    """One objective."""
    row = answer["row"]
    lines = [
        ("objective", f"{row['title']} ({row['name']})"),
        ("state", f"{row['state']}{': ' + ', '.join(row['burning']) if row['burning'] else ''}"),
        ("counts", "; ".join(v if name == "counts" else f"{name}: {v}" for name, v in answer["sli"].items())),
        ("target", f"{100 * row['target_ratio']:.6g} % over {row['window']}"),
        ("good", f"{percent(row['good_ratio'], 6)}: {answer['bad_count']:.6g} bad of {answer['total_count']:.6g}"),
        ("budget left", f"{_left(row)} of {answer['allowed_bad_count']:.6g} that may be bad"),
        ("ends", ends(row["end"])),
        ("coverage", f"{answer['measured_minutes']} of {answer['expected_minutes']} minutes measured"),
        ("from", f"{answer['origin']}, line {answer['line']}"),
    ]
    for name, value in lines:
        console.print(f"{name:<12} {value}", markup=False)
    drawn = table("", "rule", "severity", "windows", "limit", "long", "short", "fires")
    for burn in answer["burns"]:
        drawn.add_row(
            plain(burn["rule"]),
            plain(burn["severity"]),
            f"{duration_text(burn['long_ms'])}/{duration_text(burn['short_ms'])}",
            f"{burn['factor']:.4g}",
            NOTHING if burn["long_rate"] is None else f"{burn['long_rate']:.3g}",
            NOTHING if burn["short_rate"] is None else f"{burn['short_rate']:.3g}",
            "yes" if burn["fires"] else "no" if burn["waits_until_ms"] is None else _waits(burn),
        )
    console.print(drawn)
    for notice in (*row["notices"], *answer["read_as"]):
        console.print(f"note: {notice}", markup=False)


def _left(row: Json) -> str:
    """What is left of a budget; the most that can be, where much of the time before was not measured.

    >>> _left({"left_ratio": 0.9676, "assumed_ratio": 0.99}), _left({"left_ratio": -0.5, "assumed_ratio": 0.0})
    ('at most 96.76 %', '-50 %')
    """
    is_most = row["left_ratio"] is not None and row["assumed_ratio"] > ASSUMED_TOLD
    return f"{'at most ' if is_most else ''}{percent(row['left_ratio'], 4)}"


def _waits(burn: Json) -> str:
    """A rule that is above its limits and too little is measured yet."""
    known = f"{duration_text(burn['known_ms'])} of {duration_text(burn['long_ms'])} measured"
    return f"waits until {moment(burn['waits_until_ms'])} ({known})"


def ends(end: Json | None) -> str:
    """When a budget ends, with its interval."""
    if end is None:
        return NOTHING
    if end["at_ms"] is None:
        return (
            "not in this window"
            if end["earliest_ms"] is None
            else f"not in this window; {moment(end['earliest_ms'])} at the earliest"
        )
    latest = "not in this window" if end["latest_ms"] is None else moment(end["latest_ms"])
    return f"{moment(end['at_ms'])} ({moment(end['earliest_ms'])} to {latest})"


def percent(value: float | None, digits: int) -> str:
    """A share in percent.

    >>> percent(0.99505, 6), percent(None, 3)
    ('99.505 %', '-')
    """
    return NOTHING if value is None else f"{100 * value:.{digits}g} %"
