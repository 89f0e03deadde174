"""Whole segments, each once: over crashes, damage on the disk, and messages that the engine refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from tests.empty_store import make_tables
from tests.store.facts_of_a_shop import events, now_ms, trace_request
from trimtab.model.errors import EngineRefused, StoreError
from trimtab.store.frames import MAGIC, Message, frame
from trimtab.store.rows import message_of
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
PAUSED = TelemetryLimits(load_interval_s=3600, spans_load_interval_s=3600)


def names(telemetry: EmbeddedTelemetry) -> list[str]:
    found = telemetry.query("SELECT message FROM server_events ORDER BY message")["message"].to_pylist()
    return [str(name) for name in found]


def refused_messages(data_dir: Path) -> list[tuple[dict[str, object], bytes]]:
    found = []
    for path in sorted((data_dir / "telemetry" / "quarantine").glob("*.message")):
        head, _, payload = path.read_bytes().partition(b"\n")
        found.append((json.loads(head), payload))
    return found


def spooled(data_dir: Path, table_name: str) -> list[Path]:
    return sorted((data_dir / "telemetry" / "spool" / table_name).glob("*.segment"))


def put_segment(data_dir: Path, table_name: str, number: int, data: bytes) -> Path:
    """A segment as an earlier run would have left it."""
    folder = data_dir / "telemetry" / "spool" / table_name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:016x}.segment"
    path.write_bytes(data)
    return path


def event_frame(name: str) -> bytes:
    return frame(message_of("server_events", events("shop", [name])), 1)


def test_a_refused_message_is_set_aside_and_the_others_are_loaded(telemetry: EmbeddedTelemetry, tmp_path: Path) -> None:
    for number in range(7):
        telemetry.write("server_events", events("shop", [f"m{number}"]))
        if number in (2, 5):
            telemetry._spool.append("server_events", b"poison %d" % number, 1)
    telemetry.flush(20)
    assert names(telemetry) == [f"m{number}" for number in range(7)]
    refused = refused_messages(tmp_path)
    assert [payload for _, payload in refused] == [b"poison 2", b"poison 5"]
    assert refused[0][0]["table"] == "server_events"
    assert "is not a table" in str(refused[0][0]["reason"])
    assert telemetry.status().quarantined_count == 2
    telemetry.write("server_events", events("shop", ["after"]))
    telemetry.flush(20)
    assert len(names(telemetry)) == 8


def test_a_trace_request_that_cannot_be_read_is_set_aside(telemetry: EmbeddedTelemetry, tmp_path: Path) -> None:
    """The door lets none in; an older version, or a disk, may have left one in the spool."""
    poison = trace_request(["poison"])[:-1]
    telemetry.append_otlp_traces(trace_request(["before"]))
    telemetry._spool.append("spans", poison, 1)
    telemetry.append_otlp_traces(trace_request(["after"]))
    telemetry.flush(20)
    found = telemetry.query("SELECT name FROM spans ORDER BY name")["name"].to_pylist()
    assert found == ["after", "before"]
    assert [payload for _, payload in refused_messages(tmp_path)] == [poison]


class TestSmallQuarantine:
    """Refused messages never fill the disk: the oldest go."""

    @pytest.fixture
    def limits(self) -> TelemetryLimits:
        return TelemetryLimits(quarantine_bytes_max=2000, load_interval_s=0.05, spans_load_interval_s=0.05)

    def test_the_oldest_go(self, telemetry: EmbeddedTelemetry, tmp_path: Path) -> None:
        for number in range(8):
            telemetry._spool.append("server_events", b"%d" % number * 400, 1)
            telemetry.flush(20)
        kept = refused_messages(tmp_path)
        assert 1 <= len(kept) < 8
        assert kept[-1][1] == b"7" * 400
        assert telemetry.status().quarantine_bytes <= 2000
        telemetry._spool.append("server_events", bytes(5000), 1)
        telemetry.flush(20)
        assert refused_messages(tmp_path)[-1][1] == b""  # too large to keep: its reason alone


def test_a_torn_tail_is_cut_and_what_is_before_it_is_loaded(tmp_path: Path) -> None:
    torn = event_frame("torn")[:-7]
    put_segment(tmp_path, "server_events", 1, MAGIC + event_frame("a") + event_frame("b") + torn)
    put_segment(tmp_path, "server_events", 2, MAGIC[:5])
    put_segment(tmp_path, "server_events", 3, b"")
    with EmbeddedTelemetry.open(make_tables(tmp_path)) as telemetry:
        telemetry.flush(20)
        assert names(telemetry) == ["a", "b"]
        assert telemetry.status().torn_bytes == len(torn) + 5
        assert refused_messages(tmp_path) == []


def test_damage_is_set_aside_and_the_rest_is_loaded(tmp_path: Path) -> None:
    data = bytearray(MAGIC + event_frame("a") + event_frame("hurt") + event_frame("c"))
    data[data.index(b"hurt")] ^= 1
    put_segment(tmp_path, "server_events", 1, bytes(data))
    with EmbeddedTelemetry.open(make_tables(tmp_path)) as telemetry:
        telemetry.flush(20)
        assert names(telemetry) == ["a", "c"]
        assert [facts["reason"] for facts, _ in refused_messages(tmp_path)] == [
            "the checksum of a message does not fit"
        ]


def test_a_segment_that_was_loaded_but_not_removed_is_there_once(tmp_path: Path) -> None:
    """As after a crash between the engine's insert and the removal of the file."""
    with EmbeddedTelemetry.open(make_tables(tmp_path), PAUSED) as telemetry:
        for number in range(5):
            telemetry.write("server_events", events("shop", [f"m{number}"]))
        (segment,) = telemetry._spool.pending()
        copy = tmp_path / "copy"
        shutil.copy(segment.path, copy)
        telemetry.flush(20)
        assert len(names(telemetry)) == 5
    for _ in range(3):
        shutil.copy(copy, segment.path)
        with EmbeddedTelemetry.open(tmp_path) as telemetry:
            assert names(telemetry) == [f"m{number}" for number in range(5)]  # also before the flush
            telemetry.flush(20)
            assert names(telemetry) == [f"m{number}" for number in range(5)]
        assert not segment.path.exists()


def test_a_segment_that_was_loaded_in_part_is_completed(tmp_path: Path) -> None:
    """A segment with rows of two days becomes two parts; a crash may leave one of them."""
    day_ms = 86_400_000
    with EmbeddedTelemetry.open(make_tables(tmp_path), PAUSED) as telemetry:
        telemetry.write("server_events", events("shop", ["yesterday"], at_ms=now_ms() - day_ms))
        telemetry.write("server_events", events("shop", ["today"]))
        (segment,) = telemetry._spool.pending()
        copy = tmp_path / "copy"
        shutil.copy(segment.path, copy)
        telemetry.flush(20)
        telemetry._engine.write("DELETE FROM server_events WHERE message = 'today'")
    shutil.copy(copy, segment.path)
    with EmbeddedTelemetry.open(tmp_path) as telemetry:
        telemetry.flush(20)
        assert names(telemetry) == ["today", "yesterday"]


def test_a_large_segment_of_many_days_becomes_one_part_a_day(telemetry: EmbeddedTelemetry) -> None:
    """What `exactly once` stands on beside the segment's id: a day's rows appear together."""
    telemetry._engine.write("SYSTEM STOP MERGES server_events")
    day_ms = 86_400_000
    for day in range(3):
        telemetry.write("server_events", events("shop", ["m"] * 40_000, at_ms=now_ms() - day * day_ms))
    telemetry.flush(30)
    parts = telemetry.query("SELECT rows FROM system.parts WHERE table = 'server_events' AND active")
    assert sum(parts["rows"].to_pylist()) == 120_000
    assert max(parts["rows"].to_pylist()) == 40_000


def test_no_space_for_the_engine_waits_and_loses_nothing(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = telemetry._loader._sinks["server_events"]
    real_load = sink.load
    tries: list[int] = []

    def no_space(segment_id: int, messages: Sequence[Message]) -> None:
        tries.append(segment_id)
        if len(tries) < 8:
            if len(tries) == 4:
                real_load(segment_id, messages)  # it was stored, and failed all the same
            raise EngineRefused("Code: 243. DB::Exception: no space", code=243)
        real_load(segment_id, messages)

    monkeypatch.setattr(sink, "load", no_space)
    telemetry.write("server_events", events("shop", ["a"]))
    telemetry.write("query_shapes", _shape())
    with pytest.raises(StoreError, match=r"not loaded within 0.2 s: server_events: Code: 243"):
        telemetry.flush(0.2)
    telemetry.flush(20)
    assert names(telemetry) == ["a"]
    assert len(telemetry.shapes("shop")) == 1
    assert telemetry.status().last_load_error is None
    assert telemetry.status().quarantined_count == 0


def test_a_refusal_without_a_guilty_message_ends_in_quarantine_not_in_a_blockade(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = telemetry._loader._sinks["server_events"]
    real_load = sink.load

    def refuse_b(segment_id: int, messages: Sequence[Message]) -> None:
        real_load(segment_id, messages)
        if any(b"guilty" in bytes(message.payload) for message in messages):
            raise EngineRefused("Code: 49. DB::Exception: logical error", code=49)

    monkeypatch.setattr(sink, "load", refuse_b)
    for name in ("a", "guilty", "c"):
        telemetry.write("server_events", events("shop", [name]))
    telemetry.flush(30)
    assert set(names(telemetry)) >= {"a", "c"}
    assert len(names(telemetry)) <= 3
    assert [facts["index"] for facts, _ in refused_messages(tmp_path)] == [1]


def test_a_segment_that_somebody_deleted_blocks_nothing(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(make_tables(tmp_path), PAUSED) as telemetry:
        telemetry.write("server_events", events("shop", ["gone"]))
        (path,) = spooled(tmp_path, "server_events")
        path.unlink()
        telemetry.flush(20)
        telemetry.write("server_events", events("shop", ["kept"]))
        telemetry.flush(20)
        assert names(telemetry) == ["kept"]
        assert refused_messages(tmp_path)[0][0]["reason"] == "the segment's file is gone"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_loader_dies_writers_are_told(telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(telemetry._loader._sinks["server_events"], "load", bug)
    telemetry.write("server_events", events("shop", ["a"]))
    with pytest.raises(StoreError):
        telemetry.flush(1)
    with pytest.raises(StoreError, match="the loader stopped: ZeroDivisionError"):
        telemetry.write("server_events", events("shop", ["b"]))
    assert "a bug" in str(telemetry.status().last_load_error)


def _shape() -> pa.Table:
    row = {"system": "shop", "fingerprint": "f", "text": "t", "statement": "select", "tables": []}
    return table_of("query_shapes", [row | {"seen_at_ms": now_ms()}])
