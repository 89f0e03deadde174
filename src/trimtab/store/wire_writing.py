"""OTLP on the wire, written byte by byte: making protobuf objects of it costs three times as much.

A tag is the byte (or bytes) of a field's number and type, as protobuf writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

Value = str | int | float | bool | bytes | None | tuple["Value", ...] | Mapping[str, "Value"]
"""What an attribute may be."""
Attributes = Mapping[str, Value]

_INTEGER_MAX = 1 << 63
_DOUBLE = struct.Struct("<d")
FIXED64 = struct.Struct("<Q")
FIXED32 = struct.Struct("<I")


def varint(value: int) -> bytes:
    """A whole number from 0 on.

    >>> varint(300).hex()
    'ac02'
    """
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


_SMALL = tuple(varint(number) for number in range(2048))


def sized(tag: bytes, data: bytes) -> bytes:
    """A field with its length in front."""
    size = len(data)
    return tag + (_SMALL[size] if size < 2048 else varint(size)) + data


def text_bytes(text: str) -> bytes:
    """UTF-8; what cannot be written so becomes a question mark."""
    return text.encode("utf-8", "replace")


def value_bytes(value: Value) -> bytes:
    """The content of an AnyValue."""
    if isinstance(value, str):
        return sized(b"\x0a", text_bytes(value))
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not -_INTEGER_MAX <= value < _INTEGER_MAX:
            return sized(b"\x0a", str(value).encode())
        return b"\x18" + varint(value % (1 << 64))
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, bytes):
        return sized(b"\x3a", value)
    if isinstance(value, Mapping):
        return sized(b"\x32", attributes_bytes(b"\x0a", value))
    return sized(b"\x2a", b"".join(sized(b"\x0a", value_bytes(item)) for item in value))


def attributes_bytes(tag: bytes, attributes: Attributes) -> bytes:
    """KeyValues in the fields with this tag."""
    return b"".join(
        sized(tag, sized(b"\x0a", text_bytes(name)) + sized(b"\x12", value_bytes(value)))
        for name, value in attributes.items()
    )


def id_bytes(tag: bytes, text: str, size: int) -> bytes:
    """An id in hexadecimal digits; what is none is left out."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return b""
    return sized(tag, data) if len(data) == size else b""
