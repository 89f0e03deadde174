"""`trimtab check`: files, before they are put in force."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from trimtab.cli.common import guarded


@click.group("check")
def check() -> None:
    """Check files: no server is needed."""


@check.command("rules")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--ignore-unknown-fields", is_flag=True, help="Pass over fields that are not known.")
@click.option("--lint/--no-lint", default=True, help="Whether rules that stand there twice are an error [yes].")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="For people, or JSON.")
@guarded
def rules(files: tuple[str, ...], ignore_unknown_fields: bool, lint: bool, form: str) -> None:
    """Read Prometheus' rule files, and say what is wrong: fields, expressions, templates, rules that stand twice.

    Exit code: 0 all is right, 1 rules stand twice, 2 a file cannot be read.
    """
    from trimtab.analyze.rules.rule_files import groups_of
    from trimtab.cli.testing import SIZE_BYTES_MAX, text_of_file
    from trimtab.model.errors import InputError

    reports: list[dict[str, object]] = []
    for file in files:
        problem, twice, count = "", [], 0
        try:
            text = sys.stdin.read(SIZE_BYTES_MAX) if file == "-" else text_of_file(Path(file))
            groups = groups_of(text, file, ignores_unknown=ignore_unknown_fields)
            seen: dict[object, int] = {}
            for group in groups:
                for rule in group.rules:
                    count += 1
                    key = rule.name, rule.labels, rule.is_alert
                    if key in seen and lint:
                        twice.append(f"{file}:{rule.line}: {rule.name} stands in line {seen[key]} already")
                    seen.setdefault(key, rule.line)
        except InputError as error:
            problem = error.message
        reports.append({"file": file, "rules": count, "error": problem or None, "duplicates": twice})
    if form == "json":
        click.echo(json.dumps({"files": reports}, ensure_ascii=False))
    else:
        for report in reports:
            told = [str(report["error"])] if report["error"] else _texts(report["duplicates"])
            outcome = "refused" if report["error"] else f"{report['rules']} rules"
            told.append(f"{report['file']}: {outcome}")
            click.echo("\n".join(told))
    if any(report["error"] for report in reports):
        sys.exit(2)
    if any(report["duplicates"] for report in reports):
        sys.exit(1)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
