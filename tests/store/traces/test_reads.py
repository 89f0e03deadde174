"""Traces are found by what their spans are like, and come back whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import NOW_NS, Made, request, trace_id
from trimtab.model.errors import InputError
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.answers import Operation, ServiceShare, TraceQuery
from trimtab.store.traces.reads import TraceReads

pytestmark = pytest.mark.store

FROM_MS, TO_MS = NOW_NS // 1_000_000 - 1, NOW_NS // 1_000_000 + 3_600_000
ALL = TraceQuery(FROM_MS, TO_MS)


def checkout(trace: int, at_ms: float, *, failed: bool = False, order: str = "") -> list[Made]:
    """A request to the gateway, which asks the orders, which ask a database."""
    status = "error" if failed else "unset"
    base = trace * 100
    return [
        Made(trace, base + 1, 0, "gateway", "POST /orders", "server", at_ms, 100, status, {"http.status_code": 201}),
        Made(trace, base + 2, base + 1, "gateway", "POST", "client", at_ms + 5, 80),
        Made(
            trace,
            base + 3,
            base + 2,
            "orders",
            "POST /orders",
            "server",
            at_ms + 10,
            70,
            status,
            {"order.id": order, "order.total": 12.5, "is_gift": True},
            {"host.name": f"node-{trace % 2}"},
        ),
        Made(
            trace,
            base + 4,
            base + 3,
            "orders",
            "SELECT",
            "client",
            at_ms + 20,
            30,
            "unset",
            {"db.system": "postgresql", "db.name": "shop", "db.statement": "SELECT * FROM orders WHERE id = 5"},
        ),
    ]


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceReads]:
    """See `filled`; nobody changes it."""
    limits = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("reads")), limits) as telemetry:
        yield filled(telemetry)


def filled(telemetry: EmbeddedTelemetry) -> TraceReads:
    """Ten traces, a minute apart; the third failed; the fifth took longest."""
    spans = [
        span
        for trace in range(1, 11)
        for span in checkout(trace, trace * 60_000, failed=trace == 3, order=f"ord-{trace}")
    ]
    spans.append(Made(5, 599, 503, "orders", "wait", "internal", 5 * 60_000 + 90, 5000))
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)
    return TraceReads(telemetry, clock_s=lambda: 0.0)


def test_by_who_called(reads: TraceReads) -> None:
    called = replace(ALL, service="orders", caller="gateway")
    assert len(reads.search(called).traces) == 10
    assert reads.search(replace(called, caller="orders", kind="client")).traces
    assert reads.search(replace(called, caller="nobody")).traces == ()
    assert reads.search(replace(ALL, service="gateway", caller="orders")).traces == ()
    [failed] = reads.search(replace(called, status="error")).traces
    assert failed.errors_count == 2


def found(reads: TraceReads, query: TraceQuery) -> list[int]:
    """The numbers of the traces, in their order."""
    return [int(trace.trace_id, 16) for trace in reads.search(query).traces]


def test_newest_first_with_what_a_list_shows(reads: TraceReads) -> None:
    assert found(reads, ALL) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert found(reads, replace(ALL, limit=3)) == [10, 9, 8]
    third = reads.search(replace(ALL, status="error")).traces[0]
    assert third.trace_id == trace_id(3).hex()
    assert (third.root_service, third.root_name) == ("gateway", "POST /orders")
    assert (third.spans_count, third.errors_count, third.duration_ms) == (4, 2, 100.0)
    assert third.services == (ServiceShare("gateway", 2, 1), ServiceShare("orders", 2, 1))
    assert third.started_at_ns == NOW_NS + 180_000_000_000


def test_slowest_first(reads: TraceReads) -> None:
    assert found(reads, replace(ALL, order="slowest", limit=1)) == [5]
    fifth = reads.search(replace(ALL, order="slowest", limit=1)).traces[0]
    assert (fifth.duration_ms, fifth.spans_count) == (5090.0, 5)
    by_attribute = replace(ALL, order="slowest", attributes={"db.system": "postgresql"}, limit=2)
    assert len(found(reads, by_attribute)) == 2


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"service": "orders", "operation": "wait"}, [5]),
        ({"service": "gateway", "operation": "wait"}, []),
        ({"kind": "server", "status": "error"}, [3]),
        ({"duration_min_ms": 5000.0}, [5]),
        ({"duration_min_ms": 5000.1}, []),
        ({"duration_max_ms": 1.0}, []),
        ({"attributes": {"order.id": "ord-7"}}, [7]),
        ({"attributes": {"order.id": "ord-7", "is_gift": "true", "order.total": "12.5"}}, [7]),
        ({"attributes": {"order.id": "ord-7", "is_gift": "false"}}, []),
        ({"attributes": {"order.id": "ord-."}}, []),
        ({"attributes": {"order.id": "ord-[12]"}, "attributes_anywhere": True}, [2, 1]),
        ({"attributes": {"host.name": "node-1"}}, [9, 7, 5, 3, 1]),
        ({"attributes": {"host.name": "node-1", "order.id": "ord-2"}}, []),
        ({"attributes": {"host.name": "node-0", "order.id": "ord-2"}}, [2]),
        ({"attributes": {"order.id": "'; DROP TABLE spans"}}, []),
        ({"to_ms": NOW_NS // 1_000_000 + 120_000}, [1]),
    ],
)
def test_all_of_a_query_holds_for_one_span(reads: TraceReads, change: dict[str, object], wanted: list[int]) -> None:
    assert found(reads, replace(ALL, **change)) == wanted  # type: ignore[arg-type]


def test_a_statement_leads_to_its_traces(reads: TraceReads) -> None:
    mark = reads.trace("1").spans[3].db_query_fingerprint
    assert len(mark) == 16
    assert len(found(reads, replace(ALL, fingerprint=mark))) == 10


def test_a_kind_that_does_not_exist_is_refused(reads: TraceReads) -> None:
    with pytest.raises(InputError, match="no kind 'serv'"):
        reads.search(replace(ALL, kind="serv"))
    with pytest.raises(InputError, match="hexadecimal"):
        reads.trace("xyz")


def test_one_trace(reads: TraceReads) -> None:
    trace = reads.trace("5")
    assert [span.name for span in trace.spans] == ["POST /orders", "POST", "POST /orders", "SELECT", "wait"]
    assert trace.spans_count == 5
    assert trace.spans[2].attributes == {"order.id": "ord-5", "order.total": 12.5, "is_gift": True}
    assert trace.spans[2].resource_attributes == {"service.name": "orders", "host.name": "node-1"}
    assert trace.spans[3].db_query_text == "SELECT * FROM orders WHERE id = $1"
    assert trace.spans[3].attributes == {"db.system": "postgresql", "db.name": "shop"}
    first = reads.trace("5", 2)
    assert ([span.name for span in first.spans], first.spans_count) == (["POST /orders", "POST"], 5)
    assert reads.trace("77").spans == ()


def test_services_operations_keys_and_values(reads: TraceReads) -> None:
    assert reads.services(FROM_MS, TO_MS).names == ("gateway", "orders")
    assert reads.operations(FROM_MS, TO_MS, "orders").operations == (
        Operation("orders", "POST /orders", "server"),
        Operation("orders", "SELECT", "client"),
        Operation("orders", "wait", "internal"),
    )
    assert len(reads.operations(FROM_MS, TO_MS, kind="server").operations) == 2
    keys = {one.text: one.spans_count for one in reads.attribute_keys(FROM_MS, TO_MS).found}
    assert keys["order.id"] == 10
    assert keys["host.name"] == 10
    assert keys["service.name"] == 41
    values = reads.attribute_values("order.id", FROM_MS, TO_MS, prefix="ord-1").found
    assert [(one.text, one.spans_count) for one in values] == [("ord-1", 1), ("ord-10", 1)]
    hosts = reads.attribute_values("host.name", FROM_MS, TO_MS).found
    assert {one.text for one in hosts} == {"node-0", "node-1"}


def test_the_map_says_who_calls_whom(reads: TraceReads) -> None:
    told = reads.service_map(FROM_MS, TO_MS)
    edges = {(edge.caller, edge.callee): edge for edge in told.edges}
    assert set(edges) == {("gateway", "orders"), ("orders", "postgresql/shop")}
    call = edges["gateway", "orders"]
    assert (call.calls, call.errors) == (10, 1)
    assert call.p50_ms == pytest.approx(70, rel=0.021)
    nodes = {node.name: node for node in told.nodes}
    assert nodes["gateway"].calls == 10
    assert nodes["orders"].errors == 1
    assert nodes["postgresql/shop"].kind == "database"
    assert nodes["postgresql/shop"].p95_ms == pytest.approx(30, rel=0.021)
    assert told.looked_from_ms == told.from_ms == FROM_MS // 60_000 * 60_000
    assert told.to_ms == -(-TO_MS // 60_000) * 60_000
