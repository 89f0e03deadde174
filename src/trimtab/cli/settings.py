"""`trimtab policy` and `trimtab config`: what is in force, overrides by an administrator, and a file checked alone."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from trimtab.app.settings import Plain, Setting

STDIN = "-"


@click.group(invoke_without_command=True)
@click.option("--system", help="As it is in force for this system; default: for one of which nothing is said.")
@client_options
@guarded
def policy(system: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """What trimtab may do: every value in force, and where it comes from."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    from trimtab.cli import output
    from trimtab.cli.output_settings import policy_table

    output.show(form, client_of(data_dir, server).get("/policy", system=system), policy_table)


@policy.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("values", nargs=-1, required=True)
@click.option("--system", help="For this system only; default: for all.")
@client_options
@guarded
def set_(
    name: str, values: tuple[str, ...], system: str | None, data_dir: Path | None, server: str | None, form: str
) -> None:
    """Override setting NAME at once, over what the file says, until it is cleared.

    A list takes several VALUES; [] is the empty one.
    """
    from trimtab.cli import output
    from trimtab.cli.output_settings import setting_line

    client = client_of(data_dir, server)
    body: dict[str, object] = {"name": name, "value": value_of(name, values), "system": system, "by": client.me}
    output.show(form, client.put("/policy", body), setting_line)


@policy.command()
@click.argument("name")
@click.option("--system", help="The override for this system; default: the one for all.")
@client_options
@guarded
def clear(name: str, system: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Take the override of setting NAME back: the file counts again."""
    from trimtab.cli import output
    from trimtab.cli.output_settings import setting_line

    client = client_of(data_dir, server)
    output.show(form, client.delete("/policy", name=name, system=system, by=client.me), setting_line)


@click.group()
def config() -> None:
    """The configuration file: check one, or show what is in force."""


@config.command()
@click.argument("file")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="For people, or one JSON document."
)
@guarded
def check(file: str, form: str) -> None:
    """Check a configuration FILE (- for standard input) without a server: everything that is wrong, with its place.

    Exit code: 0 it is right, 2 it is not.
    """
    from trimtab.app.config import check_bytes, check_file
    from trimtab.cli.output_settings import checked_json, checked_lines

    if file == STDIN:
        checked = check_bytes(sys.stdin.buffer.read(), "standard input")
    else:
        checked = check_file(Path(file), looks_for_files=True)
    if form == "json":
        click.echo(json.dumps(checked_json(checked), indent=2))
    for problem in checked.problems:
        click.echo(f"trimtab: {problem.told(checked.file)}", err=True)
    if checked.problems:
        sys.exit(2)
    if form == "table":
        click.echo("\n".join(checked_lines(checked)))


@config.command("show")
@click.option("--system", help="As it is in force for this system; default: for one of which nothing is said.")
@client_options
@guarded
def show_config(system: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Every setting of a running server: what is in force, and where it comes from."""
    from trimtab.cli import output
    from trimtab.cli.output_settings import config_table

    output.show(form, client_of(data_dir, server).get("/policy", system=system), config_table)


def value_of(name: str, words: Sequence[str]) -> Plain:
    """What was typed, as a value of that setting; what cannot be one is left to the server to refuse.

    >>> value_of("create_index.change_windows", ["Sat 00:00-24:00", "Sun 00:00-24:00"])
    ['Sat 00:00-24:00', 'Sun 00:00-24:00']
    >>> value_of("create_index.change_windows", ["[]"]), value_of("watch.alpha", ["0.01"]), value_of("x", ["y"])
    ([], 0.01, 'y')
    """
    from trimtab.app.settings import SETTINGS, Kind

    setting = SETTINGS.get(name)
    if setting is not None and setting.kind is Kind.TEXTS:
        return _texts(setting, words)
    if len(words) > 1:
        raise InputError(f"{name} takes one value, found {len(words)}", field=name)
    (word,) = words
    if setting is not None and setting.kind is Kind.FLAG and word in ("true", "false"):
        return word == "true"
    if setting is not None and setting.kind in (Kind.NUMBER, Kind.WHOLE):
        for kind in (int, float):
            try:
                return kind(word)
            except ValueError:
                continue
    return word


def _texts(setting: Setting, words: Sequence[str]) -> list[str]:
    if len(words) != 1 or not words[0].lstrip().startswith("["):
        return list(words)
    try:
        given = tomllib.loads(f"given = {words[0]}")["given"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{setting.name}: {words[0]!r} is no list: {error}", field=setting.name) from error
    return [str(item) for item in given]
