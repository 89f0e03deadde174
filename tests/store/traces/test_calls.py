"""The map of services says what a plain loop over all spans says: rolled up or not, and wherever callers' and callees'
spans came in different segments."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import NOW_NS, Made, request
from trimtab.model.errors import EngineRefused
from trimtab.store import rollup
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.intake import Intake
from trimtab.store.rollup import ROLLUPS
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.answers import ServiceMap
from trimtab.store.traces.reads import TraceReads
from trimtab.store.traces.sampling_rules import SamplingRules

pytestmark = pytest.mark.store

MINUTE_MS = 60_000
FROM_MS = NOW_NS // 1_000_000 // MINUTE_MS * MINUTE_MS
TO_MS = FROM_MS + 9 * MINUTE_MS
LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2, rollup_interval_s=3600.0)


@pytest.fixture
def limits() -> TelemetryLimits:
    """Rolls up when the test says so."""
    return LIMITS


def roll(telemetry: EmbeddedTelemetry) -> None:
    """As if the time for it had come."""
    roller = telemetry._parts.roller
    roller._next_s, roller._seen_s = 0.0, float("-inf")
    roller.loaded("spans")
    roller.roll({rollup.source: telemetry._spool.first_id(rollup.source) for rollup in ROLLUPS})


def visits(draw: random.Random, first: int, count: int) -> list[list[Made]]:
    """Traces: a gateway calls orders or somebody who sends nothing; orders ask a database and tell the mailer."""
    found = []
    for trace in range(first, first + count):
        base, at_ms = trace * 10, draw.uniform(0, 6 * MINUTE_MS)
        status = "error" if draw.random() < 0.2 else "unset"

        def took() -> float:
            return draw.lognormvariate(2, 1)

        spans = [
            Made(trace, base + 1, 0, "gateway", "GET /", "server", at_ms, took()),
            Made(
                trace,
                base + 2,
                base + 1,
                "gateway",
                "GET",
                "client",
                at_ms,
                took(),
                status,
                {"server.address": "elsewhere"},
            ),
        ]
        if draw.random() < 0.8:
            spans += [
                Made(trace, base + 3, base + 2, "orders", "GET /", "server", at_ms, took(), status),
                Made(
                    trace,
                    base + 4,
                    base + 3,
                    "orders",
                    "SELECT",
                    "client",
                    at_ms,
                    took(),
                    attributes={"db.system": "postgresql", "db.name": "shop"},
                ),
                Made(
                    trace,
                    base + 5,
                    base + 3,
                    "orders",
                    "send",
                    "producer",
                    at_ms,
                    took(),
                    attributes={"messaging.system": "kafka", "messaging.destination.name": "placed"},
                ),
                Made(trace, base + 6, base + 5, "mailer", "receive", "consumer", at_ms + 90, took(), status),
            ]
            if draw.random() < 0.3:
                spans.append(Made(trace, base + 7, base + 5, "reports", "receive", "consumer", at_ms + 100, took()))
        else:
            spans.append(Made(trace, base + 8, base + 1, "gateway", "wait", "internal", at_ms, took()))
        found.append(spans)
    return found


Calls = dict[tuple[str, str], list[tuple[float, bool]]]


def reference(spans: Sequence[Made], from_ms: int = FROM_MS, to_ms: int = TO_MS) -> tuple[Calls, Calls]:
    """Edges, and what came into services: how long each took and whether it failed; by a loop."""
    caused: dict[int, list[Made]] = defaultdict(list)
    edges: Calls = defaultdict(list)
    into: Calls = defaultdict(list)
    for span in spans:
        if span.kind in {"server", "consumer"}:
            caused[span.parent].append(span)
    for span in spans:
        if not from_ms <= NOW_NS // 1_000_000 + span.at_ms < to_ms:
            continue
        if span.kind in {"server", "consumer"}:
            into["", span.service].append((span.took_ms, span.status == "error"))
        if span.kind in {"client", "producer"}:
            told = span.attributes
            if "db.system" in told:
                name = "postgresql/shop"
            elif "messaging.system" in told:
                name = "kafka/placed"
            else:
                name = str(told.get("server.address", ""))
            callees = caused[span.span] or [Made(span.trace, 0, service=name, took_ms=span.took_ms, status=span.status)]
            for callee in callees:
                edges[span.service, callee.service].append((callee.took_ms, callee.status == "error"))
    return edges, into


def check(told: ServiceMap, spans: Sequence[Made]) -> None:
    """Each edge and each service."""
    edges, into = reference(spans, told.from_ms, told.to_ms)
    assert not told.missing
    found = {(edge.caller, edge.callee): edge for edge in told.edges}
    assert {key: (edge.calls, edge.errors) for key, edge in found.items()} == {
        key: (len(calls), sum(failed for _, failed in calls)) for key, calls in edges.items()
    }
    for key, calls in edges.items():
        exact = np.quantile([took for took, _ in calls], 0.95, method="inverted_cdf")
        assert found[key].p95_ms == pytest.approx(exact, rel=0.021)
    for node in told.nodes:
        if node.kind == "service":
            calls = into["", node.name]
            assert (node.calls, node.errors) == (len(calls), sum(failed for _, failed in calls)), node
            if calls:
                exact = np.quantile([took for took, _ in calls], 0.5, method="inverted_cdf")
                assert node.p50_ms == pytest.approx(exact, rel=0.021)


def test_spans_of_a_call_may_come_in_any_order(telemetry: EmbeddedTelemetry) -> None:
    """Half of the spans come one segment late; after each segment something is rolled up, or not."""
    draw = random.Random(11)
    reads, late, seen = TraceReads(telemetry), list[Made](), list[Made]()
    for number in range(5):
        coming = [span for spans in visits(draw, 1 + number * 100, 60) for span in spans] if number < 4 else []
        draw.shuffle(coming)
        half = len(coming) // 2
        sent, late = [*late, *coming[:half]], coming[half:]
        telemetry.append_otlp_traces(request(sent).SerializeToString())
        telemetry.flush(60)
        seen += sent
        if number != 2:
            roll(telemetry)
        check(reads.service_map(FROM_MS, TO_MS), seen)
    part = reads.service_map(FROM_MS + 90_000, FROM_MS + 200_000)
    assert (part.from_ms, part.to_ms) == (FROM_MS + MINUTE_MS, FROM_MS + 4 * MINUTE_MS)
    check(part, seen)
    roll(telemetry)
    assert telemetry.marks()["span_calls"] == telemetry.marks()["spans"] > 0
    check(reads.service_map(FROM_MS, TO_MS), seen)
    rolled = telemetry.gather("SELECT sum(length(buckets)) AS n FROM span_calls").table["n"].to_pylist()
    assert sum(rolled) > 0


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_roll_up_that_breaks_off_counts_nothing_twice(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch, is_stored: bool
) -> None:
    real: Callable[..., object] = EmbeddedEngine.write
    refusals = [2]

    def write(self: EmbeddedEngine, sql: str, *rest: object) -> object:
        if sql.startswith("INSERT INTO span_calls") and refusals[0] > 0:
            refusals[0] -= 1
            if is_stored:
                real(self, sql, *rest)
            raise EngineRefused("no room")
        return real(self, sql, *rest)

    monkeypatch.setattr(EmbeddedEngine, "write", write)
    spans = [span for spans in visits(random.Random(12), 1, 40) for span in spans]
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)
    for _ in range(5):
        roll(telemetry)
        check(TraceReads(telemetry).service_map(FROM_MS, TO_MS), spans)
    assert refusals == [0]
    assert telemetry.marks()["span_calls"] > 0


def test_of_very_many_different_calls_the_most_frequent_are_kept(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    [calls] = [one for one in ROLLUPS if one.target == "span_calls"]
    few = replace(calls, group_by=calls.group_by.replace(f"LIMIT {rollup.CALLS_A_MINUTE_MAX}", "LIMIT 3"))
    assert few != calls
    monkeypatch.setattr(rollup, "ROLLUPS", tuple(few if one is calls else one for one in ROLLUPS))
    hosts = ["often", "often", "often", "sometimes", "sometimes", "rare", "rarer"]
    spans = [
        Made(number, number, 0, "shop", "GET", "client", at_ms=2 * MINUTE_MS, attributes={"server.address": host})
        for number, host in enumerate(hosts, 1)
    ]
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)
    roll(telemetry)
    roll(telemetry)
    told = TraceReads(telemetry).service_map(FROM_MS, TO_MS)
    assert {edge.callee: edge.calls for edge in told.edges} == {"often": 3, "sometimes": 2}
    assert "shop" in {node.name for node in told.nodes}


def test_sampled_calls_count_for_those_that_were_left_out(tmp_path: Path) -> None:
    rules = SamplingRules(one_in=4, slower_ms=1e9, keep_errors=True, wait_s=600)
    traces = visits(random.Random(13), 1, 200)
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS, intake=Intake(sampling=rules)) as telemetry:
        telemetry.append_otlp_traces(request([span for spans in traces for span in spans]).SerializeToString())
        telemetry.flush(60)
        kept = telemetry.query("SELECT trace_id, any(sample_weight) AS w FROM spans GROUP BY trace_id")
        weights = {int(row["trace_id"], 16): round(row["w"]) for row in kept.to_pylist()}
        assert 0 < len(weights) < 200
        assert set(weights.values()) == {1, 4}
        edges: dict[tuple[str, str], int] = defaultdict(int)
        for trace, weight in weights.items():
            for key, calls in reference(traces[trace - 1])[0].items():
                edges[key] += weight * len(calls)
        for _ in range(3):
            told = TraceReads(telemetry).service_map(FROM_MS, TO_MS)
            assert {(edge.caller, edge.callee): edge.calls for edge in told.edges} == edges
            roll(telemetry)


def test_a_store_from_before_has_its_map_and_all_its_rows(tmp_path: Path) -> None:
    """Schema 13, whose minutes were rolled up already."""
    spans = [span for spans in visits(random.Random(14), 1, 50) for span in spans]
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry:
        telemetry.append_otlp_traces(request(spans).SerializeToString())
        telemetry.flush(60)
        roll(telemetry)
        for table in ("span_calls", "span_words", "log_minutes"):
            telemetry._engine.write(f"DROP TABLE {table} SYNC")
        telemetry._engine.write("DELETE FROM schema_migrations WHERE version >= 14")
        telemetry._engine.write("DELETE FROM rollup_marks WHERE source IN ('span_calls', 'log_records')")
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:
        assert telemetry.status().schema_version >= 14
        for _ in range(3):
            check(TraceReads(telemetry).service_map(FROM_MS, TO_MS), spans)
            roll(telemetry)
        assert telemetry.marks()["span_calls"] > 0
        told = telemetry.query("SELECT count() AS n, uniqExact(trace_id, span_id) AS ids FROM spans").to_pylist()
        assert told == [{"n": len(spans), "ids": len(spans)}]
        assert {one.text for one in TraceReads(telemetry).attribute_keys(FROM_MS, TO_MS).found} >= {"db.system"}
