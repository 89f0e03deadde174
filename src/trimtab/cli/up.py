"""`trimtab up`: one process, one port. SIGTERM drains and exits 0, SIGHUP takes renewed files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import structlog
import uvicorn

from trimtab.api.guard import AccessGuard
from trimtab.api.otlp_only import OtlpOnly
from trimtab.api.own import Observed
from trimtab.app.config import load_config
from trimtab.app.logs import configure_logs
from trimtab.app.own.logs import RING, hear_libraries
from trimtab.app.service import Service
from trimtab.app.upstream import Upstream
from trimtab.app.wire import open_service
from trimtab.cli.calm_server import CalmServer
from trimtab.cli.listening import Listening, bind, check_allowed_host, is_loopback, parse_listen, url_of
from trimtab.cli.otlp_ports import OtlpPorts, Reach
from trimtab.cli.patient_http import PatientHttp
from trimtab.cli.server_note import SERVER_FILE, ServerNote
from trimtab.cli.site import make_site
from trimtab.cli.tls import ServerTls
from trimtab.model.errors import InputError, MissingError
from trimtab.store.compiled import load_in_background
from trimtab.store.telemetry import EmbeddedTelemetry

DRAIN_TIMEOUT_S = 10
CONNECTIONS_MAX = 1000
PRIVATE_UMASK = 0o077

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MetricsWish:
    """Where metrics are asked for, and how PromQL's windows begin. `upstream_url` None: in the own store."""

    upstream_url: str | None = None
    is_left_open: bool = True


def serve(
    listening: Listening,
    data_dir: Path,
    config_file: Path | None,
    metrics: MetricsWish | None = None,
    store: str | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. `store` comes before what the configuration says."""
    configure_logs()
    metrics = metrics or MetricsWish()
    upstream = None if metrics.upstream_url is None else Upstream(metrics.upstream_url)
    config = load_config(config_file)
    if store is not None:
        config = replace(config, server=replace(config.server, store=store))
    if config.server.scrape_config:
        from trimtab.observe.scrape.config import load

        load(Path(config.server.scrape_config))  # a wrong one is told now, not in a log
    if config.notify.routes:
        from trimtab.app.notify.routes_file import check_file

        check_file(Path(config.notify.routes))
    listening = listening.over(config.server)
    host, port = parse_listen(listening.listen)
    allowed_hosts = [check_allowed_host(name) for name in listening.allowed_hosts]
    tls = _tls(listening)
    os.umask(PRIVATE_UMASK)
    listener = bind(host, port)
    with contextlib.closing(listener):
        beyond = not is_loopback(listener)
        _check_transport(listening, beyond=beyond, tls=tls)
        url = url_of(listener, tls=tls is not None)
        login_needed = beyond or listening.require_login
        reach = Reach(login_needed, is_encrypted=tls is not None, insecure_http=listening.insecure_http)
        service = open_service(
            config, data_dir, url, login_needed=login_needed, config_path=config_file, sets_retention=True
        )
        service.querying.is_left_open = metrics.is_left_open
        _ask_elsewhere(service, upstream, scrapes=bool(config.server.scrape_config))
        try:
            _check_access(service, listening, data_dir, beyond=beyond)
            app = make_site(service, allowed_hosts)
            with contextlib.closing(OtlpPorts(config.server, reach, listening)) as ports:
                asyncio.run(_serve(service, app, listener, tls, data_dir, ports))
        finally:
            service.close()
            (data_dir / SERVER_FILE).unlink(missing_ok=True)
    click.echo("trimtab: stopped", err=True)


def _ask_elsewhere(service: Service, upstream: Upstream | None, *, scrapes: bool) -> None:
    """With another server for metrics none are taken here, where nobody would find them; what is made here is told."""
    service.upstream = upstream
    if upstream is None:
        return
    service.metrics_in.elsewhere = upstream.url
    told = "are refused (remote write, OTLP): send them there"
    if scrapes:
        told += ". What server.scrape_config makes trimtab scrape is stored here, and queries do not find it"
    click.echo(
        f"trimtab: WARNING: metrics are asked of {upstream.url} (--metrics); metrics sent here {told}.", err=True
    )


def _tls(listening: Listening) -> ServerTls | None:
    if not listening.uses_tls or listening.tls_cert is None or listening.tls_key is None:
        return None
    return ServerTls(listening.tls_cert, listening.tls_key)


def _check_transport(listening: Listening, *, beyond: bool, tls: ServerTls | None) -> None:
    """Passwords do not travel in the clear unless somebody said that they may."""
    if not beyond or tls is not None:
        return
    if not listening.insecure_http:
        raise InputError(
            f"--listen {listening.listen} is reachable by others, and passwords and tokens would travel in the clear: "
            "give --tls-cert FILE and --tls-key FILE, or --insecure-http where that is meant"
        )
    click.echo(
        f"trimtab: WARNING: plain HTTP beyond this machine ({listening.listen}): whoever is on the way can read "
        "passwords and tokens, and act with them. Give --tls-cert and --tls-key.",
        err=True,
    )


def _check_access(service: Service, listening: Listening, data_dir: Path, *, beyond: bool) -> None:
    """Where a login is needed somebody must be able to; and the data must be the owner's alone."""
    if service.access.login_needed and not service.access.has_admin():
        why = f"--listen {listening.listen} is reachable by others" if beyond else "--require-login is given"
        raise MissingError(
            f"{why}, and nobody could log in. Make an admin first: "
            f"trimtab user add NAME --role admin --data-dir {data_dir}"
        )
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & 0o077:
        click.echo(
            f"trimtab: WARNING: others on this machine may look into {data_dir} (mode {mode:o}): chmod 700 {data_dir}",
            err=True,
        )


async def _serve(
    service: Service,
    app: AccessGuard,
    listener: socket.socket,
    tls: ServerTls | None,
    data_dir: Path,
    ports: OtlpPorts,
) -> None:
    config = uvicorn.Config(
        OtlpOnly(Observed(app, service.own), ports.http_port),
        http=PatientHttp,
        ws="none",
        log_level="warning",
        lifespan="off",
        access_log=False,
        proxy_headers=False,  # an address that a header claims is nobody's address
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
        server_header=False,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
    )
    hear_libraries(RING)
    server = CalmServer(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        service.events.close()  # nobody waits for streams that would never end
        server.end()

    server.capture_signals = _no_signals  # type: ignore[method-assign]  # ours: the exit code must be 0
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, _reload, service, tls, ports)
    task = asyncio.create_task(server.serve(sockets=[listener, *([ports.http] if ports.http else [])]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    if server.started:
        _note(service, tls).write(data_dir)
        service.start()
        threading.Thread(target=ports.start_grpc, args=(service,), name="otlp-grpc-start", daemon=True).start()
        load_in_background()  # no query waits for a compiler
        if isinstance(service.telemetry, EmbeddedTelemetry):
            service.telemetry.metrics.start()  # reads back what memory has room for
        click.echo(f"trimtab: serving on {service.url}", err=True)
        if not service.state.systems():
            click.echo("trimtab: nothing is watched yet: trimtab doctor DSN, then trimtab watch DSN", err=True)
    await task
    await asyncio.to_thread(ports.stop_grpc)
    if service.upstream is not None:
        await service.upstream.close()


def _note(service: Service, tls: ServerTls | None) -> ServerNote:
    return ServerNote(
        service.url,
        os.getpid(),
        token=service.access.local_token() if service.access.login_needed else None,
        certificate=None if tls is None else str(tls.certificate.absolute()),
    )


def _reload(service: Service, tls: ServerTls | None, ports: OtlpPorts) -> None:
    """SIGHUP: files that are wrong are told in the log, and the old ones stay in use."""
    threading.Thread(target=service.reload_config, name="reload", daemon=True).start()
    if tls is None:
        return
    try:
        tls.reload()
        ports.reload_tls()
    except (InputError, OSError) as error:
        log.error("tls_not_renewed", reason=str(error))
    else:
        log.info("tls_renewed", certificate=str(tls.certificate))


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    yield
