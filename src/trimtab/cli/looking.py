"""`trimtab queries` and `trimtab ledger`: what runs on the watched systems, and everything that was ever done."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded

SORTS = ("load", "calls", "mean", "rows", "p95", "name")
"""As `trimtab.app.reading.answers.ShapeSort` has them; named here so that the help costs no import."""


@click.command()
@click.option("--system", help="Only of this system.")
@click.option("--search", help="Only those with this in their text, tables or fingerprint.")
@click.option("--sort", type=click.Choice(SORTS), default="load", show_default=True, help="What comes first.")
@click.option(
    "--from", "since", default="now-1h", show_default=True, help="From then until now: now-6h, RFC 3339, or Unix ms."
)
@click.option("--limit", default=20, show_default=True, help="So many at most, 1 to 1000.")
@client_options
@guarded
def queries(
    system: str | None,
    search: str | None,
    sort: str,
    since: str,
    limit: int,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """List the query shapes that ran, heaviest first."""
    from trimtab.cli import looking_output, output

    parameters = {"system": system, "search": search, "sort": sort, "from": since, "limit": limit}
    if sort == "name":
        parameters["descending"] = "false"
    output.show(form, client_of(data_dir, server).get("/shapes", **parameters), looking_output.queries)


@click.command()
@click.option("--limit", default=50, show_default=True, help="So many at most, 1 to 1000.")
@click.option("--before", type=int, help="Only entries before this number.")
@client_options
@guarded
def ledger(limit: int, before: int | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """List everything that was ever done to a system, newest first."""
    from trimtab.cli import looking_output, output

    client = client_of(data_dir, server)
    found = client.get("/ledger", limit=limit, before_seq=before)
    output.show(form, found, looking_output.ledger)
    chain = client.get("/status")["ledger"]
    if form == "table" or not chain["intact"]:
        click.echo(output.chain_line(chain).plain, err=not chain["intact"])


COMMANDS: tuple[click.Command, ...] = (queries, ledger)
