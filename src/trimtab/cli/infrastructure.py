"""`trimtab host` looks at this machine itself; `trimtab infrastructure` asks a server what it saw underneath."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.cli.common import client_of, client_options, guarded


@click.command()
@click.option(
    "--interval", "interval_s", default=1.0, show_default=True, help="Seconds between the two looks, 0.1 to 300."
)
@click.option("--containers", is_flag=True, help="Containers, too: cgroups of this machine.")
@click.option("--docker", default="", help="Docker's engine, too: unix:///var/run/docker.sock or a URL.")
@click.option("--kubernetes", default="", help="Pods, too: in-cluster, or the URL of the API.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="For people, or one JSON document.",
)
@guarded
def host(interval_s: float, containers: bool, docker: str, kubernetes: str, form: str) -> None:
    """Look at this machine: what is busy, what waits, what went wrong, which processes. Needs no server."""
    import msgspec

    from trimtab.app.infrastructure.answers import containers_story, host_story
    from trimtab.app.infrastructure.monitors import ContainerMonitor, SystemMonitor
    from trimtab.cli import infrastructure_output, output

    told = {"host": host_story(SystemMonitor(interval_s).look())}
    document = {name: msgspec.to_builtins(value) for name, value in told.items()}
    if containers or docker or kubernetes:
        monitor = ContainerMonitor(docker=docker, kubernetes=kubernetes, interval_s=interval_s)
        document["containers"] = msgspec.to_builtins(containers_story(monitor.look()))
    output.show(form, document, infrastructure_output.look)


@click.command()
@click.argument("what", type=click.Choice(["health", "hosts", "host", "containers"]), default="health")
@client_options
@guarded
def infrastructure(what: str, data_dir: Path | None, server: str | None, form: str) -> None:
    """Ask a server what it saw underneath: health of all, the hosts, its own host, the containers."""
    from trimtab.cli import infrastructure_output, output

    path = "/infrastructure" if what == "health" else f"/infrastructure/{what}"
    draw = {
        "health": infrastructure_output.health,
        "hosts": infrastructure_output.hosts,
        "host": infrastructure_output.host,
        "containers": infrastructure_output.containers,
    }[what]
    output.show(form, client_of(data_dir, server).get(path), draw)


COMMANDS: tuple[click.Command, ...] = (host, infrastructure)
