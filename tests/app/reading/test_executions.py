"""Single executions: the slowest, the newest, and no statement's literals."""

from __future__ import annotations

import pytest

from tests.app.reading.conftest import Reading
from tests.store.facts_of_a_shop import trace_request
from trimtab.app.reading.answers import ExecutionOrder
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import InputError, NotFound

pytestmark = pytest.mark.store
MINUTE_MS = 60_000


def test_slowest_and_newest(reading: Reading) -> None:
    start = reading.clock.now_ms() - 10 * MINUTE_MS
    durations = [float(100 + i % 50) for i in range(200)]
    body = trace_request(
        [f"s{i}" for i in range(200)],
        text="SELECT * FROM users WHERE email = 'ann@example.org'",
        durations_ms=durations,
        start_ns=start * 1_000_000,
        attributes={"db.namespace": "shop", "note": "x" * 2000},
    )
    reading.telemetry.append_otlp_traces(body)
    reading.telemetry.flush(20)
    found = reading.telemetry.query("SELECT any(db_query_fingerprint) AS f FROM spans")
    fingerprint = str(found["f"][0].as_py())
    within = Range(start - MINUTE_MS, start + MINUTE_MS)
    slowest = reading.reader.executions("shop", fingerprint, within, limit=6)
    assert [execution.duration_ms for execution in slowest] == [149.0] * 4 + [148.0] * 2
    newest = reading.reader.executions("shop", fingerprint, within, ExecutionOrder.NEWEST, limit=3)
    assert len(newest) == 3
    assert newest[0].duration_ms == durations[-1]
    assert (newest[0].service, newest[0].status, newest[0].started_at_ms) == ("shop", "unset", start)
    assert newest[0].attributes["db.namespace"] == "shop"
    assert len(newest[0].attributes["note"]) == 500
    assert "ann@example.org" not in str(slowest)
    assert (
        len({execution.span_id for execution in reading.reader.executions("shop", fingerprint, within, limit=1000)})
        == 200
    )
    assert reading.reader.executions("shop", "none", within) == ()


def test_what_is_refused(reading: Reading) -> None:
    within = Range(0, MINUTE_MS)
    with pytest.raises(NotFound):
        reading.reader.executions("nowhere", "aa", within)
    for limit in (0, 1001):
        with pytest.raises(InputError):
            reading.reader.executions("shop", "aa", within, limit=limit)
