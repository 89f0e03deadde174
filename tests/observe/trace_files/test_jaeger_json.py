"""Jaeger's JSON becomes OTLP: all types of tags, references, logs, warnings, short ids; what is wrong has a place."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from trimtab.observe.trace_files import requests as sizes
from trimtab.observe.trace_files.documents import Reader, jaeger_spans, otlp_spans
from trimtab.observe.trace_files.places import BadFile
from trimtab.observe.trace_files.reading import read_requests

TRACE = {
    "traceID": "ab",
    "warnings": ["a trace's warning"],
    "processes": {
        "p1": {"serviceName": "shop", "tags": [{"key": "host", "type": "string", "value": "h1"}]},
        "p2": {"serviceName": "bank", "tags": None},
    },
    "spans": [
        {
            "traceID": "ab",
            "spanID": "1",
            "flags": 1,
            "operationName": "GET /",
            "references": [],
            "startTime": 1_485_467_191_639_875,
            "duration": 5,
            "tags": [
                {"key": "text", "type": "string", "value": "a"},
                {"key": "yes", "type": "bool", "value": True},
                {"key": "small", "type": "int64", "value": 3},
                {"key": "large", "type": "int64", "value": "9223372036854775222"},
                {"key": "half", "type": "float64", "value": 72.5},
                {"key": "blob", "type": "binary", "value": "AAAwOQ=="},
                {"key": "untold", "value": 7},
                {"key": "span.kind", "type": "string", "value": "server"},
                {"key": "error", "type": "bool", "value": True},
                {"key": "otel.status_code", "type": "string", "value": "OK"},
                {"key": "otel.status_description", "type": "string", "value": "broken"},
                {"key": "otel.scope.name", "type": "string", "value": "lib"},
                {"key": "otel.scope.version", "type": "string", "value": "2"},
                {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
            ],
            "logs": [
                {
                    "timestamp": 1_485_467_191_639_876,
                    "fields": [
                        {"key": "event", "type": "string", "value": "retry"},
                        {"key": "attempt", "type": "int64", "value": 2},
                    ],
                }
            ],
            "processID": "p1",
            "warnings": ["a span's warning"],
        },
        {
            "spanID": "0000000000000002",
            "operationName": "pay",
            "references": [
                {"refType": "FOLLOWS_FROM", "traceID": "ab", "spanID": "1"},
                {"refType": "CHILD_OF", "traceID": "ff", "spanID": "ff"},
                {"refType": "CHILD_OF", "traceID": "ab", "spanID": "1"},
            ],
            "startTime": 1_485_467_191_639_875,
            "duration": 4,
            "tags": [{"key": "error", "type": "bool", "value": False}],
            "logs": None,
            "processID": "p2",
            "warnings": None,
        },
    ],
}


def read(document: Any, reader: Reader = jaeger_spans) -> ExportTraceServiceRequest:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    requests = read_requests(io.BytesIO(text), reader)
    return ExportTraceServiceRequest.FromString(b"".join(body for body, _ in requests))


def changed(*path: str | int, to: Any) -> Any:
    """The trace with one thing in it changed."""
    made = json.loads(json.dumps({"data": [TRACE]}))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = to
    return made


def plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return [plain(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))


def test_a_span_with_everything() -> None:
    request = read({"data": [TRACE]})
    shop, bank = request.resource_spans
    assert [(one.key, plain(one.value)) for one in shop.resource.attributes] == [
        ("service.name", "shop"),
        ("host", "h1"),
    ]
    assert [(one.key, plain(one.value)) for one in bank.resource.attributes] == [("service.name", "bank")]
    (scope,) = shop.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("lib", "2")
    (span,) = scope.spans
    assert span.trace_id.hex() == "ab".zfill(32)
    assert span.span_id.hex() == "1".zfill(16)
    assert (span.name, span.kind, span.flags, span.trace_state) == ("GET /", Span.SPAN_KIND_SERVER, 1, "a=b")
    assert span.start_time_unix_nano == 1_485_467_191_639_875_000
    assert span.end_time_unix_nano == span.start_time_unix_nano + 5_000
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "broken")
    assert [(one.key, plain(one.value)) for one in span.attributes] == [
        ("text", "a"),
        ("yes", True),
        ("small", 3),
        ("large", 9223372036854775222),
        ("half", 72.5),
        ("blob", b"\x00\x0009"),
        ("untold", 7),
        ("@jaeger@warnings", ["a span's warning", "a trace's warning"]),
    ]
    (event,) = span.events
    assert (event.name, event.time_unix_nano) == ("retry", 1_485_467_191_639_876_000)
    assert [(one.key, plain(one.value)) for one in event.attributes] == [("attempt", 2)]


def test_references_become_the_parent_and_links() -> None:
    span = read({"data": [TRACE]}).resource_spans[1].scope_spans[0].spans[0]
    assert span.trace_id.hex() == "ab".zfill(32), "a span without an id has its trace's"
    assert span.parent_span_id.hex() == "1".zfill(16)
    links = [(k.trace_id.hex()[-2:], k.span_id.hex()[-2:], plain(k.attributes[0].value)) for k in span.links]
    assert links == [("ab", "01", "follows_from"), ("ff", "ff", "child_of")]
    assert [(one.key, plain(one.value)) for one in span.attributes] == [("error", False)]


def test_a_span_that_only_follows_has_what_it_follows_as_parent() -> None:
    references = [{"refType": "FOLLOWS_FROM", "traceID": "ab", "spanID": "1"}]
    span = read(changed("data", 0, "spans", 1, "references", to=references)).resource_spans[1].scope_spans[0].spans[0]
    assert span.parent_span_id.hex() == "1".zfill(16)
    assert len(span.links) == 1


def test_the_old_field_of_the_parent() -> None:
    document = changed("data", 0, "spans", 1, "references", to=None)
    document["data"][0]["spans"][1]["parentSpanID"] = "1"
    assert read(document).resource_spans[1].scope_spans[0].spans[0].parent_span_id.hex() == "1".zfill(16)


def test_a_trace_alone_a_list_of_traces_and_a_process_in_the_span() -> None:
    whole = read({"data": [TRACE]})
    assert read(TRACE) == whole
    assert read([TRACE]) == whole
    assert read(json.dumps(TRACE, indent=2).encode()) == whole
    embedded: Any = changed("data", 0, "processes", to={})
    for span in embedded["data"][0]["spans"]:
        span["process"] = TRACE["processes"][span.pop("processID")]  # type: ignore[index]
    assert read(embedded) == whole


def test_otlps_json_in_all_its_clothes() -> None:
    plain_otlp = {"resourceSpans": [otlp_resource()]}
    wanted = read(plain_otlp, otlp_spans)
    assert len(wanted.resource_spans) == 1
    assert read({"result": plain_otlp}, otlp_spans) == wanted
    assert read({"result": plain_otlp}) == wanted
    assert MessageToDict(wanted)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] == "pay"


def otlp_resource(name: str = "pay") -> Any:
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": name, "startTimeUnixNano": "5", "endTimeUnixNano": "6"}
    return {"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}


def test_one_document_to_a_line() -> None:
    lines = b"\n\n".join(json.dumps({"resourceSpans": [otlp_resource(name)]}).encode() for name in "abc")
    made = read(lines, otlp_spans)
    assert [span.name for span in made.resource_spans[0].scope_spans[0].spans] == ["a", "b", "c"]
    with pytest.raises(BadFile, match=r"^line 7: it is no traces in OTLP's JSON"):
        read(lines + b'\n\n{"a": 1}', otlp_spans)


def test_many_spans_become_requests_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "REQUEST_SPANS", 2)
    text = json.dumps({"resourceSpans": [otlp_resource(str(n)) for n in range(5)]}).encode()
    assert [count for _, count in read_requests(io.BytesIO(text), otlp_spans)] == [2, 2, 1]
    monkeypatch.setattr(sizes, "REQUEST_BYTES", 60)
    assert [count for _, count in read_requests(io.BytesIO(text), otlp_spans)] == [1] * 5
    monkeypatch.setattr(sizes, "SPAN_BYTES_MAX", 10)
    with pytest.raises(BadFile, match="a span may have 10 bytes"):
        read_requests(io.BytesIO(text), otlp_spans)


SPANS = ("data", 0, "spans")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "it is empty"),
        (b"{", "it is not JSON: Input data was truncated"),
        (b'{"a": 1}', "it is no JSON of Jaeger: there is neither 'data' nor 'spans' in it"),
        (changed(*SPANS, 1, "startTime", to="now"), "data[0].spans[1].startTime: Expected `int | float`, got `str`"),
        (changed(*SPANS, 1, "startTime", to=-1), "data[0].spans[1].startTime: microseconds are from 0 to"),
        (changed(*SPANS, 1, "duration", to=-1), "data[0].spans[1].duration: microseconds are from 0 to"),
        (changed(*SPANS, 0, "spanID", to="xy"), "data[0].spans[0].spanID: an id has up to 16 hexadecimal digits"),
        (changed(*SPANS, 0, "spanID", to="0"), "data[0].spans[0].spanID: an id of zeros is none"),
        (changed(*SPANS, 0, "traceID", to="a" * 33), "data[0].spans[0].traceID: an id has up to 32 hexadecimal"),
        (changed(*SPANS, 0, "processID", to="p9"), "data[0].spans[0].processID: there is no process 'p9'"),
        (changed(*SPANS, 0, "flags", to=-1), "data[0].spans[0].flags: flags have 32 bits, found -1"),
        (
            changed(*SPANS, 0, "tags", 2, "value", to="many"),
            "data[0].spans[0].tags[2]: the tag 'small' is no int64: 'many'",
        ),
        (changed(*SPANS, 0, "tags", 1, "value", to="maybe"), "data[0].spans[0].tags[1]: the tag 'yes' is no bool"),
        (changed(*SPANS, 0, "tags", 5, "value", to="§"), "data[0].spans[0].tags[5]: the tag 'blob' is no binary"),
        (changed(*SPANS, 0, "tags", 0, "type", to="date"), "data[0].spans[0].tags[0]: the tag 'text' has the unknown"),
        (changed(*SPANS, 0, "tags", 0, "value", to={}), "data[0].spans[0].tags[0].value: Expected"),
        (
            changed(*SPANS, 0, "logs", 0, "fields", 1, "value", to="x"),
            "data[0].spans[0].logs[0].fields[1]: the tag 'attempt' is no int64",
        ),
        (
            changed(*SPANS, 1, "references", 0, "refType", to="NEAR"),
            "data[0].spans[1].references[0].refType: a reference is CHILD_OF or FOLLOWS_FROM, found 'NEAR'",
        ),
        (
            changed("data", 0, "processes", "p1", "tags", 0, "type", to="int64"),
            "data[0].processes.p1.tags[0]: the tag 'host' is no int64: 'h1'",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(document: Any, message: str) -> None:
    with pytest.raises(BadFile) as raised:
        read(document)
    assert raised.value.message.startswith(message)


def test_what_is_wrong_in_otlps_json() -> None:
    document = {"resourceSpans": [otlp_resource()]}
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0].pop("spanId")
    with pytest.raises(BadFile, match=r"^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.spanId: the span has no id"):
        read(document, otlp_spans)
    with pytest.raises(BadFile, match=r"^it is no traces in OTLP's JSON: there is no 'resourceSpans'"):
        read({"data": []}, otlp_spans)
