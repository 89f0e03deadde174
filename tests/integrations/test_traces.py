"""Jaeger as a store of traces: answers as its API 3 documents them (grade F), trimtab's own API (grade S)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx2
import pytest

from tests.api.served import listening, served
from tests.cli.receivers import traces_protobuf
from trimtab.app.sources.traces import found_of, question_of, trace_of
from trimtab.extend.sources import Address, SourceError, SourceRefused, TraceQuestion
from trimtab.integrations.jaeger.traces import JaegerTraces
from trimtab.model.errors import InputError
from trimtab.store.traces.answers import TraceQuery

RECORDED = {
    "result": {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "frontend"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "lib", "version": "1"},
                        "spans": [
                            {
                                "traceId": "00000000000000000000000000000001",
                                "spanId": "0000000000000002",
                                "name": "HTTP GET /dispatch",
                                "kind": 2,
                                "startTimeUnixNano": "1485467191639875000",
                                "endTimeUnixNano": "1485467191639880000",
                                "attributes": [{"key": "http.status_code", "value": {"intValue": "500"}}],
                                "events": [{"timeUnixNano": "1485467191639875001", "name": "retry", "attributes": []}],
                                "status": {"code": 2, "message": "no"},
                            },
                            {
                                "traceId": "AAAAAAAAAAAAAAAAAAAAAQ==",
                                "spanId": "AAAAAAAAAAM=",
                                "parentSpanId": "AAAAAAAAAAI=",
                                "name": "query",
                                "kind": "SPAN_KIND_CLIENT",
                                "startTimeUnixNano": "1485467191639876000",
                                "endTimeUnixNano": "1485467191639877000",
                                "status": {},
                            },
                        ],
                    }
                ],
            }
        ]
    }
}


def recorded(answers: dict[str, object], asked: list[httpx2.Request], status: int = 200) -> JaegerTraces:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        found = answers.get(request.url.path)
        return httpx2.Response(404 if found is None else status, json=found)

    address = Address("old", "http://jaeger:16686", "", 5.0, "", lambda: "Bearer abc")
    return JaegerTraces(address, transport=httpx2.MockTransport(answer))


def test_a_recorded_answer() -> None:
    asked: list[httpx2.Request] = []
    source = recorded({"/api/v3/traces": RECORDED, "/api/v3/traces/1": RECORDED}, asked)
    query = TraceQuery(1000, 2000, "frontend", "GET", attributes={"a": "b"}, status="error", duration_min_ms=1.5)
    [trace] = source.search(question_of(query))
    [request] = asked
    assert dict(request.url.params) == {
        "query.service_name": "frontend",
        "query.operation_name": "GET",
        "query.attributes": json.dumps({"a": "b", "error": "true"}),
        "query.start_time_min": "1970-01-01T00:00:01.000000Z",
        "query.start_time_max": "1970-01-01T00:00:02.000000Z",
        "query.duration_min": "1.5ms",
        "query.search_depth": "20",
    }
    assert request.headers["authorization"] == "Bearer abc"
    [summary] = found_of([trace], query).traces
    assert (summary.trace_id, summary.root_name, summary.spans_count, summary.errors_count) == (
        "00000000000000000000000000000001",
        "HTTP GET /dispatch",
        2,
        1,
    )
    stored = trace_of("1", source.trace("1"), 100)
    assert [(span.name, span.kind, span.status, span.parent_span_id) for span in stored.spans] == [
        ("HTTP GET /dispatch", "server", "error", ""),
        ("query", "client", "unset", "0000000000000002"),
    ]
    assert stored.spans[0].attributes == {"http.status_code": 500}
    assert stored.spans[0].events[0].name == "retry"


@pytest.mark.parametrize(
    ("path", "asked", "written"),
    [
        ("", "http://jaeger:16686/api/v3/services", "http://jaeger:16686/v1/traces"),
        ("base", "http://jaeger:16686/base/api/v3/services", "http://jaeger:16686/v1/traces"),
        ("other:4318", "http://jaeger:16686/api/v3/services", "http://other:4318/v1/traces"),
        ("other:4318/a/b", "http://jaeger:16686/a/b/api/v3/services", "http://other:4318/v1/traces"),
    ],
)
def test_where_it_is_asked_and_written_to(path: str, asked: str, written: str) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, json={}, headers={"content-type": "application/json"})

    address = Address("old", "http://jaeger:16686", path, 5.0)
    source = JaegerTraces(address, transport=httpx2.MockTransport(answer))
    source.services()
    assert source.write(b"", 3).taken_count == 3
    assert seen == [asked, written]


def test_what_is_not_there() -> None:
    source = recorded({}, [])
    assert source.trace("ab") == ()
    assert source.search(TraceQuestion(0, 1, "x")) == ()
    with pytest.raises(InputError, match="name it"):
        source.search(TraceQuestion(0, 1))
    with pytest.raises(InputError, match="hexadecimal"):
        source.trace("../services")


@pytest.mark.parametrize(
    ("answer", "status"), [({"result": {"resourceSpans": [7]}}, 200), ([], 200), ({"error": {}}, 500), ({}, 302)]
)
def test_answers_that_are_none(answer: object, status: int) -> None:
    source = recorded({"/api/v3/traces/1": answer}, [], status)
    with pytest.raises(SourceError, match="the source old"):
        source.trace("1")


def test_questions_that_others_are_not_asked() -> None:
    for query in (TraceQuery(0, 1, kind="server"), TraceQuery(0, 1, status="ok"), TraceQuery(1, 1)):
        with pytest.raises(InputError):
            question_of(query)


@pytest.mark.store
def test_over_trimtabs_own_jaeger(tmp_path: Path) -> None:
    with served(tmp_path) as made, listening(made.open_app) as port:
        writes = JaegerTraces(Address("peer", f"http://127.0.0.1:{port}", "", 10.0))
        assert writes.write(traces_protobuf("shop", range(8)), 8).taken_count == 8
        with pytest.raises(SourceRefused, match="status 400"):
            writes.write(b"\x0a\x05abc", 1)
        writes.close()
        made.service.telemetry.flush()
        source = JaegerTraces(Address("peer", f"http://127.0.0.1:{port}", "jaeger", 10.0))
        now_ms = time.time_ns() // 1_000_000
        query = TraceQuery(now_ms - 60_000, now_ms + 60_000, "shop", limit=5)
        assert source.services() == ("shop",)
        assert [one.name for one in source.operations("shop")] == ["GET /orders"]
        found = found_of(source.search(question_of(query)), query)
        assert len(found.traces) == 5
        own = made.service.traces.search(query)
        assert {one.trace_id for one in found.traces} <= {
            one.trace_id for one in made.service.traces.search(TraceQuery(query.from_ms, query.to_ms)).traces
        }
        trace_id = own.traces[0].trace_id
        theirs, ours = trace_of(trace_id, source.trace(trace_id), 100), made.service.traces.trace(trace_id)
        assert [(s.span_id, s.name, s.kind, s.status, s.attributes) for s in theirs.spans] == [
            (s.span_id, s.name, s.kind, s.status, s.attributes) for s in ours.spans
        ]
        source.close()
