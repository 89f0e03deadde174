"""What the kernels do, once more in plain Python: slow, and by other means."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.store.logs.requests import any_value
from trimtab.observe.elasticsearch.names import BODY, KNOWN, LEVEL, OF_RESOURCE, SPAN, TIME, TRACE
from trimtab.observe.elasticsearch.records import INDEX_ATTRIBUTE, records_of

Plain = dict[str, Any]
EVER = (-(1 << 62), (1 << 63) - 1)
MARGIN_MAX = 15


class Digits(str):
    """A number that is kept as it was sent."""

    __slots__ = ()


def number(text: str) -> float | str:
    """As the kernels keep it: exact, or as text."""
    value = float(text)
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, places = mantissa.lstrip("-").partition(".")
    digits = (whole + places).lstrip("0")
    power = int(exponent or 0) - len(places)
    return value if len(digits) <= MARGIN_MAX and -22 <= power <= 22 and math.isfinite(value) else Digits(text)


def whole(text: str) -> int | str:
    """Of 18 digits, or as it would be a decimal."""
    return Digits(text) if len(text.lstrip("-")) > 18 else int(text)


def parsed(document: bytes) -> Any:
    """JSON with numbers as the kernels keep them."""
    return json.loads(document, parse_float=number, parse_int=whole, parse_constant=lambda _: 1 / 0)


def flat(value: Plain, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Fields with dotted names."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, f"{prefix}{name}.")
        elif inner is not None:
            yield prefix + name, inner


def wire_value(value: Any) -> Any:
    """A value of an attribute as `any_value` takes it; lists with lists or objects in them are compared elsewhere."""
    return tuple(value) if isinstance(value, list) else value


def expected(document: bytes, index: str) -> Plain:
    """What is to become of a document, without its time."""
    fields = list(flat(parsed(document)))
    taken: dict[int, int] = {}
    for known, role in KNOWN:
        for place, (name, value) in enumerate(fields):
            if role not in taken and name == known and fits(role, value):
                taken[role] = place
    left = [(name, any_value(wire_value(one))) for n, (name, one) in enumerate(fields) if n not in taken.values()]
    of_resource = [pair for pair in left if pair[0].startswith(OF_RESOURCE) and pair[0] not in OF_RESOURCE]
    return {
        "body": fields[taken[BODY]][1] if BODY in taken else document.decode(),
        "level": fields[taken[LEVEL]][1] if LEVEL in taken else "",
        "trace": fields[taken[TRACE]][1].lower() if TRACE in taken else "",
        "span": fields[taken[SPAN]][1].lower() if SPAN in taken else "",
        "attributes": [pair for pair in left if pair not in of_resource],
        "resource": [(INDEX_ATTRIBUTE, any_value(index)), *of_resource],
    }


def fits(role: int, value: Any) -> bool:
    """Whether a value can have a role."""
    if role == TIME:
        return True
    if role == BODY:
        return not isinstance(value, list)
    if not isinstance(value, str) or isinstance(value, Digits):
        return False
    size = {LEVEL: len(value), TRACE: 32, SPAN: 16}[role]
    is_id = all(c in "0123456789abcdefABCDEF" for c in value) and set(value) != {"0"}
    return len(value) == size and (role == LEVEL or is_id)


def made(documents: list[bytes], index: str = "logs") -> tuple[list[int], list[Plain]]:
    """What the kernels make of documents: their codes, and the records as protobuf reads them."""
    body = bytearray(b"\n".join(documents) + b"\n")
    stops = []
    at = 0
    starts = []
    for document in documents:
        starts.append(at)
        at += len(document)
        stops.append(at)
        at += 1
    records = records_of(
        body, np.array(starts, np.int64), np.array(stops, np.int64), [index], [0] * len(documents), EVER, 1 << 22
    )
    found = []
    for message in records.messages(1 << 23):
        request = ExportLogsServiceRequest.FromString(message.body)
        for resource in request.resource_logs:
            found += [_plain(record, resource.resource) for record in resource.scope_logs[0].log_records]
    return records.codes.tolist(), found


def _plain(record: LogRecord, resource: Resource) -> Plain:
    return {
        "at_ns": record.time_unix_nano,
        "body": record.body,
        "level": record.severity_text,
        "trace": record.trace_id.hex(),
        "span": record.span_id.hex(),
        "attributes": [(one.key, one.value) for one in record.attributes],
        "resource": [(one.key, one.value) for one in resource.attributes],
    }
