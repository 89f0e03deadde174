"""Spans are decoded by the engine; statements are stored without their literals; latencies are exact."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.store.facts_of_a_shop import now_ms, trace_request
from trimtab.model.errors import InputError
from trimtab.sql.fingerprint import fingerprint
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.typed_json import values_of

pytestmark = pytest.mark.store


def test_a_span_keeps_its_facts(telemetry: EmbeddedTelemetry) -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for key, value in (("service.name", "checkout"), ("host.name", "h1")):
        entry = resource.resource.attributes.add()
        entry.key, entry.value.string_value = key, value
    span = resource.scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.parent_span_id = bytes(range(16)), bytes(range(8)), b"\xff" * 8
    span.name, span.kind, span.status.code = "SELECT", 3, 2
    span.start_time_unix_nano = time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + 2_500_000
    values = {entry_key: span.attributes.add(key=entry_key).value for entry_key in "sibdxaet"}
    values["s"].string_value = "text"
    values["i"].int_value = 0
    values["b"].bool_value = False
    values["d"].double_value = 0.25
    values["x"].bytes_value = b"\x00\xff"
    for number in (1, 2):
        values["a"].array_value.values.add().int_value = number
    values["a"].array_value.values.add().string_value = 'q"'
    inner = values["e"].kvlist_value.values.add()
    inner.key, inner.value.bool_value = "k", True
    acknowledged = telemetry.append_otlp_traces(request.SerializeToString())
    assert acknowledged.spans_count == 1
    telemetry.flush(10)
    (row,) = telemetry.gather("SELECT * FROM spans").table.to_pylist()
    assert row["trace_id"] == bytes(range(16)).hex()
    assert row["span_id"] == bytes(range(8)).hex()
    assert row["parent_span_id"] == "ff" * 8
    assert (row["service_name"], row["name"], row["kind"], row["status"]) == ("checkout", "SELECT", "client", "error")
    assert (row["started_at_ns"], row["duration_ms"]) == (span.start_time_unix_nano, 2.5)
    assert dict(row["attributes"]) == {
        "s": "text",
        "i": "0",
        "b": "false",
        "d": "0.25",
        "x": "AP8=",
        "a": '[1,2,"q\\""]',
        "e": '{"k":true}',
        "t": "",
    }
    assert values_of(row["resource"]) == {"service.name": "checkout", "host.name": "h1"}
    assert row["attribute_kinds"] == "sibdxakn"


@pytest.mark.parametrize("key", ["db.query.text", "db.statement"])
def test_no_literal_reaches_the_tables(telemetry: EmbeddedTelemetry, key: str) -> None:
    private = {"db.query.parameter.0": "hunter2", "db.statement.parameters": "('hunter2',)"}
    texts = [
        "SELECT * FROM users WHERE name = 'hunter2' /* hunter2 */",
        "HGET hunter:2 'hunter2'",
        "SELECT * FROM users WHERE name = 'hunter2' AND (",
        "SELECT * FROM users WHERE name = 'hunter2",
        'db.users.find({"name": "hunter2"})',
    ]
    for text in texts:
        telemetry.append_otlp_traces(trace_request([text[:6]], text=text, key=key, attributes=private))
    telemetry.flush(10)
    rows = telemetry.query("SELECT db_query_text, db_query_fingerprint, attributes FROM spans").to_pylist()
    assert len(rows) == 5
    assert "hunter2" not in repr(rows)
    assert {"SELECT * FROM users WHERE name = $1", "HGET hunter:? ?"} <= {row["db_query_text"] for row in rows}


def test_all_ways_to_write_a_statement_meet_in_one_fingerprint(telemetry: EmbeddedTelemetry) -> None:
    texts = [
        "SELECT * FROM orders WHERE id = %s",
        "SELECT * FROM orders WHERE id = $1",
        "SELECT * FROM orders WHERE id = 17",
        "SELECT * FROM orders WHERE id = %(order)s",
        "select *\nfrom orders where id = ? -- by id",
    ]
    for text in texts:
        telemetry.append_otlp_traces(trace_request(["q"], text=text))
    telemetry.flush(10)
    mark = fingerprint(texts[0])
    assert mark is not None
    assert telemetry.latency(mark, now_ms() - 60_000, now_ms() + 1).count == len(texts)


def test_latency_is_what_numpy_says(telemetry: EmbeddedTelemetry) -> None:
    durations_ms = np.random.default_rng(5).lognormal(1, 1.5, 5000).round(6)
    start_ns = (now_ms() - 60_000) * 1_000_000
    telemetry.append_otlp_traces(trace_request(["q"] * 5000, durations_ms=durations_ms.tolist(), start_ns=start_ns))
    telemetry.append_otlp_traces(trace_request(["r"], text="SELECT 1 FROM users", durations_ms=[1e6]))
    telemetry.flush(10)
    mark = fingerprint("SELECT * FROM orders WHERE id = 1")
    assert mark is not None
    quantiles = (0.0, 0.5, 0.95, 0.99, 1.0)
    summary = telemetry.latency(mark, now_ms() - 70_000, now_ms() + 1, quantiles)
    assert summary.count == 5000
    assert summary.quantiles == quantiles
    assert summary.quantiles_ms == pytest.approx(np.quantile(durations_ms, quantiles).tolist(), rel=1e-12)
    assert summary.mean_ms == pytest.approx(float(durations_ms.mean()), rel=1e-12)


def test_latency_windows_are_half_open(telemetry: EmbeddedTelemetry) -> None:
    start_ms = now_ms() - 10_000
    telemetry.append_otlp_traces(trace_request(["q"], start_ns=start_ms * 1_000_000))
    telemetry.flush(10)
    mark = fingerprint("SELECT * FROM orders WHERE id = 1") or ""
    assert telemetry.latency(mark, start_ms, start_ms + 1).count == 1
    assert telemetry.latency(mark, start_ms - 1, start_ms).count == 0
    nothing = telemetry.latency(mark, start_ms + 1, start_ms + 2)
    assert (nothing.count, nothing.quantiles_ms, nothing.mean_ms) == (0, None, None)


def test_a_quantile_outside_its_range_is_refused(telemetry: EmbeddedTelemetry) -> None:
    with pytest.raises(InputError, match=r"lies in 0\.\.1, not 95"):
        telemetry.latency("aa", 0, 1, (95,))


def test_spans_out_of_time_are_left_out_and_counted(telemetry: EmbeddedTelemetry) -> None:
    second_ns = 1_000_000_000
    for start_ns in (1, time.time_ns() - 8 * 86400 * second_ns, time.time_ns() + 7200 * second_ns, time.time_ns()):
        telemetry.append_otlp_traces(trace_request(["q"], start_ns=start_ns))
    telemetry.flush(10)
    assert telemetry.gather("SELECT name FROM spans").table.num_rows == 1
    assert telemetry.status().outdated_spans_count == 3


def test_an_end_before_the_start_is_no_duration(telemetry: EmbeddedTelemetry) -> None:
    telemetry.append_otlp_traces(trace_request(["q"], durations_ms=[-5.0]))
    telemetry.flush(10)
    assert telemetry.query("SELECT duration_ms FROM spans")["duration_ms"].to_pylist() == [0.0]


@pytest.mark.parametrize("body", [b"\x0a", b"not protobuf", b"\x0a\x05abc"], ids=repr)
def test_a_body_that_does_not_parse_is_refused_before_it_is_acknowledged(
    telemetry: EmbeddedTelemetry, body: bytes
) -> None:
    with pytest.raises(InputError, match="not an ExportTraceServiceRequest"):
        telemetry.append_otlp_traces(body)
    assert telemetry.status().accepted_messages_count["spans"] == 0


def test_an_empty_request_is_fine_and_stores_nothing(telemetry: EmbeddedTelemetry) -> None:
    assert telemetry.append_otlp_traces(b"").spans_count == 0
    telemetry.flush(10)


def test_values_that_no_version_knows_are_taken(telemetry: EmbeddedTelemetry) -> None:
    request = ExportTraceServiceRequest()
    request.ParseFromString(trace_request(["q"]))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.ClearField("kind")
    span.ClearField("status")
    unknown_kind, unknown_status = bytes([6 << 3, 99]), bytes([15 << 3 | 2, 2, 3 << 3, 77])
    body = span.SerializeToString() + unknown_kind + unknown_status
    scope = bytes([2 << 3 | 2, len(body)]) + body
    resource = bytes([2 << 3 | 2, len(scope)]) + scope
    telemetry.append_otlp_traces(bytes([1 << 3 | 2, len(resource)]) + resource)
    telemetry.flush(10)
    assert telemetry.query("SELECT kind, status FROM spans").to_pylist() == [{"kind": "unspecified", "status": "unset"}]


def test_decoding_leaves_nothing_in_the_working_directory(
    telemetry: EmbeddedTelemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine keeps a copy of a schema there when it is given as text; a service's directory is not writable."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    telemetry.append_otlp_traces(trace_request(["q"]))
    telemetry.flush(10)
    assert list(elsewhere.iterdir()) == []


class TestSmallLimits:
    """A sender that asks for too much is told the limit."""

    @pytest.fixture
    def limits(self) -> TelemetryLimits:
        return TelemetryLimits(
            message_spans_max=3, message_bytes_max=2000, load_interval_s=0.05, spans_load_interval_s=0.05
        )

    def test_too_many_spans(self, telemetry: EmbeddedTelemetry) -> None:
        telemetry.append_otlp_traces(trace_request(["q"] * 3))
        with pytest.raises(InputError, match="may hold 3 spans; this one holds 4"):
            telemetry.append_otlp_traces(trace_request(["q"] * 4))

    def test_too_many_bytes(self, telemetry: EmbeddedTelemetry) -> None:
        with pytest.raises(InputError, match="may have 2000 bytes"):
            telemetry.append_otlp_traces(trace_request(["q" * 3000]))
