"""A trace as its picture needs it: parents found, events at their spans, one span whole, texts found inside."""

from __future__ import annotations

import pytest

from tests.store.traces.otlp import NOW_NS, Made, request, span_id, trace_id
from trimtab.model.errors import InputError
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.outline import TraceOutlines

pytestmark = pytest.mark.store

SPANS = [
    Made(7, 1, 0, "gateway", "POST /orders", "server", 0, 100, "error", {"http.status_code": 500}),
    Made(7, 2, 1, "gateway", "POST", "client", 5, 80),
    Made(7, 3, 2, "orders", "POST /orders", "server", 10, 70, "error", {"order.id": "A-4711", "total": 12.5}),
    Made(7, 4, 99, "mailer", "send", "consumer", 120, 30),
    Made(8, 5, 0, "other", "GET /", "server", 0, 1),
]


@pytest.fixture
def outlines(telemetry: EmbeddedTelemetry) -> TraceOutlines:
    """Two traces; one has a span whose parent is not there."""
    telemetry.append_otlp_traces(request(SPANS).SerializeToString())
    telemetry.flush(60)
    return TraceOutlines(telemetry)


def test_an_outline_has_every_span_with_its_parent(outlines: TraceOutlines) -> None:
    found = outlines.outline(trace_id(7).hex())
    assert found.span_ids == [span_id(number).hex() for number in (1, 2, 3, 4)]
    assert (found.parents, found.orphans) == ([-1, 0, 1, -1], [3])
    assert found.begins_ns == [0, 5_000_000, 10_000_000, 120_000_000]
    assert found.took_ns == [100_000_000, 80_000_000, 70_000_000, 30_000_000]
    assert [found.services[code] for code in found.service_codes] == ["gateway", "gateway", "orders", "mailer"]
    assert [found.names[code] for code in found.name_codes] == ["POST /orders", "POST", "POST /orders", "send"]
    assert [found.kinds[code] for code in found.kind_codes] == ["server", "client", "server", "consumer"]
    assert [found.statuses[code] for code in found.status_codes] == ["error", "unset", "error", "unset"]
    assert found.first_ns == NOW_NS
    assert found.missing == ()


def test_a_range_that_has_the_trace_gives_the_same_and_another_one_nothing(outlines: TraceOutlines) -> None:
    at_ms = NOW_NS // 1_000_000
    assert outlines.outline(trace_id(7).hex(), at_ms - 1000, at_ms + 1000) == outlines.outline(trace_id(7).hex())
    assert outlines.outline(trace_id(7).hex(), at_ms + 5000, at_ms + 9000).spans_count == 0


def test_a_summary_says_what_it_is_all_in_all(outlines: TraceOutlines) -> None:
    found, missing = outlines.summary(trace_id(7).hex())
    assert found is not None
    assert (found.root_service, found.root_name, found.spans_count, found.errors_count) == (
        "gateway",
        "POST /orders",
        4,
        2,
    )
    assert found.duration_ms == 150
    assert [share.service for share in found.services] == ["gateway", "mailer", "orders"]
    assert missing == ()
    assert outlines.summary(trace_id(99).hex()) == (None, ())


def test_one_span_comes_whole(outlines: TraceOutlines) -> None:
    found, _ = outlines.span(trace_id(7).hex(), span_id(3).hex())
    assert found is not None
    assert dict(found.attributes) == {"order.id": "A-4711", "total": 12.5}
    assert outlines.span(trace_id(7).hex(), span_id(5).hex()) == (None, ()), "a span of another trace"


@pytest.mark.parametrize(
    ("text", "spans"),
    [("a-4711", [3]), ("ORDER.ID=A", [3]), ("post", [1, 2, 3]), ("mailer", [4]), ("nothing", []), ("500", [1])],
)
def test_texts_are_found_anywhere_in_a_span(outlines: TraceOutlines, text: str, spans: list[int]) -> None:
    found, _ = outlines.having(trace_id(7).hex(), text)
    assert sorted(found) == [span_id(number).hex() for number in spans]


def test_what_is_no_trace_id_is_refused(outlines: TraceOutlines) -> None:
    with pytest.raises(InputError, match="hexadecimal"):
        outlines.outline("nonsense")
