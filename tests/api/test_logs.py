"""Logs over trimtab's own API: answers fit their schemas to the last field, errors name the column, tails live."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from tests.api.served import Served, listening, served
from tests.api.test_reading import closed
from tests.store.logs.requests import record, request
from trimtab.app.log_search.tail import RECORDS_A_READ_MAX, TAILS_MAX
from trimtab.model.access import Role
from trimtab.store.logs.answers import Value
from trimtab.store.metrics.block import Matcher

pytestmark = pytest.mark.store
API = "/api/trimtab"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
EVERYTHING: dict[str, Value] = {
    "n": 5,
    "half": 0.5,
    "yes": True,
    "raw": b"\x00",
    "tags": ("a", 1),
    "map": {"a": None},
    "word": "text",
}


class Site:
    """A server with some records, and its document."""

    def __init__(self, made: Served) -> None:
        self.made = made
        self.client: TestClient = made.visitor(Role.VIEWER)
        self.document: Any = self.client.get(f"{API}/openapi.json").json()

    def get(self, template: str, record_id: str = "", **parameters: Any) -> Any:
        """The JSON of a path, checked against what the document says of it."""
        answer = self.client.get(f"{API}{template.replace('{record_id}', record_id)}", params=parameters)
        assert answer.status_code == 200, answer.text
        content = self.document["paths"][f"{API}{template}"]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": self.document["components"]}
        jsonschema_rs.Draft202012Validator(closed(schema)).validate(answer.json())
        return answer.json()

    def lines(self, **parameters: Any) -> list[str]:
        """The lines that a search finds."""
        return [one["body_text"] for one in self.get("/logs", **parameters)["records"]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("logs") / "data") as made:
        now_ns = time.time_ns()
        records = [
            record(f"order {number} paid", now_ns - number * 10**9, {"order": number}, severity_number=9)
            for number in range(1, 6)
        ]
        whole = record({"event": "refund"}, now_ns - 10**10, EVERYTHING, severity_text="ERROR", trace_id=b"\x05" * 16)
        client = made.on_loopback()
        for body in (request(*records), request(whole, service="bank")):
            assert client.post("/v1/logs", content=body, headers=PROTOBUF).status_code == 200
        made.service.telemetry.flush()
        yield Site(made)


def test_a_record_whole(site: Site) -> None:
    [found] = site.get("/logs", service="bank")["records"]
    assert (found["body"], found["body_text"]) == ({"event": "refund"}, '{"event":"refund"}')
    assert found["attributes"] == {
        "n": 5,
        "half": 0.5,
        "yes": True,
        "raw": "AA==",
        "tags": ["a", 1],
        "map": {"a": None},
        "word": "text",
    }
    assert (found["level"], found["severity_text"], found["trace_id"]) == ("error", "ERROR", "05" * 16)
    assert (found["resource"], found["scope_name"]) == ({"service.name": "bank"}, "tests")


def test_searches(site: Site) -> None:
    assert site.lines(query="paid", limit=2) == ["order 1 paid", "order 2 paid"]
    assert site.lines(query="paid", order="oldest", limit=1) == ["order 5 paid"]
    page = site.get("/logs", query="paid", limit=3)
    assert site.lines(query="paid", cursor=page["next_cursor"]) == ["order 4 paid", "order 5 paid"]
    assert site.lines(attribute=["order=3"]) == ["order 3 paid"]
    assert len(site.lines(level_min="error")) == 1
    assert len(site.lines(trace_id="05" * 16)) == 1
    assert site.lines(**{"from": "now-2h", "to": "now-1h"}) == []


def test_around(site: Site) -> None:
    [middle] = site.get("/logs", query="order 3")["records"]
    found = site.get("/logs/around/{record_id}", middle["id"], count=1)
    lines = [one["body_text"] for one in (*found["before"], found["record"], *found["after"])]
    assert lines == ["order 4 paid", "order 3 paid", "order 2 paid"]
    assert site.client.get(f"{API}/logs/around/1-2-3").status_code == 404
    assert site.client.get(f"{API}/logs/around/x").status_code == 400


def test_histogram_patterns_fields(site: Site) -> None:
    histogram = site.get("/logs/histogram", buckets=20)
    assert (histogram["total_count"], sum(histogram["counts"]["info"])) == (6, 5)
    first = site.get("/logs/patterns")["patterns"][0]
    assert (first["template"], first["count"], first["by_level"]) == ("order <*> paid", 5, {"info": 5})
    assert len(site.lines(query=first["query"])) == 5
    fields = {one["name"]: one for one in site.get("/logs/fields")["fields"]}
    assert fields["order"]["values_count"] == 5
    assert fields["service.name"]["top_values"] == [["shop", 5], ["bank", 1]]
    assert site.get("/logs/attribute-keys", prefix="ha")["values"] == [["half", 1]]
    assert site.get("/logs/attribute-values", name="service")["values"] == [["shop", 5], ["bank", 1]]


@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        ("/logs", {"level_min": "loud"}, "level_min"),
        ("/logs", {"limit": "5001"}, "limit"),
        ("/logs", {"attribute": "x"}, "attribute"),
        ("/logs", {"nothing": "x"}, "nothing"),
        ("/logs/histogram", {"buckets": "1"}, "buckets"),
        ("/logs/attribute-values", {}, "name"),
        ("/logs/tail", {"from": "now-1h"}, "from"),
    ],
)
def test_what_is_refused(site: Site, path: str, parameters: dict[str, str], field: str) -> None:
    answer = site.client.get(f"{API}{path}", params=parameters)
    assert (answer.status_code, answer.json()["error"]["facts"]["field"]) == (400, field)


@pytest.mark.parametrize("path", ["/logs", "/logs/histogram", "/logs/patterns", "/logs/fields", "/logs/tail"])
def test_a_query_that_is_wrong_names_the_column(site: Site, path: str) -> None:
    answer = site.client.get(f"{API}{path}", params={"query": "ok (this"})
    assert (answer.status_code, answer.json()["error"]["facts"]["column"]) == (400, 4)
    assert answer.json()["error"]["message"] == "column 4: this ( is not closed"


def test_who_may(site: Site) -> None:
    nobody, ingest = site.made.visitor(), site.made.visitor(Role.INGEST)
    for path in ("/logs", "/logs/tail"):
        assert nobody.get(f"{API}{path}").status_code == 401
        assert ingest.get(f"{API}{path}").status_code == 403


def test_levels_are_series(site: Site) -> None:
    telemetry = site.made.service.telemetry
    telemetry.logs.levels.flush()  # type: ignore[attr-defined]
    metrics = site.made.service.metrics_in._store()
    assert metrics is not None
    block = metrics.select([[Matcher("__name__", "=", "log_records_total")]], 0, 2**62)
    told = {dict(labels)["service_name"] + " " + dict(labels)["severity"] for labels in block.labels}
    assert {"shop info", "bank error"} <= told


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Server-sent events."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_tail(site: Site) -> None:
    made = site.made
    with listening(made.open_app) as port, httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        with client.stream("GET", f"{API}/logs/tail", params={"query": "tailed -noise"}) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            told = events(stream.iter_lines())
            assert next(told)[0] == "beat"
            body = request(record("tailed one"), record("tailed noise"), record("something else"))
            client.post("/v1/logs", content=body, headers=PROTOBUF)
            name, found = next(told)
            assert (name, found["body_text"], found["service_name"]) == ("record", "tailed one", "shop")
            many = request(*(record(f"tailed {number}") for number in range(RECORDS_A_READ_MAX + 7)))
            client.post("/v1/logs", content=many, headers=PROTOBUF)
            assert next(told) == ("left_out", {"count": 7})
            lines = [next(told)[1]["body_text"] for _ in range(RECORDS_A_READ_MAX)]
            assert lines == [f"tailed {number}" for number in range(7, RECORDS_A_READ_MAX + 7)]
            assert made.service.logs.tails_count == 1
        deadline = time.monotonic() + 10
        while made.service.logs.tails_count and time.monotonic() < deadline:
            client.post("/v1/logs", content=request(record("more")), headers=PROTOBUF)
            threading.Event().wait(0.1)
        assert made.service.logs.tails_count == 0


def test_tails_are_not_too_many(site: Site) -> None:
    from trimtab.model.errors import Busy
    from trimtab.store.logs.answers import LogQuery

    logs = site.made.service.logs
    opened = [logs.tail(LogQuery(0, 1)) for _ in range(TAILS_MAX)]
    with pytest.raises(Busy):
        logs.tail(LogQuery(0, 1))
    for tail in opened:
        tail.close()
    with logs.tail(LogQuery(0, 1)):
        assert logs.tails_count == 1
