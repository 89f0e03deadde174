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
    from trimtab.app.stack.reading import read_config

    config = _read(file)
    read_config(config)  # what is wrong is said here, before anything travels
    found = client_of(data_dir, server).post("/stack", {"config": config, "dry_run": dry_run})
    output.show(form, found, _show)


def _read(file: str) -> dict[str, object]:
    import yaml

    from trimtab.cli.testing import SIZE_BYTES_MAX, text_of_file

    text = sys.stdin.read(SIZE_BYTES_MAX) if file == "-" else text_of_file(Path(file))
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{file} is no YAML: {' '.join(str(error).split())}", file=file) from None
    except RecursionError:
        raise InputError(f"{file} is nested too deeply", file=file) from None
    if not isinstance(found, dict) or not found:
        raise InputError(
            f"{file}: it has sections such as infrastructure_metrics, found {str(found)[:40]!r}", file=file
        )
    return {str(key): value for key, value in found.items()}


def _example(form: str) -> str:
    import yaml

    from trimtab.app.stack.reading import seed_config

    if form == "json":
        return json.dumps(seed_config(), indent=2) + "\n"
    return yaml.safe_dump(seed_config(), sort_keys=False)


def _show(console: Console, found: Any) -> None:
    from rich.markup import escape

    from trimtab.cli.tables import ReadableTable

    console.out(found["said"])
    for change in found["changes"]:
        console.out(f"  {change}")
    table = ReadableTable(
        "\nMetrics", "metric", "wanted", "now", "unit", "alert", "state", "objective", "why there is none"
    )
    for one in found["metrics"]:
        now = "-" if one["value"] is None else f"{one['value']:.4g}"
        wish = f"at most {one['wish']:g}" if isinstance(one["wish"], float) else str(one["wish"])
        if isinstance(one["wish"], bool):
            wish = "within the budget" if one["wish"] else "no alert"
        told = (one["alert"] or "-", one["alert_state"] or "quiet", one["objective"] or "-", one["why"])
        table.add_row(*map(escape, (one["name"], wish, now, one["unit"], *told)))
    console.print(table)
    table = ReadableTable("\nParts", "part", "set up", "detail")
    for one in found["parts"]:
        table.add_row(*map(escape, (one["part"], "yes" if one["is_set_up"] else "no", one["detail"])))
    console.print(table)
