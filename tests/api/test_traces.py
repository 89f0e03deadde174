"""Traces over trimtab's own API: answers fit their schemas to the last field; what is searched for, what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from tests.api.served import Served, served
from tests.api.test_reading import closed
from trimtab.model.access import Role

pytestmark = pytest.mark.store
API = "/api/trimtab"
SHOP, BANK = "5" * 32, "6" * 32
BEGUN_NS = time.time_ns() - 60 * 10**9


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def span(trace_id: str, number: int, **more: Any) -> dict[str, Any]:
    begun_ns = BEGUN_NS + number
    return {
        "traceId": trace_id,
        "spanId": f"{number:016x}",
        "name": "pay",
        "kind": 2,
        "startTimeUnixNano": str(begun_ns),
        "endTimeUnixNano": str(begun_ns + number * 10**6),
        **more,
    }


def resource(service: str, *spans: dict[str, Any]) -> dict[str, Any]:
    attributes = [{"key": "service.name", "value": text(service)}]
    return {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]}


EVERYTHING = [
    {"key": "zone", "value": text("eu/a=1")},
    {"key": "count", "value": {"intValue": "7"}},
    {"key": "half", "value": {"doubleValue": 0.5}},
    {"key": "yes", "value": {"boolValue": True}},
    {"key": "blob", "value": {"bytesValue": "AAAwOQ=="}},
    {"key": "list", "value": {"arrayValue": {"values": [text("a"), {"intValue": "1"}]}}},
    {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}},
    {"key": "db.query.text", "value": text("SELECT * FROM cards WHERE number = '4111'")},
]


def sent() -> dict[str, Any]:
    call = span(SHOP, 2, kind=3, parentSpanId=f"{1:016x}", attributes=EVERYTHING, flags=1, traceState="a=b")
    call["events"] = [{"timeUnixNano": call["startTimeUnixNano"], "name": "retry", "attributes": EVERYTHING[:1]}]
    call["links"] = [{"traceId": BANK, "spanId": f"{9:016x}"}]
    served_span = span(SHOP, 3, parentSpanId=f"{2:016x}", status={"code": 2, "message": "refused"})
    return {
        "resourceSpans": [
            resource("shop", span(SHOP, 1), call),
            resource("bank", served_span, span(BANK, 9, name="idle", kind=1)),
        ]
    }


class Site:
    """A server with two traces, and its document."""

    def __init__(self, made: Served) -> None:
        self.client: TestClient = made.visitor(Role.VIEWER)
        self.document: Any = self.client.get(f"{API}/openapi.json").json()

    def get(self, template: str, trace_id: str = "", **parameters: Any) -> Any:
        """The JSON of a path, checked against what the document says of it."""
        answer = self.client.get(f"{API}{template.replace('{trace_id}', trace_id)}", params=parameters)
        assert answer.status_code == 200, answer.text
        content = self.document["paths"][f"{API}{template}"]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": self.document["components"]}
        jsonschema_rs.Draft202012Validator(closed(schema)).validate(answer.json())
        return answer.json()

    def found(self, **parameters: Any) -> list[str]:
        """The ids of the traces that a search finds."""
        return [one["trace_id"] for one in self.get("/traces", **parameters)["traces"]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("traces") / "data") as made:
        answer = made.on_loopback().post("/v1/traces", json=sent())
        assert (answer.status_code, answer.json()) == (200, {}), answer.text
        made.service.telemetry.flush()
        yield Site(made)


def test_a_trace_whole(site: Site) -> None:
    told = site.get("/traces/{trace_id}", SHOP)
    assert (told["spans_count"], told["missing"]) == (3, [])
    call = told["spans"][1]
    assert call["attributes"] == {
        "zone": "eu/a=1",
        "count": 7,
        "half": 0.5,
        "yes": True,
        "blob": "AAAwOQ==",
        "list": ["a", 1],
        "map": {"a": False},
    }
    assert call["db_query_text"] == "SELECT * FROM cards WHERE number = $1"
    assert (call["kind"], call["flags"], call["trace_state"], call["scope"]["name"]) == ("client", 1, "a=b", "lib")
    assert call["events"][0]["attributes"] == {"zone": "eu/a=1"}
    assert call["links"][0]["trace_id"] == BANK
    assert told["spans"][2]["status_message"] == "refused"
    first = site.get("/traces/{trace_id}", SHOP, limit=1, around_ms=int(time.time() * 1000))
    assert (len(first["spans"]), first["spans_count"]) == (1, 3)


def test_searches(site: Site) -> None:
    whole = site.get("/traces", service="shop")["traces"][0]
    assert (whole["root_service"], whole["root_name"]) == ("shop", "pay")
    assert (whole["spans_count"], whole["errors_count"]) == (3, 1)
    assert [(one["service"], one["spans_count"]) for one in whole["services"]] == [("bank", 1), ("shop", 2)]
    assert set(site.found()) == {SHOP, BANK}
    assert site.found(order="slowest") == [BANK, SHOP]
    assert site.found(service="bank", operation="idle") == [BANK]
    assert site.found(kind="client") == [SHOP]
    assert site.found(status="error") == [SHOP]
    assert site.found(duration_min_ms=8.5) == [BANK]
    assert site.found(duration_max_ms=1) == [SHOP]
    assert site.found(attribute=["zone=eu/a=1", "count=7"]) == [SHOP]
    assert site.found(attribute=["zone=eu/a=1", "count=8"]) == []
    fingerprint = site.get("/traces/{trace_id}", SHOP)["spans"][1]["db_query_fingerprint"]
    assert site.found(fingerprint=fingerprint) == [SHOP]
    assert site.found(**{"from": "now-2h", "to": "now-1h"}) == []
    assert len(site.found(limit=1)) == 1


def test_what_can_be_searched_for(site: Site) -> None:
    assert site.get("/trace-services")["names"] == ["bank", "shop"]
    operations = site.get("/trace-operations", service="bank")["operations"]
    assert [(one["name"], one["kind"]) for one in operations] == [("idle", "internal"), ("pay", "server")]
    assert len(site.get("/trace-operations", kind="client")["operations"]) == 1
    keys = {one["text"] for one in site.get("/trace-attributes")["found"]}
    assert {"zone", "count", "service.name"} <= keys
    values = site.get("/trace-attributes/values", key="zone", prefix="eu", service="shop")["found"]
    assert values == [{"text": "eu/a=1", "spans_count": 1}]
    (edge,) = site.get("/service-map")["edges"]
    assert (edge["caller"], edge["callee"], edge["calls"], edge["errors"]) == ("shop", "bank", 1, 1)


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/traces?kind=loud", 400, "kind"),
        ("/traces?status=bad", 400, "status"),
        ("/traces?order=random", 400, "order"),
        ("/traces?limit=1001", 400, "limit"),
        ("/traces?attribute=zone", 400, "attribute"),
        ("/traces?attribute==x", 400, "attribute"),
        ("/traces?" + "&".join(["attribute=a=b"] * 21), 400, "attribute"),
        ("/traces?duration_min_ms=-1", 400, "duration_min_ms"),
        ("/traces?duration_max_ms=nan", 400, "duration_max_ms"),
        ("/traces?sort=name", 400, "sort"),
        ("/traces?from=now&to=now-1h", 400, "from"),
        (f"/traces/{SHOP}?limit=0", 400, "limit"),
        (f"/traces/{SHOP}?around_ms=x", 400, "around_ms"),
        ("/traces/zz", 400, None),
        (f"/traces/{'7' * 32}", 404, None),
        ("/trace-attributes/values", 400, "key"),
        ("/trace-operations?kind=loud", 400, "kind"),
    ],
)
def test_refusals(site: Site, path: str, status: int, field: str | None) -> None:
    answer = site.client.get(f"{API}{path}")
    assert answer.status_code == status, answer.text
    if field is not None:
        assert answer.json()["error"]["facts"]["field"] == field
