"""A shard that is away keeps nobody waiting and gets its rows later. Killed or not: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clickhouse.servers import DATABASE, Shard, address_of, shards
from tests.clickhouse.steady_writer import LIMITS, SPANS
from tests.store.facts_of_a_shop import events, now_ms, trace_request
from tests.store.metrics.scrapes import samples, series_named
from trimtab.model.errors import EngineRefused, StoreError
from trimtab.store.clickhouse import shard as shard_module
from trimtab.store.clickhouse.connection import Connection
from trimtab.store.clickhouse.engine import ClickHouseEngine
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.promql.evaluate import evaluate_range
from trimtab.store.telemetry import EmbeddedTelemetry

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Shard]]:
    """Two shards of this test's own."""
    with shards(tmp_path, 2) as found:
        yield found


def names_of(telemetry: EmbeddedTelemetry) -> Counter[str]:
    """How many spans of each name there are."""
    return Counter(telemetry.gather("SELECT name FROM spans").table["name"].to_pylist())


def wait_for(is_true: Callable[[], bool]) -> None:
    """Until it is; a minute at most."""
    give_up_s = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


def test_a_dead_shard_gives_partial_answers_and_gets_its_rows_later(two: list[Shard], tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        telemetry.append_otlp_traces(trace_request(["before"] * 200))
        telemetry.flush(20)
        assert names_of(telemetry) == {"before": 200}
        share = two[1].count(f"{DATABASE}.spans")
        assert 60 < share < 140

        two[1].kill()
        found = telemetry.gather("SELECT name FROM spans")
        assert found.table.num_rows == 200 - share
        (missing,) = found.missing
        assert missing.startswith(f"shard {two[1].host} does not answer")
        assert telemetry.status().absent_shards == (missing,)

        telemetry.append_otlp_traces(trace_request(["meanwhile"] * 200))
        telemetry.write("server_events", events("shop", ["small tables are on the first shard"]))
        wait_for(lambda: names_of(telemetry)["meanwhile"] > 60)
        wait_for(lambda: telemetry.query("SELECT message FROM server_events").num_rows == 1)
        with pytest.raises(StoreError, match=f"spans: {two[1].host} does not answer"):
            telemetry.flush(0.5)
        assert telemetry.status().spool_segments_count == 1

        two[1].start()
        telemetry.flush(30)
        found = telemetry.gather("SELECT name FROM spans")
        assert Counter(found.table["name"].to_pylist()) == {"before": 200, "meanwhile": 200}
        assert found.missing == ()
        assert telemetry.status().absent_shards == ()
        assert telemetry.status().last_load_error is None


def test_metrics_of_a_shard_that_is_away_are_missed_aloud_and_found_again(two: list[Shard], tmp_path: Path) -> None:
    metric_limits = MetricLimits(load_interval_s=0.05)
    address = address_of(*two)
    now = now_ms()

    def asked(telemetry: EmbeddedTelemetry) -> tuple[int, bool]:
        """How many samples there are, and whether the answer says that it is partial."""
        query = "sum(count_over_time(m[2h]))"
        answer = evaluate_range(telemetry.metrics, query, now + 60_000, now + 60_000, 60_000)
        partial = [text for text in answer.warnings if f"partial: shard {two[1].host} does not answer" in text]
        return int(answer.values.sum()), bool(partial)

    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, None, metric_limits, address=address) as telemetry:
        slots = telemetry.metrics.register([series_named(str(number)) for number in range(100)]).slots
        for minutes in range(60, 0, -1):
            telemetry.metrics.append(samples(slots, now - minutes * 60_000, [float(minutes)] * 100))
        telemetry.flush(30)
        assert asked(telemetry) == (6000, False)
    two[1].kill()
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, None, metric_limits, address=address) as telemetry:
        found, is_partial = asked(telemetry)
        assert is_partial
        assert 1800 < found < 4200
        two[1].start()
        wait_for(lambda: asked(telemetry) == (6000, False))


def test_closing_does_not_wait_for_a_shard_that_is_away(two: list[Shard], tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        two[1].kill()
        telemetry.append_otlp_traces(trace_request(["late"] * 100))
        wait_for(lambda: names_of(telemetry)["late"] > 20)
        begun_s = time.monotonic()
    assert time.monotonic() - begun_s < 10
    two[1].start()
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        telemetry.flush(30)
        assert names_of(telemetry) == {"late": 100}


def test_a_store_opens_without_its_second_shard_but_not_without_its_first(two: list[Shard], tmp_path: Path) -> None:
    address = address_of(*two)
    two[1].kill()
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address) as telemetry:
        telemetry.append_otlp_traces(trace_request(["early"] * 100))
        wait_for(lambda: names_of(telemetry)["early"] > 20)
        two[1].start()  # it has no tables yet
        telemetry.flush(30)
        assert names_of(telemetry) == {"early": 100}
    two[0].kill()
    with pytest.raises(StoreError, match=f"could not open the telemetry in .*: {two[0].host} does not answer"):
        EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address)


def test_a_shard_that_is_killed_under_load_loses_nothing_and_has_nothing_twice(
    two: list[Shard], tmp_path: Path
) -> None:
    draw = random.Random(7)
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        stop = threading.Event()
        written: list[str] = []

        def write() -> None:
            while not stop.is_set():
                name = f"r{len(written)}"
                telemetry.append_otlp_traces(trace_request([name] * SPANS))
                written.append(name)
                time.sleep(0.005)

        writer = threading.Thread(target=write)
        writer.start()
        for number in range(3):
            time.sleep(draw.uniform(0.2, 0.6))
            two[number % 2].kill()
            two[number % 2].start()
        stop.set()
        writer.join(20)
        telemetry.flush(60)
        assert len(written) > 20
        assert names_of(telemetry) == dict.fromkeys(written, SPANS)
        assert telemetry.status().quarantined_count == 0


def test_a_writer_that_is_killed_loses_nothing_acknowledged_and_has_nothing_twice(
    two: list[Shard], tmp_path: Path
) -> None:
    draw = random.Random(5)
    hosts = ",".join(shard.host for shard in two)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(3):
        command = [sys.executable, "-m", "tests.clickhouse.steady_writer", str(tmp_path / "data"), hosts, DATABASE]
        process = subprocess.Popen(
            [*command, str(first)],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged.add(int(process.stdout.readline()))
        timer = threading.Timer(draw.uniform(0.1, 0.7), process.kill)
        timer.start()
        acknowledged.update(int(line) for line in process.stdout if line.endswith("\n"))
        process.wait()
        process.stdout.close()
        first = max(acknowledged) + 2  # the next one may be in the spool without having been acknowledged
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        telemetry.flush(60)
        found = names_of(telemetry)
    assert len(acknowledged) > 20
    assert {name: count for name, count in found.items() if count != SPANS} == {}
    assert {f"r{number}" for number in acknowledged} <= set(found)


def test_an_insert_whose_answer_was_lost_is_over_before_its_rows_are_removed(
    two: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes on with it, and its rows would come after they were removed and loaded again."""
    real = Connection.run
    lost: list[str] = []
    late: list[threading.Thread] = []
    stored_at_s: list[float] = []

    def insert_late(*asked: object, query_id: str) -> None:
        begun_s = time.monotonic()
        real(*asked, query_id=query_id)  # type: ignore[arg-type]
        stored_at_s.append(time.monotonic() - begun_s)

    def run(self: Connection, sql: str, *rest: object, query_id: str, timeout_s: float | None = None) -> bytes:
        if sql.startswith("INSERT INTO server_events") and not lost:
            lost.append(query_id)
            slow = sql.replace(" FROM rows", " FROM rows WHERE sleepEachRow(1) = 0")
            late.append(threading.Thread(target=insert_late, args=(self, slow, *rest), kwargs={"query_id": query_id}))
            late[0].start()
            time.sleep(0.2)
            raise EngineRefused("the connection broke", code=210, is_machine=True, is_begun=True)
        return real(self, sql, *rest, query_id=query_id, timeout_s=timeout_s)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "run", run)
    monkeypatch.setattr(shard_module, "RETRY_S", 0.0)
    with EmbeddedTelemetry.open(tmp_path / "data", LIMITS, address=address_of(*two)) as telemetry:
        telemetry.write("server_events", events("shop", ["a", "b"]))
        telemetry.flush(30)
        late[0].join()
        assert stored_at_s[0] > 1.9
        assert sorted(telemetry.query("SELECT message FROM server_events")["message"].to_pylist()) == ["a", "b"]


def test_a_read_is_asked_again_where_the_connection_broke(two: list[Shard], monkeypatch: pytest.MonkeyPatch) -> None:
    real = Connection.run
    broken: list[str] = []

    def run(self: Connection, sql: str, *rest: object, query_id: str, timeout_s: float | None = None) -> bytes:
        if not broken:
            broken.append(sql)
            raise EngineRefused("the connection broke", code=210, is_machine=True, is_begun=True)
        return real(self, sql, *rest, query_id=query_id, timeout_s=timeout_s)  # type: ignore[arg-type]

    engine = ClickHouseEngine(address_of(*two), LIMITS, "somebody")
    monkeypatch.setattr(Connection, "run", run)
    assert engine.read("SELECT 1 AS one")["one"].to_pylist() == [1]
    assert broken
    engine.close()
