"""`GET /api/trimtab/logs/tail`: log records as they come in, as server-sent events.

    event: record       data: a record, as in /api/trimtab/logs
    event: left_out     data: {"count": 5}: so many came before the records that follow, and are not shown
    event: missing      data: {"shards": [...]}: shards that did not answer
    event: beat         nothing came for a while

It takes the parameters of the search, but for the range, order, limit and cursor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trimtab.api.control.logs import FILTERS, query_of
from trimtab.api.control.parameters import check_names
from trimtab.app.doors import Door
from trimtab.app.log_search.tail import Tail, Tailed
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.errors import TrimtabError

PATH = "/api/trimtab/logs/tail"
DOOR = Door(PATH, ("GET",), Permission.LOOK)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEAT = b"event: beat\ndata: {}\n\n"
BEAT_S = 15.0


def log_tail_route(service: Service) -> Route:
    """The route. `Busy` (503) where too many tails are open."""

    async def tail(request: Request) -> Response:
        check_names(request, FILTERS)
        opened = await run_in_threadpool(lambda: service.logs.tail(query_of(service, request)))
        return TailStream(opened)

    return Route(PATH, tail, methods=["GET"])


class TailStream(StreamingResponse):
    """Streams a tail, and lets it go however the stream ends."""

    def __init__(self, tail: Tail) -> None:
        super().__init__(stream(tail), headers=HEADERS, media_type="text/event-stream")
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the visitor goes or the server stops."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._tail.close()


async def stream(tail: Tail, beat_s: float = BEAT_S) -> AsyncIterator[bytes]:
    """Records as they come, and a beat where none do. What goes wrong is said, and ends it."""
    yield BEAT
    while await tail.wait(beat_s):
        try:
            found = await run_in_threadpool(tail.read)
        except TrimtabError as error:
            yield _event("error", {"message": error.message})
            return
        yield encode(found) or BEAT


def encode(found: Tailed) -> bytes:
    """Events for what was found.

    >>> encode(Tailed((), 5))
    b'event: left_out\\ndata: {"count":5}\\n\\n'
    """
    events = []
    if found.missing:
        events.append(_event("missing", {"shards": found.missing}))
    if found.left_out_count:
        events.append(_event("left_out", {"count": found.left_out_count}))
    events += [_event("record", record) for record in found.records]
    return b"".join(events)


def _event(name: str, payload: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(payload))
