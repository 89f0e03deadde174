"""Log records that did not come as OTLP, as an ExportLogsServiceRequest on the wire: then they are stored as all are.

Written byte by byte: making protobuf objects of them costs three times as much.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from trimtab.store.logs.answers import Attributes, LogRow, Value

_INTEGER_MAX = 1 << 63
_DOUBLE = struct.Struct("<d")
_FIXED64 = struct.Struct("<Q")
_FIXED32 = struct.Struct("<I")


def _varint(value: int) -> bytes:
    """
    >>> _varint(300).hex()
    'ac02'
    """
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


_SMALL = tuple(_varint(number) for number in range(2048))


def _sized(tag: bytes, data: bytes) -> bytes:
    size = len(data)
    return tag + (_SMALL[size] if size < 2048 else _varint(size)) + data


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _value(value: Value) -> bytes:
    """The content of an AnyValue."""
    if isinstance(value, str):
        return _sized(b"\x0a", _text(value))
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not -_INTEGER_MAX <= value < _INTEGER_MAX:
            return _sized(b"\x0a", str(value).encode())
        return b"\x18" + _varint(value % (1 << 64))
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, bytes):
        return _sized(b"\x3a", value)
    if isinstance(value, Mapping):
        return _sized(b"\x32", _attributes(b"\x0a", value))
    return _sized(b"\x2a", b"".join(_sized(b"\x0a", _value(item)) for item in value))


def _attributes(tag: bytes, attributes: Attributes) -> bytes:
    """KeyValues in the fields with this tag."""
    return b"".join(
        _sized(tag, _sized(b"\x0a", _text(name)) + _sized(b"\x12", _value(value))) for name, value in attributes.items()
    )


def _id(tag: bytes, text: str, size: int) -> bytes:
    """An id in hexadecimal digits; what is none is left out."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return b""
    return _sized(tag, data) if len(data) == size else b""


def _record(row: LogRow) -> bytes:
    parts = [b"\x09", _FIXED64.pack(row.at_ns), b"\x59", _FIXED64.pack(row.observed_at_ns)]
    if row.severity_number:
        parts += [b"\x10", _varint(row.severity_number)]
    if row.severity_text:
        parts.append(_sized(b"\x1a", _text(row.severity_text)))
    parts += [_sized(b"\x2a", _value(row.body)), _attributes(b"\x32", row.attributes)]
    if row.flags:
        parts += [b"\x45", _FIXED32.pack(row.flags)]
    if row.trace_id:
        parts.append(_id(b"\x4a", row.trace_id, 16))
    if row.span_id:
        parts.append(_id(b"\x52", row.span_id, 8))
    if row.event_name:
        parts.append(_sized(b"\x62", _text(row.event_name)))
    return b"".join(parts)


def encode_rows(rows: Iterable[LogRow]) -> bytes:
    """The request, with the records in the order given; those behind each other of one resource and scope share it.

    >>> encode_rows([LogRow("up", 1), LogRow("down", 2)]).count(b"up")
    1
    """
    requests = []
    resource: Attributes = {}
    scope = ""
    records: list[bytes] = []

    def close() -> None:
        if records:
            named = _sized(b"\x0a", _sized(b"\x0a", _text(scope))) if scope else b""
            scopes = _sized(b"\x12", named + b"".join(records))
            told = _sized(b"\x0a", _attributes(b"\x0a", resource)) if resource else b""
            requests.append(_sized(b"\x0a", told + scopes))
            records.clear()

    for row in rows:
        if row.resource is not resource or row.scope_name != scope:
            if row.resource != resource or row.scope_name != scope:
                close()
            resource, scope = row.resource, row.scope_name
        records.append(_sized(b"\x12", _record(row)))
    close()
    return b"".join(requests)
