"""OTLP over HTTP: `POST /v1/traces`, protobuf or JSON, gzip or not. Acknowledged means on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from google.protobuf.message import Message
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.receiving import RETRY_AFTER_S, media_type, receive
from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.otlp import JSON, PROTOBUF, BodyTooLong, Unpacker, traces_from_json
from trimtab.observe.room import Claim, NoRoom, Room
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import TelemetryStore

_UNPACK_BYTES = 64 * 1024
_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _UNIMPLEMENTED, _UNAVAILABLE = 3, 8, 12, 14

Endpoint = Callable[[Request], Awaitable[Response]]


def otlp_routes(telemetry: TelemetryStore, limits: TelemetryLimits) -> list[Route]:
    """The routes of OTLP/HTTP. Metrics and logs are answered with 501 for now.

    `limits.message_bytes_max` bounds one body unpacked (413), `limits.inflight_bytes_max` all that are being received
    (429, as when the spool is full).
    """
    receiver = _Receiver(telemetry, limits)
    return [
        Route("/v1/traces", receiver.traces, methods=["POST"]),
        Route("/v1/metrics", _not_yet("metrics"), methods=["POST"]),
        Route("/v1/logs", _not_yet("logs"), methods=["POST"]),
    ]


class _Receiver:
    """Takes trace requests. Waiting for the disk and parsing happen on worker threads."""

    def __init__(self, telemetry: TelemetryStore, limits: TelemetryLimits) -> None:
        self._telemetry = telemetry
        self._limits = limits
        self._room = Room(limits.inflight_bytes_max)

    async def traces(self, request: Request) -> Response:
        kind = media_type(request)
        if kind not in {PROTOBUF, JSON}:
            return _refusal(PROTOBUF, 415, _INVALID_ARGUMENT, f"content-type must be {PROTOBUF} or {JSON}")
        with Claim(self._room) as claim:
            try:
                body = await receive(request, claim, self._limits.message_bytes_max)
                encoding = request.headers.get("content-encoding", "identity").strip().lower()
                await run_in_threadpool(self._append, kind, encoding, body, claim)
            except NoRoom as error:
                return _refusal(kind, 429, _RESOURCE_EXHAUSTED, str(error), retry_after_s=RETRY_AFTER_S)
            except SpoolFull as error:
                return _refusal(kind, 429, _RESOURCE_EXHAUSTED, error.message, retry_after_s=RETRY_AFTER_S)
            except BodyTooLong as error:
                return _refusal(kind, 413, _INVALID_ARGUMENT, error.message)
            except InputError as error:
                return _refusal(kind, 400, _INVALID_ARGUMENT, error.message)
            except StoreError as error:
                return _refusal(kind, 503, _UNAVAILABLE, error.message, retry_after_s=RETRY_AFTER_S)
            except ClientDisconnect:
                return Response(status_code=400)
        return Response(b"{}" if kind == JSON else b"", media_type=kind)

    def _append(self, kind: str, encoding: str, body: bytes, claim: Claim) -> None:
        """On a worker thread: unpack, convert, put on disk."""
        if encoding not in {"", "identity"}:
            body = self._unpack(encoding, body, claim)
        self._telemetry.append_otlp_traces(traces_from_json(body) if kind == JSON else body)

    def _unpack(self, encoding: str, body: bytes, claim: Claim) -> bytes:
        unpacker = Unpacker(encoding, self._limits.message_bytes_max)
        for start in range(0, len(body), _UNPACK_BYTES):
            claim.grow_to(len(body) + unpacker.feed(body[start : start + _UNPACK_BYTES]))
        return unpacker.finish()


def _not_yet(signal: str) -> Endpoint:
    async def refuse(request: Request) -> Response:
        kind = JSON if media_type(request) == JSON else PROTOBUF
        return _refusal(kind, 501, _UNIMPLEMENTED, f"trimtab takes traces; OTLP {signal} are not supported yet")

    return refuse


def _refusal(kind: str, status: int, code: int, message: str, retry_after_s: int | None = None) -> Response:
    """A google.rpc.Status in the encoding of the request."""
    from google.rpc.status_pb2 import Status

    headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else None
    return Response(_encode(kind, Status(code=code, message=message)), status, headers, kind)


def _encode(kind: str, message: Message) -> bytes:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(message, indent=None).encode() if kind == JSON else message.SerializeToString()
