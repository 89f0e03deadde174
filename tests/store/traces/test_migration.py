"""A store of the schema before traces keeps every row, with its attributes, wherever a crash comes in between."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.store.traces.otlp import Made, request
from trimtab.store import migrate as migrating
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.answers import TraceQuery
from trimtab.store.traces.reads import TraceReads

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)
ROWS = 50_000
TRACES = migrating.statements_of({version: text for version, _, text in migrating.migrations()}[7])


def make_old(path: Path, monkeypatch: pytest.MonkeyPatch, now_ns: int) -> None:
    """A store of version 6 with spans of seven services over three days, as that version wrote them."""
    old = [one for one in migrating.migrations() if one[0] <= 6]
    (path / "telemetry").mkdir(parents=True)
    engine = EmbeddedEngine(path / "telemetry" / "engine", LIMITS)
    with monkeypatch.context() as patched:
        patched.setattr(migrating, "migrations", lambda: old)
        assert migrating.migrate(engine) == 6
    engine.write(
        "INSERT INTO spans (trace_id, span_id, parent_span_id, service_name, name, kind, started_at_ns, duration_ms,"
        " status, db_query_text, db_query_fingerprint, attributes, resource_attributes, spool_segment)"
        " SELECT leftPad(lower(hex(intDiv(number, 5))), 32, '0'), leftPad(lower(hex(number)), 16, '0'), '',"
        " concat('service ', toString(number % 7)), 'GET /', 'server',"
        " {now:Int64} - number * 4000000000, number / 1000, if(number % 100 = 0, 'error', 'unset'),"
        " 'SELECT $1', 'abcdef0123456789', map('order.id', toString(number), 'flag', 'true'),"
        " map('service.name', concat('service ', toString(number % 7)), 'host.name', 'h1'), 5"
        f" FROM numbers({ROWS})",
        {"now": now_ns},
    )
    engine.close()


def check(path: Path, now_ns: int) -> None:
    """Opened by this version, everything is there, and new spans go beside it."""
    with EmbeddedTelemetry.open(path, LIMITS) as telemetry:
        assert telemetry.status().schema_version >= 7
        told = telemetry.query(
            "SELECT count() AS n, uniqExact(span_id) AS ids, sum(toUInt64(attributes['order.id'])) AS numbers,"
            " countIf(resource_attributes['host.name'] = 'h1') AS hosts, sum(sample_weight) AS weight,"
            " countIf(status = 'error') AS failed, sum(duration_ms) AS took FROM spans"
        ).to_pylist()[0]
        total = ROWS * (ROWS - 1) // 2
        assert told == {
            "n": ROWS,
            "ids": ROWS,
            "numbers": total,
            "hosts": ROWS,
            "weight": ROWS,
            "failed": ROWS // 100,
            "took": pytest.approx(total / 1000),
        }
        reads = TraceReads(telemetry)
        [span, *others] = reads.trace(f"{100:032x}").spans
        assert (len(others), span.span_id) == (4, f"{504:016x}")
        assert span.attributes == {"order.id": "504", "flag": "true"}
        assert span.resource_attributes == {"service.name": "service 0", "host.name": "h1"}
        telemetry.append_otlp_traces(request([Made(1 << 100, 1)]).SerializeToString())
        telemetry.flush(60)
        found = reads.search(TraceQuery(now_ns // 1_000_000 - 86_400_000 * 5, now_ns // 1_000_000 + 1000, limit=20))
        assert len(found.traces) == 20
        old = reads.search(
            TraceQuery(now_ns // 1_000_000 - 86_400_000 * 5, now_ns // 1_000_000, attributes={"order.id": "49999"})
        )
        assert [int(trace.trace_id, 16) for trace in old.traces] == [49_999 // 5]


def test_every_row_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = time.time_ns()
    make_old(tmp_path, monkeypatch, now_ns)
    check(tmp_path, now_ns)
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:  # once more: nothing to do
        assert telemetry.query("SELECT count() AS n FROM spans")["n"][0].as_py() == ROWS + 1


@pytest.mark.parametrize("done", range(1, len(TRACES) + 1))
def test_a_crash_between_any_two_statements_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    now_ns = time.time_ns()
    make_old(tmp_path, monkeypatch, now_ns)
    engine = EmbeddedEngine(tmp_path / "telemetry" / "engine", LIMITS)
    for statement in TRACES[:done]:
        engine.write(statement)
    engine.close()
    check(tmp_path, now_ns)
