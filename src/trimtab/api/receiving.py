"""Taking in bodies of telemetry over HTTP, piece by piece and within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import Claim

T = TypeVar("T")

WORKERS_MAX = 16
"""Bodies that are decoded, or wait for the disk, at one time: those that wait together share one fsync."""
_WORKERS = ThreadPoolExecutor(WORKERS_MAX, "ingest")

RETRY_AFTER_S = 5
"""What a sender is told to wait when something is full."""


async def receive(request: Request, claim: Claim, bytes_max: int) -> bytes:
    """The body as it was sent; its bytes are claimed as they come. BodyTooLong, NoRoom, ClientDisconnect."""
    return await receive_from(request.receive, request.headers.get("content-length", "0"), claim, bytes_max)


async def receive_from(receive: Receive, length: str, claim: Claim, bytes_max: int) -> bytes:
    """The same where there is no request yet; `length` is what the headers say, 0 where they say nothing."""
    if length.isdecimal() and (len(length) > 15 or int(length) > bytes_max):
        raise BodyTooLong(f"a body may have {bytes_max} bytes; this one has {length}", limit=bytes_max, observed=length)
    chunks: list[bytes] = []
    size_bytes = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size_bytes += len(chunk)
        if size_bytes > bytes_max:
            raise BodyTooLong(
                f"a body may have {bytes_max} bytes; this one has more", limit=bytes_max, observed=size_bytes
            )
        if chunk:
            claim.grow_to(size_bytes)
            chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def on_worker(work: Callable[[], T]) -> T:
    """Decode and wait for the disk elsewhere. Cheaper than Starlette's threads, which every small question uses."""
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, work)


def media_type(request: Request) -> str:
    """The content type without its parameters, in small letters."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def sender_of(scope: Scope) -> str:
    """Who sends: the name of the token, or of whoever is on this machine."""
    principal = scope.get("trimtab.principal")
    return "anyone" if principal is None else str(principal.name)
