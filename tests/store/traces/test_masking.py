"""What is private does not reach the tables, wherever in a span it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import Made, fill, put_span
from trimtab.store.intake import Intake
from trimtab.store.masking import Masking
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.answers import Value
from trimtab.store.traces.reads import TraceReads

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)
MAIL, CARD = "ann@example.org", "4111111111111111"


def body() -> bytes:
    """A span with secrets everywhere."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    made = ExportTraceServiceRequest()
    spans = made.resource_spans.add()
    fill(spans.resource.attributes, {"service.name": "shop", "owner": MAIL, "cookie": "s3cret"})
    scope = spans.scope_spans.add()
    scope.scope.name = "lib"
    fill(scope.scope.attributes, {"cookie": "s3cret", "by": MAIL})
    values: dict[str, Value] = {
        "user": MAIL,
        "cookie": "s3cret",
        "card": int(CARD),
        "list": (MAIL, 1),
        "http.route": "/x",
    }
    span = put_span(spans, Made(1, 2, name=f"mail to {MAIL}", attributes=values))
    span.status.message = f"no mail for {MAIL}"
    event = span.events.add(name=f"sent {MAIL}", time_unix_nano=5)
    fill(event.attributes, {"to": MAIL, "cookie": "s3cret", "map": {"deep": MAIL}})
    fill(span.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8).attributes, {"to": MAIL, "cookie": "s3cret"})
    return made.SerializeToString()


def test_denied_and_masked_everywhere(tmp_path: Path) -> None:
    masking = Masking(deny=("cook*",), patterns=(r"[\w.]+@[\w.]+", r"\b\d{16}\b"))
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS, intake=Intake(masking=masking)) as telemetry:
        telemetry.append_otlp_traces(body())
        telemetry.flush(60)
        told = repr(telemetry.query("SELECT * FROM spans").to_pylist())
        assert not [secret for secret in (MAIL, "s3cret", CARD, "cookie") if secret in told]
        span = TraceReads(telemetry).trace("1").spans[0]
    assert span.name == "mail to ***"
    assert span.status_message == "no mail for ***"
    assert span.attributes == {"user": "***", "card": "***", "list": ("***", 1), "http.route": "/x"}
    assert span.resource_attributes == {"service.name": "shop", "owner": "***"}
    assert span.scope.attributes == {"by": "***"}
    assert (span.events[0].name, span.events[0].attributes) == ("sent ***", {"to": "***", "map": {"deep": "***"}})
    assert span.links[0].attributes == {"to": "***"}


def test_only_what_is_allowed(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(
        make_tables(tmp_path), LIMITS, intake=Intake(masking=Masking(allow=("http.*",)))
    ) as telemetry:
        telemetry.append_otlp_traces(body())
        telemetry.flush(60)
        span = TraceReads(telemetry).trace("1").spans[0]
    assert span.attributes == {"http.route": "/x"}
    assert span.service_name == "shop"
    assert span.resource_attributes["owner"] == MAIL
    assert span.events[0].attributes == {}
