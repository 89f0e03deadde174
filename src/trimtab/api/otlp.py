"""OTLP over HTTP: traces, metrics and logs, protobuf or JSON, gzip, zstd or plain. Acknowledged means on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from google.protobuf.message import Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.otlp_answers import EXPECTED, INVALID_ARGUMENT, Problem, problem_of
from trimtab.api.otlp_signals import Signals
from trimtab.api.receiving import media_type, on_worker, receive, sender_of
from trimtab.observe.metrics.receivers import OTLP
from trimtab.observe.otlp import JSON, PROTOBUF, logs_from_json, metrics_from_json, traces_from_json
from trimtab.observe.room import Claim, Room
from trimtab.observe.unpacking import Unpacker, pieces

Endpoint = Callable[[Request], Awaitable[Response]]


def otlp_routes(signals: Signals) -> list[Route]:
    """The routes of OTLP/HTTP."""
    traces = _Signal(
        signals.traces_room,
        signals.traces_limits.message_bytes_max,
        traces_from_json,
        lambda body, _sender: signals.traces(body),
        lambda _reason: None,
    )
    metrics_in = signals.metrics_in
    metrics = _Signal(
        metrics_in.room,
        metrics_in.limits.body_bytes_max,
        metrics_from_json,
        signals.metrics,
        lambda reason: metrics_in.counts.refused_body(OTLP, reason),
    )
    logs = _Signal(
        signals.logs_room,
        signals.traces_limits.message_bytes_max,
        logs_from_json,
        lambda body, _sender: signals.logs(body),
        signals.refused_logs_body,
    )
    return [
        Route("/v1/traces", _endpoint(traces), methods=["POST"]),
        Route("/v1/metrics", _endpoint(metrics), methods=["POST"]),
        Route("/v1/logs", _endpoint(logs), methods=["POST"]),
    ]


@dataclass(frozen=True)
class _Signal:
    """What differs between signals."""

    room: Room
    body_bytes_max: int
    from_json: Callable[[bytes], bytes]
    store: Callable[[bytearray, str], Message]
    count_refused: Callable[[str], None]

    def append(self, kind: str, encoding: str, body: bytes, sender: str, claim: Claim) -> Message:
        """On a worker thread: unpack, convert, put on disk."""
        plain = bytearray(body) if encoding in {"", "identity"} else self._unpacked(encoding, body, claim)
        if kind == JSON:
            plain = bytearray(self.from_json(bytes(plain)))
        return self.store(plain, sender)

    def _unpacked(self, encoding: str, body: bytes, claim: Claim) -> bytearray:
        unpacker = Unpacker(encoding, self.body_bytes_max)
        for piece in pieces(body):
            claim.grow_to(len(body) + unpacker.feed(piece))
        return unpacker.finish()


def _endpoint(signal: _Signal) -> Endpoint:
    async def take(request: Request) -> Response:
        kind = media_type(request)
        if kind not in {PROTOBUF, JSON}:
            message = f"content-type must be {PROTOBUF} or {JSON}"
            return _refusal(PROTOBUF, Problem(415, INVALID_ARGUMENT, "content_type", message))
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        with Claim(signal.room) as claim:
            try:
                body = await receive(request, claim, signal.body_bytes_max)
                sender = sender_of(request.scope)
                answer = await on_worker(lambda: signal.append(kind, encoding, body, sender, claim))
            except EXPECTED as error:
                problem = problem_of(error)
                signal.count_refused(problem.reason)
                return _refusal(kind, problem)
            except ClientDisconnect:
                return Response(status_code=400)
        return Response(_encode(kind, answer), media_type=kind)

    return take


def _refusal(kind: str, problem: Problem) -> Response:
    """A google.rpc.Status in the encoding of the request."""
    from google.rpc.status_pb2 import Status

    headers = {"Retry-After": str(problem.retry_after_s)} if problem.retry_after_s is not None else None
    message = Status(code=problem.code, message=problem.message)
    return Response(_encode(kind, message), problem.status, headers, kind)


def _encode(kind: str, message: Message) -> bytes:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(message, indent=None).encode() if kind == JSON else message.SerializeToString()
