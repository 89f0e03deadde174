"""`/logs/tail`: lines of the page's search as they come in, drawn by the server as those of the list are.

event: lines       data: {"html": "<li …", "count": 3, "left_out": 0}
event: missing     data: {"shards": […]}
event: fault       data: {"message": "…"}, and the end
event: beat        nothing came for a while
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from trimtab.app.events import HEART_BEAT_S
from trimtab.app.log_search.tail import Tail, Tailed
from trimtab.app.reading.ranges import Range
from trimtab.model.access import Permission
from trimtab.model.errors import TrimtabError
from trimtab.web import render
from trimtab.web.access import require
from trimtab.web.events import BEAT, HEADERS
from trimtab.web.pages.logs.lines import Line, lines_of
from trimtab.web.pages.logs.wish import Wish, wish_of

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint

_ANY = Range(0, 1)
"""A tail has no range."""


def endpoint(service: Service) -> Endpoint:
    """The endpoint. `Busy` (503) where too many tails are open; 400 where the search is wrong."""

    async def tail(request: Request) -> Response:
        require(request, Permission.LOOK)
        wish = wish_of(request.query_params)
        opened = await run_in_threadpool(lambda: service.logs.tail(wish.query(_ANY)))
        return TailStream(opened, wish)

    return tail


class TailStream(StreamingResponse):
    """Streams a tail, and lets it go however the stream ends."""

    def __init__(self, tail: Tail, wish: Wish) -> None:
        super().__init__(stream(tail, wish), headers=HEADERS, media_type="text/event-stream")
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the visitor goes or the server stops."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._tail.close()


async def stream(tail: Tail, wish: Wish, beat_s: float = HEART_BEAT_S) -> AsyncIterator[bytes]:
    """Lines as they come, and a beat where none do. What goes wrong is said, and ends it."""
    yield BEAT
    draw = _drawer()
    while await tail.wait(beat_s):
        try:
            found = await run_in_threadpool(lambda: _events(tail.read(), wish, draw))
        except TrimtabError as error:
            yield event("fault", {"message": error.message})
            return
        yield found or BEAT


def _drawer() -> Callable[[Line], str]:
    macro = render.environment().get_template("_logs.html").module.line  # type: ignore[attr-defined]
    return lambda line: str(macro(line))


def _events(found: Tailed, wish: Wish, draw: Callable[[Line], str]) -> bytes:
    """What was found, newest first as in the list: what came at once is in the order of its time."""
    parts = [event("missing", {"shards": found.missing})] if found.missing else []
    if found.records or found.left_out_count:
        newest_first = sorted(found.records, key=lambda one: one.at_ns, reverse=True)
        drawn = [draw(line) for line in lines_of(newest_first, wish)]
        told = {"html": "".join(drawn), "count": len(drawn), "left_out": found.left_out_count}
        parts.append(event("lines", told))
    return b"".join(parts)


def event(name: str, payload: object) -> bytes:
    """One server-sent event.

    >>> event("fault", {"message": "x"})
    b'event: fault\\ndata: {"message":"x"}\\n\\n'
    """
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(payload))
