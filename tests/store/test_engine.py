"""The engine: read only for readers, values only as parameters, limits honoured, and no answer of another statement."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trimtab.model.errors import EngineRefused, InputError, StoreError
from trimtab.store.engine import Body, Merge
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.limits import MIB, TelemetryLimits

pytestmark = pytest.mark.store
NASTY = ["it's", 'a"b', "a\\", "tab\there", "line\nbreak", "\\N", "'; DROP TABLE spans; --", "nul\0byte", "ü€", "", "?"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    limits = TelemetryLimits(query_s_max=2, query_rows_max=1000, query_memory_bytes_max=200 * MIB)
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"), limits)
    engine.write("CREATE TABLE facts (a Int64, text String) ENGINE = MergeTree ORDER BY a")
    yield engine
    engine.close()


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_a_text_parameter_arrives_as_it_was(engine: EmbeddedEngine, text: str) -> None:
    assert engine.read("SELECT {v:String} AS v", {"v": text})["v"].to_pylist() == [text]


def test_a_list_parameter_arrives_as_it_was(engine: EmbeddedEngine) -> None:
    assert engine.read("SELECT {v:Array(String)} AS v", {"v": NASTY})["v"].to_pylist() == [NASTY]
    assert engine.read("SELECT {v:Array(Int64)} AS v", {"v": [1, -2]})["v"].to_pylist() == [[1, -2]]
    assert engine.read("SELECT {v:Array(String)} AS v", {"v": []})["v"].to_pylist() == [[]]


def test_numbers_arrive_as_they_were(engine: EmbeddedEngine) -> None:
    row = engine.read("SELECT {f:Float64} AS f, {b:Bool} AS b", {"f": 0.1, "b": True}).to_pylist()
    assert row == [{"f": 0.1, "b": True}]


def test_what_cannot_be_passed_is_refused(engine: EmbeddedEngine) -> None:
    with pytest.raises(InputError, match="parameter v: a dict"):
        engine.read("SELECT {v:String}", {"v": {}})


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO facts VALUES (1, 'x')",
        "DROP TABLE facts",
        "SET readonly = 0",
        "SELECT * FROM file('/etc/hostname', 'LineAsString', 'line String')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
        "SELECT 1 SETTINGS max_threads = 8",
        "SELECT 1; DROP TABLE facts",
    ],
)
def test_a_reader_can_only_read(engine: EmbeddedEngine, sql: str) -> None:
    with pytest.raises(EngineRefused) as caught:
        engine.read(sql)
    assert caught.value.facts["code"] == 164
    assert engine.read("SELECT count() AS c FROM facts")["c"].to_pylist() == [0]


def test_a_failed_statement_leaves_nothing_in_the_next_answer(engine: EmbeddedEngine) -> None:
    """The engine keeps what a failed statement had written and puts it in front of the session's next answer."""
    for _ in range(6):
        with pytest.raises(EngineRefused, match="throwIf"):
            engine.read("SELECT number AS wrong, throwIf(number = 3) FROM numbers(5)")
        assert engine.read("SELECT 7 AS correct").to_pydict() == {"correct": [7]}
        with pytest.raises(EngineRefused, match="throwIf"):
            engine.write("SELECT number AS wrong, throwIf(number = 3) FROM numbers(5)")
        assert engine.write("SELECT 8 AS correct").to_pydict() == {"correct": [8]}


def test_a_large_answer_stays_when_its_session_goes(engine: EmbeddedEngine) -> None:
    """It is read where the engine put it."""
    columns = [engine.read(f"SELECT number + {more} AS n FROM numbers(500000)", is_wide=True)["n"] for more in range(4)]
    for _ in range(3):
        with pytest.raises(EngineRefused, match="throwIf"):  # its session is closed
            engine.read("SELECT throwIf(number = 3) FROM numbers(5)", is_wide=True)
        engine.read("SELECT 0 AS n FROM numbers(500000)", is_wide=True)
    for more, column in enumerate(columns):
        assert column.to_pylist() == list(range(more, 500_000 + more))


def test_time_memory_and_rows_are_limited(engine: EmbeddedEngine) -> None:
    begun = time.monotonic()
    with pytest.raises(EngineRefused, match="TIMEOUT_EXCEEDED"):
        engine.read("SELECT count() FROM numbers(1000000000000)")
    assert time.monotonic() - begun < 10
    with pytest.raises(EngineRefused, match="MEMORY_LIMIT"):
        engine.read("SELECT length(range(100000000))")
    with pytest.raises(EngineRefused, match="max rows"):
        engine.read("SELECT number FROM numbers(1001)")
    assert engine.read("SELECT number FROM numbers(1000)").num_rows == 1000


def test_an_empty_answer_has_its_columns(engine: EmbeddedEngine) -> None:
    assert engine.read("SELECT a, text FROM facts").column_names == ["a", "text"]


def test_readers_run_side_by_side_and_the_next_one_waits(tmp_path: Path, engine: EmbeddedEngine) -> None:
    begun = time.monotonic()
    threads = [threading.Thread(target=engine.read, args=("SELECT sleep(1)",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert time.monotonic() - begun < 3.5  # one after the other would take 4 s


def test_a_second_engine_in_the_process_is_refused_by_name(tmp_path: Path, engine: EmbeddedEngine) -> None:
    with pytest.raises(StoreError, match="already has a telemetry engine on"):
        EmbeddedEngine(tmp_path, TelemetryLimits())


def test_a_path_that_the_engine_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose another path"):
        EmbeddedEngine(tmp_path / "what?", TelemetryLimits())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_is_told_instead_of_hanging(engine: EmbeddedEngine) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            engine.read("SELECT 1")
        except StoreError as error:
            os.write(writing, error.message.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert b"was forked" in answer.read()
    assert os.waitpid(child, 0)[1] == 0
    assert engine.read("SELECT 1 AS one")["one"].to_pylist() == [1]


def test_bodies_are_read_as_tables(engine: EmbeddedEngine) -> None:
    rows = Body([b"1\tone\n", memoryview(b"2\ttwo\n")], "TabSeparated", "id Int64, name String")
    sizes = Body([b"2,20\n"], "CSV", "id Int64, size Int64")
    answer = engine.write(
        "SELECT id, name, size FROM BODY(rows) AS r LEFT JOIN BODY(sizes) AS s USING (id) WHERE SHARD(id) ORDER BY id",
        None,
        {"rows": rows, "sizes": sizes},
    )
    assert answer.to_pylist() == [{"id": 1, "name": "one", "size": 0}, {"id": 2, "name": "two", "size": 20}]


def test_a_body_that_does_not_fit_is_refused_and_stores_nothing(engine: EmbeddedEngine) -> None:
    broken = Body([b"1\tone\nx\ttwo\n"], "TabSeparated", "a Int64, text String")
    with pytest.raises(EngineRefused):
        engine.write("INSERT INTO facts SELECT * FROM BODY(rows)", None, {"rows": broken})
    assert engine.read("SELECT count() AS c FROM facts")["c"].to_pylist() == [0]
    with pytest.raises(InputError, match="reads BODY\\(rows\\), which was not given"):
        engine.write("SELECT * FROM BODY(rows)")


def test_one_shard_answers_as_it_is(engine: EmbeddedEngine) -> None:
    answer = engine.gather("SELECT number AS n FROM numbers(3) ORDER BY n DESC", merge=Merge((("n", "descending"),)))
    assert answer.table["n"].to_pylist() == [2, 1, 0]
    assert answer.missing == ()
    with engine.at(engine.shards[0]):
        assert engine.write("SELECT 1 AS one")["one"].to_pylist() == [1]
    with pytest.raises(InputError, match="no shard elsewhere"), engine.at("elsewhere"):
        pass


def test_the_file_of_settings_is_read_and_inserts_wake_merges_all_the_same(engine: EmbeddedEngine) -> None:
    asked = "SELECT value FROM system.server_settings WHERE name = 'memory_worker_period_ms'"
    assert engine.read(asked)["value"].to_pylist() == ["1000"]
    engine.write("CREATE TABLE heaps (a Int64) ENGINE = MergeTree ORDER BY a")
    for number in range(30):
        engine.write(f"INSERT INTO heaps VALUES ({number})")
    deadline_s = time.monotonic() + 60
    parts = "SELECT count() AS n FROM system.parts WHERE active AND table = 'heaps'"
    while engine.read(parts)["n"][0].as_py() > 15 and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert engine.read(parts)["n"][0].as_py() <= 15
    assert engine.read("SELECT count() AS n FROM heaps")["n"].to_pylist() == [30]
