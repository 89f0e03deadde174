"""`trimtab up`: one process, one port. SIGTERM drains and exits 0."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import uvicorn

from trimtab.api.asgi import make_app
from trimtab.api.hosts import LOOPBACK_NAMES
from trimtab.app.config import load_config
from trimtab.app.logs import configure_logs
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.cli.client import SERVER_FILE
from trimtab.model.errors import InputError, MissingError

DRAIN_TIMEOUT_S = 10


def parse_listen(listen: str) -> tuple[str, int]:
    """HOST:PORT, loopback only.

    >>> parse_listen("127.0.0.1:9321"), parse_listen("[::1]:0")
    (('127.0.0.1', 9321), ('::1', 0))
    >>> parse_listen("0.0.0.0:9321")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: --listen 0.0.0.0:9321: only loopback (127.0.0.1, localhost, [::1]) is possible
    without authentication, and this version has none
    """
    host, colon, port = listen.rpartition(":")
    host = host.strip("[]").lower()
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"--listen must be HOST:PORT with a port from 0 to 65535, found {listen!r}")
    if host not in LOOPBACK_NAMES:
        raise InputError(
            f"--listen {listen}: only loopback (127.0.0.1, localhost, [::1]) is possible without authentication, "
            "and this version has none"
        )
    return host, int(port)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; a taken port is said by its number."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise MissingError(
            f"could not listen on {host}:{port}: {error.strerror}. Another program has the port: "
            "choose one with --listen HOST:PORT",
            port=port,
        ) from error
    return listener


def serve(listen: str, data_dir: Path, config_file: Path | None) -> None:
    """Run until SIGTERM or SIGINT."""
    host, port = parse_listen(listen)
    configure_logs()
    config = load_config(config_file)
    listener = bind(host, port)
    bound = listener.getsockname()[1]
    url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
    service = open_service(config, data_dir, url)
    note = data_dir / SERVER_FILE
    try:
        asyncio.run(_serve(service, listener, url, note))
    finally:
        service.close()
        note.unlink(missing_ok=True)
        listener.close()
    click.echo("trimtab: stopped", err=True)


async def _serve(service: Service, listener: socket.socket, url: str, note: Path) -> None:
    config = uvicorn.Config(
        make_app(service),
        log_level="warning",
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
        server_header=False,
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    server.capture_signals = _no_signals  # type: ignore[method-assign]  # ours: the exit code must be 0
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    if server.started:
        temporary = note.with_suffix(".tmp")
        temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        temporary.replace(note)
        service.start()
        click.echo(f"trimtab: serving on {url}", err=True)
    await task


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    yield
