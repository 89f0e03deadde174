"""What commands share: errors as messages and exit codes, and the options of those that ask a server."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from trimtab.cli.client import SERVER_VARIABLE, Client, Way, default_data_dir, find_server
from trimtab.model.errors import InputError, MissingError, StoreError, TrimtabError

_META = "trimtab.way"
SQL_LINES_MAX = 12
"""Longer SQL is not shown whole where a few GRANTs would do."""

EXIT_CODES: dict[int, str] = {
    0: "done, also where something is listed that a person should look at",
    1: "the answer is no: refused by a check or by the state of things, or something that matters is missing",
    2: "wrong use or bad input; the message on stderr names the place",
    3: "something needed was not there: a server, an extension, a permission, a program",
}


def exit_code(error: TrimtabError) -> int:
    """The exit code of an error.

    >>> exit_code(InputError("x")), exit_code(MissingError("x")), exit_code(TrimtabError("x"))
    (2, 3, 1)
    """
    if isinstance(error, InputError):
        return 2
    if isinstance(error, MissingError | StoreError):
        return 3
    return 1


def fail(error: TrimtabError) -> NoReturn:
    """Say what is wrong on stderr and leave."""
    click.echo(f"trimtab: {error.message}", err=True)
    for line in _sql(error):
        click.echo(line, err=True)
    for hint in _hints(error):
        click.echo(hint, err=True)
    sys.exit(exit_code(error))


def _fail_on_output(error: OSError) -> NoReturn:
    """The answer could not be written (a full disk), or a file that was named could not be used."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is buffered is not tried again on the way out
    place = error.filename or "the answer could not be written"
    click.echo(f"trimtab: {place}: {error.strerror or error}", err=True)
    sys.exit(3)


def _sql(error: TrimtabError) -> list[str]:
    """What a database administrator would run: whole where it is short, else the GRANTs, and where the script is."""
    sql, grants = str(error.facts.get("sql") or ""), error.facts.get("grants")
    if not sql:
        return []
    head = "a database administrator would run:"
    if not isinstance(grants, str) or len(sql.splitlines()) <= SQL_LINES_MAX:
        return [head, sql]
    script = f"the script of {len(sql.splitlines())} lines that 'trimtab doctor DSN --format sql' prints"
    function = "a function that shows plans and no rows, also those of INSERT, UPDATE and DELETE"
    if not grants:
        return [f"{head} {script}: it makes {function}"]
    return [head, grants, f"or, to let the role read nothing, {script}: it makes {function}"]


def _hints(error: TrimtabError) -> list[str]:
    """What a person may try, where the message alone does not say."""
    if "variable" in error.facts:
        return ["it is read by whoever connects: the server ('trimtab up'), or this command for 'doctor' and 'roles'"]
    if "could not connect to" not in error.message:
        return []
    from trimtab.sql.connection_causes import cause_of

    cause = cause_of(error.message)
    hints = [] if cause is None else [f"likely: {cause.cause}", f"try: {cause.remedy}"]
    return [*hints, "more: trimtab doctor DSN"]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors raised on purpose into a message and an exit code."""

    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except TrimtabError as error:
            fail(error)
        except BrokenPipeError:  # click's to handle: who reads has seen enough
            raise
        except OSError as error:
            _fail_on_output(error)

    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands that talk to a running server. `client_of` reads those that the command does not get."""
    command = click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        help="For people, or one JSON document.",
    )(command)
    command = _kept("--insecure-http", is_flag=True, help="Send the token over plain HTTP beyond this machine.")(
        command
    )
    command = _kept("--ca-file", type=click.Path(path_type=Path), help="Authority to believe for https:// (PEM).")(
        command
    )
    command = _kept(
        "--token-file", type=click.Path(path_type=Path), help="File with a token; else the variable TRIMTAB_TOKEN."
    )(command)
    command = click.option(
        "--server", help="URL of the server (TRIMTAB_SERVER); default: what the data directory says."
    )(command)
    return click.option(
        "--data-dir", type=click.Path(path_type=Path), help="The server's data directory (TRIMTAB_DATA_DIR)."
    )(command)


def client_of(data_dir: Path | None, server: str | None) -> Client:
    """The server of this command, by its options and the environment."""
    return find_server(way_of(data_dir, server))


def way_of(data_dir: Path | None, server: str | None) -> Way:
    """How to reach the server of this command: --server, else --data-dir, else what the environment says."""
    if server is None and data_dir is None:
        server = os.environ.get(SERVER_VARIABLE) or None
    kept = click.get_current_context().meta.get(_META, {})
    return Way(
        data_dir or default_data_dir(),
        server,
        token_file=kept.get("token_file"),
        ca_file=kept.get("ca_file"),
        insecure_http=bool(kept.get("insecure_http")),
    )


def _kept(name: str, **attributes: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option that is kept in the context, so that not every command has to hand it on."""

    def keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
        context.meta.setdefault(_META, {})[parameter.name] = value

    return click.option(name, expose_value=False, callback=keep, **attributes)
