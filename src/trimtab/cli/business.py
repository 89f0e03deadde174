"""`trimtab probes`, `cost`, `pipelines`, `satisfaction`: data, what it costs, what runs, and how content users are."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded

RUN_AROUND_S = 90.0
"""How much longer than the probe's own time-out a run by hand may take: it waits for others of its system, connects,
looks at the catalogue, and gives up a server that does not say that it ended it."""


@click.group()
def probes() -> None:
    """Probes of data: check their files (no server is needed), list and run those of a server."""


@probes.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--sql", "shows_sql", is_flag=True, help="Print the statement of each probe.")
@guarded
def check(files: tuple[str, ...], shows_sql: bool) -> None:
    """Read files of probes, prices, budget and satisfaction, and say what is wrong with them, each with its place.

    What a database would refuse shows only when a probe runs. Exit code: 0 all are right, 2 one is not.
    """
    from trimtab.app.business.reading import definitions_in, read_definitions
    from trimtab.model.errors import InputError
    from trimtab.observe.probes.statements import statement_of

    wrong = False
    for file in files:
        try:
            said = (
                definitions_in(sys.stdin.read(), "standard input") if file == "-" else read_definitions(Path(file))[0]
            )
        except InputError as error:
            click.echo(error.message, err=True)
            wrong = True
            continue
        others = [name for name in ("weights", "prices", "budget") if getattr(said, name) is not None]
        more = "".join(f", {name}" for name in others)
        click.echo(f"{file}: {len(said.probes)} probes, {len(said.satisfaction)} sources of satisfaction{more}")
        if shows_sql:
            for probe in said.probes:
                click.echo(f"-- {probe.name} on {probe.system}\n{statement_of(probe)};")
    if wrong:
        sys.exit(2)


@probes.command("list")
@click.option("--system", help="Only of this system.")
@click.option("--fail", is_flag=True, help="Exit with 1 where one that is listed is bad, refused, failed or stale.")
@client_options
@guarded
def list_(system: str | None, fail: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """List scores of data quality with their parts, and the probes behind them with what they found last."""
    from trimtab.cli import business_output, output

    found = client_of(data_dir, server).get("/quality", system=system)
    output.show(form, found, business_output.quality)
    if fail and any(one["state"] in ("bad", "refused", "failed", "stale") for one in found["probes"]):
        sys.exit(1)


@probes.command()
@click.argument("name")
@client_options
@guarded
def run(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Run a probe now and show what it found. Exit code: 0 a number came of it, 1 none did, or it is not as wanted."""
    from trimtab.cli import business_output, output
    from trimtab.cli.segment import segment

    client = client_of(data_dir, server)
    path = f"/probes/{segment(name)}"
    patience_s = output.part(client.get(path), "timeout_ms") / 1000 + RUN_AROUND_S
    found = client.post(f"{path}/run", {}, timeout_s=patience_s)
    output.show(form, found, business_output.probe)
    if found["value"] is None or found["state"] == "bad":
        sys.exit(1)


@click.command()
@click.option("--system", help="Only what belongs to this system.")
@click.option("--limit", default=20, show_default=True, help="So many query shapes and pipelines, 1 to 1000.")
@client_options
@guarded
def cost(system: str | None, limit: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show what processing cost this month, against the budget, its forecast, and what costs the most."""
    from trimtab.cli import business_output, output

    found = client_of(data_dir, server).get("/cost", system=system, limit=limit)
    output.show(form, found, business_output.cost)


@click.command()
@click.option("--runs", "pipeline", help="The newest runs of this pipeline instead.")
@click.option("--limit", default=50, show_default=True, help="So many runs at most, 1 to 1000.")
@client_options
@guarded
def pipelines(pipeline: str | None, limit: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """List pipelines with their success rate over the window, or the runs of one."""
    from trimtab.cli import business_output, output

    client = client_of(data_dir, server)
    if pipeline is None:
        output.show(form, client.get("/pipelines"), business_output.pipelines)
    else:
        output.show(form, client.get("/pipelines/runs", pipeline=pipeline, limit=limit), business_output.runs)


@click.command()
@client_options
@guarded
def satisfaction(data_dir: Path | None, server: str | None, form: str) -> None:
    """List how content users are, by each source: answers, Apdex of spans, series."""
    from trimtab.cli import business_output, output

    output.show(form, client_of(data_dir, server).get("/satisfaction"), business_output.satisfaction)


COMMANDS = (probes, cost, pipelines, satisfaction)
