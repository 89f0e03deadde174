"""What a sender's bytes are, frame by frame, before h2 sees them.

h2 keeps HTTP/2's state and says what is allowed. Here is what it leaves to its user: no frame is held before its size
was looked at, what carries nothing is counted, a block of headers has an end. And bodies do not go through h2, which
writes each byte of a frame in hexadecimal for a log that nobody keeps (three quarters of its cost): DATA of a call that
is under way is handed to the call as it comes, and h2 is told of its end. Everything else goes to h2, bit for bit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from h2.errors import ErrorCodes

from trimtab.api.grpc.credit import Credit
from trimtab.api.grpc.limits import Limits

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
_HEAD = struct.Struct(">HBBBL")

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8

GOAWAY_BYTES_MIN = 8
OTHER_BYTES_MAX = 16_384
"""A frame that h2 holds until it is whole: what every HTTP/2 has to take."""
SMALL_BYTES = 256
"""A frame of a body with less is one that costs, unless it is the last."""
FRAMES_AT_ONCE = 32
"""For h2, of one connection, before others have their turn: up to some 5 ms."""
COSTS = {HEADERS: 0, RST_STREAM: 4, SETTINGS: 5, GOAWAY: 5, CONTINUATION: 2}
COST = 1
BLOCKS = frozenset({HEADERS, PUSH_PROMISE, CONTINUATION})
HEADER_BYTES_PER_COST = 512
"""Headers are dear to unpack (16 KiB may take 20 ms); those of a usual call have 300 bytes, and 50 after the first."""


class Unwelcome(Exception):
    """The connection ends for what the sender did; `code` goes into GOAWAY, and the reason with it."""

    def __init__(self, code: ErrorCodes, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Way(Enum):
    """Who takes the DATA of a stream."""

    CALL = "call"
    """The call itself, if it is still wanted: `piece` and `last`."""
    H2 = "h2"
    STRANGE = "strange"
    """h2, which says what is wrong with it."""


class Sink(Protocol):
    """Where frames go."""

    def through(self, data: bytes | memoryview) -> None:
        """Whole or not: bytes for h2, in their order."""

    def way_of(self, stream_id: int) -> Way:
        """Who takes its DATA."""

    def piece(self, stream_id: int, data: memoryview) -> None:
        """Of a body."""

    def last(self, stream_id: int) -> None:
        """The body is whole."""

    def leaving(self) -> None:
        """GOAWAY: there will be no more calls; those under way want their answers."""


class Inflow:
    """The bytes of one connection."""

    def __init__(self, sink: Sink, limits: Limits, credit: Credit, now_s: Callable[[], float]) -> None:
        self._sink = sink
        self._limits = limits
        self._credit = credit
        self._now_s = now_s
        self._preface_left = len(PREFACE)
        self._head = bytearray()
        self._left = 0
        """Of the frame that has begun."""
        self._rest: Callable[[memoryview], None] = sink.through
        self._stream_id = 0
        self._is_last = False
        self._block_bytes = 0
        self._block_frames = 0
        self._has_begun = False
        self._frames_count = 0
        self._has_seen_a_frame = False
        self.waits_since_s: float | None = now_s()
        """Since when something is incomplete that h2 waits for; None: nothing is."""

    def feed(self, data: memoryview) -> int:
        """What was just read, or the beginning of it: returns how much. Raises Unwelcome, and what the sink raises.

        After some frames for h2, which are the dear ones, others should have their turn.
        """
        at = 0
        self._frames_count = 0
        if self._preface_left:
            at = min(self._preface_left, len(data))
            self._preface_left -= at
            self._sink.through(data[:at])
        while at < len(data):
            if self._left:
                size = min(self._left, len(data) - at)
                self._left -= size
                self._rest(data[at : at + size])
                at += size
            elif self._frames_count < FRAMES_AT_ONCE:
                at = self._begin(data, at)
            else:
                break
        if self._has_seen_a_frame:
            self._note_wait()
        return at

    def _note_wait(self) -> None:
        """The clock starts anew with each frame, not with each byte."""
        if not self._head and not self._block_frames and (self._left == 0 or self._rest == self._body):
            self.waits_since_s = None
        elif self._has_begun or self.waits_since_s is None:
            self.waits_since_s = self._now_s()
        self._has_begun = False

    def _begin(self, data: memoryview, at: int) -> int:
        """Read the head of a frame, or as much as there is of it; returns where its payload begins."""
        if not self._head:
            self._has_begun = True
        if self._head or len(data) - at < HEAD_BYTES:
            size = min(HEAD_BYTES - len(self._head), len(data) - at)
            self._head += data[at : at + size]
            if len(self._head) < HEAD_BYTES:
                return at + size
            head: bytes | memoryview = bytes(self._head)
            self._head.clear()
        else:
            size = HEAD_BYTES
            head = data[at : at + size]
        high, low, kind, flags, stream_id = _HEAD.unpack(head)
        length = (high << 8) | low
        stream_id &= 0x7FFFFFFF
        self._check(kind, flags, length)
        self._has_seen_a_frame = True
        self._left = length
        if kind == DATA and not flags & PADDED and not self._block_frames:
            self._begin_data(head, flags, stream_id)
        elif kind == GOAWAY and stream_id == 0 and length >= GOAWAY_BYTES_MIN and not self._block_frames:
            self._rest = _drop  # h2 would end everything, and no answer could leave any more
            self._sink.leaving()
        else:
            self._note_block(kind, flags, length)
            self._frames_count += 1
            self._rest = self._sink.through
            self._sink.through(head)
        return at + size

    def _begin_data(self, head: bytes | memoryview, flags: int, stream_id: int) -> None:
        self._stream_id = stream_id
        self._is_last = bool(flags & END_STREAM)
        way = self._sink.way_of(stream_id)
        self._rest = self._body if way == Way.CALL else self._foreign
        if way == Way.STRANGE:
            self._spend(COST)
        if way != Way.CALL or self._is_last:
            self._frames_count += 1
        if self._left:
            return
        if way != Way.CALL:
            self._sink.through(head)
        elif self._is_last:
            self._sink.last(stream_id)

    def _body(self, data: memoryview) -> None:
        self._sink.piece(self._stream_id, data)
        if self._left == 0 and self._is_last:
            self._sink.last(self._stream_id)

    def _foreign(self, data: memoryview) -> None:
        """DATA that h2 has to judge: as a frame for each piece, so that nothing of it is held."""
        flags = END_STREAM if self._is_last and self._left == 0 else 0
        size = len(data)
        self._sink.through(_HEAD.pack(size >> 8, size & 0xFF, DATA, flags, self._stream_id) + data)

    def _note_block(self, kind: int, flags: int, length: int) -> None:
        """Count headers until their end."""
        if kind in {HEADERS, PUSH_PROMISE} and not self._block_frames:
            self._block_bytes, self._block_frames = length, 1
        elif kind == CONTINUATION and self._block_frames:
            self._block_bytes += length
            self._block_frames += 1
        else:
            return
        limits = self._limits
        if self._block_bytes > limits.headers_bytes_max or self._block_frames > limits.header_frames_max:
            raise Unwelcome(
                ErrorCodes.ENHANCE_YOUR_CALM,
                f"headers may have {limits.headers_bytes_max} bytes in {limits.header_frames_max} frames",
            )
        if flags & END_HEADERS:
            self._block_frames = 0

    def _check(self, kind: int, flags: int, length: int) -> None:
        if kind == DATA:
            is_padded = bool(flags & PADDED)
            bytes_max = OTHER_BYTES_MAX if is_padded else self._limits.frame_bytes_max
            cost = 0 if length >= SMALL_BYTES or flags & END_STREAM else COST
        else:
            bytes_max = 6 * self._limits.settings_max if kind == SETTINGS else OTHER_BYTES_MAX
            cost = COSTS.get(kind, COST)
            cost += length // HEADER_BYTES_PER_COST if kind in BLOCKS else 0
        if length > bytes_max:
            raise Unwelcome(
                ErrorCodes.FRAME_SIZE_ERROR,
                f"a frame of this kind ({kind}) may have {bytes_max} bytes; this one has {length}",
            )
        if cost:
            self._spend(cost)

    def _spend(self, cost: int) -> None:
        if not self._credit.spend(cost, self._now_s()):
            raise Unwelcome(ErrorCodes.ENHANCE_YOUR_CALM, "too many frames that carry nothing")


def end_of(stream_id: int) -> bytes:
    """A frame of DATA that has nothing and is the last."""
    return _HEAD.pack(0, 0, DATA, END_STREAM, stream_id)


def _drop(_data: memoryview) -> None:
    """Nobody wants it."""
