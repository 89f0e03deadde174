"""A segment of many spans is decoded a piece at a time, and stored as one block."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.logs.requests import record
from tests.store.logs.requests import request as log_request
from tests.store.traces.otlp import Made, request
from trimtab.store.logs import sink as logs_sink
from trimtab.store.logs.columns import COLUMNS
from trimtab.store.logs.decode import decode as decode_logs
from trimtab.store.masking import NO_MASKING
from trimtab.store.scratch import Scratch
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces import decode as decoding
from trimtab.store.traces import sink
from trimtab.store.traces.decode import decode
from trimtab.store.traces.native import native_block

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(spans_load_interval_s=3600, logs_load_interval_s=3600)
LAST_NS = 2**63 - 1


def test_pieces_become_one_part_and_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "_BATCH_BYTES", 300)
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as store:
        for trace in range(1, 11):
            spans = [Made(trace, span, took_ms=trace) for span in (1, 2)]
            store.append_otlp_traces(request(spans).SerializeToString())
        store.flush(60)
        rows = store.query(
            "SELECT trace_id, count() AS n, max(duration_ms) AS took_ms, uniqExact(_part) AS parts FROM spans"
            " GROUP BY trace_id ORDER BY trace_id"
        ).to_pylist()
        assert [(row["n"], row["took_ms"], row["parts"]) for row in rows] == [(2, n, 1) for n in range(1, 11)]
        assert store.query("SELECT uniqExact(_part) AS n FROM spans")["n"].to_pylist() == [1]
        assert store._parts.traces.red.counts.spans_count == 20


def test_lines_decoded_piece_by_piece_are_what_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_sink, "_CHUNK_BYTES_MAX", 300)
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as store:
        for segment in range(3):
            for number in range(segment * 10, segment * 10 + 10):
                store.logs.append_otlp(log_request(record(f"line {number} " + "x" * number, attributes={"n": number})))
            store.flush(60)
        rows = store.query("SELECT body, attributes['n'] AS n, uniqExact(_part) OVER () AS parts FROM log_records")
        found = sorted((int(row["n"]), row["body"]) for row in rows.to_pylist())
        assert found == [(number, f"line {number} " + "x" * number) for number in range(30)]


def _span_bodies() -> list[bytearray]:
    """Each with something that the one before does not have, and some larger than the one before."""
    return [
        bytearray(
            request(
                [
                    Made(
                        number + 1,
                        span,
                        parent=span - 1,
                        service=f"service {number}",
                        name="n" * (number + 1),
                        took_ms=span / 7,
                        attributes={
                            f"key {number}": "v" * span,
                            "whole": number,
                            "part": span / 3,
                            "is": bool(span % 2),
                        },
                    )
                    for span in range(1, 40 - 9 * number)
                ]
            ).SerializeToString()
        )
        for number in range(4)
    ]


def test_memory_that_is_used_again_leaves_nothing_of_the_batch_before() -> None:
    scratch, bodies = Scratch(), _span_bodies()
    for _ in range(2):
        for body in bodies:
            fresh = native_block(decode(body, 60, 0, LAST_NS, NO_MASKING).table, sink.STORED)
            again = native_block(decode(body, 60, 0, LAST_NS, NO_MASKING, scratch).table, sink.STORED, scratch)
            assert b"".join(again) == b"".join(fresh)


def test_what_is_counted_later_is_in_memory_of_its_own() -> None:
    scratch, bodies = Scratch(), _span_bodies()
    tables = [decode(body, 60, 0, LAST_NS, NO_MASKING, scratch).table.select(decoding.KEPT) for body in bodies]
    fresh = [decode(body, 60, 0, LAST_NS, NO_MASKING).table.select(decoding.KEPT) for body in bodies]
    assert [table.to_pylist() for table in tables] == [table.to_pylist() for table in fresh]


def test_blocks_of_other_places_stay() -> None:
    scratch = Scratch()
    bodies = [bytearray(log_request(record(f"{number}" * 50, attributes={"n": number}))) for number in range(5)]
    kept, fresh = [], []
    for place, body in enumerate(bodies):
        kept += native_block(decode_logs(body, 0, LAST_NS, 1, NO_MASKING, 0, scratch).table, COLUMNS, scratch, place)
        fresh += native_block(decode_logs(body, 0, LAST_NS, 1, NO_MASKING).table, COLUMNS)
    assert b"".join(kept) == b"".join(fresh)


def test_more_texts_than_there_was_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_TEXTS_FIRST", 4)
    spans = [Made(1, number + 1, name=f"n{number}", attributes={f"k{number}": "v"}) for number in range(500)]
    body = bytearray(request(spans).SerializeToString())
    for scratch in (Scratch(), Scratch(0)):
        found = decode(body, 500, 0, LAST_NS, NO_MASKING, scratch).table
        assert found["name"].to_pylist() == [span.name for span in spans]
        assert found["attributes"].to_pylist() == [[(f"k{number}", "v")] for number in range(500)]
