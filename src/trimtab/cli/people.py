"""`trimtab user`, `trimtab token`, `trimtab audit`: who may come in, and who did what."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trimtab.cli.common import client_options, guarded, way_of
from trimtab.model.errors import InputError, NotFound

PERSON_ROLES = ("viewer", "operator", "admin")
TOKEN_ROLES = (*PERSON_ROLES, "ingest")
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[mhd])")


def seconds_of(text: str) -> int:
    """A time such as 90d, 12h, 30m in seconds.

    >>> seconds_of("90d"), seconds_of("30m")
    (7776000, 1800)
    """
    match = _DURATION.fullmatch(text)
    if match is None or int(match["number"]) == 0:
        raise InputError(f"--expires must be a time such as 90d, 12h or 30m, found {text!r}")
    return int(match["number"]) * _UNITS_S[match["unit"]]


def password_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the password comes from, if not from a prompt."""
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)
    return click.option(
        "--password-file", type=click.Path(path_type=Path), help="Read the password from a file (first and only line)."
    )(command)


@click.group()
def user() -> None:
    """People who may log in. Works on the data directory while no server runs on it, and else by its API."""


@user.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(PERSON_ROLES), required=True, help="viewer sees, operator decides, admin all."
)
@password_options
@client_options
@guarded
def user_add(
    name: str,
    role: str,
    password_file: Path | None,
    password_stdin: bool,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Add NAME; the password is asked for."""
    from trimtab.app.access import check_name
    from trimtab.app.passwords import check_new_password
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show
    from trimtab.cli.secret_input import read_password

    check_name(name)
    password = read_password(f"Password for {name}", password_file, password_stdin, twice=True)
    check_new_password(password, name)
    with administration(way_of(data_dir, server), creates=True) as admin:
        show(form, admin.add_user(name, role, password), people_output.user)


@user.command("list")
@client_options
@guarded
def user_list(data_dir: Path | None, server: str | None, form: str) -> None:
    """List people and their roles."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.users(), people_output.users)


@user.command("remove")
@click.argument("name")
@client_options
@guarded
def user_remove(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Take NAME away, with all sessions; ledger and audit keep the name."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.remove_user(name), people_output.removed)


@user.command("password")
@click.argument("name")
@password_options
@client_options
@guarded
def user_password(
    name: str,
    password_file: Path | None,
    password_stdin: bool,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Set NAME's password; all their sessions end."""
    from trimtab.app.passwords import check_new_password
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show
    from trimtab.cli.secret_input import read_password

    password = read_password(f"New password for {name}", password_file, password_stdin, twice=True)
    check_new_password(password, name)
    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.set_password(name, password), people_output.user)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(PERSON_ROLES))
@client_options
@guarded
def user_role(name: str, role: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Give NAME another role, at once."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.set_role(name, role), people_output.user)


@user.command("unlock")
@click.argument("name")
@client_options
@guarded
def user_unlock(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Forget the failed logins of NAME, who need not wait any more; limits of addresses stay."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.unlock(name), people_output.unlocked)


@click.group()
def token() -> None:
    """Secrets for programs: TRIMTAB_TOKEN of this command, or `Authorization: Bearer` of a sender of telemetry."""


@token.command("create")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(TOKEN_ROLES), required=True, help="ingest may send telemetry, and nothing else."
)
@click.option("--expires", help="A time such as 90d, 12h or 30m; default: until it is revoked.")
@client_options
@guarded
def token_create(
    name: str, role: str, expires: str | None, data_dir: Path | None, server: str | None, form: str
) -> None:
    """Make a token and print it: this is the only time that it is shown."""
    from trimtab.app.access import check_name
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    check_name(name)
    seconds = None if expires is None else seconds_of(expires)
    with administration(way_of(data_dir, server), creates=True) as admin:
        show(form, admin.create_token(name, role, seconds), people_output.new_token)


@token.command("list")
@client_options
@guarded
def token_list(data_dir: Path | None, server: str | None, form: str) -> None:
    """List tokens, newest first, with their beginnings and never more."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.tokens(), people_output.tokens)


@token.command("revoke")
@click.argument("token")
@client_options
@guarded
def token_revoke(token: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Revoke TOKEN, named by its number or its name, at once."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.revoke_token(_number_of(token, admin.tokens())), people_output.revoked)


def _number_of(token: str, known: list[dict[str, Any]]) -> int:
    for row in known:
        alive = row["revoked_at_ms"] is None
        if str(row["id"]) == token or (alive and str(row["name"]).casefold() == token.casefold()):
            return int(row["id"])
    raise NotFound(f"there is no token {token!r} that could be revoked", token=token)


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="So many at most.")
@click.option("--before", type=int, help="Only entries before this number.")
@client_options
@guarded
def audit(limit: int, before: int | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Who did what, newest first: logins, decisions, settings, people and tokens."""
    from trimtab.cli import people_output
    from trimtab.cli.administration import administration
    from trimtab.cli.output import show

    with administration(way_of(data_dir, server)) as admin:
        show(form, admin.audit(limit, before), people_output.audit)


COMMANDS: tuple[click.Command, ...] = (user, token, audit)
