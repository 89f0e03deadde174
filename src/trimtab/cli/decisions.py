"""`trimtab approve`, `reject`, `rollback`: what a person decides about the change of a case.

A yes is for one exact change. Without `--hash` the change is shown before it is approved, and on a terminal one is
asked; what a script approves without looking is at least in its log.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError


@click.command()
@click.argument("number", type=int)
@click.option("--hash", "content_hash", help="Approve only what has this hash (see 'trimtab case'); asks nothing.")
@click.option("--yes", is_flag=True, help="Approve whatever is proposed at this moment without asking; it is shown.")
@client_options
@guarded
def approve(
    number: int, content_hash: str | None, yes: bool, data_dir: Path | None, server: str | None, form: str
) -> None:
    """Approve the change that case NUMBER proposes: this exact change, until the approval expires.

    Without --hash the statement is shown on stderr, and a terminal is asked for a yes. Without a terminal (a script)
    what is shown is approved: give --hash there, so that only what somebody has looked at is approved.
    """
    from trimtab.cli import output

    client = client_of(data_dir, server)
    if content_hash is None:
        case = client.get(f"/cases/{number}")
        change = case["change"]
        if change is None:
            raise InputError(f"case {number} proposes no change")
        content_hash = str(change["proposal"]["content_hash"])
        if change["state"] == "proposed":
            from trimtab.cli.proposed import proposed_lines

            click.echo("\n".join(proposed_lines(case)), err=True)
            if not yes and sys.stdin.isatty() and not click.confirm("Approve this change?", err=True):
                click.echo("trimtab: nothing was approved", err=True)
                sys.exit(1)
    body: dict[str, object] = {"by": client.me, "content_hash": content_hash}
    output.show(form, client.post(f"/cases/{number}/approve", body), output.approved)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", help="Why; kept in the ledger.")
@client_options
@guarded
def reject(number: int, reason: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Reject the change that case NUMBER proposes."""
    _decide(number, "reject", reason, data_dir, server, form)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", help="Why; kept in the ledger.")
@client_options
@guarded
def rollback(number: int, reason: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Take back the change of case NUMBER that is being built or watched.

    It is written down at once and done by the next step of the loop: 'trimtab case NUMBER' tells how it ended.
    """
    _decide(number, "rollback", reason, data_dir, server, form)


def _decide(
    number: int, decision: str, reason: str | None, data_dir: Path | None, server: str | None, form: str
) -> None:
    from trimtab.cli import output

    client = client_of(data_dir, server)
    body: dict[str, object] = {"by": client.me, "reason": reason}
    output.show(form, client.post(f"/cases/{number}/{decision}", body), output.decided)


COMMANDS: tuple[click.Command, ...] = (approve, reject, rollback)
