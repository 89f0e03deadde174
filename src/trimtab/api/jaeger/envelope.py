"""What answers of both APIs are wrapped in, and how each refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from trimtab.model.errors import Busy, InputError, LoginNeeded, NotAllowed, NotFound, StoreError, TrimtabError

JSON = "application/json"
PREFIX = "/jaeger/api"
PREFIX_3 = f"{PREFIX}/v3"
PIECE_BYTES = 64 * 1024
"""A long answer is handed over in pieces of about so much: a slow client holds up nothing."""


class TraceNotFound(NotFound):
    """No span of that trace is stored."""


@dataclass(frozen=True, slots=True)
class Told:
    """An error of the older API that does not make it fail. `code` 0 stands for none."""

    message: str
    trace_id: str = ""
    code: int = 0

    def json(self) -> dict[str, object]:
        """As the API has it."""
        made: dict[str, object] = {"code": self.code} if self.code else {}
        made["msg"] = self.message
        return {**made, "traceID": self.trace_id} if self.trace_id else made


def listed(members: Sequence[object], *, counts: bool = True) -> bytes:
    """A list of names or of objects in the older API's envelope.

    >>> listed(["shop"])
    b'{"data":["shop"],"total":1,"limit":0,"offset":0,"errors":null}'
    """
    return b"".join(enveloped([msgspec.json.encode(one) for one in members], total=len(members) if counts else 0))


def enveloped(members: Iterable[bytes], errors: Sequence[Told] = (), total: int = 0) -> list[bytes]:
    """The older API's envelope around members that are JSON already, in pieces."""
    told = msgspec.json.encode([one.json() for one in errors] or None)
    tail = b'],"total":%d,"limit":0,"offset":0,"errors":%s}' % (total, told)
    return [b'{"data":[', *_separated(members), tail]


def enveloped_3(members: Iterable[bytes]) -> list[bytes]:
    """Version 3's envelope around members of `resourceSpans`, in pieces."""
    return [b'{"result":{"resourceSpans":[', *_separated(members), b"]}}"]


def answer(pieces: Sequence[bytes], *, pretty: bool = False) -> Response:
    """An answer of JSON in pieces; a long one is sent as fast as it is taken."""
    if pretty:
        pieces = [msgspec.json.format(b"".join(pieces), indent=4)]
    if sum(map(len, pieces)) <= PIECE_BYTES:
        return Response(b"".join(pieces), media_type=JSON)
    length = str(sum(map(len, pieces)))
    return StreamingResponse(_slowly(pieces), media_type=JSON, headers={"Content-Length": length})


def failure(path: str, status: int, message: str, retry_after_s: int | None = None) -> Response:
    """A refusal in the shape of the API that the path belongs to.

    >>> failure("/jaeger/api/v3/traces", 404, "No traces found").body
    b'{"error":{"httpCode":404,"message":"No traces found"}}'
    >>> failure("/jaeger/api/traces/1", 404, "trace not found").body
    b'{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}'
    """
    body: dict[str, object]
    if path.startswith(f"{PREFIX_3}/"):
        body = {"error": {"httpCode": status, "message": message}}
    else:
        errors = [Told(message, code=status).json()]
        body = {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": errors}
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(msgspec.json.encode(body), status, headers, JSON)


def failure_of(path: str, error: Exception) -> Response:
    """The refusal that goes with an error."""
    if isinstance(error, HTTPException):
        return failure(path, error.status_code, error.detail)
    if not isinstance(error, TrimtabError):
        return failure(path, 500, "internal error")
    if isinstance(error, NotFound):
        return failure(path, 404, error.message)
    if isinstance(error, InputError):
        return failure(path, 400, error.message)
    if isinstance(error, LoginNeeded | NotAllowed):
        return failure(path, 401 if isinstance(error, LoginNeeded) else 403, error.message)
    if isinstance(error, Busy):
        return failure(path, 503, error.message, retry_after_s=1)
    return failure(path, 503 if isinstance(error, StoreError) else 500, error.message)


def _separated(members: Iterable[bytes]) -> Iterable[bytes]:
    for number, one in enumerate(members):
        if number:
            yield b","
        yield one


async def _slowly(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        view = memoryview(piece)
        for begin in range(0, len(view), PIECE_BYTES):
            yield bytes(view[begin : begin + PIECE_BYTES])
