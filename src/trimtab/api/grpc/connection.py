"""One sender's connection: a transport, what is said on it, and when it ends. Runs on the loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol, cast

import structlog

from trimtab.api.grpc.call import Call, Method
from trimtab.api.grpc.conversation import Conversation
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.workers import Workers
from trimtab.api.otlp_answers import Problem

READ_BYTES_MAX = 256 * 1024
WRITE_BYTES_MAX = 64 * 1024
"""What may wait to be sent before nothing more is read."""
LINGER_BYTES_MAX = 16 * 1024 * 1024
"""What is read and thrown away, so that a sender which was told to go reads that."""

log = structlog.get_logger()


class Hub(Protocol):
    """What connections have in common."""

    limits: Limits
    methods: dict[str, Method]
    workers: Workers

    def now_s(self) -> float:
        """The loop's clock."""

    def opened(self, connection: Connection) -> bool:
        """A connection is there. False: there is no place for it."""

    def closed(self, connection: Connection, why: str) -> None:
        """The connection is gone; `why` is not empty where it was ended for what the sender did."""


class _Read(threading.local):
    """What was just read, on the thread of a loop: it is taken in before another connection is read."""

    def __init__(self) -> None:
        self.data = memoryview(bytearray(READ_BYTES_MAX))


_READ = _Read()
_NOTHING = memoryview(b"")


class Connection(asyncio.BufferedProtocol):
    """From accept to close."""

    def __init__(self, hub: Hub, *, is_encrypted: bool) -> None:
        self._hub = hub
        self.limits = hub.limits
        self.methods = hub.methods
        self.now_s = hub.now_s
        self._is_encrypted = is_encrypted
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._talk = Conversation(self)
        self._loop = asyncio.get_running_loop()
        self._unheard = _NOTHING
        """What was read, and waits for its turn: until then no more is."""
        self._is_coming_back = False
        self._has_ended = False
        """Whether the sender said that nothing more comes."""
        self._blocked_since_s: float | None = None
        self._lingers_since_s: float | None = None
        self._lingered_bytes = 0
        self._why = ""

    # --- what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender is there; over TLS it must have chosen HTTP/2."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""
        self._transport.set_write_buffer_limits(WRITE_BYTES_MAX)
        chosen = transport.get_extra_info("ssl_object")
        if chosen is not None and chosen.selected_alpn_protocol() != "h2":
            self._abort("TLS without HTTP/2 (ALPN h2)")
        elif self._hub.opened(self):
            self._flush()
        else:
            self._abort(f"there are {self.limits.connections_max} connections")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio calls it
        """Where to read to."""
        return _READ.data

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._lingers_since_s is not None:
            self._lingered_bytes += nbytes
            if self._lingered_bytes > LINGER_BYTES_MAX:
                self._abort(self._why)
            return
        self._hear(_READ.data[:nbytes])

    def _hear(self, data: memoryview) -> None:
        with self._flushing():
            heard = self._talk.hear(data)
            if heard < len(data):
                self._unheard = memoryview(bytes(data[heard:])) if data.obj is _READ.data.obj else data[heard:]

    def _hear_on(self) -> None:
        self._is_coming_back = False
        if self._transport is None or self._transport.is_closing() or self._has_to_wait:
            return
        data, self._unheard = self._unheard, _NOTHING
        self._hear(data)

    def eof_received(self) -> bool:
        """The sender says no more. What was sent whole is answered, if the connection can still take it."""
        self._has_ended = True
        self._talk.heard_all()
        return self._talk.has_calls and not self._is_encrypted and self._lingers_since_s is None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The connection is gone."""
        self._unheard = _NOTHING
        self._talk.lost()
        self._hub.closed(self, self._why)

    def pause_writing(self) -> None:
        """The sender does not read: then nothing more is read from it."""
        self._blocked_since_s = self.now_s()
        self._read_or_not()

    def resume_writing(self) -> None:
        """It reads again."""
        self._blocked_since_s = None
        self._read_or_not()

    @property
    def _has_to_wait(self) -> bool:
        return self._blocked_since_s is not None or self._talk.waits_for_the_door

    def _read_or_not(self) -> None:
        """What was read comes first, after others had their turn."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._has_to_wait or self._unheard:
            transport.pause_reading()
        else:
            transport.resume_reading()
        if self._unheard and not self._has_to_wait and not self._is_coming_back:
            self._is_coming_back = True
            self._loop.call_soon(self._hear_on)

    # --- what the conversation asks for

    def admits(self, call: Call) -> bool:
        """See Workers."""
        return self._hub.workers.admits(call, self._address)

    def ask(self, call: Call) -> bool:
        """See Workers."""
        return self._hub.workers.ask(self, call, self._address)

    def work(self, call: Call) -> bool:
        """See Workers."""
        return self._hub.workers.work(self, call, self._address)

    # --- what the hub tells

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._talk.has_calls

    @property
    def usefulness(self) -> tuple[bool, float]:
        """The least comes first: who never sent what was let in, who did so the longest time ago."""
        return self._talk.is_known, self._talk.used_at_s

    def admitted(self, call: Call, problem: Problem | None) -> None:
        """Who it is was found out, or that it is nobody."""
        with self._flushing():
            self._talk.admitted(call, problem)

    def done(self, call: Call, outcome: bytes | Problem) -> None:
        """The worker is through with it."""
        with self._flushing():
            self._talk.done(call, outcome)

    def check(self, now_s: float) -> None:
        """Look at the clocks."""
        if self._lingers_since_s is not None:
            if now_s - self._lingers_since_s > self.limits.linger_s:
                self._abort(self._why)
        elif self._blocked_since_s is not None:
            if now_s - self._blocked_since_s > self.limits.answer_s:
                self._abort("answers were not read")
        else:
            with self._flushing():
                self._talk.check(now_s)

    def drain(self) -> None:
        """Say that no more calls are taken; answer those under way, then close."""
        with self._flushing():
            self._talk.drain()

    def part(self) -> None:
        """Go at once: another needs the place, and nothing is under way."""
        self.drain()
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()
        elif transport is not None:
            transport.close()

    def close(self) -> None:
        """Whatever is under way."""
        self._abort("")

    # --- the end

    @contextlib.contextmanager
    def _flushing(self) -> Iterator[None]:
        """Send what is to be sent at the end; an error of ours ends this connection, and no other."""
        try:
            yield
            self._flush()
        except Exception:
            log.exception("otlp_grpc_broke")
            self._abort("internal error")

    def _flush(self) -> None:
        transport, talk = self._transport, self._talk
        if transport is None or transport.is_closing() or self._lingers_since_s is not None:
            return
        data = talk.output()
        if data:
            transport.write(data)
        self._read_or_not()
        if talk.ended_for is not None or (talk.is_leaving and not talk.has_calls):
            self._why = talk.ended_for or ""
            self._say_no_more(transport)

    def _say_no_more(self, transport: asyncio.Transport) -> None:
        """A close would take GOAWAY from a sender who is still writing: it gets a moment to read."""
        self._lingers_since_s = self.now_s()
        if self._has_ended or not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:  # the sender was faster
            transport.abort()

    def _abort(self, why: str) -> None:
        self._why = why
        if self._transport is not None:
            self._transport.abort()
