"""OTLP over gRPC: the services for traces, metrics and logs, with the limits, errors and permissions of OTLP over HTTP.

Bodies stay bytes: the store and the kernels read them. Who must wait is told so by RetryInfo, without which senders
drop what they have. Bodies are plain or gzip: gRPC's own code refuses zstd before anything of ours is asked
(docs/adr/0016).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import structlog

from trimtab.api.otlp_answers import (
    EXPECTED,
    INTERNAL,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    Problem,
    problem_of,
)
from trimtab.api.otlp_signals import Signals
from trimtab.app.access import Access
from trimtab.model.access import LOOPBACK_PRINCIPAL, Permission, Principal
from trimtab.model.errors import LoginNeeded, MissingError, NotAllowed
from trimtab.observe.metrics.receivers import OTLP
from trimtab.observe.room import Claim, Room

if TYPE_CHECKING:
    import grpc

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

WORKERS_COUNT = 8
"""Requests that are read and stored at one time; as many bodies are in memory before anybody claims room."""
CALLS_MAX = 1000
STREAMS_MAX = 200
"""Calls of one connection at one time."""

log = structlog.get_logger()

Export = Callable[[bytearray, str], bytes]


class OtlpGrpc:
    """One server on one address. `key_and_chain` (PEM) makes it speak TLS."""

    def __init__(
        self, signals: Signals, access: Access, address: str, key_and_chain: tuple[bytes, bytes] | None = None
    ) -> None:
        """Bind. MissingError where another has the port."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # senders' mistakes and taken ports are no raw lines on stderr
        import grpc

        self._pool = ThreadPoolExecutor(WORKERS_COUNT, "otlp-grpc")
        limit = max(signals.metrics_in.limits.body_bytes_max, signals.traces_limits.message_bytes_max)
        self._server = grpc.server(
            self._pool,
            [_services(signals, access)],
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_concurrent_streams", STREAMS_MAX),
                ("grpc.max_metadata_size", 32 * 1024),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=CALLS_MAX,
        )
        try:
            if key_and_chain is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, grpc.ssl_server_credentials([key_and_chain]))
        except RuntimeError as error:
            self._pool.shutdown(wait=False)
            raise MissingError(f"could not listen on {address}: {error}") from error
        self._stopped = threading.Event()

    def start(self) -> None:
        """Serve, on threads of its own."""
        self._server.start()

    def stop(self, drain_s: float) -> None:
        """Take nothing more, and wait for what is under way."""
        self._server.stop(drain_s).wait(drain_s + 1)
        self._pool.shutdown(wait=False)


def _services(signals: Signals, access: Access) -> grpc.GenericRpcHandler:
    """The table of methods."""
    import grpc

    metrics_in = signals.metrics_in
    metrics = _Method(
        access,
        metrics_in.room,
        metrics_in.limits.body_bytes_max,
        lambda body, sender: signals.metrics(body, sender).SerializeToString(),
        lambda reason: metrics_in.counts.refused_body(OTLP, reason),
    )
    traces = _Method(
        access,
        signals.traces_room,
        signals.traces_limits.message_bytes_max,
        lambda body, _sender: signals.traces(body).SerializeToString(),
        lambda _reason: None,
    )
    logs = _Method(
        access,
        signals.logs_room,
        signals.traces_limits.message_bytes_max,
        lambda body, _sender: signals.logs(body).SerializeToString(),
        signals.refused_logs_body,
    )
    methods: dict[str, Callable[[bytes, grpc.ServicerContext], bytes]] = {
        METRICS: metrics,
        TRACES: traces,
        LOGS: logs,
    }

    class Services(grpc.GenericRpcHandler):
        """Finds the method; for what is not in the table gRPC itself says so."""

        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            method = methods.get(handler_call_details.method)
            return None if method is None else grpc.unary_unary_rpc_method_handler(method)

    return Services()


class _Method:
    """One Export, on a thread of the pool."""

    def __init__(
        self, access: Access, room: Room, body_bytes_max: int, export: Export, count_refused: Callable[[str], None]
    ) -> None:
        self._access = access
        self._room = room
        self._body_bytes_max = body_bytes_max
        self._export = export
        self._count_refused = count_refused

    def __call__(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        """Who it is, whether they may, then as over HTTP."""
        try:
            sender = _principal(self._access, context.invocation_metadata(), context.peer())
            if not sender.may(Permission.INGEST):
                raise NotAllowed(f"{sender.name} has the role {sender.role}, which may not {Permission.INGEST}")
            answer = self._store(body, sender.name)
        except LoginNeeded as error:
            problem = Problem(401, UNAUTHENTICATED, "login", error.message)
        except NotAllowed as error:
            problem = Problem(403, PERMISSION_DENIED, "permission", error.message)
        except EXPECTED as error:
            problem = problem_of(error)
            self._count_refused(problem.reason)
        except Exception as error:
            log.exception("otlp_grpc_broke")
            problem = Problem(500, INTERNAL, "internal", f"internal error: {type(error).__name__}")
        else:
            return answer
        return _refuse(context, problem)

    def _store(self, body: bytes, sender: str) -> bytes:
        from trimtab.observe.otlp import BodyTooLong

        limit = self._body_bytes_max
        if len(body) > limit:
            raise BodyTooLong(f"a body may have {limit} bytes; this one has {len(body)}", limit=limit)
        with Claim(self._room) as claim:
            claim.grow_to(2 * len(body))
            return self._export(bytearray(body), sender)


def _principal(access: Access, metadata: Sequence[tuple[str, str | bytes]], peer: str) -> Principal:
    """As for a request over HTTP: a token that was sent counts, and must be right. LoginNeeded for nobody."""
    sent = [value for key, value in metadata if key == "authorization"]
    if sent:
        scheme, _, bearer = str(sent[0]).partition(" ")
        found = None
        if len(sent) == 1 and scheme.lower() == "bearer" and bearer.strip():
            found = access.principal_of_token(bearer.strip(), address_of(peer))
        if found is None:
            raise LoginNeeded("the token is unknown, revoked or over (metadata authorization: Bearer TOKEN)")
        return found
    if access.login_needed:
        raise LoginNeeded("a token is needed (metadata authorization: Bearer TOKEN)")
    return LOOPBACK_PRINCIPAL


def address_of(peer: str) -> str:
    """The address in what gRPC calls a peer.

    >>> address_of("ipv4:127.0.0.1:53422"), address_of("ipv6:%5B::1%5D:53422"), address_of("unix:")
    ('127.0.0.1', '::1', '')
    """
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return ""
    return rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")


def _refuse(context: grpc.ServicerContext, problem: Problem) -> NoReturn:
    """Abort; who is to come back is told when, in both ways that senders look for it."""
    import grpc
    from google.protobuf.any_pb2 import Any
    from google.protobuf.duration_pb2 import Duration
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    if problem.retry_after_s is not None:
        info = RetryInfo(retry_delay=Duration(seconds=problem.retry_after_s))
        detail = Any()
        detail.Pack(info)
        status = Status(code=problem.code, message=problem.message, details=[detail])
        context.set_trailing_metadata(
            [
                ("grpc-status-details-bin", status.SerializeToString()),
                ("google.rpc.retryinfo-bin", info.SerializeToString()),
            ]
        )
    codes: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
    context.abort(codes[problem.code], problem.message)
