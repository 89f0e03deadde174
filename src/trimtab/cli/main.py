"""The command line: what runs a server (`up`), what needs none (`doctor`, `roles`), and what asks one (the others).

`EXIT_CODES` says what they end with.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from trimtab.cli.client import Client, default_data_dir, server_url
from trimtab.model.errors import InputError, MissingError, StoreError, TrimtabError

DEFAULT_LISTEN = "127.0.0.1:9321"

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
    sql = error.facts.get("sql")
    if sql:
        click.echo(f"a database administrator would run:\n{sql}", err=True)
    for hint in _hints(error):
        click.echo(hint, err=True)
    sys.exit(exit_code(error))


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

    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trimtab")
def main() -> None:
    """Closes the performance loop: notice, prove, apply under guard, measure, keep or take back."""


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """--server, --data-dir and --format for commands that talk to a running server."""
    command = click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        help="For people, or one JSON document.",
    )(command)
    command = click.option("--server", help="URL of the server; default: what --data-dir says.")(command)
    return click.option(
        "--data-dir", type=click.Path(path_type=Path), help="The server's data directory (TRIMTAB_DATA_DIR)."
    )(command)


def _client(data_dir: Path | None, server: str | None) -> Client:
    return Client(server_url(data_dir or default_data_dir(), server))


def _me() -> str:
    return f"cli:{getpass.getuser()}"


@main.command()
@click.option("--listen", default=DEFAULT_LISTEN, show_default=True, help="HOST:PORT; loopback only.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where everything is kept (TRIMTAB_DATA_DIR).")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration in TOML.")
@click.option("--store", help="Telemetry store; only the embedded one is available: leave it out.")
@click.option("--metrics", help="A Prometheus-compatible server; not available yet: leave it out.")
@click.option("--state", help="State database; only the embedded one is available: leave it out.")
@click.option("--promql-window", type=click.Choice(["open", "closed"]), default="open", help="Not used yet.")
@guarded
def up(listen: str, data_dir: Path | None, config: Path | None, promql_window: str, **later: str | None) -> None:
    """Start the server: watch, find, propose, and do what policy allows."""
    for name, value in later.items():
        if value is not None:
            raise InputError(f"--{name} is not available in this version: only the embedded store is")
    if promql_window != "open":
        raise InputError("--promql-window is not available in this version: there is no PromQL yet")
    from trimtab.cli.up import serve

    serve(listen, data_dir or default_data_dir(), config)


@main.command()
@click.argument("dsn")
@click.option("--change-dsn", help="The role that may change things: looked at, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "sql"]),
    default="table",
    help="For people, as one JSON document, or only the script of what is missing.",
)
@guarded
def doctor(dsn: str, change_dsn: str | None, form: str) -> None:
    """Say what trimtab can and cannot see behind DSN, with the SQL for what is missing.

    Needs no server and writes nothing. Exit code: 0 all is there, 1 something that matters is missing, 2 the reference
    cannot be used, 3 no connection.
    """
    from trimtab.app.doctor import examine
    from trimtab.cli.doctor import show

    report = examine(dsn, change_dsn)
    show(form, report)
    sys.exit(report.exit_code)


@main.command()
@click.argument("dsn", required=False)
@click.option("--watch-role", default="trimtab_watch", show_default=True, help="The role that looks.")
@click.option("--change-role", help="The role that may change things; made only if it is named, or an owner is.")
@click.option("--owner", "owners", multiple=True, help="A role that owns the tables; may be given several times.")
@click.option("--schema", "schemas", multiple=True, help="A schema with tables (default: public, or what DSN has).")
@click.option(
    "--server-version", type=click.IntRange(13, 18), help="Before 14 rights are granted table by table; default: DSN's."
)
@guarded
def roles(
    dsn: str | None,
    watch_role: str,
    change_role: str | None,
    owners: tuple[str, ...],
    schemas: tuple[str, ...],
    server_version: int | None,
) -> None:
    """Print the script that makes trimtab's roles, to be pasted into psql by a database administrator.

    It has no passwords in it. With DSN, schemas and owners are looked up there; nothing is changed.
    """
    from trimtab.app.roles import script_for

    script = script_for(
        dsn=dsn,
        watch_role=watch_role,
        change_role=change_role,
        owners=owners,
        schemas=schemas,
        major=server_version,
    )
    click.echo(script, nl=False)


@main.command()
@click.argument("dsn")
@click.option("--name", help="What to call it; default: host, port and database.")
@click.option("--change-dsn", help="The role that may change things; without it trimtab only looks and proposes.")
@client_options
@guarded
def watch(
    dsn: str, name: str | None, change_dsn: str | None, data_dir: Path | None, server: str | None, form: str
) -> None:
    """Watch a PostgreSQL. DSN is a reference without a password: service=NAME, env:NAME, a URL with ${NAME} ..."""
    from trimtab.sql.connect import Reference

    for text in (dsn, change_dsn):
        if text is not None:
            Reference.parse(text)  # a secret is refused here, before it travels anywhere
    answer = _client(data_dir, server).post("/systems", {"dsn": dsn, "name": name, "change_dsn": change_dsn})
    from trimtab.cli import output

    output.show(form, answer, output.system)


@main.command()
@click.argument("name")
@client_options
@guarded
def unwatch(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Stop watching a system; its cases and ledger stay."""
    from urllib.parse import quote

    from trimtab.cli import output

    output.show(form, _client(data_dir, server).delete(f"/systems/{quote(name)}"), output.status)


@main.command()
@click.option("--limit", default=50, show_default=True, help="So many at most, 1 to 1000.")
@client_options
@guarded
def cases(limit: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """List cases, newest first."""
    from trimtab.cli import output

    output.show(form, _client(data_dir, server).get("/cases", limit=limit), output.cases)


@main.command()
@click.argument("number", type=int)
@client_options
@guarded
def case(number: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show one case: finding, proposal, what was done, what it did."""
    from trimtab.cli import output

    output.show(form, _client(data_dir, server).get(f"/cases/{number}"), output.case)


@main.command()
@click.argument("number", type=int)
@click.option("--hash", "content_hash", help="Approve only if the proposal still has this hash (see 'trimtab case').")
@client_options
@guarded
def approve(number: int, content_hash: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Approve the change that case NUMBER proposes: this exact change, until the approval expires."""
    from trimtab.cli import output

    client = _client(data_dir, server)
    if content_hash is None:
        change = client.get(f"/cases/{number}")["change"]
        if change is None:
            raise InputError(f"case {number} proposes no change")
        content_hash = change["proposal"]["content_hash"]
    body: dict[str, object] = {"by": _me(), "content_hash": content_hash}
    output.show(form, client.post(f"/cases/{number}/approve", body), output.case)


@main.command()
@click.argument("number", type=int)
@click.option("--reason", help="Why; kept in the ledger.")
@client_options
@guarded
def reject(number: int, reason: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Reject the change that case NUMBER proposes."""
    from trimtab.cli import output

    body: dict[str, object] = {"by": _me(), "reason": reason}
    output.show(form, _client(data_dir, server).post(f"/cases/{number}/reject", body), output.case)


@main.command()
@client_options
@guarded
def status(data_dir: Path | None, server: str | None, form: str) -> None:
    """What runs, what is watched and what trimtab cannot see, what is in flight."""
    from trimtab.cli import output

    output.show(form, _client(data_dir, server).get("/status"), output.status)


@main.command()
@click.option("--off", is_flag=True, help="Allow changes again.")
@client_options
@guarded
def freeze(off: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """The kill switch: no new change while frozen; what is in flight is still watched and taken back."""
    from trimtab.cli import output

    output.show(form, _client(data_dir, server).post("/freeze", {"frozen": not off, "by": _me()}), output.status)
