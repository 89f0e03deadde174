"""Prints a doctor's report: plain lines, so that the SQL in it can be copied as it stands."""

from __future__ import annotations

import json
import textwrap

import click
import msgspec

from trimtab.app.doctor import Check, Report, Side, Trouble, Weight

SQL_LINES_MAX = 6
WIDTH = 110


def show(form: str, report: Report) -> None:
    """As text, as one JSON document, or only the script (`--format sql`)."""
    if form == "json":
        document = {**msgspec.to_builtins(report), "exit_code": report.exit_code}
        click.echo(json.dumps(document, indent=2))
    elif form == "sql":
        click.echo(report.script or "-- nothing is missing", nl=not report.script)
    else:
        click.echo("\n".join(_lines(report)))


def _lines(report: Report) -> list[str]:
    lines: list[str] = []
    for number, side in enumerate(report.sides):
        title = "The role that watches" if number == 0 else "The role that changes"
        lines += ["", *_side(title, side)] if number else _side(title, side)
    if report.script:
        lines += ["", "Everything that is missing as one script:", "", report.script_to_read.rstrip()]
    return [*lines, "", report.next_step]


def _side(title: str, side: Side) -> list[str]:
    lines = [click.style(f"{title}: {side.reference}", bold=True)]
    if side.trouble is not None:
        return lines + _trouble(side.trouble)
    if side.role is not None:
        where = f"  role {side.role}, database {side.database}"
        lines.append(f"{where}, {side.server}" if side.server else where)
    lines += [f"  sees {line}" for line in side.sees]
    lines.append("")
    for check in side.checks:
        lines += _check(check)
    return lines


def _check(check: Check) -> list[str]:
    if check.ok:
        return [f"  {click.style('ok     ', fg='green')} {check.name}: {check.detail}"]
    mark = click.style("MISSING", fg="red", bold=True) if check.weight is not Weight.USEFUL else "missing"
    lines = [f"  {mark} {check.name} ({check.weight.value}): {check.detail}"]
    lines += _wrapped(f"needed for {check.needed_for}; without it {check.without}")
    if check.sql:
        sql = check.sql.splitlines()
        if len(sql) > SQL_LINES_MAX:
            where = "--format json has them" if check.weight is Weight.USEFUL else "see the script at the end"
            sql = [f"-- {len(sql)} lines of SQL: {where}"]
        lines += [f"            {line}" for line in sql]
    return lines


def _trouble(trouble: Trouble) -> list[str]:
    lines = [f"  {click.style('NO CONNECTION', fg='red', bold=True)}", *_wrapped(trouble.message)]
    if trouble.cause:
        lines += _wrapped(f"likely: {trouble.cause}")
    if trouble.remedy:
        lines += _wrapped(f"try: {trouble.remedy}")
    return lines + [line for clue in trouble.clues for line in _wrapped(f"seen here: {clue}")]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10, break_on_hyphens=False)
