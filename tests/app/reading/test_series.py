"""Lines: nothing observed is a gap, nothing ran is zero; units, waits, counters, marks; bad keys refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.app.reading.conftest import Reading, SmallDay
from tests.store.facts_of_a_shop import executions, slice_rows
from trimtab.app.reading.answers import Series
from trimtab.app.reading.keys import SHAPE_MEASURES, SYSTEM_MEASURES
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import InputError
from trimtab.store.tables import table_of

pytestmark = pytest.mark.store
MINUTE_MS = 60_000


def line(reading: Reading, key: str, within: Range, points: int = 60) -> Series:
    [found] = reading.reader.series([key], within, points).series
    return found


def rounded(reading: Reading, minutes_ago: int) -> int:
    return (reading.clock.now_ms() - minutes_ago * MINUTE_MS) // MINUTE_MS * MINUTE_MS


def test_gaps_zeros_and_rates(reading: Reading) -> None:
    start = rounded(reading, 30)
    seen = [0, 1, 2, 3, 7, 8, 9]
    windows = {i: (start + 1000 * i, start + 1000 * (i + 1)) for i in seen}
    reading.telemetry.write("query_slices", slice_rows("shop", list(windows.values())))
    reading.telemetry.write(
        "query_executions", executions("shop", [("aa", *windows[1], 4, 20.0), ("aa", *windows[7], 2, 30.0)])
    )
    reading.telemetry.flush(20)
    within = Range(start, start + MINUTE_MS)
    answer = reading.reader.series(
        [f"shape/shop/aa/{m}" for m in ("mean_ms", "calls_per_s", "load_ms_per_s", "rows_per_s", "read_blocks_per_s")],
        within,
    )
    assert (answer.from_ms, answer.to_ms, answer.step_ms) == (start, start + MINUTE_MS, 1000)
    mean, calls, load, rows, blocks = (series.values for series in answer.series)
    assert len(mean) == 60
    assert mean[:10] == [None, 5.0, None, None, None, None, None, 15.0, None, None]
    # the step behind a slice is told by it (slices are not aligned to steps); then there is a gap
    assert calls[:10] == [0.0, 4.0, 0.0, 0.0, 0.0, None, None, 2.0, 0.0, 0.0]
    assert load[7] == 30.0
    assert rows[1] == 8.0
    assert blocks[1] == 0.0
    assert set(calls[11:]) == {None}
    assert [series.unit for series in answer.series] == ["ms", "calls/s", "ms/s", "rows/s", "blocks/s"]


def test_a_slice_longer_than_a_step_tells_all_its_steps(reading: Reading) -> None:
    start = rounded(reading, 30)
    windows = [(start + 5000 * i, start + 5000 * (i + 1)) for i in range(4)]
    reading.telemetry.write("query_slices", slice_rows("shop", windows))
    reading.telemetry.write("query_executions", executions("shop", [("aa", *windows[1], 10, 10.0)]))
    reading.telemetry.flush(20)
    values = line(reading, "system/shop/calls_per_s", Range(start, start + MINUTE_MS)).values
    assert values[:21] == [0.0] * 5 + [2.0] * 5 + [0.0] * 11
    assert values[21:] == [None] * 39


def test_the_future_is_not_observed(reading: Reading) -> None:
    start = rounded(reading, 0) - MINUTE_MS
    reading.telemetry.write("query_slices", slice_rows("shop", [(start, start + 50_000)]))
    reading.telemetry.flush(20)
    reading.clock.at_ms = start + 20_000
    values = line(reading, "system/shop/load_ms_per_s", Range(start, start + MINUTE_MS)).values
    assert values == [0.0] * 21 + [None] * 39


def test_sessions_and_waits_are_averages_over_looks(reading: Reading) -> None:
    start = rounded(reading, 30)
    reading.telemetry.write(
        "query_slices", slice_rows("shop", [(start + 1000 * i, start + 1000 * i + 1000) for i in range(60)])
    )
    rows = [
        {
            "system": "shop",
            "sampled_at_ms": start + 1000 * second,
            "fingerprint": "",
            "state": state,
            "wait_event_type": kind,
            "wait_event": event,
            "sessions_count": count,
            "duration_ms_max": 1.0,
        }
        for second, state, kind, event, count in (
            (0, "active", "", "", 3),
            (0, "active", "Lock", "tuple", 1),
            (0, "active", "Lock", "transactionid", 1),
            (0, "idle", "Client", "ClientRead", 50),
            (1, "active", "", "", 2),
        )
    ]
    reading.telemetry.write("activity_samples", table_of("activity_samples", rows))
    reading.telemetry.flush(20)
    within = Range(start, start + MINUTE_MS)
    active = line(reading, "system/shop/sessions_active", within)
    assert (active.values[:3], active.unit) == ([5.0, 2.0, 0.0], "sessions")
    waits = reading.reader.series(["system/shop/waits"], within).series
    assert [(wait.name, wait.values[:3]) for wait in waits] == [("running", [3.0, 2.0, 0.0]), ("Lock", [2.0, 0.0, 0.0])]
    coarse = reading.reader.series(["system/shop/waits"], within, 12).series
    assert [(wait.name, wait.values[0]) for wait in coarse] == [("running", 1.0), ("Lock", 0.4)]


def test_numbers_of_the_server_hold_until_the_next_look_and_counters_are_rates(reading: Reading) -> None:
    start = rounded(reading, 30)
    rows = [
        {"system": "shop", "sampled_at_ms": start + 30_000 * i, "name": name, "value": value, "unit": unit}
        for i in range(4)
        for name, value, unit in (("connections", 10.0 + i, "sessions"), ("deadlocks", 6.0, "deadlocks"))
    ]
    reading.telemetry.write("server_statistics", table_of("server_statistics", rows))
    reading.telemetry.flush(20)
    within = Range(start, start + 3 * MINUTE_MS)
    connections = line(reading, "server/shop/connections", within, 18)
    assert connections.unit == "sessions"
    assert connections.values[:12] == [10.0] * 3 + [11.0] * 3 + [12.0] * 3 + [13.0] * 3
    deadlocks = line(reading, "server/shop/deadlocks", within, 18)
    assert deadlocks.unit == "deadlocks/s"
    assert deadlocks.values[:12] == [None] * 3 + [0.2] * 9, "what the first sample adds to is not known"
    assert connections.values[-1] is None
    assert set(line(reading, "server/shop/nothing", within).values) == {None}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "shape",
        "shape/shop/mean_ms",
        "shape/shop/aa/weight_kg",
        "shape//aa/mean_ms",
        "system/shop",
        "system/shop/p95_ms",
        "server/shop/",
        "weather/shop/rain",
        "self/",
        "system/" + "x" * 500 + "/waits",
    ],
)
def test_what_is_no_key(reading: Reading, key: str) -> None:
    with pytest.raises(InputError) as caught:
        reading.reader.series([key], Range(0, MINUTE_MS))
    assert caught.value.facts["field"] == "key"
    assert len(caught.value.message) < 350


def test_questions_are_bounded(reading: Reading) -> None:
    within = Range(rounded(reading, 30), rounded(reading, 10))
    for points in (9, 10_001):
        with pytest.raises(InputError):
            reading.reader.series(["system/shop/waits"], within, points)
    with pytest.raises(InputError):
        reading.reader.series([f"server/shop/n{i}" for i in range(25)], within)
    assert reading.reader.series([], within).series == ()


@pytest.mark.parametrize(("hours", "points"), [(0.5, 10_000), (0.5, 300), (4.5, 10_000), (4.5, 300), (4.5, 12)])
def test_every_measure_of_a_day(day: SmallDay, hours: float, points: int) -> None:
    """Whatever tables it is answered from: lines are whole, and add up to what the list of shapes says."""
    within = day.last(hours)
    name = day.day.hot[0].shape.fingerprint
    keys = [f"shape/shop/{name}/{measure}" for measure in SHAPE_MEASURES]
    keys += [f"system/shop/{measure}" for measure in SYSTEM_MEASURES]
    answer = day.reader.series([*keys, "server/shop/connections", "server/shop/blocks_read"], within, points)
    count = (answer.to_ms - answer.from_ms) // answer.step_ms
    assert count <= points
    assert {len(series.values) for series in answer.series} == {count}
    by_key = {series.key: np.array([v if v is not None else np.nan for v in series.values]) for series in answer.series}
    [row] = day.reader.shapes("shop", Range(answer.from_ms, answer.to_ms), search=name).rows
    load = by_key[f"shape/shop/{name}/load_ms_per_s"]
    assert float(np.nanmean(load)) == pytest.approx(row.load_ms_per_s, rel=0.05)
    assert float(np.nanmean(by_key[f"shape/shop/{name}/calls_per_s"])) == pytest.approx(row.calls_per_s, rel=0.05)
    p50, p95, p99 = (by_key[f"shape/shop/{name}/{level}_ms"] for level in ("p50", "p95", "p99"))
    told = ~np.isnan(p50)
    assert told.any()
    assert (p50[told] <= p95[told]).all()
    assert (p95[told] <= p99[told]).all()
    if points == 12:
        whole = day.reader.shapes("shop", within, search=name).rows[0].p95_ms
        assert whole is not None
        assert float(np.nanmedian(p95)) == pytest.approx(whole, rel=0.5)


def test_marks_tell_findings_changes_verdicts_and_what_befell_the_server(day: SmallDay) -> None:
    marks = day.reader.series(["system/shop/load_ms_per_s"], day.last(5)).marks
    assert {mark.kind for mark in marks} == {"finding", "change", "verdict", "event"}
    assert [mark.at_ms for mark in marks] == sorted(mark.at_ms for mark in marks)
    builds = [mark for mark in marks if mark.kind == "change"]
    assert all(mark.end_ms is None or mark.end_ms > mark.at_ms for mark in builds)
    assert all(mark.change_id and mark.case_id for mark in builds)
    assert day.reader.series([], day.last(5)).marks == ()


def test_the_lines_of_one_query_have_no_findings_of_others_as_marks(day: SmallDay) -> None:
    all_marks = day.reader.series(["system/shop/load_ms_per_s"], day.last(5)).marks
    case_of = {mark.case_id: mark for mark in all_marks if mark.kind == "finding"}
    own = day.state.case(min(case for case in case_of if case is not None)).fingerprint
    marks = day.reader.series([f"shape/shop/{own}/mean_ms"], day.last(5)).marks
    found = {mark.case_id for mark in marks if mark.kind == "finding"}
    assert found
    assert {day.state.case(case).fingerprint for case in found if case is not None} == {own}
    others = [mark for mark in marks if mark.kind in ("change", "verdict") and mark.case_id not in found]
    assert others
    assert all(mark.label.endswith(", for another query") for mark in others)
    mixed = day.reader.series([f"shape/shop/{own}/mean_ms", "system/shop/load_ms_per_s"], day.last(5)).marks
    assert len(mixed) == len(all_marks)
