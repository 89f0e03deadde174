"""Spans of the shop's application, as OTLP requests made without a Python object for each span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.day.facts import Episode
from benchmarks.day.shapes import HotShape

SPANS_PER_BODY_MAX = 15_000
NETWORK_MS = 0.3
_TRACE, _SPAN, _START, _END = bytes(range(1, 17)), bytes(range(65, 73)), 0x1122334455667788, 0x21324354657687A1


def bodies(
    draw: np.random.Generator,
    hot: Sequence[HotShape],
    episodes: Sequence[Episode],
    start_ms: int,
    end_ms: int,
    spans_per_s: float,
) -> Iterator[bytes]:
    """ExportTraceServiceRequests with the spans of `[start_ms, end_ms)`, of hot shapes in proportion to their calls."""
    rates = np.array([h.calls_per_s for h in hot])
    count = round(spans_per_s * (end_ms - start_ms) / 1000)
    starts = np.sort(draw.integers(start_ms, end_ms, count))
    places = draw.choice(len(hot), count, p=rates / rates.sum())
    for first in range(0, count, SPANS_PER_BODY_MAX):
        part = slice(first, first + SPANS_PER_BODY_MAX)
        yield _body(draw, hot, episodes, starts[part], places[part])


def _body(
    draw: np.random.Generator,
    hot: Sequence[HotShape],
    episodes: Sequence[Episode],
    starts_ms: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> bytes:
    packed = []
    for place in np.unique(places).tolist():
        mine = starts_ms[places == place]
        means = np.full(len(mine), hot[place].mean_ms)
        for episode in episodes:
            if episode.place == place:
                means[(mine >= episode.start_ms) & (mine < episode.end_ms)] *= episode.ratio
        durations_ms = NETWORK_MS + means * draw.lognormal(-0.18, 0.6, len(mine))
        packed.append(_spans(draw, hot[place], mine, durations_ms))
    service = KeyValue(key="service.name", value=AnyValue(string_value="shop"))
    resource = Resource(attributes=[service]).SerializeToString()
    scope = b"".join(packed)
    inside = _field(1, resource) + _field(2, scope)
    return _field(1, inside)


def _spans(
    draw: np.random.Generator,
    hot: HotShape,
    starts_ms: npt.NDArray[np.int64],
    durations_ms: npt.NDArray[np.float64],
) -> bytes:
    """Spans of one shape: one template, its ids and times written over."""
    template = _field(2, _template(hot))
    block = np.tile(np.frombuffer(template, np.uint8), (len(starts_ms), 1))
    starts_ns = starts_ms.astype(np.uint64) * np.uint64(1_000_000)
    ends_ns = starts_ns + (durations_ms * 1e6).astype(np.uint64)
    _write(block, template, _TRACE, draw.integers(0, 256, (len(starts_ms), 16), np.uint8))
    _write(block, template, _SPAN, draw.integers(0, 256, (len(starts_ms), 8), np.uint8))
    _write(block, template, _START.to_bytes(8, "little"), starts_ns.view(np.uint8).reshape(-1, 8))
    _write(block, template, _END.to_bytes(8, "little"), ends_ns.view(np.uint8).reshape(-1, 8))
    return block.tobytes()


def _template(hot: HotShape) -> bytes:
    told = {
        "db.system.name": "postgresql",
        "db.query.text": hot.shape.text,
        "db.namespace": "shop",
        "server.address": "127.0.0.1",
        "code.function": f"shop.{hot.shape.tables[0].rpartition('.')[2] if hot.shape.tables else 'query'}",
    }
    span = Span(trace_id=_TRACE, span_id=_SPAN, name=hot.shape.statement.value.upper(), kind=Span.SPAN_KIND_CLIENT)
    span.start_time_unix_nano, span.end_time_unix_nano = _START, _END
    span.attributes.extend(KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in told.items())
    return span.SerializeToString()


def _write(block: npt.NDArray[np.uint8], template: bytes, mark: bytes, values: npt.NDArray[np.uint8]) -> None:
    at = template.index(mark)
    block[:, at : at + len(mark)] = values


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """A length as protobuf writes it.

    >>> _varint(300)
    b'\\xac\\x02'
    """
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
