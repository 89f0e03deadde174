"""Logs over HTTP, on two shards: searched, counted and grouped as if they were on one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clickhouse.servers import Shard, address_of
from tests.clickhouse.test_served import logs_request
from tests.store.logs import test_reads
from tests.store.traces.test_calls import roll
from trimtab.store.engine import Merge
from trimtab.store.frames import Message
from trimtab.store.logs.answers import LogQuery
from trimtab.store.logs.reads import LogReads
from trimtab.store.logs.sink import LogsSink
from trimtab.store.telemetry import EmbeddedTelemetry

_CHOSEN = (
    "logs",
    "everything",
    "test_what_is_found",
    "test_the_other_fields_of_a_query",
    "test_pages",
    "test_around",
    "test_a_histogram",
    "test_patterns",
    "test_fields_and_values",
)
globals().update({name: getattr(test_reads, name) for name in _CHOSEN})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, running: list[Shard]) -> Iterator[EmbeddedTelemetry]:
    """Records of several services, which are spread over both shards."""
    for shard in running:
        shard.ask("CREATE DATABASE logs")
    address = address_of(*running, database="logs")
    with EmbeddedTelemetry.open(tmp_path_factory.mktemp("logs"), test_reads.LIMITS, address=address) as opened:
        rows = test_reads.made()
        for start in range(0, test_reads.RECORDS_COUNT, 500):
            opened.logs.append_rows(rows[start : start + 500])
        opened.flush()
        assert all(shard.count("logs.log_records") > 0 for shard in running)
        yield opened
    for shard in running:
        shard.ask("DROP DATABASE logs")


def test_sums_by_the_minute_of_both_shards_say_what_records_say(
    store: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = LogQuery(test_reads.FROM_MS - 4 * 3_600_000, test_reads.NOW_MS + 3_600_000)

    def told() -> object:
        reads = LogReads(store)
        found = [
            (one.template, one.count, one.by_level, one.first_ns, one.last_ns, sorted(one.services))
            for one in reads.patterns(query).patterns
        ]
        return reads.histogram(query, 60), sorted(found), sorted(reads.attribute_values(query, "service").values)

    with monkeypatch.context() as nothing_is_summed_up:
        nothing_is_summed_up.setattr(EmbeddedTelemetry, "marks", lambda _store: {})
        by_records = told()
    roll(store)
    assert store.marks()["log_records"] > 0
    with_minutes = store.gather("SELECT sum(records_count) AS n FROM log_minutes", None, Merge(group_by=()))
    assert with_minutes.table["n"].to_pylist() == [test_reads.RECORDS_COUNT]
    assert told() == by_records


def test_a_segment_that_two_shards_take_is_told_once(store: EmbeddedTelemetry) -> None:
    engine = store._engine
    sink = LogsSink(engine, 14)
    told: list[int] = []
    sink.on_stored = lambda segment_id, tables: told.extend([segment_id] * sum(table.num_rows for table in tables))
    for shard in engine.shards:
        with engine.at(shard):
            sink.load(77, [Message(0, 80, logs_request(80))])
    assert told == [77] * 80
    stored = engine.gather("SELECT body FROM log_records WHERE spool_segment = 77").table
    assert len(set(stored["body"].to_pylist())) == stored.num_rows == 80
    for shard in engine.shards:
        with engine.at(shard):
            engine.write("DELETE FROM log_records WHERE spool_segment = 77")
