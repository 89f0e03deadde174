"""Answers and refusals of the Jaeger API to the last field; spans lie in memory here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.api.jaeger.memory import MemoryTraces
from trimtab.api.jaeger import source as sources
from trimtab.api.jaeger.routes import jaeger_routes
from trimtab.app.querying import Querying
from trimtab.store.traces.answers import Scope, SpanEvent, SpanLink, StoredSpan

OLDER, VERSION_3 = "/jaeger/api", "/jaeger/api/v3"
TRACE, SPAN, PARENT = "83a9efd15c1c98a977e0711cc93ee28b", "e127af99e3b3e074", "909541b92cf05311"
AT_NS = (time.time_ns() // 10**9 - 86_400) * 10**9 + 209_712_345
"""Yesterday."""
SHOP = {"service.name": "shop", "host.cpus": 8}


def span(**more: Any) -> StoredSpan:
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": "",
        "service_name": "shop",
        "name": "pay",
        "kind": "server",
        "started_at_ns": AT_NS,
        "duration_ms": 0.123,
        "status": "unset",
        "resource_attributes": SHOP,
    }
    return StoredSpan(**{**fields, **more})


RICH = span(
    parent_span_id=PARENT,
    status="error",
    status_message="card refused",
    trace_state="vendor=1",
    flags=1,
    scope=Scope("payments", "2.1", {"team": "money"}),
    attributes={
        "text": "a",
        "yes": True,
        "small": 3,
        "large": 2**60,
        "half": 0.5,
        "endless": float("inf"),
        "blob": b"\x00\x0009",
        "list": ("a", 1),
        "map": {"a": True},
        "nothing": None,
        "@jaeger@warnings": ("clock skew",),
    },
    events=(SpanEvent(AT_NS + 1000, "retry", {"attempt": 2}), SpanEvent(AT_NS, "", {"x": "y"})),
    links=(
        SpanLink("ff".zfill(32), "fe".zfill(16), "", {}),
        SpanLink(TRACE, "fd".zfill(16), "", {"opentracing.ref_type": "child_of"}),
    ),
    db_query_text="SELECT $1",
    sample_weight=10.0,
)


@pytest.fixture(scope="module")
def querying() -> Iterator[Querying]:
    made = Querying(lambda: None)
    yield made
    made.close()


def client_of(querying: Querying, *spans: StoredSpan, missing: tuple[str, ...] = ()) -> TestClient:
    return TestClient(Starlette(routes=jaeger_routes(querying, MemoryTraces(spans, missing))))


def test_a_span_in_the_json_of_jaegers_page(querying: Querying) -> None:
    answer = client_of(querying, RICH).get(f"{OLDER}/traces/{TRACE}").json()
    assert {name: answer[name] for name in ("total", "limit", "offset", "errors")} == {
        "total": 0,
        "limit": 0,
        "offset": 0,
        "errors": None,
    }
    (trace,) = answer["data"]
    assert trace["traceID"] == TRACE
    assert trace["warnings"] is None
    cpus = {"key": "host.cpus", "type": "int64", "value": 8}
    assert trace["processes"] == {"p1": {"serviceName": "shop", "tags": [cpus]}}
    (told,) = trace["spans"]
    tags = told.pop("tags")
    assert told == {
        "traceID": TRACE,
        "spanID": SPAN,
        "flags": 1,
        "operationName": "pay",
        "references": [
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": PARENT},
            {"refType": "FOLLOWS_FROM", "traceID": "00000000000000ff", "spanID": "00000000000000fe"},
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "00000000000000fd"},
        ],
        "startTime": AT_NS // 1000,
        "duration": 123,
        "logs": [
            {
                "timestamp": AT_NS // 1000 + 1,
                "fields": [
                    {"key": "event", "type": "string", "value": "retry"},
                    {"key": "attempt", "type": "int64", "value": 2},
                ],
            },
            {"timestamp": AT_NS // 1000, "fields": [{"key": "x", "type": "string", "value": "y"}]},
        ],
        "processID": "p1",
        "warnings": ["clock skew"],
    }
    assert [(tag["key"], tag["type"], tag["value"]) for tag in tags] == [
        ("otel.scope.name", "string", "payments"),
        ("otel.scope.version", "string", "2.1"),
        ("text", "string", "a"),
        ("yes", "bool", True),
        ("small", "int64", 3),
        ("large", "int64", "1152921504606846976"),
        ("half", "float64", 0.5),
        ("endless", "float64", "Infinity"),
        ("blob", "binary", "AAAwOQ=="),
        ("list", "string", '["a",1]'),
        ("map", "string", '{"a":true}'),
        ("nothing", "string", ""),
        ("db.query.text", "string", "SELECT $1"),
        ("trimtab.sample_weight", "float64", 10.0),
        ("span.kind", "string", "server"),
        ("otel.status_code", "string", "ERROR"),
        ("error", "bool", True),
        ("otel.status_description", "string", "card refused"),
        ("w3c.tracestate", "string", "vendor=1"),
    ]


def test_a_span_in_otlps_json(querying: Querying) -> None:
    answer = client_of(querying, RICH).get(f"{VERSION_3}/traces/{TRACE}").json()
    (resource,) = answer["result"]["resourceSpans"]
    assert resource["resource"]["attributes"][1] == {"key": "host.cpus", "value": {"intValue": "8"}}
    (scope,) = resource["scopeSpans"]
    assert scope["scope"] == {
        "name": "payments",
        "version": "2.1",
        "attributes": [{"key": "team", "value": {"stringValue": "money"}}],
    }
    (told,) = scope["spans"]
    assert told["status"] == {"message": "card refused", "code": 2}
    assert (told["startTimeUnixNano"], told["endTimeUnixNano"]) == (str(AT_NS), str(AT_NS + 123_000))
    assert {one["key"]: one["value"] for one in told["attributes"]}["endless"] == {"doubleValue": "Infinity"}
    assert {one["key"]: one["value"] for one in told["attributes"]}["nothing"] == {}
    assert told["links"][0] == {"traceId": "ff".zfill(32), "spanId": "fe".zfill(16)}
    assert told["events"][0]["timeUnixNano"] == str(AT_NS + 1000)
    assert "droppedEventsCount" not in told


def test_spans_of_one_resource_and_scope_stand_together(querying: Querying) -> None:
    other = {"service.name": "bank"}
    spans = [
        span(span_id="1".zfill(16)),
        span(span_id="2".zfill(16), resource_attributes=other, service_name="bank"),
        span(span_id="3".zfill(16), resource_attributes=dict(SHOP)),
        span(span_id="4".zfill(16), scope=Scope("x")),
    ]
    client = client_of(querying, *spans)
    told = client.get(f"{VERSION_3}/traces/{TRACE}").json()["result"]["resourceSpans"]
    assert [[one["spanId"][-1] for one in r["scopeSpans"][0]["spans"]] for r in told] == [["1", "3"], ["2"], ["4"]]
    older = client.get(f"{OLDER}/traces/{TRACE}").json()["data"][0]
    assert [one["processID"] for one in older["spans"]] == ["p1", "p2", "p1", "p1"]
    assert sorted(one["serviceName"] for one in older["processes"].values()) == ["bank", "shop"]


def test_a_64_bit_id_has_16_digits_and_is_found_by_them(querying: Querying) -> None:
    client = client_of(querying, span(trace_id="ab".zfill(32)))
    for written in ("ab", "00000000000000AB", "ab".zfill(32), "AAAAAAAAAAAAAAAAAAAAqw=="):
        assert client.get(f"{OLDER}/traces/{written}").json()["data"][0]["traceID"] == "ab".zfill(16)
    assert client.get(f"{VERSION_3}/traces/ab").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/traces/1", 404, "trace not found"),
        ("/traces/xyz!", 400, 'malformed parameter traceID: "xyz!" is not a trace id'),
        ("/traces?limit=0", 400, "malformed parameter limit: it must be from 1 to 1000, found 0"),
        ("/traces?limit=1501", 400, "malformed parameter limit: it must be from 1 to 1000, found 1501"),
        ("/traces?start=now", 400, 'malformed parameter start: "now" is not a whole number'),
        ("/traces?start=9&end=1", 400, "'end' should be greater than 'start'"),
        ("/traces?minDuration=5", 400, 'malformed parameter minDuration: "5" is no duration such as 1m30s'),
        ("/traces?minDuration=2s&maxDuration=1s", 400, "'maxDuration' should be greater than 'minDuration'"),
        ("/traces?tag=a", 400, "malformed 'tag' parameter, expecting key:value, received: a"),
        ("/traces?tags=a", 400, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ('/traces?tags={"a":[1]}', 400, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ("/operations", 400, "parameter 'service' is required"),
        ("/dependencies?endTs=x", 400, 'malformed parameter endTs: "x" is not a whole number'),
    ],
)
def test_refusals_of_the_older_api(querying: Querying, path: str, status: int, message: str) -> None:
    answer = client_of(querying).get(f"{OLDER}{path}")
    assert answer.status_code == status
    told = answer.json()
    assert told["data"] is None
    assert told["errors"][0]["code"] == status
    assert told["errors"][0]["msg"].startswith(message)


MINUTE = "query.startTimeMin=2024-01-01T00:00:00Z&query.startTimeMax=2024-01-01T00:01:00Z"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/traces/1", 404, "No traces found"),
        ("/traces/xyz!", 400, 'malformed parameter trace_id: "xyz!" is not a trace id'),
        (f"/traces?{MINUTE}", 404, "No traces found"),
        ("/traces?query.service_name=shop", 400, "query.startTimeMin and query.startTimeMax are required"),
        ("/traces?query.startTimeMin=x&query.startTimeMax=y", 400, "malformed parameter query.startTimeMin"),
        (f"/traces?{MINUTE}&query.attributes=[]", 400, "malformed parameter query.attributes"),
        (f"/traces?{MINUTE}&query.duration_min=x", 400, "malformed parameter query.duration_min"),
        (f"/traces?{MINUTE}&query.num_traces=x", 400, "malformed parameter query.num_traces"),
        (f"/traces?{MINUTE}&query.filter=x", 400, "malformed parameter query.filter: filters are not supported"),
        (f"/traces?{MINUTE}&query.rawTraces=perhaps", 400, "malformed parameter query.rawTraces"),
    ],
)
def test_refusals_of_version_3(querying: Querying, path: str, status: int, message: str) -> None:
    answer = client_of(querying).get(f"{VERSION_3}{path}")
    assert answer.status_code == status
    told = answer.json()["error"]
    assert told["httpCode"] == status
    assert told["message"].startswith(message)


def test_lists_of_the_older_api(querying: Querying) -> None:
    spans = [span(), span(span_id="2".zfill(16), kind="unspecified"), span(span_id="3".zfill(16), name="ask")]
    client = client_of(querying, *spans)
    assert client.get(f"{OLDER}/services").json()["data"] == ["shop"]
    names = client.get(f"{OLDER}/services/shop/operations").json()
    assert (names["data"], names["total"]) == (["ask", "pay"], 2)
    told = client.get(f"{OLDER}/operations?service=shop").json()["data"]
    assert told == [{"name": n, "spanKind": k} for n, k in (("ask", "server"), ("pay", "server"), ("pay", ""))]
    assert client.get(f"{OLDER}/operations?service=shop&spanKind=client").json()["data"] == []
    internal = client.get(f"{VERSION_3}/operations?service=shop").json()["operations"]
    assert {"name": "pay", "spanKind": "internal"} in internal


def test_a_service_with_a_slash_in_its_name(querying: Querying) -> None:
    client = client_of(querying, span(service_name="team/shop"))
    assert client.get(f"{OLDER}/services/team%2Fshop/operations").json()["data"] == ["pay"]


def test_dependencies(querying: Querying) -> None:
    child = span(span_id="2".zfill(16), parent_span_id=SPAN, service_name="bank")
    client = client_of(querying, span(), child)
    asked = {"endTs": str(AT_NS // 1_000_000 + 1), "lookback": "60000"}
    edge = {"parent": "shop", "child": "bank", "callCount": 1}
    assert client.get(f"{OLDER}/dependencies", params=asked).json()["data"] == [edge]
    assert client.get(f"{OLDER}/dependencies", params={**asked, "service": "x"}).json()["data"] == []
    assert client.get(f"{OLDER}/dependencies").json()["data"] == []


def test_kind_error_and_status_are_asked_for_as_tags(querying: Querying) -> None:
    client = client_of(querying, span(status="error"), span(trace_id="1".zfill(32)))
    range_ = {"start": str(AT_NS // 1000), "end": str(AT_NS // 1000)}
    for tags, count in (
        ({"error": "true"}, 1),
        ({"error": True}, 1),
        ({"otel.status_code": "ERROR"}, 1),
        ({"span.kind": "server"}, 2),
        ({"span.kind": "client"}, 0),
        ({"host.cpus": 8}, 2),
    ):
        answer = client.get(f"{OLDER}/traces", params={**range_, "tags": json.dumps(tags)})
        assert len(answer.json()["data"]) == count, tags
    assert len(client.get(f"{OLDER}/traces", params={**range_, "tag": "error:true"}).json()["data"]) == 1


def test_traces_by_their_ids(querying: Querying) -> None:
    client = client_of(querying, span())
    answer = client.get(f"{OLDER}/traces?traceID={TRACE}&traceID=ab").json()
    assert [one["traceID"] for one in answer["data"]] == [TRACE]
    assert answer["errors"] == [{"msg": "trace not found", "traceID": "ab".zfill(16)}]


def test_a_search_without_a_range_is_of_the_last_two_days(querying: Querying) -> None:
    now_ns = querying.now_ms() * 1_000_000
    recent, old = (
        span(started_at_ns=now_ns - 10**9),
        span(trace_id="1".zfill(32), started_at_ns=now_ns - 50 * 3600 * 10**9),
    )
    client = client_of(querying, recent, old)
    assert [one["traceID"] for one in client.get(f"{OLDER}/traces").json()["data"]] == [TRACE]
    assert len(client.get(f"{OLDER}/traces?lookback=3d").json()["data"]) == 2
    assert client.get(f"{OLDER}/traces?lookback=custom").json()["data"][0]["traceID"] == TRACE


def test_a_shard_that_did_not_answer_is_named(querying: Querying) -> None:
    client = client_of(querying, span(), missing=("shard b: refused",))
    older = client.get(f"{OLDER}/traces/{TRACE}").json()["data"][0]
    assert older["warnings"] == ["partial: shard b: refused"]
    found = client.get(f"{OLDER}/traces?start=1&end={AT_NS // 1000}").json()
    assert found["errors"] == [{"msg": "the search is partial: shard b: refused"}]
    told = client.get(f"{VERSION_3}/traces/{TRACE}").json()["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    (warning,) = (one for one in told["attributes"] if one["key"] == "@jaeger@warnings")
    assert warning["value"]["arrayValue"]["values"] == [{"stringValue": "partial: shard b: refused"}]
    for path in (f"{OLDER}/traces/1", f"{VERSION_3}/traces/1", f"{VERSION_3}/traces?{MINUTE}"):
        assert client.get(path).status_code == 503, path


def test_traces_that_find_no_room_are_named(querying: Querying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "ANSWER_SPANS_MAX", 2)
    monkeypatch.setattr(sources, "TRACE_SPANS_MAX", 2)
    large = [span(trace_id="1".zfill(32), span_id=f"{n:016x}", started_at_ns=AT_NS + n) for n in range(1, 4)]
    client = client_of(querying, span(), *large)
    found = client.get(f"{OLDER}/traces?start=1&end={AT_NS // 1000 + 1}").json()
    assert [one["traceID"] for one in found["data"]] == [TRACE]
    assert found["errors"][0]["traceID"] == "1".zfill(16)
    assert found["errors"][0]["msg"] == "left out: an answer has at most 2 spans, this trace has 3"
    alone = client.get(f"{OLDER}/traces/1").json()["data"][0]
    assert len(alone["spans"]) == 2
    assert alone["warnings"] == ["the first 2 of 3 spans"]
    range_ = f"query.startTimeMin=2024-01-01T00:00:00Z&query.startTimeMax={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    told = client.get(f"{VERSION_3}/traces?{range_}").json()["result"]["resourceSpans"][-1]
    assert told["scopeSpans"] == []
    assert "left out" in told["resource"]["attributes"][0]["value"]["arrayValue"]["values"][0]["stringValue"]


def test_pretty_print(querying: Querying) -> None:
    client = client_of(querying, span())
    plain, pretty = (client.get(f"{OLDER}/services{query}") for query in ("", "?prettyPrint=true"))
    assert pretty.json() == plain.json()
    assert b'\n    "data"' in pretty.content


def test_a_trace_between_two_moments(querying: Querying) -> None:
    client = client_of(querying, span())
    older = f"{OLDER}/traces/{TRACE}?start={AT_NS // 1000 - 10**6}&end={AT_NS // 1000}"
    assert client.get(older).status_code == 200
    assert client.get(f"{OLDER}/traces/{TRACE}?start=noon").status_code == 400
    between = "start_time=2024-01-01T00:00:00Z&end_time=2024-01-01T01:00:00.5+00:00"
    assert client.get(f"{VERSION_3}/traces/{TRACE}?{between}").status_code == 200
    assert client.get(f"{VERSION_3}/traces/{TRACE}?startTime=noon").json()["error"]["httpCode"] == 400
