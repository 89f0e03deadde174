"""OTLP over gRPC: the services for traces, metrics and logs, with the limits, errors and permissions of OTLP over HTTP.

Bodies stay bytes: the store and the kernels read them. Who must wait is told so by RetryInfo, without which senders
drop what they have.
"""

from __future__ import annotations

import socket
import ssl

from trimtab.api.grpc.call import Method
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.server import GrpcServer
from trimtab.api.otlp_signals import Signals
from trimtab.app.access import Access
from trimtab.model.access import LOOPBACK_PRINCIPAL, Permission, Principal
from trimtab.model.errors import LoginNeeded, NotAllowed
from trimtab.observe.metrics.receivers import OTLP

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class OtlpGrpc(GrpcServer):
    """One server on one bound socket. `tls` makes it speak TLS, and has to offer h2 by ALPN."""

    def __init__(
        self,
        signals: Signals,
        access: Access,
        listener: socket.socket,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(_methods(signals), TokenDoor(access), listener, tls, limits or Limits())


def _methods(signals: Signals) -> dict[str, Method]:
    metrics_in = signals.metrics_in
    metrics = Method(
        metrics_in.room,
        metrics_in.limits.body_bytes_max,
        lambda body, sender: signals.metrics(body, sender).SerializeToString(),
        lambda reason: metrics_in.counts.refused_body(OTLP, reason),
    )
    traces = Method(
        signals.traces_room,
        signals.traces_limits.message_bytes_max,
        lambda body, _sender: signals.traces(body).SerializeToString(),
        lambda _reason: None,
    )
    logs = Method(
        signals.logs_room,
        signals.traces_limits.message_bytes_max,
        lambda body, _sender: signals.logs(body).SerializeToString(),
        signals.refused_logs_body,
    )
    return {METRICS: metrics, TRACES: traces, LOGS: logs}


class TokenDoor:
    """As for a request over HTTP: a token that was sent counts, and must be right."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def asks_nobody(self, authorization: list[str]) -> bool:
        """Whether no token has to be looked up."""
        return not authorization

    def sender(self, authorization: list[str], address: str) -> str:
        """Who may send. LoginNeeded for nobody, NotAllowed for who may not."""
        principal = self._principal(authorization, address)
        if not principal.may(Permission.INGEST):
            raise NotAllowed(f"{principal.name} has the role {principal.role}, which may not {Permission.INGEST}")
        return principal.name

    def _principal(self, authorization: list[str], address: str) -> Principal:
        if authorization:
            scheme, _, bearer = authorization[0].partition(" ")
            found = None
            if len(authorization) == 1 and scheme.lower() == "bearer" and bearer.strip():
                found = self._access.principal_of_token(bearer.strip(), address)
            if found is None:
                raise LoginNeeded("the token is unknown, revoked or over (metadata authorization: Bearer TOKEN)")
            return found
        if self._access.login_needed:
            raise LoginNeeded("a token is needed (metadata authorization: Bearer TOKEN)")
        return LOOPBACK_PRINCIPAL
