"""OTLP over HTTP: `POST /v1/traces`, protobuf or JSON, gzip or not. Acknowledged means on disk."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.otlp import JSON, PROTOBUF, BodyTooLong, Unpacker, traces_from_json
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import TelemetryStore

_RETRY_AFTER_S = 5
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
        self._room = _Room(limits.inflight_bytes_max)

    async def traces(self, request: Request) -> Response:
        kind = _kind_of(request)
        if kind not in {PROTOBUF, JSON}:
            return _refusal(PROTOBUF, 415, _INVALID_ARGUMENT, f"content-type must be {PROTOBUF} or {JSON}")
        with _Claim(self._room) as claim:
            try:
                body = await self._receive(request, claim)
                encoding = request.headers.get("content-encoding", "identity").strip().lower()
                await run_in_threadpool(self._append, kind, encoding, body, claim)
            except _NoRoom as error:
                return _refusal(kind, 429, _RESOURCE_EXHAUSTED, str(error), retry_after_s=_RETRY_AFTER_S)
            except SpoolFull as error:
                return _refusal(kind, 429, _RESOURCE_EXHAUSTED, error.message, retry_after_s=_RETRY_AFTER_S)
            except BodyTooLong as error:
                return _refusal(kind, 413, _INVALID_ARGUMENT, error.message)
            except InputError as error:
                return _refusal(kind, 400, _INVALID_ARGUMENT, error.message)
            except StoreError as error:
                return _refusal(kind, 503, _UNAVAILABLE, error.message, retry_after_s=_RETRY_AFTER_S)
            except ClientDisconnect:
                return Response(status_code=400)
        return Response(b"{}" if kind == JSON else b"", media_type=kind)

    async def _receive(self, request: Request, claim: _Claim) -> bytes:
        """The body as it was sent; its bytes are claimed as they come."""
        limit = self._limits.message_bytes_max
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise BodyTooLong(
                f"a body may have {limit} bytes; this one has {length}", limit=limit, observed=int(length)
            )
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLong(f"a body may have {limit} bytes; this one has more", limit=limit, observed=len(body))
            claim.grow_to(len(body))
        return bytes(body)

    def _append(self, kind: str, encoding: str, body: bytes, claim: _Claim) -> None:
        """On a worker thread: unpack, convert, put on disk."""
        if encoding not in {"", "identity"}:
            body = self._unpack(encoding, body, claim)
        self._telemetry.append_otlp_traces(traces_from_json(body) if kind == JSON else body)

    def _unpack(self, encoding: str, body: bytes, claim: _Claim) -> bytes:
        unpacker = Unpacker(encoding, self._limits.message_bytes_max)
        for start in range(0, len(body), _UNPACK_BYTES):
            claim.grow_to(len(body) + unpacker.feed(body[start : start + _UNPACK_BYTES]))
        return unpacker.finish()


class _NoRoom(Exception):
    """Too many bytes are being received at once."""


class _Room:
    """Bytes in memory for bodies that are being received."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken_bytes = 0
        self._lock = threading.Lock()

    def change(self, by_bytes: int) -> None:
        """Take (positive) or give back; raises _NoRoom."""
        with self._lock:
            if by_bytes > 0 and self._taken_bytes + by_bytes > self._bytes_max:
                raise _NoRoom(
                    f"{self._taken_bytes} bytes are being received; the limit is {self._bytes_max}, come back later"
                )
            self._taken_bytes += by_bytes


class _Claim:
    """One request's part of the room; given back at the end."""

    def __init__(self, room: _Room) -> None:
        self._room = room
        self._bytes = 0

    def grow_to(self, size_bytes: int) -> None:
        self._room.change(size_bytes - self._bytes)
        self._bytes = size_bytes

    def __enter__(self) -> _Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.change(-self._bytes)


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def _not_yet(signal: str) -> Endpoint:
    async def refuse(request: Request) -> Response:
        kind = JSON if _kind_of(request) == JSON else PROTOBUF
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
