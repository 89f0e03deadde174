"""Parts that a full disk has cut short, made by cutting them short: found, and taken back to what they were made of."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from trimtab.model.errors import EngineRefused
from trimtab.store import engine_embedded as engine_module
from trimtab.store.engine import Parameters
from trimtab.store.engine_embedded import EmbeddedEngine as Engine
from trimtab.store.limits import TelemetryLimits

pytestmark = pytest.mark.store
TABLE = "CREATE TABLE t (id UInt64, v Float64, a Array(String)) ENGINE = MergeTree ORDER BY id SETTINGS "
FULL = "min_bytes_for_full_part_storage = 0"
WIDE, COMPACT = f"{FULL}, min_bytes_for_wide_part = 0", f"{FULL}, min_bytes_for_wide_part = 1000000000"
PACKED, PACKED_WIDE = "min_bytes_for_wide_part = 1000000000", "min_bytes_for_wide_part = 0"
ONE_FILE = [(kind, left, "*") for kind in (PACKED, PACKED_WIDE) for left in (0.0, 0.02, 0.5, 0.999)]
MANY_FILES = [
    (kind, left, names)
    for kind in (WIDE, COMPACT)
    for left, names in ((0.0, "*"), (0.5, "*.bin"), (0.0, "*.cmrk*"), (0.0, "columns.txt"))
]
INSERT = "INSERT INTO t SELECT number, number / 8, [] FROM numbers({begin:UInt64}, 1000)"
DELETE = "DELETE FROM t WHERE id = 17"
SUM = "SELECT count() AS n, sum(v) AS v, sum(length(a)) AS a FROM t"


def cut(engine: Engine, left: float, names: str = "*") -> int:
    """Cut files of parts in use to a share of them; how many parts there are."""
    parts = engine.read("SELECT path FROM system.parts WHERE active AND table = 't'")["path"].to_pylist()
    for part in parts:
        for path in Path(part).glob(names):
            with path.open("r+b") as file:
                file.truncate(int(path.stat().st_size * left))
    return len(parts)


def numbers(engine: Engine) -> tuple[int, float, int]:
    (row,) = engine.read(SUM).to_pylist()
    return row["n"], row["v"], row["a"]


@pytest.mark.parametrize(("kind", "left", "names"), [*MANY_FILES, *ONE_FILE])
def test_a_merge_that_was_torn_is_taken_back(tmp_path: Path, kind: str, left: float, names: str) -> None:
    engine = Engine(tmp_path, TelemetryLimits())
    try:
        engine.write(TABLE + kind)
        for begin in range(4):
            engine.write(INSERT, {"begin": begin * 1000})
        wanted = numbers(engine)
        engine.write("OPTIMIZE TABLE t FINAL")
        assert cut(engine, left, names) == 1
        if left == 0.0 and names == "*":
            assert numbers(engine) == wanted  # who reads it has it mended
        with contextlib.suppress(EngineRefused):  # where it did not have to read what is torn
            engine.write(DELETE)
        engine.write(DELETE)
        engine.write(INSERT, {"begin": 17})
        assert numbers(engine)[0] == 4999
        engine.write("OPTIMIZE TABLE t FINAL")
        assert numbers(engine)[0] == 4999
    finally:
        engine.close()
    engine = Engine(tmp_path, TelemetryLimits())
    try:
        assert numbers(engine)[0] == 4999
        if names != "columns.txt":  # which need not be read, and then goes out of use as any part does
            assert not list(tmp_path.glob("store/*/*/detached/*"))
    finally:
        engine.close()


@pytest.mark.parametrize("kind", [WIDE, PACKED])
def test_an_insert_that_was_torn_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    engine = Engine(tmp_path, TelemetryLimits())
    real = engine_module._answer

    def answer(session: object, sql: str, parameters: Parameters | None) -> pa.Table:
        table = real(session, sql, parameters)  # type: ignore[arg-type]
        if sql == INSERT:
            cut(engine, 0.0)
        return table

    try:
        engine.write(TABLE + kind)
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "_answer", answer)
            with pytest.raises(EngineRefused, match="torn") as caught:
                engine.write(INSERT, {"begin": 0})
        assert caught.value.facts["code"] == 243
        assert numbers(engine)[0] == 0
        engine.write(INSERT, {"begin": 0})
        assert numbers(engine)[0] == 1000
        engine.write("DROP TABLE t SYNC")
        engine.write(TABLE + kind)
        engine.write(INSERT, {"begin": 0})
        assert numbers(engine)[0] == 1000
    finally:
        engine.close()


def test_what_cannot_come_back_is_put_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    engine = Engine(tmp_path, TelemetryLimits())
    try:
        engine.write(TABLE + f"{WIDE}, old_parts_lifetime = 0, cleanup_delay_period = 0, max_cleanup_delay_period = 1")
        for begin in range(2):
            engine.write(INSERT, {"begin": begin * 1000})
        engine.write("OPTIMIZE TABLE t FINAL")
        while engine.read("SELECT count() AS n FROM system.parts WHERE table = 't'")["n"][0].as_py() > 1:
            pass
        cut(engine, 0.5, "*.bin")
        assert numbers(engine)[0] == 0
        engine.write(INSERT, {"begin": 5000})
        assert numbers(engine)[0] == 1000
        assert [path.name for path in tmp_path.glob("store/*/*/detached/*")] == ["torn_all_1_2_1"]
    finally:
        engine.close()


def test_many_readers_of_a_torn_part_are_all_answered(tmp_path: Path) -> None:
    engine = Engine(tmp_path, TelemetryLimits())
    found: list[tuple[int, float, int]] = []
    try:
        engine.write(TABLE + WIDE)
        for begin in range(4):
            engine.write(INSERT, {"begin": begin * 1000})
        wanted = numbers(engine)
        engine.write("OPTIMIZE TABLE t FINAL")
        cut(engine, 0.0)
        readers = [threading.Thread(target=lambda: found.append(numbers(engine))) for _ in range(12)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert found == [wanted] * 12
    finally:
        engine.close()
