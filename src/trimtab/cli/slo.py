"""`trimtab slo`: objectives of files (`explain`, `check`: no server is needed), and of a running server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import client_of, client_options, guarded

if TYPE_CHECKING:
    from trimtab.model.objectives import Objective

SETS = ("workbook", "sloth", "pyrra", "coroot")
"""As `trimtab.analyze.slo.burn_rules` has them; named here so that the help costs no import."""
STATES = ("kept", "burning", "spent", "unmeasured")


@click.group()
def slo() -> None:
    """Objectives: what was promised, what is left of the error budget, when burn rules fire."""


@slo.command()
@click.argument("file")
@click.option(
    "--rules", "rule_set", type=click.Choice(SETS), help="Explain this set of burn rules instead of the file's."
)
@click.option("--objective", "name", help="Only the objective of this name.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="For people, or one JSON document.",
)
@guarded
def explain(file: str, rule_set: str | None, name: str | None, form: str) -> None:
    """When the burn rules of a file's objectives fire, and what of the budget is spent by then.

    FILE is trimtab's own form, OpenSLO's or Sloth's; - is standard input. Errors are taken to begin at once, after a
    clean time, and to stay at 100, 10, 2, 1, 0.5 and 0.15 %. Exit code: 0, 2 the file is wrong.
    """
    from dataclasses import replace

    from trimtab.analyze.slo.burn_rules import rules_of
    from trimtab.analyze.slo.explain import explain as explained_of
    from trimtab.app.objectives.answers import explained_json
    from trimtab.cli import slo_output
    from trimtab.model.errors import NotFound

    objectives = _objectives(file)
    if name is not None:
        objectives = tuple(one for one in objectives if one.name == name)
        if not objectives:
            raise NotFound(f"{file} has no objective {name!r}", objective=name)
    if rule_set is not None:
        objectives = tuple(replace(one, burn_rules=rules_of(rule_set, one.window.length_ms)) for one in objectives)
    explained = [explained_of(one) for one in objectives]
    if form == "json":
        rows = [
            {**explained_json(one), "source": o.origin, "line": o.line, "read_as": list(o.notices)}
            for one, o in zip(explained, objectives, strict=True)
        ]
        click.echo(json.dumps({"objectives": rows}, ensure_ascii=False))
    elif explained:
        slo_output.explained(explained, objectives)
    else:
        click.echo(f"{file} has no objectives", err=True)


@slo.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@guarded
def check(files: tuple[str, ...]) -> None:
    """Read files of objectives and say what is wrong with them. Exit code: 0 all are right, 2 one is not."""
    from trimtab.model.errors import InputError

    wrong = False
    for file in files:
        try:
            objectives = _objectives(file)
        except InputError as error:
            click.echo(error.message, err=True)
            wrong = True
            continue
        click.echo(f"{file}: {len(objectives)} objectives")
        for one in objectives:
            for notice in one.notices:
                click.echo(f"  {one.name} (line {one.line}): {notice}")
    if wrong:
        sys.exit(2)


@slo.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those whose budget stands so.")
@click.option("--service", help="Only of this service.")
@click.option("--search", help="Only those with this in their name, service or system.")
@click.option("--fail", is_flag=True, help="Exit with 1 where one that is listed is burning or spent.")
@client_options
@guarded
def list_(
    state: str | None,
    service: str | None,
    search: str | None,
    fail: bool,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """List the objectives of a server: good share, budget left, burn rate, coverage, when the budget ends."""
    from trimtab.cli import output, slo_output

    found = client_of(data_dir, server).get("/objectives", state=state, service=service, search=search)
    output.show(form, found, slo_output.objectives)
    if fail and any(one["state"] in ("burning", "spent") for one in found["objectives"]):
        sys.exit(1)


@slo.command()
@click.argument("name")
@client_options
@guarded
def show(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show one objective of a server, whole."""
    from trimtab.cli import output, slo_output
    from trimtab.cli.segment import segment

    output.show(form, client_of(data_dir, server).get(f"/objectives/{segment(name)}"), slo_output.objective)


def _objectives(file: str) -> tuple[Objective, ...]:
    from trimtab.analyze.slo.document import FILE_BYTES_MAX
    from trimtab.analyze.slo.reading import objectives_in, objectives_of_file

    if file == "-":
        return objectives_in(sys.stdin.read(FILE_BYTES_MAX + 1), "standard input")
    return objectives_of_file(Path(file))
