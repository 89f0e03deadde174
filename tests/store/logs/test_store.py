"""Rows that did not come as OTLP, what is refused of them, masks, levels as series, and a full disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.empty_store import MakeTables
from tests.store.logs.requests import record, request
from trimtab.model.errors import EngineRefused, InputError, SpoolFull
from trimtab.store.intake import Intake
from trimtab.store.logs.answers import LogQuery, LogRow
from trimtab.store.logs.reads import LogReads
from trimtab.store.masking import Masking
from trimtab.store.metrics.block import Matcher
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store

DAY_NS = 86_400_000_000_000
LIMITS = TelemetryLimits(
    load_interval_s=0.05,
    logs_load_interval_s=0.05,
    message_bytes_max=100_000,
    segment_bytes_max=200_000,
    logs_segment_bytes_max=200_000,
    spool_bytes_max=1_000_000,
    retry_s_max=0.2,
)
MASKING = Masking(deny=("secret.*",), patterns=(r"\d{4}-\d{4}",))


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(tables_made(tmp_path), LIMITS, intake=Intake(MASKING)) as opened:
        yield opened


def count(telemetry: EmbeddedTelemetry) -> int:
    telemetry.flush()
    return int(telemetry.query("SELECT count() AS n FROM log_records")["n"][0].as_py())


def test_rows_out_of_time_are_named(telemetry: EmbeddedTelemetry) -> None:
    now_ns = time.time_ns()
    rows = [LogRow("a", now_ns - 15 * DAY_NS), LogRow("b"), LogRow("c", now_ns + 2 * DAY_NS), LogRow("d", 0, now_ns)]
    written = telemetry.logs.append_rows(rows)
    assert (written.stored_count, written.refused_rows) == (2, {0: "too_old", 2: "too_new"})
    assert written.text == "2 of 4 log records were left out: 1 too_old, 1 too_new"
    assert count(telemetry) == 2
    assert telemetry.logs.counts().refused == {"too_old": 1, "too_new": 1}


def test_many_rows_become_several_messages(telemetry: EmbeddedTelemetry) -> None:
    rows = [LogRow(f"line {number} {'x' * 100}") for number in range(5000)]
    assert telemetry.logs.append_rows(rows).stored_count == 5000
    assert count(telemetry) == 5000
    assert telemetry.query("SELECT uniqExact(spool_segment, record_no) AS n FROM log_records")["n"][0].as_py() == 5000


def test_a_row_that_is_too_long(telemetry: EmbeddedTelemetry) -> None:
    with pytest.raises(InputError, match="a log record may have 100000 bytes"):
        telemetry.logs.append_rows([LogRow("x" * 100_001)])
    assert telemetry.logs.append_rows([]).stored_count == 0


def test_a_spool_that_becomes_full(telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise EngineRefused("no space", code=243)

    monkeypatch.setattr(telemetry._parts.logs_sink, "load", broken)
    rows = [LogRow(f"{number} {'x' * 900}") for number in range(5000)]
    written = telemetry.logs.append_rows(rows)
    assert 0 < written.stored_count < 5000
    refused = list(range(written.stored_count, 5000))
    assert written.refused_rows == dict.fromkeys(refused, "full")
    with pytest.raises(SpoolFull):
        telemetry.logs.append_rows(rows[-1000:])
    monkeypatch.undo()
    assert count(telemetry) == written.stored_count


def test_what_is_private_is_not_stored(telemetry: EmbeddedTelemetry) -> None:
    telemetry.logs.append_otlp(
        request(
            record("card 1234-5678", attributes={"secret.key": "s3cret", "n": "1111-2222"}),
            resource={"secret.host": "s3cret"},
        )
    )
    telemetry.logs.append_rows([LogRow({"secret.x": "s3cret", "card": "1234-5678"})])
    telemetry.flush()
    now_ms = time.time_ns() // 1_000_000
    found = LogReads(telemetry).search(LogQuery(now_ms - 60_000, now_ms + 60_000, order="oldest")).records
    assert [one.body for one in found] == ["card ***", {"card": "***"}]
    assert (found[0].attributes, found[0].resource) == ({"n": "***"}, {"service.name": "shop"})
    stored = telemetry.query("SELECT * FROM log_records").to_pylist()
    assert "s3cret" not in repr(stored)
    assert "1234-5678" not in repr(stored)


def test_levels_are_series(telemetry: EmbeddedTelemetry) -> None:
    def values() -> dict[tuple[str, str], float]:
        telemetry.flush()
        telemetry.logs.levels.flush()
        block = telemetry.metrics.select([[Matcher("__name__", "=", "log_records_total")]], 0, 2**62)
        names = [dict(labels) for labels in block.labels]
        last = [block.values[end - 1] for end in block.offsets[1:]]
        return {(one["service_name"], one["severity"]): value for one, value in zip(names, last, strict=True)}

    telemetry.logs.append_otlp(request(*(record(severity_number=17) for _ in range(3)), record(severity_number=9)))
    assert values() == {("shop", "error"): 3, ("shop", "info"): 1}
    telemetry.logs.append_otlp(request(record(severity_number=17), service="bank"))
    telemetry.logs.append_otlp(request(record(severity_number=17)))
    assert values() == {("shop", "error"): 4, ("shop", "info"): 1, ("bank", "error"): 1}


def test_a_message_that_cannot_be_read_is_put_aside(telemetry: EmbeddedTelemetry) -> None:
    telemetry._spool.append("log_records", b"\x0a\x05abc", 1)
    telemetry.logs.append_rows([LogRow("good")])
    assert count(telemetry) == 1
    assert telemetry.status().quarantined_count == 1


def test_what_came_last_is_found_beside_what_was_merged(telemetry: EmbeddedTelemetry) -> None:
    """Text indexes are made when parts are merged: the newest part has none."""
    text = 'it\'s \\ "quoted"\n\té'
    rows = [LogRow(f"line {number}", attributes={"order id": f"{number}", "text": text}) for number in range(200)]
    telemetry.logs.append_rows(rows[:100])
    assert count(telemetry) == 100
    telemetry.engine.write("OPTIMIZE TABLE log_records FINAL")
    telemetry.logs.append_rows(rows[100:])
    assert count(telemetry) == 200
    assert len(telemetry.query("SELECT 1 FROM system.parts WHERE active AND table = 'log_records'")) == 2
    now_ms = time.time_ns() // 1_000_000
    reads, day = LogReads(telemetry), (now_ms - 86_400_000, now_ms + 1000)
    for number in (50, 150):
        query = LogQuery(*day, attributes={"order id": str(number), "text": text})
        assert [one.body_text for one in reads.search(query).records] == [f"line {number}"]
        assert [one.body_text for one in reads.search(LogQuery(*day, text=str(number))).records] == [f"line {number}"]
    assert reads.histogram(LogQuery(*day, attributes={"text": text})).total_count == 200
