"""Writing protobuf by hand: bytes with the places in them that are filled in later, many times over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


def varint(value: int) -> bytes:
    """A number as protobuf has it.

    >>> varint(300)
    b'\\xac\\x02'
    """
    digits = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


@dataclass
class Draft:
    """A message being written. `holes` are (kind, number, place): eight bytes, or digits, that are filled in later."""

    data: bytearray = field(default_factory=bytearray)
    holes: list[tuple[str, int, int]] = field(default_factory=list)

    def bytes_(self, number: int, value: bytes | str) -> Draft:
        """A field of text or bytes."""
        raw = value.encode() if isinstance(value, str) else value
        self.data += varint(number << 3 | 2) + varint(len(raw)) + raw
        return self

    def varint(self, number: int, value: int) -> Draft:
        """A field that is an integer or a truth value."""
        self.data += varint(number << 3) + varint(value)
        return self

    def fixed64(self, number: int, value: bytes) -> Draft:
        """A field of eight bytes."""
        self.data += varint(number << 3 | 1) + value
        return self

    def hole(self, kind: str, index: int, before_end: int = 0) -> Draft:
        """What was written last (or what stands so many bytes before) is filled in later."""
        self.holes.append((kind, index, len(self.data) - before_end))
        return self

    def message(self, number: int, inner: Draft) -> Draft:
        """A field that is a message; its holes are this one's."""
        self.data += varint(number << 3 | 2) + varint(len(inner.data))
        start = len(self.data)
        self.data += inner.data
        self.holes += [(kind, index, place + start) for kind, index, place in inner.holes]
        return self


Plain = str | bool | int | float | bytes | list["Plain"] | dict[str, "Plain"]


def any_value(value: Plain) -> Draft:
    """An AnyValue."""
    import struct

    made = Draft()
    if isinstance(value, bool):
        return made.varint(2, value)
    if isinstance(value, str):
        return made.bytes_(1, value)
    if isinstance(value, int):
        return made.varint(3, value)
    if isinstance(value, float):
        return made.fixed64(4, struct.pack("<d", value))
    if isinstance(value, bytes):
        return made.bytes_(7, value)
    inner = Draft()
    if isinstance(value, list):
        for item in value:
            inner.message(1, any_value(item))
        return made.message(5, inner)
    for key, item in value.items():
        inner.message(1, key_value(key, item))
    return made.message(6, inner)


def key_value(key: str, value: Plain) -> Draft:
    """A KeyValue. A text that holds `########` gets eight digits there, which are filled in later."""
    made = Draft().bytes_(1, key).message(2, any_value(value))
    if isinstance(value, str) and "########" in value:
        raw = value.encode()
        made.hole("digits", 0, before_end=len(raw) - raw.index(b"########"))
    return made


def attributes(owner: Draft, number: int, values: Iterable[tuple[str, Plain]]) -> Draft:
    """Repeated KeyValue."""
    for key, value in values:
        owner.message(number, key_value(key, value))
    return owner
