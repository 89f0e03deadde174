"""`trimtab logs`: log records that match, or those that come in from now on."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
"""As `trimtab.store.logs.answers.LEVELS` has them; named here so that the help costs no import."""


@click.command()
@click.argument("query", default="")
@click.option(
    "--from", "since", default="now-1h", show_default=True, help="From then on: now-6h, RFC 3339, or Unix ms."
)
@click.option("--to", "until", default="now", show_default=True, help="Until then.")
@click.option("--service", help="Only of this service.")
@click.option("--level", type=click.Choice(LEVELS), help="At least so severe.")
@click.option("--limit", default=100, show_default=True, help="So many at most, the newest: 1 to 5000.")
@click.option("--follow", "-f", is_flag=True, help="Show what comes in from now on, until Ctrl-C.")
@click.option("--patterns", is_flag=True, help="Group lines that are alike, and count them.")
@click.option("--source", help="Ask this store of [integrations] in place of the own one.")
@client_options
@guarded
def logs(
    query: str,
    since: str,
    until: str,
    service: str | None,
    level: str | None,
    limit: int,
    follow: bool,
    patterns: bool,
    source: str | None,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Search log records: words, "phrases", -not, field:value, level>=warn, /regular expressions/."""
    from trimtab.cli import logs_output, output

    if source is not None and (follow or patterns):
        raise click.UsageError("another store is searched alone: --source goes without --follow and --patterns")
    client = client_of(data_dir, server)
    asked = {"query": query or None, "service": service, "level_min": level}
    if follow:
        for name, data in client.follow("/logs/tail", **asked):
            logs_output.event(form, name, data)
    elif patterns:
        found = client.get("/logs/patterns", **asked, limit=min(limit, 500), **{"from": since, "to": until})
        output.show(form, found, logs_output.patterns)
    else:
        found = client.get("/logs", **asked, source=source, limit=limit, **{"from": since, "to": until})
        output.show(form, found, logs_output.records)


COMMANDS: tuple[click.Command, ...] = (logs,)
