"""What was stored is handed out segment by segment, part by part: all of it, each row once."""

from __future__ import annotations

import time

import pytest

from tests.cli.receivers import traces_protobuf
from trimtab.app.sources.feeds import LogFeed, SpanFeed
from trimtab.extend.sources import FoundLog, Sent
from trimtab.store.logs.answers import LogRow
from trimtab.store.segments import Segment
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


def parts_of(found: list[Segment]) -> list[tuple[Segment, int, int]]:
    return [(segment, part, 3) for segment in found for part in range(3)]


def test_spans_in_parts(telemetry: EmbeddedTelemetry) -> None:
    sent: list[tuple[bytes, int]] = []

    def write(body: bytes, count: int) -> Sent:
        sent.append((body, count))
        return Sent(count)

    feed = SpanFeed(telemetry, write)
    assert list(feed.segments(0, feed.stored_to())) == []
    for start in (0, 40):
        telemetry.append_otlp_traces(traces_protobuf("shop", range(start, start + 40)))
        telemetry.flush(60)
    to = feed.stored_to()
    found = list(feed.segments(0, to))
    assert sum(segment.rows_count for segment in found) == 80
    assert [segment.id for segment in found] == sorted({segment.id for segment in found})
    assert all(abs(segment.newest_ms - time.time() * 1000) < 120_000 for segment in found)
    assert sum(feed.send(*part).taken_count for part in parts_of(found)) == 80
    assert sum(count for _, count in sent) == 80
    assert len(sent) > len(found), "in parts"
    assert list(feed.segments(found[-1].id, to)) == []
    assert feed.send(Segment(to + 1, 5, 0), 0, 1).taken_count == 0


def test_log_records_in_parts(telemetry: EmbeddedTelemetry) -> None:
    sent: list[FoundLog] = []

    def write(records: object) -> Sent:
        assert isinstance(records, list)
        sent.extend(records)
        return Sent(len(records))

    feed = LogFeed(telemetry, write)
    now_ns = time.time_ns()
    rows = [LogRow(f"line {n}", now_ns, resource={"service.name": f"service {n % 5}"}) for n in range(60)]
    telemetry.logs.append_rows(rows)
    telemetry.flush(60)
    found = list(feed.segments(0, feed.stored_to()))
    for part in parts_of(found):
        feed.send(*part)
    assert sorted(str(record.body) for record in sent) == sorted(str(row.body) for row in rows)
    assert len({record.id for record in sent}) == 60
