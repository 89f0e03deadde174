"""The same over the real store and the real server: what went in comes out, and every search finds what it should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.jaeger.memory import spans_of
from tests.api.jaeger.recorded import SEARCHES, Search, needs_recorded, trace, trace_names
from tests.api.jaeger.test_recorded import flat, flat_spans, parameters, parameters_3
from tests.api.served import Served, listening, served
from trimtab.model.access import Role

pytestmark = [pytest.mark.store, needs_recorded]
OLDER, VERSION_3 = "/jaeger/api", "/jaeger/api/v3"
LARGE = "feed".zfill(32)
LARGE_COUNT = 10_008
"""As in Jaeger's own test."""


def large_trace() -> Any:
    made = trace("example_trace")
    del made["resourceSpans"][1:]
    (scope,) = made["resourceSpans"][0]["scopeSpans"]
    (span,) = scope["spans"]
    begun, ended = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    made["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"] = "large-service"
    scope["spans"] = [
        {
            **span,
            "traceId": LARGE,
            "spanId": f"{number:016x}",
            "startTimeUnixNano": str(begun + number * 10**9),
            "endTimeUnixNano": str(ended + number * 10**9),
        }
        for number in range(1, LARGE_COUNT + 1)
    ]
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("jaeger") / "data") as made:
        client = made.on_loopback()
        for document in (*map(trace, trace_names()), large_trace()):
            answer = client.post("/v1/traces", json=document)
            assert (answer.status_code, answer.json()) == (200, {}), answer.text
        made.service.telemetry.flush()
        yield made


@pytest.fixture
def client(site: Served) -> TestClient:
    return site.visitor(Role.VIEWER)


@pytest.mark.parametrize("name", trace_names())
def test_every_recorded_trace_comes_out_as_it_went_in(client: TestClient, name: str) -> None:
    sent = trace(name)
    trace_id = sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    answer = client.get(f"{VERSION_3}/traces/{trace_id}").json()["result"]
    assert flat(answer) == flat(sent)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: f"{search.service}, {search.what}")
def test_every_search_finds_what_it_should(client: TestClient, search: Search) -> None:
    wanted = {span.trace_id for name in search.expected for span in spans_of(trace(name))}
    found = client.get(f"{VERSION_3}/traces", params=parameters_3(search))
    assert found.status_code == 200, found.text
    assert {span["traceId"] for _, _, span in flat_spans(found.json()["result"])} == wanted
    older = client.get(f"{OLDER}/traces", params=parameters(search)).json()
    assert {one["traceID"].zfill(32) for one in older["data"]} == wanted
    assert older["errors"] is None
    summaries = client.get(f"{VERSION_3}/trace-summaries", params=parameters_3(search)).json()["summaries"]
    assert {one["traceId"] for one in summaries} == wanted


def test_what_should_not_be_found_is_not(client: TestClient) -> None:
    for search in SEARCHES:
        other = {**parameters(search), "service": "query00-service"}
        assert client.get(f"{OLDER}/traces", params=other).json()["data"] == []
        if search.tags:
            key = next(iter(search.tags))
            for tags in ({**search.tags, key: "another"}, {**search.tags, "another": "1"}):
                wrong = {**parameters(search), "tags": json.dumps(tags)}
                assert client.get(f"{OLDER}/traces", params=wrong).json()["data"] == [], search


def test_services_and_operations(client: TestClient) -> None:
    services = client.get(f"{VERSION_3}/services").json()["services"]
    assert {"example-service-1", "example-service-2", "example-service-3", "query25-service"} <= set(services)
    told = client.get(f"{OLDER}/operations?service=example-service-1").json()["data"]
    assert told == [
        {"name": "example-operation-1", "spanKind": ""},
        {"name": "example-operation-3", "spanKind": "server"},
        {"name": "example-operation-4", "spanKind": "client"},
    ]
    assert client.get(f"{OLDER}/operations?service=example-service-1&spanKind=server").json()["data"] == told[1:2]


def test_a_large_trace(client: TestClient) -> None:
    spans = flat_spans(client.get(f"{VERSION_3}/traces/{LARGE}").json()["result"])
    assert len(spans) == len({span["spanId"] for _, _, span in spans}) == LARGE_COUNT
    (older,) = client.get(f"{OLDER}/traces/{LARGE}").json()["data"]
    assert len(older["spans"]) == LARGE_COUNT
    begun = [span["startTime"] for span in older["spans"]]
    assert begun == sorted(begun)
    found = client.get(f"{OLDER}/traces?service=large-service&lookback=3d&limit=5").json()
    assert [len(one["spans"]) for one in found["data"]] == [LARGE_COUNT]


def test_only_who_may_look_does(site: Served) -> None:
    older = site.visitor().get(f"{OLDER}/services")
    assert older.status_code == 401
    assert older.json()["errors"] == [{"code": 401, "msg": "a login is needed"}]
    sender = site.visitor(Role.INGEST).get(f"{VERSION_3}/services")
    assert sender.status_code == 403
    assert sender.json()["error"]["httpCode"] == 403
    absent = site.visitor(Role.VIEWER).get(f"{OLDER}/metrics/latencies")
    assert absent.status_code == 404
    assert absent.json()["errors"][0]["code"] == 404


def test_a_long_answer_says_how_long_it_is(site: Served) -> None:
    answer = site.on_loopback().get(f"{VERSION_3}/traces/{LARGE}")
    assert int(answer.headers["content-length"]) == len(answer.content) > 1_000_000


@pytest.mark.parametrize(
    "path", [f"{VERSION_3}/traces/{LARGE}", f"{OLDER}/traces/{LARGE}", f"/api/trimtab/traces/{LARGE}"]
)
def test_others_are_answered_while_a_large_trace_is_read(site: Served, path: str) -> None:
    """On a real server: whoever asks for something small meanwhile does not wait for the large answer."""
    with listening(site.open_app) as port, ThreadPoolExecutor(1) as pool:
        fetched(port, "/healthz")
        large = pool.submit(fetched, port, path)
        answered_count = 0
        while not large.done():
            assert fetched(port, "/healthz")[0] == 200
            answered_count += not large.done()
        status, size_bytes = large.result()
    assert (status, size_bytes > 1_000_000) == (200, True)
    assert answered_count >= 5


def fetched(port: int, path: str) -> tuple[int, int]:
    """Status and size of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, len(answer.read())
    finally:
        connection.close()
