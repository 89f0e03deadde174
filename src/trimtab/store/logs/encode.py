"""Log records that did not come as OTLP, as an ExportLogsServiceRequest on the wire, to be stored as all are."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.store.logs.answers import Attributes, LogRow
from trimtab.store.wire_writing import (
    FIXED32,
    FIXED64,
    attributes_bytes,
    id_bytes,
    sized,
    text_bytes,
    value_bytes,
    varint,
)


def _record(row: LogRow) -> bytes:
    parts = [b"\x09", FIXED64.pack(row.at_ns), b"\x59", FIXED64.pack(row.observed_at_ns)]
    if row.severity_number:
        parts += [b"\x10", varint(row.severity_number)]
    if row.severity_text:
        parts.append(sized(b"\x1a", text_bytes(row.severity_text)))
    parts += [sized(b"\x2a", value_bytes(row.body)), attributes_bytes(b"\x32", row.attributes)]
    if row.flags:
        parts += [b"\x45", FIXED32.pack(row.flags)]
    if row.trace_id:
        parts.append(id_bytes(b"\x4a", row.trace_id, 16))
    if row.span_id:
        parts.append(id_bytes(b"\x52", row.span_id, 8))
    if row.event_name:
        parts.append(sized(b"\x62", text_bytes(row.event_name)))
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
            named = sized(b"\x0a", sized(b"\x0a", text_bytes(scope))) if scope else b""
            scopes = sized(b"\x12", named + b"".join(records))
            told = sized(b"\x0a", attributes_bytes(b"\x0a", resource)) if resource else b""
            requests.append(sized(b"\x0a", told + scopes))
            records.clear()

    for row in rows:
        if row.resource is not resource or row.scope_name != scope:
            if row.resource != resource or row.scope_name != scope:
                close()
            resource, scope = row.resource, row.scope_name
        records.append(sized(b"\x12", _record(row)))
    close()
    return b"".join(requests)
