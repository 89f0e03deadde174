"""The ports that OpenTelemetry's senders know: 4317 for gRPC, 4318 for HTTP. Taken by another: a warning, and on."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from trimtab.app.server_settings import ServerSettings
from trimtab.cli.listening import Listening, bind, is_loopback, parse_listen
from trimtab.cli.tls import ServerTls
from trimtab.model.errors import InputError, MissingError

if TYPE_CHECKING:
    from trimtab.api.otlp_grpc import OtlpGrpc
    from trimtab.app.service import Service

GRPC_DRAIN_S = 5.0
GRPC_SETTING, HTTP_SETTING = "server.otlp_grpc_listen", "server.otlp_http_listen"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reach:
    """Who may reach the server, and how."""

    login_needed: bool
    is_encrypted: bool
    insecure_http: bool


class OtlpPorts:
    """Both ports, as far as they are free. Close it."""

    def __init__(self, settings: ServerSettings, reach: Reach, listening: Listening) -> None:
        """Bind the one for HTTP; InputError where an address would be open to others against the rules."""
        self._grpc_listen = settings.otlp_grpc_listen
        self._certificate = (listening.tls_cert, listening.tls_key)
        self._grpc: OtlpGrpc | None = None
        self._grpc_tls: ServerTls | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        if self._grpc_listen:
            _check(self._grpc_listen, "otlp_grpc_listen", _is_loopback_address(self._grpc_listen), reach)
        self.http = _bound(settings.otlp_http_listen, reach) if settings.otlp_http_listen else None

    @property
    def http_port(self) -> int:
        """The port for HTTP; 0: none."""
        return 0 if self.http is None else int(self.http.getsockname()[1])

    def start_grpc(self, service: Service) -> None:
        """On a thread: loading HTTP/2 takes a while, and the server answers before."""
        if not self._grpc_listen:
            return
        from trimtab.api.otlp_grpc import OtlpGrpc
        from trimtab.api.otlp_signals import Signals
        from trimtab.store.limits import TelemetryLimits

        host, port = parse_listen(self._grpc_listen)
        chain, key = self._certificate
        tls = None if chain is None or key is None else ServerTls(chain, key, "h2")
        signals = Signals(service.telemetry, TelemetryLimits(), service.metrics_in)
        with self._lock:
            if self._is_closed:
                return
            try:
                server = OtlpGrpc(
                    signals, service.access, bind(host, port, GRPC_SETTING), None if tls is None else tls.context
                )
            except MissingError as error:
                self._tell_taken(error.message)
                return
            try:
                server.start()
            except OSError as error:
                server.stop(0)
                self._tell_taken(str(error))
                return
            self._grpc, self._grpc_tls = server, tls
        log.info("otlp_grpc", port=server.port)

    def _tell_taken(self, reason: str) -> None:
        log.warning("otlp_port_taken", listen=self._grpc_listen, setting=GRPC_SETTING, reason=reason)

    def reload_tls(self) -> None:
        """Take renewed files for connections that come. InputError where they are wrong: the old ones stay."""
        with self._lock:
            if self._grpc_tls is not None:
                self._grpc_tls.reload()

    def stop_grpc(self) -> None:
        """Take nothing more by gRPC; wait for what is under way."""
        with self._lock:
            self._is_closed = True
            if self._grpc is not None:
                self._grpc.stop(GRPC_DRAIN_S)
                self._grpc = None

    def close(self) -> None:
        """Give up both ports."""
        self.stop_grpc()
        if self.http is not None:
            self.http.close()


def _bound(listen: str, reach: Reach) -> socket.socket | None:
    host, port = parse_listen(listen)
    try:
        listener = bind(host, port, HTTP_SETTING)
    except MissingError as error:
        log.warning("otlp_port_taken", listen=listen, setting=HTTP_SETTING, reason=error.message)
        return None
    with contextlib.ExitStack() as undo:
        undo.callback(listener.close)
        _check(listen, "otlp_http_listen", is_loopback(listener), reach)
        try:
            listener.listen()
        except OSError as error:
            log.warning("otlp_port_taken", listen=listen, setting=HTTP_SETTING, reason=str(error))
            return None
        undo.pop_all()
    return listener


def _check(listen: str, setting: str, is_loopback_address: bool, reach: Reach) -> None:
    """The rules of the main port hold here, too."""
    if is_loopback_address:
        return
    if not reach.login_needed:
        raise InputError(
            f"server.{setting} = {listen!r} is reachable by others, and this server asks nobody for a login: "
            "give --require-login, or an address on loopback"
        )
    if not reach.is_encrypted and not reach.insecure_http:
        raise InputError(
            f"server.{setting} = {listen!r} is reachable by others, and tokens would travel in the clear: "
            "give --tls-cert FILE and --tls-key FILE, or --insecure-http where that is meant"
        )


def _is_loopback_address(listen: str) -> bool:
    host, port = parse_listen(listen)
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise InputError(
            f"server.otlp_grpc_listen: {host!r} is no address of this machine: {error.strerror}"
        ) from error
    return ipaddress.ip_address(str(address).partition("%")[0]).is_loopback
