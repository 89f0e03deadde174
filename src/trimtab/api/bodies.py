"""Bodies within limits: neither too long, nor so slow that they hold a place for ever."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive


@dataclass(frozen=True, slots=True)
class BodyTimes:
    """How long a sender may take, in seconds: until the next piece, and for the whole."""

    piece_s: float = 10.0
    whole_s: float = 60.0


async def read_body(receive: Receive, bytes_max: int, times: BodyTimes) -> bytes:
    """The whole body; HTTPException 413 for one that is too long, 408 for one that is too slow."""
    body = bytearray()
    in_time = within(receive, times)
    while True:
        message = await in_time()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise HTTPException(413, f"a body may have {bytes_max} bytes", {"Connection": "close"})
        if not message.get("more_body", False):
            return bytes(body)


def within(receive: Receive, times: BodyTimes) -> Receive:
    """The same messages, as long as the body comes in time; HTTPException 408 where it does not."""
    deadline_s = time.monotonic() + times.whole_s
    finished = False

    async def in_time() -> Message:
        nonlocal finished
        if finished:
            return await receive()  # what comes now is the end of the connection: that may take as long as it likes
        left_s = min(times.piece_s, deadline_s - time.monotonic())
        try:
            async with asyncio.timeout(max(left_s, 0.0)):
                message = await receive()
        except TimeoutError:
            finished = True
            raise HTTPException(
                408,
                f"the body came too slowly: {times.piece_s:g} s for each piece, {times.whole_s:g} s for the whole",
                {"Connection": "close"},
            ) from None
        finished = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return in_time


def again(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, once more for the application; then what really comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
