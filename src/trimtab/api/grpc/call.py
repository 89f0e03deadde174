"""One call: what its headers say, its message as it comes, its room in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from trimtab.api.grpc.status import ENCODINGS, timeout_s
from trimtab.api.otlp_answers import INVALID_ARGUMENT, UNIMPLEMENTED, Problem
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import Claim, Room
from trimtab.observe.unpacking import Unpacker, pieces

CALL_BYTES = 4096
"""What a call takes in memory without its body, h2's part included (2.3 kB were seen)."""
PREFIX_BYTES = 5
"""Of a message: whether it is packed, and its length."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a path stands for. `export` takes a body and who sent it, on a worker thread."""

    room: Room
    body_bytes_max: int
    export: Callable[[bytearray, str], bytes]
    count_refused: Callable[[str], None]


class Refusal(Exception):
    """The call is answered with that."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class NoGrpc(Exception):
    """The request is none of gRPC's: HTTP's status says so."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


@dataclass(slots=True)
class Head:
    """The headers of a call, as far as they mean something here."""

    path: str = ""
    encoding: str = "identity"
    timeout: str | None = None
    authorization: list[str] = field(default_factory=list)
    has_length: bool = False
    """Whether there is a content-length, which h2 compares with what comes."""

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> Head:
        """NoGrpc for what is no call."""
        head = cls()
        method = content_type = ""
        for name, value in headers:
            text = value.decode("latin-1")
            if name == b":path":
                head.path = text
            elif name == b":method":
                method = text
            elif name == b"content-type":
                content_type = text
            elif name == b"grpc-encoding":
                head.encoding = text
            elif name == b"grpc-timeout":
                head.timeout = text
            elif name == b"authorization":
                head.authorization.append(text)
            elif name == b"content-length":
                head.has_length = True
        if method != "POST":
            raise NoGrpc(405)
        if content_type.partition(";")[0].strip() not in {"application/grpc", "application/grpc+proto"}:
            raise NoGrpc(415)
        return head


class Call:
    """From its headers to its answer."""

    def __init__(self, stream_id: int, head: Head, methods: Mapping[str, Method], now_s: float) -> None:
        """Refusal for a method, an encoding or a time that is not known here."""
        self.stream_id = stream_id
        self.head = head
        method = methods.get(head.path)
        if method is None:
            raise _refusal(UNIMPLEMENTED, f"there is no method {head.path[:200]}")
        if head.encoding not in ENCODINGS:
            raise _refusal(
                UNIMPLEMENTED, f"grpc-encoding {head.encoding[:50]!r} is not known; use {', '.join(ENCODINGS)}"
            )
        wait_s = None if head.timeout is None else timeout_s(head.timeout)
        if head.timeout is not None and wait_s is None:
            raise _refusal(INVALID_ARGUMENT, f"grpc-timeout {head.timeout[:50]!r} is no time")
        self.method = method
        self.expires_at_s = None if wait_s is None else now_s + wait_s
        self.began_at_s = self.heard_at_s = now_s
        self.sender: str | None = None
        """Who it is, once that is known."""
        self.is_receiving = True
        self.is_working = False
        """Whether a worker has it, and its room is the worker's to give back."""
        self.is_dropped = False
        """Whether nobody waits for the answer any more."""
        self.answer = memoryview(b"")
        """What of it could not be sent yet."""
        self.answers_since_s: float | None = None
        self._claim = Claim(method.room)
        self._prefix = bytearray()
        self._body = bytearray()
        self._length = 0

    def take_place(self) -> None:
        """Claim room for the call itself: NoRoom."""
        self._claim.grow_to(CALL_BYTES)

    def feed(self, data: memoryview, now_s: float) -> None:
        """The next bytes of the message. Refusal, BodyTooLong, NoRoom."""
        self.heard_at_s = now_s
        if len(self._prefix) < PREFIX_BYTES:
            size = PREFIX_BYTES - len(self._prefix)
            self._prefix += data[:size]
            data = data[size:]
            if len(self._prefix) < PREFIX_BYTES:
                return
            self._begin()
        if len(self._body) + len(data) > self._length:
            raise _refusal(UNIMPLEMENTED, "a call takes one message; there is something behind it")
        self._claim.grow_by(len(data))
        self._body += data

    def _begin(self) -> None:
        is_packed, self._length = self._prefix[0], int.from_bytes(self._prefix[1:], "big")
        if is_packed > 1 or (is_packed and self.head.encoding == "identity"):
            raise _refusal(
                INVALID_ARGUMENT,
                f"the message says that it is packed ({is_packed}), the headers do not say how (grpc-encoding)",
            )
        limit = self.method.body_bytes_max
        if self._length > limit:
            raise BodyTooLong(
                f"a body may have {limit} bytes; this one has {self._length}", limit=limit, observed=self._length
            )

    def end(self) -> None:
        """There is no more. Refusal where that was too little."""
        self.is_receiving = False
        if not self._prefix:
            raise _refusal(UNIMPLEMENTED, "a call takes one message; this one has none")
        if len(self._prefix) < PREFIX_BYTES or len(self._body) < self._length:
            raise _refusal(
                INVALID_ARGUMENT, f"the message is cut short: {len(self._body)} of {self._length} bytes came"
            )

    def body(self) -> bytearray:
        """The message, unpacked (on a worker thread). InputError, BodyTooLong, NoRoom."""
        if not self._prefix[0]:
            return self._body
        unpacker = Unpacker(self.head.encoding, self.method.body_bytes_max)
        for piece in pieces(bytes(self._body)):
            self._claim.grow_to(CALL_BYTES + len(self._body) + unpacker.feed(piece))
        return unpacker.finish()

    def release(self) -> None:
        """Give its room back; again is nothing."""
        self._claim.grow_to(0)
        self._body = bytearray()


def _refusal(code: int, message: str) -> Refusal:
    status = {UNIMPLEMENTED: 404, INVALID_ARGUMENT: 400}[code]
    return Refusal(Problem(status, code, "body_broken", message))
