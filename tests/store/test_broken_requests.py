"""What the doors of spans and log records let in, protobuf reads and the decoders make columns of: bodies that are
broken at random, of every kind of field.

A body that passed the door and cannot be decoded would stop the loading of all that came with it. 100,000 bodies a
signal in `make soak`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from tests.observe.metrics.wire import field, mutated, varint
from tests.store.logs.requests import pairs, record
from tests.store.logs.requests import request as logs_request
from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs import door_kernels as logs_door
from trimtab.store.logs.decode import decode as decoded_logs
from trimtab.store.logs.schema import TABLE as LOGS_SCHEMA
from trimtab.store.masking import NO_MASKING
from trimtab.store.traces.answers import Value
from trimtab.store.traces.decode import decode as decoded_spans
from trimtab.store.traces.door import Door

COUNT = 100_000 if os.environ.get("TRIMTAB_SOAK") else 3000
DAY_NS = 86_400 * 10**9
ODD: Mapping[str, Value] = {
    "text": 'é\n\x00"\\',
    "number": -5,
    "double": float("nan"),
    "large": 1e300,
    "bytes": b"\xff\x00",
    "list": ("x", 2, (True, None)),
    "map": {"$bytes": "no base64", "in": {"it": float("-inf")}},
    "nothing": None,
}

Taken = Callable[[bytes], int]
"""Take a body: how many rows become of it. InputError where the door refuses it."""


def spans() -> bytes:
    """A request with all that a span can have; the second one has no id, and is to be left out."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.extend(pairs({"service.name": "shop"} | dict(ODD)))
    of_scope = of_resource.scope_spans.add(scope=InstrumentationScope(name="s", version="1", attributes=pairs(ODD)))
    now_ns = time.time_ns()
    for number in range(2):
        span = of_scope.spans.add(
            trace_id=b"t" * 16, span_id=b"s" * 8 if number == 0 else b"", name="GET /", kind=2, trace_state="a=b"
        )
        span.start_time_unix_nano, span.end_time_unix_nano = now_ns - 10**6, now_ns
        span.attributes.extend(pairs(dict(ODD) | {"db.query.text": "SELECT 'x' FROM t WHERE a = 5"}))
        span.status.code, span.status.message = 2, "no"
        span.events.add(name="e", time_unix_nano=now_ns).attributes.extend(pairs(ODD))
        span.links.add(trace_id=b"u" * 16, span_id=b"v" * 8).attributes.extend(pairs(ODD))
    return request.SerializeToString()


def records() -> bytes:
    """A request with bodies of all kinds."""
    bodies: tuple[Value, ...] = ("hello", dict(ODD), 5, 1.5, b"\xff", None)
    made = [
        record(body, attributes=ODD, severity_number=9, severity_text="INFO", trace_id=b"t" * 16, span_id=b"s" * 8)
        for body in bodies
    ]
    return logs_request(*made, resource=ODD)


def take_spans(body: bytes) -> int:
    now_ns = time.time_ns()
    admitted = Door(TelemetryLimits(), 7).admit(body)
    left = bytearray(admitted.body)
    decoded = decoded_spans(left, 100, now_ns - 7 * DAY_NS, now_ns + DAY_NS, NO_MASKING)
    assert decoded.table.num_rows == admitted.spans_count or not admitted.spans_count
    return decoded.table.num_rows


def take_records(body: bytes) -> int:
    now_ns = time.time_ns()
    first_ns, last_ns = now_ns - 7 * DAY_NS, now_ns + DAY_NS
    data, counts = np.frombuffer(bytearray(body), np.uint8), np.zeros(logs_door.COUNTS, np.int64)
    at = logs_door.survey(data, LOGS_SCHEMA, np.int64(first_ns), np.int64(last_ns), counts)
    if at >= 0:
        raise InputError("broken", at=int(at))
    decoded = decoded_logs(bytearray(body), first_ns, last_ns, now_ns, NO_MASKING)
    assert decoded.table.num_rows == counts[logs_door.GOOD]
    return decoded.table.num_rows


@pytest.mark.parametrize(
    ("take", "good", "message"),
    [(take_spans, spans, ExportTraceServiceRequest), (take_records, records, ExportLogsServiceRequest)],
    ids=["spans", "log records"],
)
def test_what_is_let_in_is_read(take: Taken, good: Callable[[], bytes], message: type[Message]) -> None:
    dice = random.Random(f"20265 {message.__name__}")
    bodies = [good()]
    assert take(bodies[0]) >= 1
    refused = 0
    for _ in range(COUNT):
        body = mutated(bodies, dice)
        try:
            take(body)
        except InputError:
            refused += 1
        else:
            message.FromString(body)
    assert COUNT // 10 < refused < COUNT


WIDE = field(1, b"name") + varint((1 << 35) | 8 << 3) + varint(1)
"""A scope with a number that nobody knows, whose tag has more than the 32 bits of protobuf's."""


@pytest.mark.parametrize("take", [take_spans, take_records], ids=["spans", "log records"])
def test_a_tag_that_is_too_wide_is_broken(take: Taken) -> None:
    with pytest.raises(DecodeError):
        InstrumentationScope.FromString(WIDE)
    with pytest.raises(InputError):
        take(field(1, field(2, field(1, WIDE) + field(2, b""))))


NOT_TEXT = field(1, field(2, field(1, field(1, b"\xff")) + field(2, b"")))
"""A scope whose name is no text: the doors do not let it in."""


def test_a_scope_that_cannot_be_read_is_an_error_that_the_loader_knows() -> None:
    """As one may stand in the spool of an earlier version."""
    with pytest.raises(InputError, match="the scope at byte 6 cannot be read"):
        decoded_spans(bytearray(NOT_TEXT), 10, 0, 1 << 62, NO_MASKING)
    with pytest.raises(EngineRefused, match="the scope at byte 6 cannot be read"):
        decoded_logs(bytearray(NOT_TEXT), 0, 1 << 62, 1, NO_MASKING)
