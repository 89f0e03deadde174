"""`trimtab setup`: the whole stack from one file, as `setup_monitoring` does it in Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


@click.command("setup")
@click.argument("file", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--example", is_flag=True, help="Print a file with all metrics and their defaults; no server is asked.")
@click.option("--status", is_flag=True, help="How what was set up stands now; needs no FILE.")
@client_options
@guarded
def setup(
    file: str | None, dry_run: bool, example: bool, status: bool, data_dir: Path | None, server: str | None, form: str
) -> None:
    """Set up monitoring from FILE (YAML; - is standard input): metrics with thresholds and objectives.

    A second time changes nothing and says so. Exit code: 0 done, 1 with --status where a metric has no data or its
    alert fires, 2 the file is wrong: every wrong field is named.
    """
    from trimtab.cli import output

    if example:
        click.echo(_example(form), nl=False)
        return
    if status:
        found = client_of(data_dir, server).get("/stack")
        output.show(form, found, _show)
        if any(one["value"] is None or one["alert_state"] == "firing" for one in found["metrics"]):
            sys.exit(1)
        return
    if file is None:
        raise InputError("name a file ('trimtab setup --example' prints one), or --status", field="FILE")
    from trimtab.cli.setup_file import read_setup

    config = read_setup(file)  # what is wrong is said here, before anything travels
    found = client_of(data_dir, server).post("/stack", {"config": config, "dry_run": dry_run})
    output.show(form, found, _show)


def _example(form: str) -> str:
    import yaml

    from trimtab.app.stack.reading import seed_config

    if form == "json":
        return json.dumps(seed_config(), indent=2) + "\n"
    return yaml.safe_dump(seed_config(), sort_keys=False)


def _show(console: Console, found: Any) -> None:
    from rich.markup import escape

    from trimtab.app.stack.answers import set_up_text, wish_text
    from trimtab.cli.tables import ReadableTable
    from trimtab.model.readable import amount_text

    console.out(found["said"])
    for change in found["changes"]:
        console.out(f"  {change}")
    table = ReadableTable("\nMetrics", "metric", "wanted", "now", "alert", "state", "objective", "why")
    for one in found["metrics"]:
        now, wish = amount_text(one["value"], one["unit"], one["wish"]), wish_text(one["wish"])
        why = "; ".join(filter(None, (one["why"], set_up_text(one["wish_set_up"]))))
        told = (one["alert"] or "-", one["alert_state"] or "-", one["objective"] or "-", why)
        table.add_row(*map(escape, (one["name"], wish, now, *told)))
    console.print(table)
    table = ReadableTable("\nParts", "part", "set up", "detail")
    for one in found["parts"]:
        table.add_row(*map(escape, (one["part"], "yes" if one["is_set_up"] else "no", one["detail"])))
    console.print(table)
