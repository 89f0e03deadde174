"""Sums by the minute say what the rows say: at any moment, over crashes, and when rows come late."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.facts_of_a_shop import executions, now_ms, slice_rows, trace_request
from trimtab.model.errors import EngineRefused
from trimtab.store import rollup
from trimtab.store.engine import Merge
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.grid import grid_of
from trimtab.store.latencies import quantile_by_shape, quantile_lines
from trimtab.store.lines import execution_lines, observed_line
from trimtab.store.rollup import MINUTE_MS, ROLLUPS
from trimtab.store.shape_sums import observed_ms, shape_sums, system_sums
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
HOUR_MS = 3_600_000


@pytest.fixture
def limits() -> TelemetryLimits:
    """Rolls up each time something was loaded."""
    return TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2, rollup_interval_s=0.0)


def wait_until_rolled(telemetry: EmbeddedTelemetry) -> None:
    """All that is loaded is told by minutes."""
    telemetry.flush(20)
    give_up_at = time.monotonic() + 20
    for source in (each.source for each in ROLLUPS):
        newest_of_all = Merge(group_by=(), how={"id": "max"})
        found = telemetry.gather(f"SELECT max(spool_segment) AS id FROM {source}", None, newest_of_all).table
        newest = found["id"][0].as_py()
        while telemetry.marks()[source] < newest:
            assert time.monotonic() < give_up_at, telemetry.status().last_rollup_error
            time.sleep(0.01)


Row = tuple[str, int, int, int, float]


def some_rows(draw: random.Random, start_ms: int, hours: float, count: int) -> list[Row]:
    """Rows at random moments: (fingerprint, start, end, calls, time)."""
    rows = []
    for _ in range(count):
        at = start_ms + draw.randrange(int(hours * HOUR_MS))
        rows.append((f"{draw.randrange(20):016x}", at, at + 1000, draw.randrange(1, 9), draw.random()))
    return rows


def expected(rows: list[Row], start_ms: int, end_ms: int) -> dict[str, tuple[int, float]]:
    sums: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for fingerprint, at, _, calls, total in rows:
        if start_ms <= at < end_ms:
            sums[fingerprint] = (sums[fingerprint][0] + calls, sums[fingerprint][1] + total)
    return sums


def check(telemetry: EmbeddedTelemetry, rows: list[Row], start_ms: int, end_ms: int, *, minutes: bool = True) -> None:
    """Minutes and rows together say what a plain loop over the rows says."""
    found = shape_sums(telemetry, start_ms, end_ms, "shop")
    assert ("query_minutes" in found.source) is minutes
    want = expected(rows, start_ms, end_ms)
    assert dict(zip(found.fingerprints, found.calls.tolist(), strict=True)) == {k: v[0] for k, v in want.items()}
    for fingerprint, total in zip(found.fingerprints, found.total_exec_time_ms, strict=True):
        assert total == pytest.approx(want[fingerprint][1])


def test_any_window_is_answered_exactly(telemetry: EmbeddedTelemetry) -> None:
    draw = random.Random(3)
    start = now_ms() - 8 * HOUR_MS
    rows = some_rows(draw, start, 8, 4000)
    telemetry.write("query_executions", executions("shop", rows[:3000]))
    telemetry.write("query_executions", executions("other", rows[:100]))
    wait_until_rolled(telemetry)
    telemetry._loader._roller._interval_s = 3600.0
    telemetry.write("query_executions", executions("shop", rows[3000:3500]))  # rolled up once more at most
    telemetry.write("query_executions", executions("shop", rows[3500:]))  # late, and told by rows alone
    telemetry.flush(20)
    for _ in range(20):
        low = start + draw.randrange(5 * HOUR_MS)
        check(telemetry, rows, low, low + 2 * HOUR_MS + 1 + draw.randrange(HOUR_MS))
    check(telemetry, rows, start, start + HOUR_MS, minutes=False)


def test_what_was_rolled_up_before_is_found_after_a_restart(tmp_path: Path, limits: TelemetryLimits) -> None:
    start = now_ms() - 5 * HOUR_MS
    rows = some_rows(random.Random(4), start, 5, 500)
    with EmbeddedTelemetry.open(make_tables(tmp_path), limits) as telemetry:
        telemetry.write("query_executions", executions("shop", rows[:400]))
        wait_until_rolled(telemetry)
        marks = dict(telemetry.marks())
    with EmbeddedTelemetry.open(tmp_path, limits) as telemetry:
        assert telemetry.marks() == marks
        telemetry.write("query_executions", executions("shop", rows[400:]))
        wait_until_rolled(telemetry)
        check(telemetry, rows, start, start + 5 * HOUR_MS)
        raw = telemetry.query("SELECT sum(calls) AS n FROM query_minutes")["n"][0].as_py()
        assert raw == sum(row[3] for row in rows)


@pytest.mark.parametrize("place", ["INSERT INTO query_minutes", "INSERT INTO rollup_marks"])
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_roll_up_that_breaks_off_is_made_again(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch, place: str, is_stored: bool
) -> None:
    """Whether the engine had stored it or not when it refused."""
    real: Callable[..., object] = EmbeddedEngine.write
    refusals = [3]

    def write(self: EmbeddedEngine, sql: str, *rest: object) -> object:
        if sql.startswith(place) and refusals[0] > 0:
            refusals[0] -= 1
            if is_stored:
                real(self, sql, *rest)
            raise EngineRefused("no room")
        return real(self, sql, *rest)

    monkeypatch.setattr(EmbeddedEngine, "write", write)
    start = now_ms() - 5 * HOUR_MS
    rows = some_rows(random.Random(5), start, 5, 600)
    for first in range(0, 600, 100):
        telemetry.write("query_executions", executions("shop", rows[first : first + 100]))
        telemetry.flush(20)
        check(
            telemetry,
            rows[: first + 100],
            start,
            start + 5 * HOUR_MS,
            minutes=telemetry.marks()["query_executions"] > 0,
        )
    wait_until_rolled(telemetry)
    assert refusals == [0]
    check(telemetry, rows, start, start + 5 * HOUR_MS)
    assert telemetry.query("SELECT sum(calls) AS n FROM query_minutes")["n"][0].as_py() == sum(r[3] for r in rows)


def test_a_segment_that_waits_holds_the_mark_back(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an older segment cannot be loaded, a newer one is not rolled up past it."""
    start = now_ms() - 5 * HOUR_MS
    rows = some_rows(random.Random(6), start, 5, 300)
    telemetry.write("query_executions", executions("shop", rows[:100]))
    wait_until_rolled(telemetry)
    mark = telemetry.marks()["query_executions"]
    first_id = telemetry._spool.first_id
    monkeypatch.setattr(
        telemetry._spool, "first_id", lambda name: mark + 1 if name == "query_executions" else first_id(name)
    )
    telemetry.write("query_executions", executions("shop", rows[100:200]))
    telemetry.flush(20)
    time.sleep(0.2)
    assert telemetry.marks()["query_executions"] == mark
    check(telemetry, rows[:200], start, start + 5 * HOUR_MS)
    monkeypatch.undo()
    telemetry.write("query_executions", executions("shop", rows[200:]))
    wait_until_rolled(telemetry)
    check(telemetry, rows, start, start + 5 * HOUR_MS)


def test_a_long_history_is_rolled_up_in_portions(telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "ROWS_MAX", 150)
    telemetry._loader._roller._next_s = time.monotonic() + 3600
    start = now_ms() - 5 * HOUR_MS
    rows = some_rows(random.Random(7), start, 5, 700)
    for first in range(0, 700, 100):
        telemetry.write("query_executions", executions("shop", rows[first : first + 100]))
        telemetry.flush(20)
    assert telemetry.marks()["query_executions"] == 0
    telemetry._loader._roller._next_s = 0.0
    telemetry._loader.wake()  # it would wait for what `_next_s` was
    wait_until_rolled(telemetry)
    rolls = telemetry.query("SELECT uniqExact(roll) AS n FROM query_minutes")["n"][0].as_py()
    assert rolls == 7
    check(telemetry, rows, start, start + 5 * HOUR_MS)


def test_lines_by_minutes_and_by_rows_agree(telemetry: EmbeddedTelemetry) -> None:
    draw = random.Random(8)
    start = (now_ms() - 6 * HOUR_MS) // HOUR_MS * HOUR_MS
    rows = some_rows(draw, start, 5, 2000)
    windows = [(start + 1000 * i, start + 1000 * i + 1000) for i in range(5 * 3600) if draw.random() < 0.7]
    telemetry.write("query_executions", executions("shop", rows))
    telemetry.write("query_slices", slice_rows("shop", windows))
    names = [f"{shape:016x}" for shape in (3, 99, 7)]
    for is_rolled in (False, True):
        if is_rolled:
            wait_until_rolled(telemetry)
        telemetry.flush(20)
        fine, coarse = grid_of(start, start + 5 * HOUR_MS, 5000), grid_of(start, start + 5 * HOUR_MS, 100)
        assert (fine.step_ms, coarse.step_ms) == (5000, 300_000)
        for grid in (fine, coarse):
            lines = execution_lines(telemetry, "shop", grid, names, ["calls"])
            for line, name in enumerate(names):
                mine = [row for row in rows if row[0] == name]
                want = np.bincount([(r[1] - start) // grid.step_ms for r in mine], [r[3] for r in mine], grid.count)
                assert lines["calls"][line].tolist() == want.tolist()
            everything = execution_lines(telemetry, "shop", grid)
            assert everything["calls"].sum() == sum(row[3] for row in rows)
            assert everything["total_exec_time_ms"].sum() == pytest.approx(sum(row[4] for row in rows))
            observed, slices = observed_line(telemetry, "shop", grid)
            want = np.bincount([(low - start) // grid.step_ms for low, _ in windows], minlength=grid.count)
            assert slices.tolist() == want.tolist()
            assert observed.tolist() == (want * 1000).tolist()
        assert observed_ms(telemetry, start, start + 5 * HOUR_MS) == {"shop": 1000 * len(windows)}
        sums = system_sums(telemetry, start, start + 5 * HOUR_MS)["shop"]
        assert (sums.calls, sums.observed_ms) == (sum(row[3] for row in rows), 1000 * len(windows))


def test_quantiles_from_buckets_are_within_two_percent(telemetry: EmbeddedTelemetry) -> None:
    draw = random.Random(9)
    minute = (now_ms() - 10 * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    durations = {text: [draw.lognormvariate(1 + 2 * i, 1.0) for _ in range(2000)] for i, text in enumerate(TEXTS)}
    for text, values in durations.items():
        for first in range(0, 2000, 500):
            body = trace_request(
                [f"s{first + i}" for i in range(500)],
                text=text,
                durations_ms=values[first : first + 500],
                start_ns=(minute + first // 500 * MINUTE_MS) * 1_000_000,
            )
            telemetry.append_otlp_traces(body)
    end = minute + 9 * MINUTE_MS
    start = end - 3 * HOUR_MS
    for is_rolled in (False, True):
        if is_rolled:
            wait_until_rolled(telemetry)
        telemetry.flush(20)
        exact = quantile_by_shape(telemetry, 0.95, end - HOUR_MS, end)
        near = quantile_by_shape(telemetry, 0.95, start, end)
        assert len(exact) == 2
        error = 0.02 if telemetry.is_spread else 1e-6  # shards are asked for counts in buckets alone
        assert sorted(exact.values()) == pytest.approx([float(np.quantile(v, 0.95)) for v in durations.values()], error)
        assert near == pytest.approx(exact, rel=0.02)
        [name] = [name for name, value in exact.items() if value == min(exact.values())]
        assert quantile_by_shape(telemetry, 0.95, start, end, [name, "none"]) == pytest.approx({name: near[name]})
        grid = grid_of(start, end, 200)
        lines = quantile_lines(telemetry, name, (0.5, 0.99), grid)
        seen = np.flatnonzero(~np.isnan(lines[0]))
        assert seen.tolist() == [(minute - start) // MINUTE_MS + i for i in range(4)]
        for i, place in enumerate(seen):
            part = durations[TEXTS[0]][500 * i : 500 * i + 500]
            assert lines[0, place] == pytest.approx(np.quantile(part, 0.5), rel=0.03)
            assert lines[1, place] == pytest.approx(np.quantile(part, 0.99), rel=0.1)


TEXTS = ("SELECT * FROM orders WHERE id = 1", "SELECT * FROM users WHERE id = 1")
