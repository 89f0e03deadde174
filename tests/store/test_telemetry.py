"""What is written comes out again: slices pivoted, shapes once, rows that do not fit refused by name."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.store.facts_of_a_shop import events, executions, now_ms, slice_rows
from trimtab.model.errors import EngineRefused, InputError, SpoolFull, StoreError
from trimtab.store.frames import HEADER_BYTES, MAGIC
from trimtab.store.migrate import migrations
from trimtab.store.retention import RETENTION
from trimtab.store.rows import message_of
from trimtab.store.tables import TABLES, table_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store


def test_slices_are_zero_where_observed_and_absent_where_not(telemetry: EmbeddedTelemetry) -> None:
    start = now_ms() - 60_000
    windows = [(start + 1000 * place, start + 1000 * (place + 1)) for place in (0, 1, 2, 5)]
    telemetry.write("query_slices", slice_rows("shop", windows))
    telemetry.write(
        "query_executions",
        executions("shop", [("bb", *windows[0], 3, 1.5), ("aa", *windows[3], 1, 7.0), ("bb", *windows[2], 2, 4.0)]),
    )
    telemetry.write("query_executions", executions("other", [("cc", *windows[0], 9, 9.0)]))
    telemetry.flush(10)
    found = telemetry.slices("shop", start, start + 60_000)
    assert found.fingerprints == ("aa", "bb")
    assert found.started_at_ms.tolist() == [window[0] for window in windows]
    assert found.ended_at_ms.tolist() == [window[1] for window in windows]
    assert found.calls.tolist() == [[0, 0, 0, 1], [3, 0, 2, 0]]
    assert found.total_exec_time_ms.tolist() == [[0, 0, 0, 7.0], [1.5, 0, 4.0, 0]]
    assert found.rows.tolist() == [[0, 0, 0, 2], [6, 0, 4, 0]]
    assert found.calls.dtype == np.int64
    assert found.total_exec_time_ms.dtype == np.float64


def test_the_window_holds_whole_slices_only(telemetry: EmbeddedTelemetry) -> None:
    start = now_ms() - 60_000
    windows = [(start + 1000 * place, start + 1000 * (place + 1)) for place in range(4)]
    telemetry.write("query_slices", slice_rows("shop", windows))
    telemetry.write("query_executions", executions("shop", [("aa", *window, 1, 1.0) for window in windows]))
    telemetry.flush(10)
    found = telemetry.slices("shop", start + 1, start + 3999)
    assert found.started_at_ms.tolist() == [start + 1000, start + 2000]
    assert found.calls.tolist() == [[1, 1]]
    assert telemetry.slices("shop", start, start + 4000).slices_count == 4


def test_fingerprints_asked_for_are_all_there(telemetry: EmbeddedTelemetry) -> None:
    start = now_ms() - 60_000
    telemetry.write("query_slices", slice_rows("shop", [(start, start + 1000)]))
    telemetry.write(
        "query_executions", executions("shop", [(name, start, start + 1000, 1, 1.0) for name in ("aa", "bb")])
    )
    telemetry.flush(10)
    found = telemetry.slices("shop", start, start + 1000, ["zz", "bb"])
    assert found.fingerprints == ("bb", "zz")
    assert found.calls.tolist() == [[1], [0]]
    assert found.row_of("zz") == 1
    assert found.row_of("aa") is None


def test_slices_are_what_a_plain_loop_says(telemetry: EmbeddedTelemetry) -> None:
    draw = random.Random(11)
    start = now_ms() - 600_000
    windows = [(start + 1000 * place, start + 1000 * place + 1000) for place in range(200) if draw.random() < 0.9]
    ran = {
        (f"{shape:016x}", window): (draw.randrange(1, 9), draw.random())
        for shape in range(50)
        for window in windows
        if draw.random() < 0.3
    }
    telemetry.write("query_slices", slice_rows("shop", windows))
    rows = [(name, *window, calls, total) for (name, window), (calls, total) in ran.items()]
    draw.shuffle(rows)
    for part in range(0, len(rows), 700):
        telemetry.write("query_executions", executions("shop", rows[part : part + 700]))
    telemetry.flush(20)
    found = telemetry.slices("shop", start, now_ms())
    assert found.fingerprints == tuple(sorted({name for name, _ in ran}))
    for place, name in enumerate(found.fingerprints):
        expected = [ran.get((name, window), (0, 0.0)) for window in windows]
        assert found.calls[place].tolist() == [calls for calls, _ in expected]
        assert found.total_exec_time_ms[place].tolist() == [total for _, total in expected]


def test_nothing_observed_gives_an_empty_table(telemetry: EmbeddedTelemetry) -> None:
    found = telemetry.slices("nobody", 0, now_ms())
    assert found.calls.shape == (0, 0)
    assert telemetry.slices("nobody", 0, now_ms(), ["aa"]).calls.shape == (1, 0)


def test_a_shape_is_there_once_with_its_latest_text(telemetry: EmbeddedTelemetry) -> None:
    for seen, text in ((now_ms() - 5000, "SELECT $1"), (now_ms(), "SELECT  $1"), (now_ms() - 9000, "select $1")):
        row = {"system": "shop", "fingerprint": "aa", "text": text, "statement": "select", "tables": ["public.t"]}
        telemetry.write("query_shapes", table_of("query_shapes", [row | {"seen_at_ms": seen}]))
        telemetry.flush(10)
    (shape,) = telemetry.shapes("shop")
    assert (shape.text, shape.statement, shape.tables) == ("SELECT  $1", "select", ("public.t",))
    assert telemetry.shapes("other") == ()


def test_every_table_takes_its_rows(telemetry: EmbeddedTelemetry) -> None:
    samples: dict[pa.DataType, object] = {pa.string(): "x", pa.int64(): 5, pa.float64(): 0.5, pa.bool_(): True}
    samples[pa.map_(pa.string(), pa.string())] = [("k", "v")]
    for name, schema in TABLES.items():
        if name == "spans":
            continue
        row = {field.name: samples.get(field.type, ["a", "b"]) for field in schema}
        row[RETENTION[name].column] = now_ms()
        telemetry.write(name, table_of(name, [row]))
        telemetry.flush(10)
        found = telemetry.query(f"SELECT {', '.join(schema.names)} FROM {name}")
        assert found.to_pylist() == [row], name


def test_the_schema_keeps_rows_as_long_as_the_program_says() -> None:
    """Rows that a TTL would drop at once are refused by `write`: so both must say the same."""
    text = "\n".join(text for _, _, text in migrations())
    for name, kept in RETENTION.items():
        (definition,) = [part for part in text.split(";\n") if f"CREATE TABLE IF NOT EXISTS {name}\n" in part]
        assert f"TTL toDateTime(intDiv({kept.column}, {1000 * kept.per_ms})) + INTERVAL {kept.days} DAY" in definition
        others = {
            "metric_": ("id",),
            "log_records": ("spool_segment",),
            "log_resources": ("resource",),
            "span_op": ("name", "kind"),
            "span_re": ("resource",),
            "span_wo": ("key", "value"),
        }
        known = next((columns for start, columns in others.items() if name.startswith(start)), ("roll",))
        own = TABLES[name].names if name in TABLES else (kept.column, *known)
        for column in own:
            assert f"\n    {column} " in definition or f"ADD COLUMN IF NOT EXISTS {column} " in text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"system": ["s"]}, "column happened_at_ms is missing"),
        ({"system": ["s"], "happened_at_ms": [1], "kind": ["k"], "message": ["m"], "more": [1]}, "no column more"),
        ({"system": [None], "happened_at_ms": [1], "kind": ["k"], "message": ["m"]}, "column system holds 1 nulls"),
        ({"system": ["s"], "happened_at_ms": ["x"], "kind": ["k"], "message": ["m"]}, "cannot be int64"),
        ({"system": ["s"], "happened_at_ms": [1], "kind": ["k"], "message": ["m"]}, "must lie in the last 90 days"),
        (
            {"system": ["s"], "happened_at_ms": [now_ms() + 10**9], "kind": ["k"], "message": ["m"]},
            "at most 86400000 ms ahead",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_do_not_fit_are_refused_by_name(
    telemetry: EmbeddedTelemetry, rows: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        telemetry.write("server_events", pa.table(rows))
    assert telemetry.status().spool_bytes == 0


def test_an_unknown_table_is_refused(telemetry: EmbeddedTelemetry) -> None:
    with pytest.raises(InputError, match="no telemetry table 'nothing'"):
        telemetry.write("nothing", events("s", ["m"]))


def test_query_reads_with_parameters_and_nothing_else(telemetry: EmbeddedTelemetry) -> None:
    telemetry.write("server_events", events("shop", ["it's", "b"]))
    telemetry.flush(10)
    found = telemetry.query("SELECT count() AS c FROM server_events WHERE message = {m:String}", {"m": "it's"})
    assert found["c"].to_pylist() == [1]
    with pytest.raises(EngineRefused, match="readonly"):
        telemetry.query("TRUNCATE TABLE server_events")


def test_rows_are_queryable_soon_without_a_flush(telemetry: EmbeddedTelemetry) -> None:
    telemetry.write("server_events", events("shop", ["a"]))
    deadline = threading.Event()
    for _ in range(200):
        if telemetry.query("SELECT count() AS c FROM server_events")["c"].to_pylist() == [1]:
            break
        deadline.wait(0.05)
    else:
        pytest.fail("the row was not loaded within 10 s")


def test_readers_never_see_half_a_message_while_the_writer_runs(telemetry: EmbeddedTelemetry) -> None:
    stop = threading.Event()
    problems: list[str] = []
    looks = [0]

    def read() -> None:
        while not stop.is_set():
            sql = "SELECT message, count() AS c FROM server_events GROUP BY message HAVING c != 20"
            halves = telemetry.query(sql).to_pylist()
            if halves:
                problems.append(str(halves))
            looks[0] += 1

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(60):
        telemetry.write("server_events", events("shop", [f"m{number}"] * 20))
    telemetry.flush(20)
    stop.set()
    for reader in readers:
        reader.join(20)
    assert not problems
    assert looks[0] > 0
    assert telemetry.query("SELECT count() AS c FROM server_events")["c"].to_pylist() == [1200]


def test_status_counts_what_happened(telemetry: EmbeddedTelemetry) -> None:
    telemetry.write("server_events", events("shop", ["a"]))
    telemetry.flush(10)
    status = telemetry.status()
    assert status.accepted_messages_count["server_events"] == status.loaded_messages_count["server_events"] == 1
    assert (status.spool_bytes, status.spool_segments_count, status.oldest_unloaded_at_ms) == (0, 0, None)
    assert (status.schema_version, status.last_load_error) == (migrations()[-1][0], None)


def test_a_full_spool_refuses_and_recovers(tmp_path: Path) -> None:
    limits = TelemetryLimits(spool_bytes_max=20_000, load_interval_s=3600)
    with EmbeddedTelemetry.open(tmp_path, limits) as telemetry:
        one = events("shop", ["one"])
        room = (20_000 - len(MAGIC)) // (HEADER_BYTES + len(message_of("server_events", one)))
        for _ in range(room):
            telemetry.write("server_events", one)
        with pytest.raises(SpoolFull) as caught:
            telemetry.write("server_events", one)
        assert caught.value.facts["limit"] == 20_000
        assert telemetry.status().refused_full_count == 1
        telemetry.flush(10)
        telemetry.write("server_events", one)
        telemetry.flush(10)
        assert telemetry.query("SELECT count() AS c FROM server_events")["c"].to_pylist() == [room + 1]


def test_a_second_process_is_told_who_holds_the_directory(telemetry: EmbeddedTelemetry, tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from trimtab.model.errors import StoreLocked
from trimtab.store.telemetry import EmbeddedTelemetry
try:
    EmbeddedTelemetry.open(Path(sys.argv[1]))
except StoreLocked as error:
    print(error.facts["holder"], os.getppid(), error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    holder, parent, message = done.stdout.split(maxsplit=2)
    assert holder == parent
    assert f"is in use by process {holder}" in message


def test_a_closed_store_says_so_and_reopens_with_everything(tmp_path: Path) -> None:
    telemetry = EmbeddedTelemetry.open(tmp_path)
    telemetry.write("server_events", events("shop", ["a"]))
    telemetry.close()
    telemetry.close()
    with pytest.raises(StoreError, match="closed"):
        telemetry.write("server_events", events("shop", ["b"]))
    with pytest.raises(StoreError, match="closed"):
        telemetry.query("SELECT 1")
    with EmbeddedTelemetry.open(tmp_path) as again:
        assert again.query("SELECT message FROM server_events")["message"].to_pylist() == ["a"]


def test_data_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path) as telemetry:
        telemetry._engine.write("INSERT INTO schema_migrations (version, name) SELECT 999, 'from the future'")
    with pytest.raises(StoreError, match="made by a newer trimtab"):
        EmbeddedTelemetry.open(tmp_path)


def test_importing_the_module_loads_neither_engine_nor_arrow() -> None:
    program = (
        "import sys, trimtab.store.telemetry; print(sorted({'chdb', 'pyarrow', 'numpy', 'pglast'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
