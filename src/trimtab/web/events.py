"""`GET /events`: what happens, as server-sent events; one stream for each browser, shared by its tabs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from trimtab.app.events import HEART_BEAT_S, Event, Subscription
from trimtab.model.access import Permission
from trimtab.web.access import require

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEAT = b"event: beat\ndata: {}\n\n"
"""A comment would do for proxies; a page can see an event, and tell when it no longer comes."""


def endpoint(service: Service) -> Endpoint:
    """The endpoint. `Busy` (503) where too many streams are open."""

    async def events(request: Request) -> Response:
        require(request, Permission.LOOK)
        since = request.query_params.get("since", "")
        return EventStream(service.events.subscribe(int(since) if since.isdecimal() and len(since) < 16 else None))

    return events


class EventStream(StreamingResponse):
    """Streams a subscription, and lets it go however the stream ends."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(stream(subscription), headers=HEADERS, media_type="text/event-stream")
        self._subscription = subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the visitor goes or the server stops."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._subscription.close()


async def stream(subscription: Subscription, beat_s: float = HEART_BEAT_S) -> AsyncIterator[bytes]:
    """Events as they come, and a beat where nothing happens."""
    yield BEAT
    while not subscription.is_closed:
        found = await subscription.wait(beat_s)
        yield b"".join(map(encode, found)) or BEAT


def encode(event: Event) -> bytes:
    """One event.

    >>> from trimtab.app.events import EventKind
    >>> encode(Event(EventKind.CASE, {"id": 7}))
    b'event: case\\ndata: {"id":7}\\n\\n'
    """
    return b"event: %s\ndata: %s\n\n" % (event.kind.value.encode(), msgspec.json.encode(dict(event.payload)))
