"""`trimtab packs`: rules and objectives that come with trimtab. `export` needs no server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


@click.group()
def packs() -> None:
    """Rules and objectives for hosts, PostgreSQL, pipelines, web services and game servers."""


@packs.command("list")
@client_options
@guarded
def list_(data_dir: Path | None, server: str | None, form: str) -> None:
    """Packs, and which are in force."""
    from trimtab.cli import output

    output.show(form, client_of(data_dir, server).get("/packs"), _list)


@packs.command()
@click.argument("name")
@click.option("--runbooks", is_flag=True, help="With the runbook of each alert.")
@client_options
@guarded
def show(name: str, runbooks: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """One pack: thresholds with their sources, alerts, objectives, the series that it needs."""
    from trimtab.cli import output
    from trimtab.cli.segment import segment

    found = client_of(data_dir, server).get(f"/packs/{segment(name)}")
    output.show(form, found, lambda console, answer: _show(console, answer, runbooks=runbooks))


@packs.command()
@click.argument("name")
@click.option(
    "--set", "values", multiple=True, metavar="THRESHOLD=VALUE", help="Another value; an empty one takes it back."
)
@client_options
@guarded
def enable(name: str, values: tuple[str, ...], data_dir: Path | None, server: str | None, form: str) -> None:
    """Switch a pack on; its rules are evaluated within seconds."""
    from trimtab.cli import output
    from trimtab.cli.segment import segment

    found = client_of(data_dir, server).post(
        f"/packs/{segment(name)}", {"enabled": True, "thresholds": _values(values)}
    )
    output.show(form, found, lambda console, answer: _show(console, answer, runbooks=False))


@packs.command()
@click.argument("name")
@client_options
@guarded
def disable(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Switch a pack off; what it had firing is resolved."""
    from trimtab.cli import output
    from trimtab.cli.segment import segment

    found = client_of(data_dir, server).post(f"/packs/{segment(name)}", {"enabled": False})
    output.show(form, found, lambda console, answer: console.out(f"{answer['name']} is off"))


@packs.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--set", "values", multiple=True, metavar="THRESHOLD=VALUE", help="Another value in place of the pack's.")
@guarded
def export(name: str, folder: Path, values: tuple[str, ...]) -> None:
    """Write a pack's files to FOLDER: rules and tests for Prometheus and promtool, objectives, thresholds.

    The unit tests are those of the pack's own values: with --set they may not hold any more.
    """
    from trimtab.app.packs.overriding import rendered, value_problem
    from trimtab.app.packs.pack import FILES, pack_of, text_of

    pack = pack_of(name)
    overrides = {key: value or "" for key, value in _values(values).items()}
    wrong = [problem for key, value in overrides.items() if (problem := value_problem(pack, key, value)) is not None]
    if wrong:
        raise InputError("; ".join(wrong), field="--set")
    made = rendered(pack, overrides)
    texts = {"rules.yml": made.rules, "objectives.yml": made.objectives}
    there = [str(folder / file) for file in FILES if (folder / file).exists()]
    if there:
        raise InputError(f"{', '.join(there)}: there already, and not overwritten", field="FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        (folder / file).write_text(texts.get(file) or text_of(name, file), "utf-8")
    click.echo(f"{folder}: {', '.join(FILES)}")


def _values(texts: tuple[str, ...]) -> dict[str, str | None]:
    """
    >>> _values(("cpu_percent=90", "HostCpuBusy.for="))
    {'cpu_percent': '90', 'HostCpuBusy.for': None}
    """
    found: dict[str, str | None] = {}
    for text in texts:
        key, is_there, value = text.partition("=")
        if not is_there:
            raise InputError(f"--set is THRESHOLD=VALUE, found {text!r}", field="--set")
        found[key.strip()] = value.strip() or None
    return found


def _list(console: Console, found: Any) -> None:
    from rich.markup import escape

    from trimtab.cli.tables import ReadableTable

    table = ReadableTable("", "pack", "in force", "said by", "alerts", "objectives", "other values", "about")
    for one in found:
        other = ", ".join(f"{key}={value}" for key, value in one["overrides"].items())
        counts = (str(one["alerts_count"]), str(one["objectives_count"]))
        cells = (one["name"], "yes" if one["is_enabled"] else "no", one["source"], *counts, other, one["title"])
        table.add_row(*map(escape, cells))
    console.print(table)


def _show(console: Console, found: Any, *, runbooks: bool) -> None:
    from rich.markup import escape

    from trimtab.cli.tables import ReadableTable

    console.out(f"{found['title']} (pack {found['name']}, {'in force' if found['is_enabled'] else 'not in force'})")
    console.out(found["about"])
    table = ReadableTable("\nThresholds", "name", "value", "unit", "from", "used by", "why")
    for one in found["thresholds"]:
        used = ", ".join(one["used_by"])
        cells = (one["name"], one["value"], one["unit"], one["value_source"], used, one["source"])
        table.add_row(*map(escape, cells))
    console.print(table)
    table = ReadableTable("\nAlerts", "alert", "severity", "after", "expression")
    for one in found["alerts"]:
        table.add_row(*map(escape, (one["name"], one["severity"], f"{one['for_s']:g} s", one["expr"])))
    console.print(table)
    if runbooks:
        for one in found["alerts"]:
            console.out(f"\n{one['name']}\n{one['runbook'].rstrip()}")
    console.out(f"\nObjectives: {', '.join(found['objectives'])}")
    table = ReadableTable("\nNeeds", "series", "from")
    for one in found["needs"]:
        table.add_row(*map(escape, (one["series"], one["source"])))
    console.print(table)
