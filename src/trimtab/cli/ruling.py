"""`trimtab rules`: what is in force on a server, and what is wrong with it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.common import client_of, client_options, guarded

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@click.option("--fail-on-error", is_flag=True, help="Exit code 1 where a file is refused or a rule fails.")
@client_options
@guarded
def rules(fail_on_error: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """Rules in force: files, groups, which fail and why, how long a round takes."""
    from trimtab.cli import output

    found = client_of(data_dir, server).get("/rules")
    output.show(form, found, _show)
    if fail_on_error and (found["problem"] or found["failing"] or any(one["error"] for one in found["files"])):
        sys.exit(1)


def _show(console: Console, found: Any) -> None:
    if not found["files"]:
        console.out("no rule files: name them in [rules] files")
    for one in found["files"]:
        before = "what it said when it was right is in force" if one["groups_count"] else "nothing of it is in force"
        told = f"refused, {before}: {one['error']}" if one["error"] else "in force"
        console.out(f"{one['path']}: {one['rules_count']} rules in {one['groups_count']} groups, {told}")
    for one in found["groups"]:
        at_ms = one["evaluated_at_ms"]
        when = f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%SZ}" if at_ms else "not yet"
        counts = f"{one['firing_count']} firing, {one['pending_count']} pending, {one['failing_count']} failing"
        console.out(
            f"  {one['name']}: {one['rules_count']} rules every {one['interval_ms'] / 1000:g} s, {counts}, {when}"
        )
    for one in found["failing"]:
        console.out(f"fails: {one['group']}/{one['name']}: {one['error']}")
    if found["problem"]:
        console.out(f"the last round: {found['problem']}")
    for text in found["refusals"]:
        console.out(f"not recorded: {text}")
    console.out(
        f"{found['rounds_count']} rounds, the last took {found['round_cpu_ms']:g} ms of processor time; "
        f"{found['missed_count']} missed"
    )
