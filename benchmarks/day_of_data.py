"""Fills a data directory with a believable day: what pages and reads are measured on.

    python -m benchmarks.day_of_data DIRECTORY [--seed 1] [--hours 24] [--slice-ms 1000] [--shapes 10000]

One system with slices of a second: some forty shapes in each of them, ten thousand that run now and then; sessions,
numbers of the server, spans of the application; cases in every state, with their changes and ledger. Everything goes
in by the stores' own doors, so that a server can be started on the directory. The same seed and end give the same
facts (only names of changes differ: they are drawn anew).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa

from benchmarks.day import cases, facts, plans, spans
from benchmarks.day.shapes import HotShape, draw_shapes, heat
from trimtab.model.query import QueryShape
from trimtab.model.system import System
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

SYSTEM = "shop"
DSN = "postgresql://trimtab_watch@127.0.0.1:1/shop"
"""Nobody listens there: the system is shown as not reachable."""
ROWS_PER_WRITE = 40_000
HOUR_MS = 3_600_000
ROLL_UP_S_MAX = 120.0


@dataclass(frozen=True, slots=True)
class Day:
    """What was made. `[start_ms, end_ms)` is when; `hot` are the shapes that always run, the heaviest not first."""

    data_dir: Path
    system: str
    start_ms: int
    end_ms: int
    hot: tuple[HotShape, ...]
    shapes: tuple[QueryShape, ...]
    executions_count: int
    spans_count: int


def fill_day(
    data_dir: Path,
    *,
    seed: int = 1,
    end_ms: int | None = None,
    hours: float = 24.0,
    slice_ms: int = 1000,
    shapes_count: int = 10_000,
    hot_count: int = 42,
    rare_runs_per_day: float = 20.0,
    spans_per_s: float = 10.0,
    history_count: int = 40,
    system: str = SYSTEM,
    dsn: str = DSN,
    change_dsn: str | None = None,
) -> Day:
    """Fill an empty data directory; `end_ms` is when the day ends (now, to the second, where it is not given)."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    end_ms = (end_ms or time.time_ns() // 1_000_000) // 1000 * 1000
    start_ms = end_ms - round(hours * HOUR_MS)
    draw = Random(seed)
    known = draw_shapes(draw, system, shapes_count)
    hot = heat(draw, known[:hot_count])
    stories = cases.stories_of(draw, hot_count, history_count)
    clock = cases.Past()
    with State.open(data_dir / STATE_FILE, now_ms=clock) as state:
        state.add_system(System(system, dsn, change_dsn, start_ms))
        cases.tell(state, clock, hot, stories, end_ms, seed)
        changes = state.changes(limit=len(stories))
    episodes = cases.episodes_of(stories, end_ms)
    numbers = np.random.default_rng(seed)
    executions_count = spans_count = 0
    with EmbeddedTelemetry.open(data_dir, TelemetryLimits(rollup_interval_s=0.5)) as telemetry:
        _write(telemetry, "query_shapes", _shape_rows(known, start_ms))
        _write(telemetry, "query_plans", table_of("query_plans", plans.rows_of(changes, seed)))
        for hour_ms in range(start_ms, end_ms, HOUR_MS):
            until_ms = min(hour_ms + HOUR_MS, end_ms)
            starts = np.arange(hour_ms, until_ms, slice_ms)
            ran = facts.executions(numbers, hot, known[hot_count:], episodes, starts, slice_ms, rare_runs_per_day)
            executions_count += ran.num_rows
            _write(telemetry, "query_executions", ran)
            _write(telemetry, "query_slices", facts.slices(system, starts, slice_ms))
            _write(telemetry, "activity_samples", facts.activity(numbers, hot, system, starts))
            _write(telemetry, "server_statistics", facts.server_numbers(numbers, system, hour_ms, until_ms))
            _write(telemetry, "table_statistics", facts.table_numbers(numbers, system, hour_ms, until_ms))
            for body in spans.bodies(numbers, hot, episodes, hour_ms, until_ms, spans_per_s):
                spans_count += telemetry.append_otlp_traces(body).spans_count
            telemetry.flush(120)
        _write(telemetry, "server_events", _events(system, start_ms, end_ms))
        _wait_until_rolled_up(telemetry)
    return Day(data_dir, system, start_ms, end_ms, tuple(hot), tuple(known), executions_count, spans_count)


def _write(telemetry: EmbeddedTelemetry, name: str, table: pa.Table) -> None:
    for first in range(0, table.num_rows, ROWS_PER_WRITE):
        telemetry.write(name, table.slice(first, ROWS_PER_WRITE))


def _shape_rows(shapes: list[QueryShape], seen_at_ms: int) -> pa.Table:
    return table_of(
        "query_shapes",
        [
            {
                "system": shape.system,
                "fingerprint": shape.fingerprint,
                "text": shape.text,
                "statement": shape.statement.value,
                "tables": list(shape.tables),
                "seen_at_ms": seen_at_ms,
            }
            for shape in shapes
        ],
    )


def _events(system: str, start_ms: int, end_ms: int) -> pa.Table:
    middle_ms = (start_ms + end_ms) // 2
    happened = (
        (start_ms, "connected", "connected to PostgreSQL 15.14, database shop"),
        (middle_ms, "setting_changed", "work_mem is 8MB, was 4MB"),
        (middle_ms + HOUR_MS // 4, "connection_lost", "the server closed the connection"),
        (middle_ms + HOUR_MS // 4 + 5000, "connected", "connected to PostgreSQL 15.14, database shop"),
    )
    rows = [{"system": system, "happened_at_ms": at, "kind": kind, "message": said} for at, kind, said in happened]
    return table_of("server_events", rows)


def _wait_until_rolled_up(telemetry: EmbeddedTelemetry) -> None:
    """So that what is measured afterwards is the steady state, not the first minute."""
    telemetry.flush(120)
    give_up_s = time.monotonic() + ROLL_UP_S_MAX
    for source in ("query_executions", "query_slices", "spans"):
        newest = int(telemetry.query(f"SELECT max(spool_segment) AS id FROM {source}")["id"][0].as_py())
        while telemetry.marks().get(source, 0) < newest:
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"{source} was not rolled up: {telemetry.status().last_rollup_error}")
            time.sleep(0.2)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--slice-ms", type=int, default=1000)
    parser.add_argument("--shapes", type=int, default=10_000)
    parser.add_argument("--spans-per-s", type=float, default=10.0)
    given = parser.parse_args()
    began_s = time.monotonic()
    day = fill_day(
        given.directory,
        seed=given.seed,
        hours=given.hours,
        slice_ms=given.slice_ms,
        shapes_count=given.shapes,
        spans_per_s=given.spans_per_s,
    )
    print(
        f"{day.data_dir}: {day.executions_count:,} rows of executions of {len(day.shapes):,} shapes,"
        f" {day.spans_count:,} spans, {given.hours:g} h up to {day.end_ms}, in {time.monotonic() - began_s:.0f} s"
    )


if __name__ == "__main__":
    main()
