"""Protobuf by hand, for the few messages that the Prometheus API has: numbers, fields with a length, reading them."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.api.prometheus.envelope import BadData


def varint(number: int) -> bytes:
    """A number as protobuf has it; negative ones have ten bytes.

    >>> varint(300), len(varint(-1))
    (b'\\xac\\x02', 10)
    """
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a message; BadData where it is none.

    >>> list(fields(b"\\x08\\x05\\x12\\x02ab"))
    [(1, 5), (2, b'ab')]
    """
    place = 0

    def number() -> int:
        nonlocal place
        value = 0
        for shift in range(0, 70, 7):
            if place >= len(data):
                raise BadData("the body is not a ReadRequest: it ends within a number")
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & 2**64 - 1
        raise BadData("the body is not a ReadRequest: a number has more than ten bytes")

    sizes = {1: 8, 5: 4}
    while place < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            yield key >> 3, number()
            continue
        if kind not in (1, 2, 5):
            raise BadData(f"the body is not a ReadRequest: wire type {kind}")
        size = number() if kind == 2 else sizes[kind]
        if size > len(data) - place:
            raise BadData(f"the body is not a ReadRequest: a field of {size} bytes, {len(data) - place} are left")
        yield key >> 3, data[place : place + size]
        place += size
