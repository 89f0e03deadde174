"""Remote-write bodies written by hand, byte by byte, and bodies that are broken at random."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Mapping, Sequence

Labels = Mapping[str, str]


def varint(number: int) -> bytes:
    """A number, negative ones as 64 bits."""
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def zigzag(number: int) -> bytes:
    """sint32, sint64."""
    return varint((number << 1) ^ (number >> 63))


def field(number: int, data: bytes) -> bytes:
    """A message or a text."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    """A varint field; nothing for 0."""
    return varint(number << 3) + varint(value) if value else b""


def double(number: int, value: float) -> bytes:
    """A double, always there."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def sample(at_ms: int, value: float, start_ms: int = 0) -> bytes:
    """A Sample; `start_ms` is of 2.0."""
    return double(1, value) + integer(2, at_ms) + integer(3, start_ms)


def label_fields(labels: Labels) -> bytes:
    """Labels of 1.0 in the order that they are given in."""
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels.items())


def series_1(labels: Labels, samples: Iterable[bytes], *more: bytes) -> bytes:
    """A TimeSeries of 1.0 as a field of the request."""
    return field(1, label_fields(labels) + b"".join(field(2, item) for item in samples) + b"".join(more))


def metadata_1(metric: str, kind: int, text: str, unit: str) -> bytes:
    """Metadata of 1.0 as a field of the request."""
    return field(3, integer(1, kind) + field(2, metric.encode()) + field(4, text.encode()) + field(5, unit.encode()))


def exemplar_1(labels: Labels, value: float, at_ms: int) -> bytes:
    """An exemplar of 1.0 as a field of the series."""
    return field(3, label_fields(labels) + double(2, value) + integer(3, at_ms))


class Symbols:
    """The table of 2.0."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]

    def __call__(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def references(self, labels: Labels) -> bytes:
        """Packed references of labels."""
        return field(1, b"".join(varint(self(text)) for pair in labels.items() for text in pair))

    def request(self, *series: bytes) -> bytes:
        """A Request of 2.0."""
        return b"".join(field(4, text.encode()) for text in self.texts) + b"".join(field(5, item) for item in series)


def native_histogram(
    at_ms: int,
    count: int,
    total: float,
    schema: int,
    spans: Sequence[tuple[int, int]],
    deltas: Sequence[int],
    *more: bytes,
) -> bytes:
    """An integer histogram with positive buckets alone."""
    data = varint(1 << 3) + varint(count) + double(3, total) + varint(4 << 3) + zigzag(schema)
    data += b"".join(field(11, varint(1 << 3) + zigzag(skip) + integer(2, length)) for skip, length in spans)
    data += field(12, b"".join(zigzag(delta) for delta in deltas))
    return data + b"".join(more) + integer(15, at_ms)


def mutated(bodies: Sequence[bytes], dice: random.Random) -> bytes:
    """One of the bodies with something broken in it: bytes changed, cut, repeated, or put from another."""
    body = bytearray(dice.choice(bodies))
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(body) + 1)
        kind = dice.randrange(6)
        if kind == 0 and at < len(body):
            body[at] = dice.randrange(256)
        elif kind == 1:
            del body[at : at + dice.randint(1, 20)]
        elif kind == 2:
            body[at:at] = dice.randbytes(dice.randint(1, 12))
        elif kind == 3:
            body[at:at] = b"\xff" * dice.randint(1, 11)
        elif kind == 4 and at < len(body):
            body[at] ^= 1 << dice.randrange(8)
        else:
            other = dice.choice(bodies)
            start = dice.randrange(len(other))
            body[at:at] = other[start : start + dice.randint(1, 60)]
        if not body:
            body = bytearray(dice.randbytes(3))
    return bytes(body)
