"""What is asked of spans: searches as pages ask them (with a page's time), one trace, lists, the service map."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.traces.cold import Question
from trimtab.store.effort import PAGE_MS
from trimtab.store.traces.answers import TraceQuery
from trimtab.store.traces.reads import TraceReads


def trace_questions(reads: TraceReads, from_ms: int, to_ms: int, ids: Sequence[str]) -> Iterator[Question]:
    """What is asked, by name; `ids` are of some traces that are there."""
    whole = TraceQuery(from_ms, to_ms, effort_ms=PAGE_MS)
    hour = TraceQuery(to_ms - 3_600_000, to_ms, effort_ms=PAGE_MS)

    def search(name: str, query: TraceQuery, *, is_judged: bool = True) -> Question:
        return Question(name, lambda _draw: reads.search(query), is_judged, query.from_ms, query.to_ms)

    def user(draw: random.Random) -> object:
        return reads.search(replace(whole, attributes={"enduser.id": f"user-{draw.randrange(2_000_000):08d}"}))

    def order(draw: random.Random) -> object:
        return reads.search(replace(whole, attributes={"order.id": f"ord-{draw.randrange(2_000_000):08d}"}))

    yield search("newest, one hour", hour)
    yield search("newest", whole)
    yield search("service", replace(whole, service="payments"))
    yield search("service and operation", replace(whole, service="orders", operation="checkout"))
    yield search("errors", replace(whole, status="error"))
    yield search("errors of a service", replace(whole, service="catalog", status="error"))
    yield search(
        "operation and longer than 1 s", replace(whole, service="orders", operation="checkout", duration_min_ms=1000)
    )
    yield search("longer than 2 s", replace(whole, duration_min_ms=2000))
    yield search("longer than 30 s", replace(whole, duration_min_ms=30_000))
    yield search("slowest", replace(whole, order="slowest"))
    yield search("slowest of an operation", replace(whole, service="orders", operation="checkout", order="slowest"))
    yield search("attribute: frequent", replace(whole, attributes={"http.route": "/orders"}))
    yield search("attribute: 1 in 500", replace(whole, attributes={"http.status_code": "500"}))
    yield Question("attribute: one user", user)
    yield Question("attribute: one order", order)
    yield search("attribute: nowhere", replace(whole, attributes={"order.id": "ord-none"}))
    yield search("attribute and slowest", replace(whole, attributes={"http.status_code": "500"}, order="slowest"))
    slowest = replace(whole, attributes={"http.status_code": "500"}, order="slowest", effort_ms=None)
    yield search("attribute and slowest, to the end", slowest, is_judged=False)
    yield search("attribute of the resource", replace(whole, attributes={"host.name": "node-3.shop.example"}))
    yield Question("one trace by id", lambda draw: reads.trace(draw.choice(ids)))
    yield Question("a trace that is not there", lambda draw: reads.trace(f"{draw.getrandbits(128):032x}"))
    yield Question("services", lambda _draw: reads.services(from_ms, to_ms))
    yield Question("operations", lambda _draw: reads.operations(from_ms, to_ms))
    yield Question("keys of attributes", lambda _draw: reads.attribute_keys(from_ms, to_ms))
    yield Question("values of an attribute", lambda _draw: reads.attribute_values("http.route", from_ms, to_ms))
    yield Question("service map, one hour", lambda _draw: reads.service_map(to_ms - 3_600_000, to_ms))
    yield Question("service map", lambda _draw: reads.service_map(from_ms, to_ms))
