"""A span comes back as it was sent: every type of attribute, events, links, scope, state, counts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.store.traces.otlp import NOW_NS, Made, fill, put_span, span_id, trace_id
from trimtab.model.errors import InputError
from trimtab.store.limits import TelemetryLimits
from trimtab.store.masking import NO_MASKING
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.answers import Scope, SpanEvent, SpanLink, Value
from trimtab.store.traces.decode import decode
from trimtab.store.traces.door import Door
from trimtab.store.traces.encode import encode_spans
from trimtab.store.traces.reads import TraceReads
from trimtab.store.traces.span_columns import span_of

VALUES: dict[str, Value] = {
    "text": 'ünïcode "quoted" \\ \n\t\x01 🙂',
    "empty": "",
    "yes": True,
    "no": False,
    "int": -(2**63),
    "large": 2**63 - 1,
    "whole double": 2.0,
    "double": 0.1,
    "tiny": 5e-324,
    "huge": -1.7976931348623157e308,
    "infinite": math.inf,
    "bytes": b"\x00\xff\x10",
    "no bytes": b"",
    "array": ("a", 1, 1.0, 0.30000000000000004, True, b"\x01", None, ("deep", ({"k": 2},))),
    "no array": (),
    "map": {"$bytes": "no bytes", "n": {"m": {"o": -0.5}}, "inf": -math.inf, "": ""},
    "no map": {},
    "nothing": None,
    "$dollar": "x",
}


def whole(values: dict[str, Value]) -> ExportTraceServiceRequest:
    """A request with one span that has these attributes wherever there are any."""
    made = ExportTraceServiceRequest()
    spans = made.resource_spans.add()
    fill(spans.resource.attributes, {**values, "service.name": "shop"})
    scope = spans.scope_spans.add()
    scope.scope.name, scope.scope.version = "lib", "1.2"
    fill(scope.scope.attributes, values)
    span = put_span(spans, Made(7, 8, 9, name="näme", kind="producer", took_ms=2.500001, status="error"))
    fill(span.attributes, values)
    span.trace_state, span.flags, span.status.message = "a=b,c=d", 0x301, "it's broken"
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    fill(span.events.add(name="first", time_unix_nano=NOW_NS + 1, dropped_attributes_count=4).attributes, values)
    span.events.add(name="", time_unix_nano=NOW_NS + 2)
    link = span.links.add(trace_id=trace_id(70), span_id=span_id(80), trace_state="x=y", flags=1)
    link.dropped_attributes_count = 5
    fill(link.attributes, values)
    return made


def same(one: Value, other: Value) -> bool:
    """Equal, and of the same type all the way down."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


@pytest.mark.store
def test_all_of_a_span(telemetry: EmbeddedTelemetry) -> None:
    telemetry.append_otlp_traces(whole(VALUES).SerializeToString())
    telemetry.flush(60)
    [span] = TraceReads(telemetry).trace("7").spans
    assert (span.trace_id, span.span_id, span.parent_span_id) == (
        trace_id(7).hex(),
        span_id(8).hex(),
        span_id(9).hex(),
    )
    assert (span.service_name, span.name, span.kind) == ("shop", "näme", "producer")
    assert (span.started_at_ns, span.duration_ns) == (NOW_NS, 2_500_001)
    assert (span.status, span.status_message) == ("error", "it's broken")
    assert (span.trace_state, span.flags) == ("a=b,c=d", 0x301)
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (1, 2, 3)
    assert same(span.attributes, VALUES)
    assert same(span.resource_attributes, {**VALUES, "service.name": "shop"})
    assert span.scope == Scope("lib", "1.2", VALUES)
    assert same(span.scope.attributes, VALUES)
    assert span.events[0] == SpanEvent(NOW_NS + 1, "first", VALUES, 4)
    assert span.events[1] == SpanEvent(NOW_NS + 2, "", {}, 0)
    assert span.links == (SpanLink(trace_id(70).hex(), span_id(80).hex(), "x=y", VALUES, 5, 1),)
    assert span.sample_weight == 1


@pytest.mark.store
def test_a_span_leaves_as_it_came(telemetry: EmbeddedTelemetry) -> None:
    values = {name: value for name, value in VALUES.items() if name not in ("infinite", "tiny")}
    request = whole(values)
    telemetry.append_otlp_traces(request.SerializeToString())
    telemetry.flush(60)
    spans = TraceReads(telemetry).trace(trace_id(7).hex()).spans
    assert ExportTraceServiceRequest.FromString(encode_spans(spans[:1])) == request
    again = encode_spans([replace(spans[0], db_query_text="SELECT $1", sample_weight=8.0), spans[0]])
    parsed = ExportTraceServiceRequest.FromString(again)
    [scoped] = parsed.resource_spans[0].scope_spans
    told = {pair.key: pair.value for pair in scoped.spans[0].attributes}
    assert (told["db.query.text"].string_value, told["trimtab.sample_weight"].double_value) == ("SELECT $1", 8.0)
    assert len(scoped.spans) == 2


values = st.recursive(
    st.one_of(
        st.text(max_size=20),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.binary(max_size=20),
        st.none(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=6), inner, max_size=4),
    ),
    max_leaves=10,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=8), values, max_size=6))
def test_any_attributes_come_back(given_values: dict[str, Value]) -> None:
    body = whole(given_values).SerializeToString()
    admitted = Door(TelemetryLimits(), 7).admit(body)
    assert admitted.spans_count == 1
    [row] = decode(bytearray(body), 1, 0, 2**63 - 1, NO_MASKING).table.to_pylist()
    names = {"service_name": "service", "name": "span_name", "kind": "span_kind", "status": "how"}
    names |= {"status_message": "message", "trace_state": "state", "attribute_kinds": "kinds"}
    names |= {"resource": "resource_json", "scope": "scope_json", "db_query_text": "statement"}
    names |= {"db_query_fingerprint": "fingerprint"}
    span = span_of(
        {names.get(key, key): value for key, value in row.items()} | {"sample_weight": 1.0, "resource_attributes": []}
    )
    hidden = ("db.query", "db.operation", "db.statement")
    assert same(span.attributes, {key: value for key, value in given_values.items() if not key.startswith(hidden)})
    assert same(span.events[0].attributes, given_values)
    assert same(span.links[0].attributes, given_values)
    assert same(span.scope.attributes, given_values)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4), st.integers(0, 10_000))
def test_damaged_bodies_are_refused_or_read_but_never_trusted(at: int, noise: bytes, cut: int) -> None:
    """What the door lets in, the decoder reads; what it does not, it says."""
    body = bytearray(whole(VALUES).SerializeToString())
    at %= len(body)
    body[at : at + len(noise)] = noise
    body = body[: len(body) - cut % len(body)] if cut % 3 == 0 else body
    try:
        admitted = Door(TelemetryLimits(), 7).admit(bytes(body))
    except InputError:
        return
    if admitted.spans_count:
        decoded = decode(bytearray(admitted.body), admitted.spans_count, 0, 2**63 - 1, NO_MASKING)
        assert decoded.table.num_rows == admitted.spans_count
