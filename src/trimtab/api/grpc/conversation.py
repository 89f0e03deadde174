"""What is said on one connection: h2's events on one side, calls on the other. No sockets: bytes in, bytes out."""

from __future__ import annotations

from typing import Protocol

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
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame

from trimtab.api.grpc.call import Call, Head, Method, NoGrpc, Refusal
from trimtab.api.grpc.credit import BACK_PER_CALL, COST_OF_STRANGER, Credit
from trimtab.api.grpc.http2 import begun
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

STRANGERS = frozenset({UNAUTHENTICATED, PERMISSION_DENIED})
UNCOUNTED = frozenset({UNAUTHENTICATED, PERMISSION_DENIED, INTERNAL, DEADLINE_EXCEEDED})
"""What is told elsewhere, or is no fault of a body."""


class Host(Protocol):
    """Where calls come to."""

    limits: Limits
    methods: dict[str, Method]

    def now_s(self) -> float:
        """The loop's clock."""

    def admits(self, call: Call) -> bool:
        """Whether who it is can be told without waiting; then the call knows. Refusal."""

    def ask(self, call: Call) -> bool:
        """Find out who it is, elsewhere; `admitted` is told. False: too many wait."""

    def work(self, call: Call) -> bool:
        """Do it, elsewhere; `done` is told. False: too many wait."""


class Conversation:
    """From SETTINGS to GOAWAY."""

    def __init__(self, host: Host) -> None:
        limits = host.limits
        self._host = host
        self._limits = limits
        self._credit = Credit(limits.small_frames_max, host.now_s())
        self._inflow = Inflow(self, limits, self._credit, host.now_s)
        self._window = Window(limits.connection_window_bytes)
        self._stream_windows: dict[int, Window] = {}
        """Of calls that wait for an answer."""
        self._refused: dict[int, Window] = {}
        """Of some that were refused while their bodies were on the way: what comes of these is thrown away."""
        self._out: list[bytes] = []
        self._calls: dict[int, Call] = {}
        """Which wait for an answer."""
        self._fresh: list[Call] = []
        """Which came with what is being read."""
        self._asked: set[int] = set()
        self._working_count = 0
        self.ended_for: str | None = None
        """Why GOAWAY was sent, after which nothing is heard or said."""
        self.is_leaving = False
        """Whether there are no more calls: one of both has said so."""
        self.is_known = False
        """Whether a call of it was ever let in."""
        self.used_at_s = host.now_s()
        self._h2 = begun(limits)

    @property
    def waits_for_the_door(self) -> bool:
        """Whether it is being found out who sends what is on the way: until then no more should be read."""
        return bool(self._asked)

    @property
    def has_calls(self) -> bool:
        """Whether an answer is owed."""
        return bool(self._calls)

    def output(self) -> bytes:
        """What is to be sent now."""
        data = self._h2.data_to_send()
        if self._out:
            data = b"".join([data, *self._out])
            self._out.clear()
        return data

    def hear(self, data: memoryview) -> int:
        """What was just read, or the beginning of it: returns how much. The rest comes after others had their turn."""
        if self.ended_for is not None:
            return len(data)
        heard = len(data)
        try:
            heard = self._inflow.feed(data)
        except Unwelcome as error:
            self.end(error.code, error.reason)
        for call in self._fresh:  # bodies that are still on the way: who it is comes before more of it is kept
            if call.is_receiving and self._host.ask(call):
                self._asked.add(call.stream_id)
            elif call.is_receiving:
                self._refuse(call, self._too_many())
        self._fresh.clear()
        return heard

    # --- what Inflow makes of it

    def through(self, data: bytes | memoryview) -> None:
        """Bytes for h2; and what it says of them."""
        if self.ended_for is not None:
            return
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self._close(f"HTTP/2: {type(error).__name__}")  # h2 has its GOAWAY ready
            return
        for event in events:
            self._on(event)

    def way_of(self, stream_id: int) -> Way:
        """Who takes its DATA."""
        call = self._calls.get(stream_id)
        if call is None:
            return Way.CALL if stream_id in self._refused else Way.STRANGE
        if not call.is_receiving:
            return Way.STRANGE
        return Way.H2 if call.head.has_length else Way.CALL

    def piece(self, stream_id: int, data: memoryview) -> None:
        """Of a body. It counts for the windows, even where the call was refused meanwhile."""
        size = len(data)
        self._allow(0, self._window.take(size))
        call = self._calls.get(stream_id)
        if call is not None:
            self._allow(stream_id, self._stream_windows[stream_id].take(size))
            self._feed(call, data)
        elif stream_id in self._refused and self._refused[stream_id].take(size):
            raise Unwelcome(ErrorCodes.ENHANCE_YOUR_CALM, "it goes on sending what was refused")

    def last(self, stream_id: int) -> None:
        """The body is whole: h2 is told, and tells it back."""
        if stream_id in self._calls:
            self.through(end_of(stream_id))
        else:
            self._refused.pop(stream_id, None)

    def leaving(self) -> None:
        """The sender makes no more calls."""
        self.is_leaving = True

    def _allow(self, stream_id: int, more_bytes: int) -> None:
        if more_bytes < 0:
            raise Unwelcome(ErrorCodes.FLOW_CONTROL_ERROR, "more was sent than the windows allow")
        if more_bytes and self.ended_for is None:
            self._out.append(WindowUpdateFrame(stream_id, window_increment=more_bytes).serialize())

    # --- what h2 makes of it

    def _on(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            call = self._calls.get(event.stream_id)
            if call is not None:
                call.is_receiving = event.stream_ended is None
                self._feed(call, memoryview(event.data))
        elif isinstance(event, StreamEnded):
            self._end_of_body(event.stream_id)
        elif isinstance(event, StreamReset):
            call = self._calls.get(event.stream_id)
            if call is not None:
                self._drop(call)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            if isinstance(event, RemoteSettingsChanged):
                for code in [code for code in event.changed_settings if not isinstance(code, SettingCodes)]:
                    self._h2.remote_settings.pop(code, None)  # h2 keeps each of 65,000 that mean nothing
            for call in [call for call in self._calls.values() if call.answer]:
                self._send_on(call)

    def _begin(self, event: RequestReceived) -> None:
        stream_id, is_receiving = event.stream_id, event.stream_ended is None
        if self.is_leaving or self._working_count >= self._limits.streams_max:
            self._reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        try:
            call = Call(stream_id, Head.read(event.headers), self._host.methods, self._host.now_s())
        except NoGrpc as error:
            self._send_last(stream_id, http_refusal_headers(error.status), is_receiving=is_receiving)
            return
        except Refusal as error:
            self._send_last(stream_id, refusal_headers(error.problem), is_receiving=is_receiving)
            return
        call.is_receiving = is_receiving
        self._calls[stream_id] = call
        self._stream_windows[stream_id] = Window(self._limits.stream_window_bytes)
        try:
            call.take_place()
            if self._host.admits(call):
                self.is_known = True
            else:
                self._fresh.append(call)
        except Refusal as error:
            self._refuse(call, error.problem)
        except EXPECTED as error:
            self._refuse(call, problem_of(error))

    def _feed(self, call: Call, data: memoryview) -> None:
        try:
            call.feed(data, self._host.now_s())
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
        if self._host.work(call):
            call.is_working = True
            self._working_count += 1
        else:
            self._refuse(call, self._too_many())

    def _too_many(self) -> Problem:
        message = f"{self._limits.calls_max} calls wait to be worked on; come back later"
        return Problem(429, RESOURCE_EXHAUSTED, "full", message, RETRY_AFTER_S)

    # --- answers

    def admitted(self, call: Call, problem: Problem | None) -> None:
        """Who it is was found out, or that it is nobody."""
        self._asked.discard(call.stream_id)
        if call.stream_id not in self._calls:
            return
        if problem is None:
            self.is_known = True
        else:
            self._refuse(call, problem)

    def done(self, call: Call, outcome: bytes | Problem) -> None:
        """The worker is through with it."""
        self._working_count -= 1
        if call.stream_id not in self._calls:
            return
        if isinstance(outcome, Problem):
            self._refuse(call, outcome)
            return
        self.is_known = True
        call.answer = memoryview(b"\0" + len(outcome).to_bytes(4, "big") + outcome)
        call.answers_since_s = self._host.now_s()
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
        if problem.code in STRANGERS and not self._credit.spend(COST_OF_STRANGER, self._host.now_s()):
            self.end(ErrorCodes.ENHANCE_YOUR_CALM, "too many calls that may not be made")

    def _send_last(self, stream_id: int, headers: Headers, *, is_receiving: bool) -> None:
        """The end of an answer. What is still on the way of a body is thrown away, up to its window."""
        self._h2.send_headers(stream_id, headers, end_stream=True)
        self._credit.earn(BACK_PER_CALL)
        if is_receiving:
            self._reset(stream_id, ErrorCodes.NO_ERROR)

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        self._h2.reset_stream(stream_id, code)
        if len(self._refused) >= self._limits.streams_max:
            del self._refused[next(iter(self._refused))]
        self._refused[stream_id] = Window(2 * self._limits.stream_window_bytes)  # the half of it may come

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
        self.used_at_s = self._host.now_s()

    # --- clocks, and the end

    def check(self, now_s: float) -> None:
        """Look at the clocks."""
        waits_since_s = self._inflow.waits_since_s
        if waits_since_s is not None and now_s - waits_since_s > self._limits.preface_s:
            self.end(ErrorCodes.ENHANCE_YOUR_CALM, f"a frame took more than {self._limits.preface_s:g} s")
        for call in list(self._calls.values()):
            self._check_call(call, now_s)
        if not self._calls and now_s - self.used_at_s > self._limits.idle_s:
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

    def drain(self) -> None:
        """Say that no more calls are taken. h2's own GOAWAY would forbid the answers that are still owed."""
        if self.ended_for is None and not self.is_leaving:
            last = self._h2.highest_inbound_stream_id
            self._out.append(GoAwayFrame(0, last_stream_id=last, additional_data=b"going away").serialize())
        self.is_leaving = True

    def end(self, code: ErrorCodes, reason: str) -> None:
        """For what the sender did."""
        if self.ended_for is None:
            self._h2.close_connection(code, reason.encode())
            self._close(f"HTTP/2: {code.name}")

    def heard_all(self) -> None:
        """The sender says no more: bodies that are not whole never will be."""
        self.is_leaving = True
        for call in [call for call in self._calls.values() if call.is_receiving]:
            self._drop(call)

    def lost(self) -> None:
        """The connection is gone."""
        self._close("")

    def _close(self, why: str) -> None:
        self.ended_for = why
        for call in list(self._calls.values()):
            self._drop(call)
