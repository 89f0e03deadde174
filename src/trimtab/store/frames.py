"""The format of a spool segment: a magic line, then length-delimited messages with checksums.

    segment  = b"trimtab-spool-1\\n" frame*
    frame    = length u32 | rows u32 | crc32(payload) u32 | crc32(the 12 bytes before) u32 | payload

All little-endian. The header has a checksum of its own, so that a frame which a crash cut short (valid header, too few
bytes behind it) can be told from one that the disk damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAGIC = b"trimtab-spool-1\n"
_FIELDS = struct.Struct("<III")
_CHECK = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECK.size


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a segment. `index` counts from 0 and stays what it is; `rows_count` is rows or spans."""

    index: int
    rows_count: int
    payload: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are not what was written, from the message with this index on."""

    index: int
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment holds. `torn_bytes` is the tail that a crash left half written: never acknowledged."""

    messages: tuple[Message, ...]
    damages: tuple[Damage, ...]
    torn_bytes: int


def frame_head(pieces: Sequence[bytes | memoryview], rows_count: int) -> bytes:
    """What stands in a segment before a message that comes in pieces."""
    size_bytes = check = 0
    for piece in pieces:
        size_bytes += len(piece)
        check = zlib.crc32(piece, check)
    fields = _FIELDS.pack(size_bytes, rows_count, check)
    return fields + _CHECK.pack(zlib.crc32(fields))


def frame(payload: bytes, rows_count: int) -> bytes:
    """A message as it stands in a segment.

    >>> parse(MAGIC + frame(b"one", 1) + frame(b"two", 5)[:-1])
    Segment(messages=(Message(index=0, rows_count=1, payload=b'one'),), damages=(), torn_bytes=18)
    """
    return frame_head([payload], rows_count) + payload


def parse(data: bytes | memoryview) -> Segment:
    """Read a whole segment, whatever its state. Payloads of a view are views: nothing is copied.

    A damaged payload is set aside alone; a damaged header takes everything behind it along, since nothing says
    where the next message begins. A tail of zeros is what a power cut leaves of a file that was growing.
    """
    messages: list[Message] = []
    damages: list[Damage] = []
    position = len(MAGIC)
    if data[:position] != MAGIC:
        whole = bytes(data)
        if MAGIC.startswith(whole) or not whole.strip(b"\0"):
            return Segment((), (), len(whole))
        return Segment((), (Damage(0, whole, "not a spool segment"),), 0)
    index = 0
    while position + HEADER_BYTES <= len(data):
        fields = data[position : position + _FIELDS.size]
        (check,) = _CHECK.unpack_from(data, position + _FIELDS.size)
        if zlib.crc32(fields) != check:
            rest = bytes(data[position:])
            if rest.strip(b"\0"):
                damages.append(Damage(index, rest, "the header of a message is damaged"))
                position = len(data)
            break
        length, rows_count, payload_check = _FIELDS.unpack(fields)
        start = position + HEADER_BYTES
        if start + length > len(data):
            break
        payload = data[start : start + length]
        if zlib.crc32(payload) == payload_check:
            messages.append(Message(index, rows_count, payload))
        else:
            damages.append(Damage(index, bytes(payload), "the checksum of a message does not fit"))
        index += 1
        position = start + length
    return Segment(tuple(messages), tuple(damages), len(data) - position)


def batches(messages: Sequence[Message], bytes_max: int) -> Iterator[Sequence[Message]]:
    """Messages in their order, as many at a time as have so many bytes together, one at least; one batch at least.

    >>> [[one.index for one in some] for some in batches([Message(n, 1, b"ab") for n in range(3)], 5)]
    [[0, 1], [2]]
    """
    batch: list[Message] = []
    size_bytes = 0
    for message in messages:
        if batch and size_bytes + len(message.payload) > bytes_max:
            yield batch
            batch, size_bytes = [], 0
        batch.append(message)
        size_bytes += len(message.payload)
    yield batch
