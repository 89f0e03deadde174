"""uvicorn's HTTP/1.1 on httptools, with an end to patience: heads that do not come, or never end, close the connection.

The guard sees to bodies that are slow or long; before a head is complete, and once its answer has left, there is no
request that it could see. What is here beyond uvicorn: a clock and a size for heads (the parser has neither), for
whatever else comes that is no request, and headers behind a body are never headers of the request. And bytes are read
into memory that is there: else asyncio takes 256 KiB from the system for each read, which costs as much as the rest.
"""

from __future__ import annotations

import asyncio
import threading
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEADERS_S = 10.0
HEAD_BYTES_MAX = 64 * 1024
"""Of a request line and its headers; the guard allows less of each."""
BODY_WAITING_BYTES_MAX = 256 * 1024
"""Of a body that nobody has read yet, before no more is read from the connection."""
WAITING_MAX = 16
"""Requests that one connection may send before it has the answer to the first."""
READ_BYTES_MAX = 256 * 1024
"""What is read from a connection at once."""


class _Read(threading.local):
    """What was just read, on the thread of a loop: it is parsed before another connection is read."""

    def __init__(self) -> None:
        self.data = memoryview(bytearray(READ_BYTES_MAX))


_READ = _Read()


class Refused(Exception):
    """Something beyond a limit, or not as it must be; the parser makes a 400 of it."""


class PatientHttp(HttpToolsProtocol, asyncio.BufferedProtocol):
    """Gives a client `HEADERS_S` from the first byte (or the connection) to the end of the headers."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_bytes = 0
    _silent_bytes = 0
    _is_silent = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """A client is there."""
        super().connection_made(transport)
        self._arm()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio calls it
        """Where to read to."""
        return _READ.data

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        self.data_received(cast("bytes", _READ.data[:nbytes]))  # the parser takes whatever has bytes, and keeps none

    def data_received(self, data: bytes) -> None:
        """Bytes came: a request under way stops the clock, whatever else comes starts it."""
        self._is_silent = True
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._silent_bytes = self._silent_bytes + len(data) if self._is_silent else 0
        if self._silent_bytes > HEAD_BYTES_MAX:
            self.send_400_response("A head, or what is behind a body, is too long.")
        elif self._is_answering():
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def _is_answering(self) -> bool:
        """Whether there is a request, with an answer that has not left."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those behind a body are nobody's."""
        self._count(len(name) + len(value) + 4)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request can begin."""
        self._is_in_head, self._head_bytes, self._is_silent = False, 0, False
        if len(self.pipeline) >= WAITING_MAX:
            raise Refused
        hosts_count = sum(name == b"host" for name, _ in self.headers)
        if hosts_count != 1 and self.parser.get_http_version() == "1.1":
            raise Refused
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body. The usual one comes at once: reading pauses only where more than that waits."""
        self._is_silent = False
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > BODY_WAITING_BYTES_MAX:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Body and all have come."""
        self._is_silent = False
        super().on_message_complete()

    def _count(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES_MAX:
            raise Refused

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_S, self._give_up)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.close()
