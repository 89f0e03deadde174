"""One sender's connection: h2's events on one side, calls on the other. Everything here runs on the loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol, cast

import structlog
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame

from trimtab.api.grpc.call import Call, Head, Method, NoGrpc, Refusal
from trimtab.api.grpc.credit import BACK_PER_CALL, Credit
from trimtab.api.grpc.inflow import Inflow, Unwelcome, Way, end_of
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.status import ANSWER_HEADERS, ANSWER_TRAILERS, Headers, http_refusal_headers, refusal_headers
from trimtab.api.grpc.windows import Window
from trimtab.api.otlp_answers import (
    DEADLINE_EXCEEDED,
    EXPECTED,
    INTERNAL,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    Problem,
    problem_of,
)
from trimtab.api.receiving import RETRY_AFTER_S

READ_BYTES_MAX = 256 * 1024
WRITE_BYTES_MAX = 64 * 1024
"""What may wait to be sent before nothing more is read."""
LINGER_BYTES_MAX = 16 * 1024 * 1024
"""What is read and thrown away, so that a sender which was told to go reads that."""

UNCOUNTED = frozenset({UNAUTHENTICATED, PERMISSION_DENIED, INTERNAL, DEADLINE_EXCEEDED})
"""What is told elsewhere, or is no fault of a body."""

log = structlog.get_logger()


class Hub(Protocol):
    """What connections have in common."""

    limits: Limits
    methods: dict[str, Method]

    def now_s(self) -> float:
        """The loop's clock."""

    def admits(self, call: Call, address: str) -> bool:
        """Whether who it is can be told without waiting; then the call knows. Refusal."""

    def ask(self, connection: Connection, call: Call, address: str) -> None:
        """Find out who it is, elsewhere; `admitted` is told."""

    def work(self, connection: Connection, call: Call, address: str) -> bool:
        """Do it, elsewhere; `done` is told. False: too many wait."""

    def closed(self, connection: Connection, why: str) -> None:
        """The connection is gone; `why` is not empty where it was ended for what the sender did."""


class _Read(threading.local):
    """What was just read, on the thread of a loop: it is taken in before another connection is read."""

    def __init__(self) -> None:
        self.data = memoryview(bytearray(READ_BYTES_MAX))


_READ = _Read()


class _Http2(H2Connection):
    """h2's own remembers how the last 65,536 streams of each connection ended: ten megabytes."""

    MAX_CLOSED_STREAMS = 1000


class Connection(asyncio.BufferedProtocol):
    """From accept to close."""

    def __init__(self, hub: Hub, *, is_encrypted: bool) -> None:
        limits = hub.limits
        self._hub = hub
        self._limits = limits
        self._is_encrypted = is_encrypted
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._credit = Credit(limits.small_frames_max, hub.now_s())
        self._inflow = Inflow(self, limits, self._credit, hub.now_s)
        self._window = Window(limits.connection_window_bytes)
        self._stream_windows: dict[int, Window] = {}
        """Of calls that wait for an answer, and of some that were refused while their bodies were on the way."""
        self._h2 = _http2(limits)
        self._calls: dict[int, Call] = {}
        """Which wait for an answer."""
        self._fresh: list[Call] = []
        """Which came with what is being read."""
        self._working_count = 0
        self._is_leaving = False
        self._has_ended = False
        """Whether the sender said that nothing more comes."""
        self._blocked_since_s: float | None = None
        self._lingers_since_s: float | None = None
        self._lingered_bytes = 0
        self._why = ""
        self.is_known = False
        """Whether a call of it was ever let in."""
        self.used_at_s = hub.now_s()

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender is there; over TLS it must have chosen HTTP/2."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""
        self._transport.set_write_buffer_limits(WRITE_BYTES_MAX)
        chosen = transport.get_extra_info("ssl_object")
        if chosen is not None and chosen.selected_alpn_protocol() != "h2":
            self._abort("TLS without HTTP/2 (ALPN h2)")
            return
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(self._limits.connection_window_bytes - 65_535)
        self._flush()

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
        with self._flushing():
            try:
                self._inflow.feed(_READ.data[:nbytes])
                self._ask_for_fresh()
            except Unwelcome as error:
                self._end(error.code, error.reason)

    @contextlib.contextmanager
    def _flushing(self) -> Iterator[None]:
        """Send what is to be sent at the end; an error of ours ends this connection, and no other."""
        try:
            yield
            self._flush()
        except Exception:
            log.exception("otlp_grpc_broke")
            self._abort("internal error")

    def eof_received(self) -> bool:
        """The sender says no more. What was sent whole is answered, if the connection can still take it."""
        for call in [call for call in self._calls.values() if call.is_receiving]:
            self._drop(call)
        self._is_leaving = self._has_ended = True
        return bool(self._calls) and not self._is_encrypted and self._lingers_since_s is None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The connection is gone."""
        for call in list(self._calls.values()):
            self._drop(call)
        self._fresh.clear()
        self._hub.closed(self, self._why)

    def pause_writing(self) -> None:
        """The sender does not read: then nothing more is read from it."""
        self._blocked_since_s = self._hub.now_s()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._blocked_since_s = None
        if self._transport is not None:
            self._transport.resume_reading()

    # --- the side of frames

    def through(self, data: bytes | memoryview) -> None:
        """Bytes for h2; and what it says of them."""
        if self._lingers_since_s is not None:
            return
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self._leave(f"HTTP/2: {type(error).__name__}")  # h2 has its GOAWAY ready
            return
        for event in events:
            self._hear(event)

    def way_of(self, stream_id: int) -> Way:
        """Who takes its DATA."""
        call = self._calls.get(stream_id)
        if call is None:
            return Way.CALL if stream_id in self._stream_windows else Way.STRANGE
        if not call.is_receiving:
            return Way.STRANGE
        return Way.H2 if call.head.has_length else Way.CALL

    def piece(self, stream_id: int, data: memoryview) -> None:
        """Of a body. It counts for the windows, even where the call was refused meanwhile."""
        size = len(data)
        self._allow(0, self._window.take(size))
        window = self._stream_windows.get(stream_id)
        if window is None:
            return
        more = window.take(size)
        call = self._calls.get(stream_id)
        if call is not None:
            self._allow(stream_id, more)
            self._feed(call, data)
        elif more:
            raise Unwelcome(ErrorCodes.ENHANCE_YOUR_CALM, "it goes on sending what was refused")

    def last(self, stream_id: int) -> None:
        """The body is whole: h2 is told, and tells it back."""
        if stream_id in self._calls:
            self.through(end_of(stream_id))
        else:
            self._stream_windows.pop(stream_id, None)

    def leaving(self) -> None:
        """The sender makes no more calls."""
        self._is_leaving = True

    def _allow(self, stream_id: int, more_bytes: int) -> None:
        if more_bytes < 0:
            raise Unwelcome(ErrorCodes.FLOW_CONTROL_ERROR, "more was sent than the windows allow")
        if more_bytes and self._transport is not None and self._lingers_since_s is None:
            self._transport.write(WindowUpdateFrame(stream_id, window_increment=more_bytes).serialize())

    # --- calls

    def _hear(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            call = self._calls.get(event.stream_id)
            if call is not None:
                self._feed(call, memoryview(event.data))
        elif isinstance(event, StreamEnded):
            self._end_of_body(event.stream_id)
        elif isinstance(event, StreamReset):
            call = self._calls.get(event.stream_id)
            if call is not None:
                self._drop(call)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            for call in [call for call in self._calls.values() if call.answer]:
                self._send_on(call)

    def _begin(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        if self._is_leaving or self._working_count >= self._limits.streams_max:
            self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        try:
            head = Head.read(event.headers)
            call = Call(stream_id, head, self._hub.methods, self._hub.now_s())
        except NoGrpc as error:
            self._send_last(stream_id, http_refusal_headers(error.status), is_receiving=event.stream_ended is None)
        except Refusal as error:
            self._send_last(stream_id, refusal_headers(error.problem), is_receiving=event.stream_ended is None)
        else:
            self._calls[stream_id] = call
            self._stream_windows[stream_id] = Window(self._limits.stream_window_bytes)
            try:
                if self._hub.admits(call, self._address):
                    self.is_known = True
                else:
                    self._fresh.append(call)
            except Refusal as error:
                self._refuse(call, error.problem)

    def _feed(self, call: Call, data: memoryview) -> None:
        try:
            call.feed(data, self._hub.now_s())
        except Refusal as error:
            self._refuse(call, error.problem)
        except EXPECTED as error:
            self._refuse(call, problem_of(error))

    def _end_of_body(self, stream_id: int) -> None:
        call = self._calls.get(stream_id)
        if call is None:
            return
        try:
            call.end()
        except Refusal as error:
            self._refuse(call, error.problem)
            return
        if not self._hub.work(self, call, self._address):
            message = f"{self._limits.calls_max} calls wait to be worked on; come back later"
            self._refuse(call, Problem(429, RESOURCE_EXHAUSTED, "full", message, RETRY_AFTER_S))
            return
        call.is_working = True
        self._working_count += 1

    def _ask_for_fresh(self) -> None:
        """Whose bodies are still on the way: they are let in before more of it is kept."""
        for call in self._fresh:
            if call.is_receiving and not call.is_dropped:
                self._hub.ask(self, call, self._address)
        self._fresh.clear()

    def admitted(self, call: Call, problem: Problem | None) -> None:
        """Who it is was found out, or that it is nobody."""
        with self._flushing():
            if call.stream_id not in self._calls:
                return
            if problem is None:
                self.is_known = True
            else:
                self._refuse(call, problem)

    def done(self, call: Call, outcome: bytes | Problem) -> None:
        """The worker is through with it."""
        self._working_count -= 1
        with self._flushing():
            if call.stream_id not in self._calls:
                return
            if isinstance(outcome, Problem):
                self._refuse(call, outcome)
            else:
                self.is_known = True
                call.answer = memoryview(b"\0" + len(outcome).to_bytes(4, "big") + outcome)
                call.answers_since_s = self._hub.now_s()
                self._h2.send_headers(call.stream_id, ANSWER_HEADERS)
                self._send_on(call)

    def _send_on(self, call: Call) -> None:
        """As much of an answer as the sender's windows have room for."""
        while call.answer:
            size = min(self._h2.local_flow_control_window(call.stream_id), self._h2.max_outbound_frame_size)
            if size <= 0:
                return
            self._h2.send_data(call.stream_id, bytes(call.answer[:size]))
            call.answer = call.answer[size:]
        self._send_last(call.stream_id, ANSWER_TRAILERS, is_receiving=False)
        self._forget(call)

    def _refuse(self, call: Call, problem: Problem) -> None:
        if problem.code not in UNCOUNTED:
            call.method.count_refused(problem.reason)
        is_receiving = call.is_receiving
        self._drop(call)
        self._send_last(call.stream_id, refusal_headers(problem), is_receiving=is_receiving)

    def _send_last(self, stream_id: int, headers: Headers, *, is_receiving: bool) -> None:
        """The end of an answer. What is still on the way of a body is thrown away, up to its window."""
        self._h2.send_headers(stream_id, headers, end_stream=True)
        self._credit.earn(BACK_PER_CALL)
        if is_receiving:
            self._h2.reset_stream(stream_id, ErrorCodes.NO_ERROR)
            while len(self._stream_windows) > 2 * self._limits.streams_max:
                self._stream_windows.pop(next(iter(self._stream_windows)))
            self._stream_windows[stream_id] = Window(2 * self._limits.stream_window_bytes)  # the half of it may come

    def _drop(self, call: Call) -> None:
        """Nobody waits for it any more."""
        call.is_dropped = True
        if not call.is_working:
            call.release()
        self._forget(call)

    def _forget(self, call: Call) -> None:
        call.is_receiving = False
        self._calls.pop(call.stream_id, None)
        self._stream_windows.pop(call.stream_id, None)
        self.used_at_s = self._hub.now_s()

    # --- the end

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._calls

    def drain(self) -> None:
        """Say that no more calls are taken; answer those under way, then close."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._lingers_since_s is not None:
            return
        with self._flushing():
            self._flush()
            # h2's own would forbid the answers that are still owed
            last = self._h2.highest_inbound_stream_id
            transport.write(GoAwayFrame(0, last_stream_id=last, additional_data=b"going away").serialize())
            self._is_leaving = True

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

    def check(self, now_s: float) -> None:
        """Look at the clocks."""
        with self._flushing():
            self._check(now_s)

    def _check(self, now_s: float) -> None:
        limits = self._limits
        waits_since_s = self._inflow.waits_since_s
        if self._lingers_since_s is not None:
            if now_s - self._lingers_since_s > limits.linger_s:
                self._abort(self._why)
        elif self._blocked_since_s is not None:
            if now_s - self._blocked_since_s > limits.answer_s:
                self._abort("answers were not read")
        elif waits_since_s is not None and now_s - waits_since_s > limits.preface_s:
            self._end(ErrorCodes.ENHANCE_YOUR_CALM, f"a frame took more than {limits.preface_s:g} s")
        else:
            for call in list(self._calls.values()):
                self._check_call(call, now_s)
            if not self._calls and not self._is_leaving and now_s - self.used_at_s > limits.idle_s:
                self.drain()

    def _check_call(self, call: Call, now_s: float) -> None:
        times = self._limits.body
        if call.answers_since_s is not None:
            if now_s - call.answers_since_s > self._limits.answer_s:
                self._h2.reset_stream(call.stream_id, ErrorCodes.CANCEL)
                self._drop(call)
        elif call.is_receiving:
            if call.expires_at_s is not None and now_s > call.expires_at_s:
                self._refuse(call, Problem(504, DEADLINE_EXCEEDED, "too_slow", "grpc-timeout is over"))
            elif now_s - call.heard_at_s > times.piece_s or now_s - call.began_at_s > times.whole_s:
                told = (
                    f"the body came too slowly: {times.piece_s:g} s for each piece, {times.whole_s:g} s for the whole"
                )
                self._refuse(call, Problem(408, DEADLINE_EXCEEDED, "too_slow", told))

    def _end(self, code: ErrorCodes, reason: str) -> None:
        if self._lingers_since_s is None:
            self._h2.close_connection(code, reason.encode())
            self._leave(f"HTTP/2: {code.name}")

    def _leave(self, why: str) -> None:
        """GOAWAY is written; wait a moment with the close, which would take it from a sender who is still writing."""
        self._why = why
        for call in list(self._calls.values()):
            self._drop(call)
        self._lingers_since_s = self._hub.now_s()

    def _abort(self, why: str) -> None:
        self._why = why
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self._h2.data_to_send()
        if data:
            transport.write(data)
        if self._is_leaving and not self._calls and self._lingers_since_s is None:
            self._leave("")
        if self._lingers_since_s is None:
            return
        if self._has_ended or not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:  # the sender was faster
            transport.abort()


def _http2(limits: Limits) -> H2Connection:
    """What is announced holds from the start: nobody has to have read it first."""
    connection = _Http2(
        H2Configuration(
            client_side=False,
            header_encoding=None,
            validate_outbound_headers=False,  # they are ours
            normalize_outbound_headers=False,
        )
    )
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams_max,
            SettingCodes.MAX_FRAME_SIZE: limits.frame_bytes_max,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.headers_bytes_max,
        },
    )
    connection.max_inbound_frame_size = limits.frame_bytes_max
    connection.decoder.max_header_list_size = limits.headers_bytes_max
    return connection
