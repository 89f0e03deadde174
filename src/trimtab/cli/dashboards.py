"""`trimtab dashboards`: what there is, bringing a Grafana's, taking trimtab's as files, putting them into a Grafana."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded


@click.group()
def dashboards() -> None:
    """Dashboards: trimtab's own, and those of a Grafana."""


@dashboards.command("list")
@client_options
@guarded
def list_(data_dir: Path | None, server: str | None, form: str) -> None:
    """List dashboards: those that come with trimtab, and those that were imported."""
    from trimtab.cli import dashboards_output, output

    output.show(form, client_of(data_dir, server).get("/dashboards"), dashboards_output.listed)


@dashboards.command()
@click.argument("uid")
@client_options
@guarded
def show(uid: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show one dashboard: what each panel is drawn as, or why it is not."""
    from trimtab.cli import dashboards_output, output
    from trimtab.cli.segment import segment

    output.show(form, client_of(data_dir, server).get(f"/dashboards/{segment(uid)}"), dashboards_output.detail)


@dashboards.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@guarded
def check(files: tuple[str, ...]) -> None:
    """Read dashboards of a Grafana and say which panels are drawn, and why others are not; no server is needed.

    Exit code: 0, 2 a file is no dashboard.
    """
    from trimtab.app.dashboards.report import report_of
    from trimtab.cli import dashboards_output
    from trimtab.model.errors import InputError

    is_wrong = False
    for file in files:
        try:
            dashboards_output.report(report_of(_read(file), file))
        except InputError as error:
            click.echo(error.message, err=True)
            is_wrong = True
    if is_wrong:
        sys.exit(2)


@dashboards.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--replace", is_flag=True, help="Also where there is a dashboard of that uid already.")
@client_options
@guarded
def import_(files: tuple[str, ...], replace: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """Bring dashboards of a Grafana: FILE is its JSON, - is standard input."""
    from trimtab.app.dashboards.document import document_of
    from trimtab.app.dashboards.reading import dashboard_of_bytes
    from trimtab.cli import dashboards_output, output

    read = {file: _read(file) for file in files}
    for file, data in read.items():
        dashboard_of_bytes(data, file)  # what is wrong in any of them is said before one is brought
    client = client_of(data_dir, server)
    for file, data in read.items():
        document = document_of(data, file)
        answer = client.post("/dashboards", {"document": document, "replace": replace})
        output.show(form, answer, dashboards_output.brought)
        if form == "table":
            click.echo(f"Next: {client.url}/dashboards/{answer['row']['uid']}")


@dashboards.command()
@click.argument("uid")
@client_options
@guarded
def delete(uid: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Forget a dashboard that was imported."""
    from trimtab.cli import output
    from trimtab.cli.segment import segment

    answer = client_of(data_dir, server).delete(f"/dashboards/{segment(uid)}")
    output.show(form, answer, lambda console, _answer: console.print(f"{uid}: forgotten", markup=False))


@dashboards.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@guarded
def export(folder: Path) -> None:
    """Write trimtab's dashboards into FOLDER as JSON files that a Grafana takes; no server is needed."""
    from trimtab.app.dashboards.library import builtin

    folder.mkdir(parents=True, exist_ok=True)
    for uid, (_, data) in builtin().items():
        file = folder / f"{uid}.json"
        file.write_bytes(data)
        click.echo(str(file))


@dashboards.command()
@click.argument("uids", nargs=-1, metavar="[UID...]")
@click.option("--overwrite", is_flag=True, help="Also what a person changed there.")
@client_options
@guarded
def push(uids: tuple[str, ...], overwrite: bool, data_dir: Path | None, server: str | None, form: str) -> None:
    """Put trimtab's dashboards (or those named) into the Grafana of the server's settings.

    Folder and data sources come first; alerting rules only where grafana.alert_rules says so. Doing it again changes
    nothing; what a person changed there stays. Exit code: 0, 1 something could not be put there.
    """
    from trimtab.cli import dashboards_output, output

    answer = client_of(data_dir, server).post("/dashboards/push", {"uids": list(uids), "overwrite": overwrite})
    output.show(form, answer, dashboards_output.pushed)
    if any(one["outcome"] == "failed" for one in answer["items"]):
        sys.exit(1)


def _read(file: str) -> bytes:
    from trimtab.app.dashboards.document import too_large
    from trimtab.store.dashboard_state import DOCUMENT_BYTES_MAX

    if file == "-":
        return sys.stdin.buffer.read(DOCUMENT_BYTES_MAX + 1)
    with Path(file).open("rb") as opened:
        size_bytes = os.fstat(opened.fileno()).st_size
        if size_bytes > DOCUMENT_BYTES_MAX:
            raise too_large(file, size_bytes)
        return opened.read(DOCUMENT_BYTES_MAX + 1)
