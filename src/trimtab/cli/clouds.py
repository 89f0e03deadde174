"""`trimtab clouds`: what a server knows of clouds; or, without one, a look at the accounts of a configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import client_of, client_options, guarded

if TYPE_CHECKING:
    from trimtab.cli.output import Json


@click.command()
@click.option("--account", help="Only of this account.")
@click.option("--search", help="Only what has this in its name, id, region or state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Rows of each table.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Ask no server: look once, from here, at the accounts of this configuration.",
)
@click.option("--fail", is_flag=True, help="Exit with 1 where something is unhealthy, or was not read.")
@client_options
@guarded
def clouds(
    account: str | None,
    search: str | None,
    limit: int,
    config_path: Path | None,
    fail: bool,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """Instances, scaling, load balancers and databases of the cloud accounts of a server, what is wrong first.

    What could not be read is said by account, region and reason. Exit code: 0; with --fail 1 where something is
    unhealthy or was not read; 2 wrong use; 3 no server, or none that answers.
    """
    from trimtab.cli import clouds_output, output

    if config_path is not None:
        found = _looked(config_path, account, search or "", limit)
    else:
        found = client_of(data_dir, server).get("/clouds", account=account, search=search, limit=limit)
    output.show(form, found, clouds_output.clouds)
    counts = found["counts"]
    if fail and any(counts[name] for name in ("unhealthy_instances", "unhealthy_targets", "failing")):
        sys.exit(1)


def _looked(path: Path, account: str | None, search: str, limit: int) -> Json:
    """One look, from here."""
    import time
    from dataclasses import replace

    import msgspec

    from trimtab.app.clouds.clouds import Clouds
    from trimtab.app.clouds.listing import listed
    from trimtab.app.config import load_config
    from trimtab.app.logs import configure_logs
    from trimtab.model.clouds import named_of
    from trimtab.model.errors import InputError, NotFound

    configure_logs()
    policy = load_config(path).clouds
    if not policy.accounts:
        raise InputError(f"{path} names no account: [clouds] accounts = ['prod=aws regions=eu-central-1']")
    if account is not None:
        mine = tuple(text for text in policy.accounts if named_of(text).name == account)
        if not mine:
            raise NotFound(f"{path} names no account {account!r}", field="account")
        policy = replace(policy, accounts=mine)
    looking = Clouds(policy, lambda: time.time_ns() // 1_000_000)
    try:
        now = looking.look(policy.look_s_max + 3 * policy.timeout_s)
    finally:
        looking.stop()
    found: Json = msgspec.to_builtins(listed(now, account, search, limit))
    return found
