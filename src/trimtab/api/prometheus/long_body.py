"""Answers that are long leave in pieces, as fast as whoever asked reads: no copy of the whole is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
PIECE_BYTES = 256 * 1024


def body_of(parts: Sequence[bytes | memoryview], headers: dict[str, str] | None = None) -> Response:
    """JSON in parts, as an answer.

    >>> body_of([b"[1", b"]"]).body
    b'[1]'
    """
    if sum(map(len, parts)) <= PIECE_BYTES:
        return Response(b"".join(parts), 200, headers, JSON)
    return LongBody(parts, headers)


class LongBody(Response):
    """JSON in parts, with the length of all of it in the header."""

    def __init__(self, parts: Sequence[bytes | memoryview], headers: dict[str, str] | None = None) -> None:
        self._parts = parts
        super().__init__(b"", 200, {**(headers or {}), "content-length": str(sum(map(len, parts)))}, JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in joined(self._parts, PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def joined(parts: Sequence[bytes | memoryview], size: int) -> Iterator[bytes]:
    """Pieces of `size` bytes; the last one may be shorter.

    >>> list(joined([b"abc", memoryview(b"defgh"), b"i"], 4))
    [b'abcd', b'efgh', b'i']
    """
    waiting: list[bytes | memoryview] = []
    room = size
    for part in parts:
        rest = memoryview(part)
        while len(rest) >= room:
            waiting.append(rest[:room])
            yield b"".join(waiting)
            rest, room = rest[room:], size
            waiting.clear()
        if rest:
            waiting.append(rest)
            room -= len(rest)
    if waiting:
        yield b"".join(waiting)
