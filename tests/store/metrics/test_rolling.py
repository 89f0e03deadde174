"""Roll-ups say what a plain loop over the samples says: over resets, stale markers, late samples and crashes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import Points, now_ms, read, samples, series_named
from tests.store.metrics.test_store import SERIES, STALE, opened
from trimtab.model.errors import EngineRefused
from trimtab.store.metrics.block import Matcher
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS, Column
from trimtab.store.metrics.rolling import MetricRoller
from trimtab.store.metrics.rollups import Rollups
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
COLUMNS: Sequence[Column] = (
    "samples_count",
    "value_sum",
    "value_min",
    "value_max",
    "first_at_ms",
    "first_value",
    "last_at_ms",
    "last_value",
    "increase",
    "ended_at_ms",
)
DAY = 86_400_000
Row = tuple[float, ...]


def is_stale(value: float) -> bool:
    return bool(np.float64(value).view(np.uint64) == STALE.view(np.uint64))


def expected(found: Points, width_ms: int) -> dict[tuple[str, int], Row]:
    """Row by series and end of window. Hours are made of windows of five minutes: the end of a series that stands alone
    in such a window is not kept, so that it seems to go on for the five minutes of the lookback at most."""
    windows: dict[tuple[str, int], list[tuple[int, float]]] = defaultdict(list)
    for name, points in found.items():
        for at_ms, value in points:
            windows[name, -(-at_ms // width_ms) * width_ms].append((at_ms, value))
    rows: dict[tuple[str, int], Row] = {}
    for key, points in windows.items():
        there = [(at_ms, value) for at_ms, value in points if not is_stale(value)]
        if not there:
            continue
        values = [value for _, value in there]
        numbers = [value for value in values if not math.isnan(value)] or [math.nan]
        grown = 0.0
        for before, now in pairwise(values):
            grown += now if now < before else now - before
        last, last_there = points[-1][0], there[-1][0]
        is_kept = -(-last // MINUTES_MS) == -(-last_there // MINUTES_MS)
        ended = last if is_stale(points[-1][1]) and is_kept else 0
        rows[key] = (
            len(values), sum(values), min(numbers), max(numbers), *there[0], *there[-1], grown, ended
        )  # fmt: skip
    return rows


def rolled(telemetry: EmbeddedTelemetry, width_ms: int) -> dict[tuple[str, int], Row]:
    block = telemetry.metrics.select_rolled([[Matcher("__name__", "=", "m")]], width_ms, 0, 1 << 60, COLUMNS)
    rows: dict[tuple[str, int], Row] = {}
    for labels, first, end in zip(block.labels, block.offsets[:-1].tolist(), block.offsets[1:].tolist(), strict=True):
        for row in range(first, end):
            rows[dict(labels)["name"], int(block.end_ms[row])] = tuple(
                float(block.columns[name][row]) for name in COLUMNS
            )
    return rows


def check(telemetry: EmbeddedTelemetry) -> int:
    """Compare both resolutions with the samples; how many windows there are."""
    mark = telemetry.metrics.rollups.roller.mark
    assert mark is not None
    found = read(telemetry.metrics, 0, 1 << 60)
    count = 0
    for width_ms, to_ms in ((MINUTES_MS, mark.minutes_to_ms), (HOURS_MS, mark.hours_to_ms)):
        wanted = {key: row for key, row in expected(found, width_ms).items() if key[1] <= to_ms}
        seen = rolled(telemetry, width_ms)
        assert seen.keys() == wanted.keys()
        for key, row in wanted.items():
            assert seen[key] == pytest.approx(row, rel=1e-12, nan_ok=True), key
        count += len(wanted)
    return count


def roll(telemetry: EmbeddedTelemetry) -> None:
    telemetry.flush(20)
    telemetry.metrics.rollups.roller.roll(now_ms(), 0)


def some(draw: np.random.Generator, begin_ms: int, scrapes: int) -> list[tuple[np.ndarray, list[float]]]:
    """Scrapes of the first ten series: times with jitter, and counters that fall, gauges, NaNs and stale markers."""
    values = np.zeros(10)
    found = []
    for scrape in range(scrapes):
        values += draw.random(10)
        values[draw.random(10) < 0.03] = draw.random()
        shown = values.copy()
        shown[3] = math.nan if draw.random() < 0.5 else draw.normal()
        shown[4] = math.nan
        shown[draw.random(10) < 0.02] = STALE
        found.append((begin_ms + scrape * 30_000 + draw.integers(0, 1000, 10), shown.tolist()))
    return found


def test_rows_say_what_samples_say_also_when_they_come_late(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    begin = now_ms() - 5 * HOURS_MS
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[:10]).slots
        scrapes = some(draw, begin, 580)
        late = [scrapes.pop(place) for place in (580 - 2, 300, 299, 250, 4)]
        for at_ms, values in scrapes[:300]:
            metrics.append(samples(slots, at_ms.tolist(), values))
        roll(telemetry)
        first = check(telemetry)
        assert first > 0
        for at_ms, values in scrapes[300:]:
            metrics.append(samples(slots, at_ms.tolist(), values))
        roll(telemetry)
        assert check(telemetry) > first
        roller = metrics.rollups.roller
        before = roller.late_windows_count
        # late ones: the newest of a series may be an hour older, so they come with a series of their own, too
        others = metrics.register([series_named(f"late{number}") for number in range(10)]).slots
        for at_ms, values in reversed(late):
            metrics.append(samples(others, at_ms.tolist(), values))
            metrics.append(samples(slots, at_ms.tolist(), values))
        roll(telemetry)
        check(telemetry)
        assert roller.late_windows_count - before >= 3
        again = SAMPLES.pack(
            {
                "id": metrics._parts.registry.ids[slots[:1]],
                "at_ms": np.array([scrapes[30][0][0]]),
                "value": np.array([7.0]),
            }
        )
        telemetry._spool.append(SAMPLES.name, again, 1)  # as when two senders come with other values at one moment
        metrics._parts.hot.begin_reload(now_ms() + DAY)  # as if all had been evicted
        roll(telemetry)
        check(telemetry)
    with opened(tmp_path) as telemetry:
        assert telemetry.metrics.wait_until_read_back(30)
        assert telemetry.metrics.kept() is not None
        check(telemetry)


@pytest.mark.parametrize("step", ["INSERT INTO metric_minutes_5", "INSERT INTO metric_hours", "metric_rollup_marks"])
def test_a_crash_between_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    begin = (
        now_ms() // HOURS_MS * HOURS_MS - 3 * HOURS_MS
    )  # what comes late is of an hour that is over, whatever the time
    scrapes = some(np.random.default_rng(6), begin, 300)
    late = scrapes.pop(280)
    monkeypatch.setattr(Rollups, "keep", lambda _: None)  # no pass but those of the test
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[:10]).slots
        for at_ms, values in scrapes:
            metrics.append(samples(slots, at_ms.tolist(), values))
        write = telemetry._engine.write

        def broken(sql: str, parameters: dict[str, object] | None = None, bodies: object = None) -> object:
            answer = write(sql, parameters, bodies)  # type: ignore[arg-type]
            if step in sql and "INSERT" in sql:
                raise EngineRefused("the process was killed here")
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(telemetry._engine, "write", broken)
            with pytest.raises(EngineRefused):
                roll(telemetry)
    with opened(tmp_path) as telemetry:  # a new process knows only what the engine has
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        roll(telemetry)
        check(telemetry)
        slots = metrics.register(SERIES[:10]).slots
        metrics.append(samples(slots, late[0].tolist(), late[1]))
        write = telemetry._engine.write
        with monkeypatch.context() as patch:
            patch.setattr(telemetry._engine, "write", broken)
            with pytest.raises(EngineRefused):
                roll(telemetry)
    with opened(tmp_path) as telemetry:
        roll(telemetry)
        check(telemetry)


@pytest.mark.usefixtures("kept_by_hand")
def test_a_full_engine_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[:1]).slots
        metrics.append(samples(slots, now_ms() - 1_000_000, [1.0]))
        telemetry.flush(20)

        def refuse(*_: object) -> None:
            raise EngineRefused("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(MetricRoller, "_insert", refuse)
            metrics.rollups.keep()
        assert "No space left" in (metrics.status().rollup_error or "")
        metrics.rollups.keep()
        status = metrics.status()
        assert (status.rollup_error, status.rolled_windows_count) == (None, 1)
        assert status.rolled_to_ms > now_ms() - 400_000
