"""The command line: what runs a server (`up`), what needs none (`doctor`, `roles`), and what asks one (the others).

`EXIT_CODES` says what they end with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trimtab.cli import (
    advising,
    alerts,
    anomalies,
    backtesting,
    business,
    checking,
    clouds,
    dashboards,
    decisions,
    explaining,
    importing,
    infrastructure,
    logs,
    looking,
    packs,
    people,
    ruling,
    series_files,
    settings,
    setup,
    slo,
    testing,
)
from trimtab.cli.client import Client, default_data_dir
from trimtab.cli.common import client_of, client_options, guarded
from trimtab.model.errors import InputError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trimtab")
def main() -> None:
    """Closes the performance loop: notice, prove, apply under guard, measure, keep or take back."""


for _command in (
    *alerts.COMMANDS,
    *anomalies.COMMANDS,
    *business.COMMANDS,
    *decisions.COMMANDS,
    *looking.COMMANDS,
    *infrastructure.COMMANDS,
    *logs.COMMANDS,
    *people.COMMANDS,
    *series_files.COMMANDS,
    advising.advise,
    backtesting.backtest,
    checking.check,
    dashboards.dashboards,
    clouds.clouds,
    explaining.explain,
    importing.import_,
    packs.packs,
    ruling.rules,
    setup.setup,
    slo.slo,
    testing.test,
):
    main.add_command(_command)


@main.command()
@click.option("--listen", default="", help="HOST:PORT [127.0.0.1:9321]; beyond loopback a login and TLS are needed.")
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), help="Certificate chain in PEM; SIGHUP takes a renewed one."
)
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key in PEM, without a passphrase.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    help="A name that this server answers to; may be given several times.",
)
@click.option(
    "--require-login", is_flag=True, help="Ask for a login on loopback too (many users, or a proxy in front)."
)
@click.option("--insecure-http", is_flag=True, help="Allow plain HTTP beyond loopback: passwords travel in the clear.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where everything is kept (TRIMTAB_DATA_DIR).")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration in TOML.")
@click.option(
    "--store",
    help="Keep telemetry in a ClickHouse: clickhouse://USER:${PASSWORD}@HOST:8123/DATABASE, the password in that "
    "environment variable (or ?password_file=PATH). Several hosts, with commas: shards. Default: the data directory.",
)
@click.option(
    "--metrics", help="URL of a Prometheus-compatible server that has the metrics: PromQL is passed on to it."
)
@click.option("--state", help="State database; only the embedded one is available: leave it out.")
@click.option(
    "--promql-window",
    type=click.Choice(["open", "closed"]),
    default="open",
    help="PromQL's windows without their first instant, as in Prometheus 3, or with it, as in 2.",
)
@guarded
def up(
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    allowed_hosts: tuple[str, ...],
    require_login: bool,
    insecure_http: bool,
    data_dir: Path | None,
    config: Path | None,
    promql_window: str,
    metrics: str | None,
    store: str | None,
    **later: str | None,
) -> None:
    """Start the server: watch, find, propose, and do what policy allows."""
    for name, value in later.items():
        if value is not None:
            raise InputError(f"--{name} is not available in this version: only the embedded store is")
    click.echo(f"trimtab: starting, with the data in {data_dir or default_data_dir()}", err=True)
    from trimtab.store.compiled_once import compile_once

    compile_once(lambda told: click.echo(told, err=True))  # before what comes now: it imports kernels
    from trimtab.cli.listening import Listening
    from trimtab.cli.up import MetricsWish, serve

    listening = Listening(listen, allowed_hosts, tls_cert, tls_key, insecure_http, require_login)
    wish = MetricsWish(metrics, is_left_open=promql_window == "open")
    serve(listening, data_dir or default_data_dir(), config, wish, store)


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
@click.option(
    "--logged-plans", is_flag=True, help="Instead, the function that lets --watch-role read auto_explain's plans."
)
@guarded
def roles(
    dsn: str | None,
    watch_role: str,
    change_role: str | None,
    owners: tuple[str, ...],
    schemas: tuple[str, ...],
    server_version: int | None,
    logged_plans: bool,
) -> None:
    """Print the script that makes trimtab's roles, to be pasted into psql by a database administrator.

    It has no passwords in it. With DSN, schemas and owners are looked up there; nothing is changed.
    """
    from trimtab.app.roles import logged_plans_script, script_for

    if logged_plans:
        click.echo(logged_plans_script(watch_role), nl=False)
        return
    script = script_for(
        dsn=dsn,
        watch_role=watch_role,
        change_role=change_role,
        owners=owners,
        schemas=schemas,
        major=server_version,
    )
    if script.warning is not None:
        click.echo(f"trimtab: WARNING: {script.warning}", err=True)
    click.echo(script.text, nl=False)


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
    client = client_of(data_dir, server)
    answer = client.post("/systems", {"dsn": dsn, "name": name, "change_dsn": change_dsn})
    from trimtab.cli import output

    output.show(form, answer, output.system)
    if form == "table":
        click.echo(f"Next: trimtab cases, or the page at {client.url}. A finding needs about a minute of load.")


@main.command()
@click.argument("name")
@client_options
@guarded
def unwatch(name: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Stop watching a system; its cases and ledger stay."""
    from trimtab.cli import output
    from trimtab.cli.segment import segment

    output.show(form, client_of(data_dir, server).delete(f"/systems/{segment(name)}"), output.status)


@main.command()
@click.option("--limit", default=50, show_default=True, help="So many at most, 1 to 1000.")
@client_options
@guarded
def cases(limit: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """List cases, newest first."""
    from trimtab.cli import output

    output.show(form, client_of(data_dir, server).get("/cases", limit=limit), output.cases)


@main.command()
@click.argument("number", type=int)
@client_options
@guarded
def case(number: int, data_dir: Path | None, server: str | None, form: str) -> None:
    """Show one case: finding, proposal, what was done, what it did."""
    from trimtab.cli import output

    output.show(form, client_of(data_dir, server).get(f"/cases/{number}"), output.case)


@main.command()
@client_options
@guarded
def status(data_dir: Path | None, server: str | None, form: str) -> None:
    """What runs, what is watched and what trimtab cannot see, what is in flight."""
    from trimtab.cli import output

    output.show(form, client_of(data_dir, server).get("/status"), output.status)


@main.command()
@click.option("--off", is_flag=True, help="Allow changes again: the same as 'trimtab thaw'.")
@click.option("--system", help="Only on this system; default: everywhere (the kill switch).")
@click.option("--kind", help="Only this kind of change on --system, such as create_index.")
@click.option("--reason", help="Why; shown wherever something waits for it.")
@client_options
@guarded
def freeze(
    off: bool,
    system: str | None,
    kind: str | None,
    reason: str | None,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """No new change while frozen; what is in flight is still watched and taken back."""
    _freeze(not off, system, kind, reason, client_of(data_dir, server), form)


@main.command()
@click.option("--system", help="What is frozen on this system; default: the kill switch.")
@click.option("--kind", help="Only this kind of change on --system; default: all that is frozen there.")
@client_options
@guarded
def thaw(system: str | None, kind: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Allow changes again, also after a freeze by repeated rollbacks."""
    _freeze(False, system, kind, None, client_of(data_dir, server), form)


def _freeze(frozen: bool, system: str | None, kind: str | None, reason: str | None, client: Client, form: str) -> None:
    from trimtab.cli import output

    body: dict[str, object] = {"frozen": frozen, "by": client.me, "system": system, "kind": kind, "reason": reason}
    output.show(form, client.post("/freeze", body), output.status)


main.add_command(settings.policy)
main.add_command(settings.config)
