"""Against Jaeger's recorded answers, and what Jaeger's integration test asks of a storage; spans lie in memory here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.api.jaeger.memory import MemoryTraces, spans_of
from tests.api.jaeger.recorded import (
    AROUND,
    SEARCHES,
    Search,
    document,
    moment,
    moment_us,
    needs_recorded,
    trace,
    trace_names,
)
from trimtab.api.jaeger.routes import jaeger_routes
from trimtab.app.querying import Querying
from trimtab.store.traces.answers import StoredSpan

pytestmark = needs_recorded
OLDER, VERSION_3 = "/jaeger/api", "/jaeger/api/v3"


@pytest.fixture(scope="module")
def querying() -> Iterator[Querying]:
    made = Querying(lambda: None)
    yield made
    made.close()


def client_of(querying: Querying, spans: list[StoredSpan]) -> TestClient:
    return TestClient(Starlette(routes=jaeger_routes(querying, MemoryTraces(spans))))


@pytest.fixture(scope="module")
def everything(querying: Querying) -> TestClient:
    return client_of(querying, [span for name in trace_names() for span in spans_of(trace(name))])


def simple(**more: Any) -> StoredSpan:
    fields: dict[str, Any] = {
        "trace_id": "1".zfill(32),
        "span_id": "2".zfill(16),
        "parent_span_id": "",
        "service_name": "",
        "name": "foobar",
        "kind": "server",
        "started_at_ns": 0,
        "duration_ms": 0.0,
        "status": "error",
    }
    return StoredSpan(**{**fields, **more})


def test_a_trace_and_a_search_are_answered_as_recorded(querying: Querying) -> None:
    client = client_of(querying, [simple()])
    assert client.get(f"{VERSION_3}/traces/1").json() == document("GetTrace")
    range_ = {"query.start_time_min": "1970-01-01T00:00:00Z", "query.start_time_max": "1970-01-01T00:00:01Z"}
    assert client.get(f"{VERSION_3}/traces", params=range_).json() == document("FindTraces")


def test_services_operations_and_summaries_are_answered_as_recorded(querying: Querying) -> None:
    users = client_of(querying, [simple(service_name="foo", name="get_users", started_at_ns=time.time_ns())])
    assert users.get(f"{VERSION_3}/services").json() == document("GetServices")
    asked = {"service": "foo", "spanKind": "server"}
    assert users.get(f"{VERSION_3}/operations", params=asked).json() == document("GetOperations")
    root = simple(service_name="frontend", name="HTTP GET /", started_at_ns=10**12, duration_ms=1000.0, status="unset")
    child = simple(service_name="frontend", started_at_ns=10**12 + 100, duration_ms=0.0008, parent_span_id="2" * 16)
    range_ = {"query.startTimeMin": "1970-01-01T00:16:40Z", "query.startTimeMax": "1970-01-01T00:16:41Z"}
    summaries = client_of(querying, [root, child]).get(f"{VERSION_3}/trace-summaries", params=range_)
    assert summaries.json() == document("FindTraceSummaries")


@pytest.mark.parametrize("name", trace_names())
def test_every_recorded_trace_comes_out_as_it_went_in(everything: TestClient, name: str) -> None:
    sent = trace(name)
    trace_id = sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    answer = everything.get(f"{VERSION_3}/traces/{trace_id}").json()["result"]
    assert flat(answer) == flat(sent)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: f"{search.service}, {search.what}")
def test_every_search_finds_what_it_should(everything: TestClient, search: Search) -> None:
    wanted = {span.trace_id for name in search.expected for span in spans_of(trace(name))}
    found = everything.get(f"{VERSION_3}/traces", params=parameters_3(search))
    assert {span["traceId"] for _, _, span in flat_spans(found.json()["result"])} == wanted
    older = everything.get(f"{OLDER}/traces", params=parameters(search)).json()
    assert {one["traceID"].zfill(32) for one in older["data"]} == wanted
    assert older["errors"] is None


def test_what_should_not_be_found_is_not(everything: TestClient) -> None:
    """Each search, one thing of it changed."""
    search = next(one for one in SEARCHES if one.what == "different places, operation, durations")
    as_it_is = parameters(search)
    assert len(everything.get(f"{OLDER}/traces", params=as_it_is).json()["data"]) == 1
    for changed in (
        {"service": "query18-service"},
        {"operation": "query18-operation"},
        {"minDuration": "5100ns"},
        {"maxDuration": "4900ns"},
        {"tags": json.dumps({**search.tags, "sameplacetag2": "124"})},
        {"tags": json.dumps({**search.tags, "sameplacetag5": "true"})},
        {"end": str(moment_us(AROUND[0]))},
    ):
        assert everything.get(f"{OLDER}/traces", params={**as_it_is, **changed}).json()["data"] == []


def parameters_3(search: Search) -> dict[str, str]:
    """A search in the words of version 3."""
    asked = {
        "query.service_name": search.service,
        "query.operation_name": search.operation,
        "query.attributes": json.dumps(dict(search.tags)) if search.tags else "",
        "query.start_time_min": moment(search.between[0]),
        "query.start_time_max": moment(search.between[1]),
        "query.duration_min": f"{search.least_ns}ns" if search.least_ns else "",
        "query.duration_max": f"{search.most_ns}ns" if search.most_ns else "",
        "query.search_depth": "1000",
    }
    return {name: value for name, value in asked.items() if value}


def parameters(search: Search) -> dict[str, str]:
    """A search in the words of the older API."""
    asked = {
        "service": search.service,
        "operation": search.operation,
        "tags": json.dumps(dict(search.tags)) if search.tags else "",
        "start": str(moment_us(search.between[0])),
        "end": str(moment_us(search.between[1])),
        "minDuration": f"{search.least_ns / 1000}us" if search.least_ns else "",
        "maxDuration": f"{search.most_ns / 1000}us" if search.most_ns else "",
        "limit": "1000",
    }
    return {name: value for name, value in asked.items() if value}


def flat_spans(request: Any) -> list[tuple[str, str, Any]]:
    """Spans with the texts of their resource and scope."""
    return [
        (json.dumps(resource["resource"], sort_keys=True), json.dumps(scope["scope"], sort_keys=True), span)
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def flat(request: Any) -> list[str]:
    """Whatever the order of spans is."""
    return sorted(json.dumps(one, sort_keys=True) for one in flat_spans(request))
