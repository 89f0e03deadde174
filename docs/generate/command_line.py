"""The command line, read off click's own declarations."""

from __future__ import annotations

from collections.abc import Iterator

import click

from docs.generate.markdown import code, page, sentences, table
from trimtab.cli.common import EXIT_CODES, client_options
from trimtab.cli.main import main

OPTION_HEADS = ("option", "value", "default", "meaning")
Named = tuple[str, click.Command]


@client_options
def _asks_a_server() -> None:
    """Carries the options of every command that asks a server."""


COMMON = {parameter.name: parameter for parameter in click.command()(_asks_a_server).params}
"""Options of every command that asks a server: told once."""


def commands(group: click.Command = main, path: str = "trimtab") -> Iterator[Named]:
    """Every command that does something, by its whole name, in the order of the alphabet."""
    if isinstance(group, click.Group):
        for name, command in sorted(group.commands.items()):
            yield from commands(command, f"{path} {name}")
    else:
        yield path, group


def command_line_page() -> str:
    """The page."""
    index = table(
        ["command", "what it does"], [[_link(name), _first_sentence(command)] for name, command in commands()]
    )
    return page(
        "Command line",
        "Every command takes `--help`. Those that ask a running server find it by `--server`, else by the data "
        "directory (`--data-dir`), else by the environment: `TRIMTAB_SERVER`, `TRIMTAB_DATA_DIR`.",
        index,
        "## Options of every command that asks a server",
        table(
            OPTION_HEADS, [_option(parameter) for parameter in COMMON.values() if isinstance(parameter, click.Option)]
        ),
        "## Exit codes",
        table(["code", "meaning"], [[code(number), meaning] for number, meaning in EXIT_CODES.items()]),
        *(_section(name, command) for name, command in commands()),
    )


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    parts = [f"## {name}", f"    {' '.join([name, *command.collect_usage_pieces(context)])}", _help(command)]
    asks = {parameter.name for parameter in command.params} >= set(COMMON)
    rows = [
        _option(parameter)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not (asks and parameter.name in COMMON)
    ]
    if rows:
        parts.append(table(OPTION_HEADS, rows))
    if asks:
        parts.append(
            "And [the options of every command that asks a server](#options-of-every-command-that-asks-a-server)."
        )
    return "\n\n".join(parts)


def _option(option: click.Option) -> list[str]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else _type(option)
    has_default = option.default is not None and not option.is_flag and isinstance(option.default, str | int | float)
    default = code(option.default) if has_default else ""
    return [names, value, default, sentences(option.help)]


def _type(option: click.Option) -> str:
    kind = option.type
    if isinstance(kind, click.Choice):
        return ", ".join(code(choice) for choice in kind.choices)
    if isinstance(kind, click.IntRange):
        return f"{kind.min} to {kind.max}"
    return f"{kind.name}, several times" if option.multiple else kind.name


def _help(command: click.Command) -> str:
    return "\n\n".join(sentences(part) for part in (command.help or "").split("\n\n"))


def _first_sentence(command: click.Command) -> str:
    return sentences((command.help or "").split("\n\n", maxsplit=1)[0])


def _link(name: str) -> str:
    return f"[{name}](#{name.replace(' ', '-')})"
