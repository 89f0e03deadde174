"""New rows are told once they can be asked for; a slice never before its executions."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pyarrow as pa
import pytest

from tests.store.facts_of_a_shop import events, executions, now_ms, slice_rows
from trimtab.model.errors import EngineRefused
from trimtab.store.frames import Message
from trimtab.store.loader import Sink
from trimtab.store.spool import Spool
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
LEADERS = {"query_slices": "query_executions"}


def look(telemetry: EmbeddedTelemetry, start: int) -> None:
    """What one look writes, in its order."""
    telemetry.write("query_executions", executions("shop", [("aa", start, start + 1000, 3, 6.0)]))
    telemetry.write("query_slices", slice_rows("shop", [(start, start + 1000)]))


def test_rows_are_told_when_they_can_be_asked_for(telemetry: EmbeddedTelemetry) -> None:
    seen: list[tuple[list[int], int]] = []

    def heard(rows: pa.Table) -> None:
        calls = int(telemetry.slices("shop", 0, now_ms() + 1000).calls.sum())
        seen.append((rows["ended_at_ms"].to_pylist(), calls))

    telemetry.listen("query_slices", heard)
    start = now_ms() - 60_000
    look(telemetry, start)
    telemetry.write("server_events", events("shop", ["nobody listens to these"]))
    telemetry.flush(10)
    assert seen == [([start + 1000], 3)]


def test_a_listener_that_breaks_stops_nothing_and_is_said(telemetry: EmbeddedTelemetry) -> None:
    def breaks(_rows: pa.Table) -> None:
        raise ValueError("a secret")

    telemetry.listen("query_slices", breaks)
    look(telemetry, now_ms() - 60_000)
    telemetry.flush(10)
    look(telemetry, now_ms() - 50_000)
    telemetry.flush(10)
    assert telemetry.slices("shop", 0, now_ms()).slices_count == 2
    assert telemetry.status().last_load_error == "who listens to rows of query_slices broke: ValueError"


def test_a_slice_waits_for_executions_that_the_engine_does_not_take(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, tried = threading.Event(), threading.Event()
    sink = telemetry._loader._sinks["query_executions"]
    load = type(sink).load

    def refuses(self: Sink, segment_id: int, messages: Sequence[Message]) -> None:
        if self is sink and not tried.is_set():
            tried.set()
            raise EngineRefused("No space left on device")
        load(self, segment_id, messages)

    monkeypatch.setattr(type(sink), "load", refuses)
    complete: list[bool] = []

    def heard(_rows: pa.Table) -> None:
        complete.append(bool(telemetry.slices("shop", 0, now_ms() + 1000).calls.all()))
        told.set()

    telemetry.listen("query_slices", heard)
    look(telemetry, now_ms() - 60_000)
    telemetry.flush(20)
    assert told.wait(5)
    assert tried.is_set()
    assert complete == [True]


def test_what_leads_is_sealed_with_what_follows(telemetry: EmbeddedTelemetry) -> None:
    """The executions of a look may lie in a younger segment than its slice."""
    spool = Spool(telemetry._spool._directory.parent / "other", ["query_executions", "query_slices"], _limits())
    spool.append("query_slices", b"slice of the look before", 1)
    spool.append("query_executions", b"executions of this look", 1)
    spool.append("query_slices", b"slice of this look", 1)
    ages = {"query_executions": 3600.0, "query_slices": 0.0}
    assert [segment.table_name for segment in spool.due(ages)] == ["query_slices"]
    spool.append("query_executions", b"more", 1)
    assert [segment.table_name for segment in spool.due(ages, LEADERS)] == ["query_executions", "query_slices"]
    spool.close()


def _limits() -> TelemetryLimits:
    return TelemetryLimits(disk_free_bytes_min=0)
