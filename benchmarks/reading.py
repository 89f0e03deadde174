"""How long reads take on a day of data with 10,000 shapes: what a page waits for.

    python -m benchmarks.reading [DIRECTORY]

Without a directory a day is made first (see `benchmarks.day_of_data`). Wall time is what a person waits for; the
processor's time (of all threads) is what stays comparable on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.day_of_data import SYSTEM, fill_day
from trimtab.app.clock import WallClock
from trimtab.app.reading.answers import ShapeSort
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.reader import Reader
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE
from trimtab.store.telemetry import EmbeddedTelemetry

HOUR_MS = 3_600_000
ROUNDS = 9
LINES_MS = 200.0


@dataclass(frozen=True, slots=True)
class Read:
    """One question, and what it may take."""

    name: str
    ask: Callable[[], object]
    wall_ms_max: float | None = None


def reads_of(reader: Reader, end_ms: int) -> list[Read]:
    """The questions of the pages, over an hour and over a day."""
    found = [*_reads_over(reader, end_ms, 1, 50.0), *_reads_over(reader, end_ms, 24, 150.0)]
    found.append(Read("cases", partial(reader.cases, limit=50)))
    found.append(Read("one case", partial(reader.case, 1)))
    found.append(Read("ledger", partial(reader.ledger, 100)))
    return found


def _reads_over(reader: Reader, end_ms: int, hours: int, list_ms: float) -> list[Read]:
    within = Range(end_ms - hours * HOUR_MS, end_ms)
    names = [row.fingerprint for row in reader.shapes(SYSTEM, within).rows[:12]]
    shape = f"shape/{SYSTEM}/{names[0]}"
    each = [f"shape/{SYSTEM}/{name}/mean_ms" for name in names]
    rates = ("mean_ms", "calls_per_s", "load_ms_per_s")
    measures = [f"shape/{SYSTEM}/{name}/{rate}" for name in names[:4] for rate in rates]
    whole = [f"system/{SYSTEM}/{name}" for name in (*rates, "sessions_active", "waits")]
    shapes, series = partial(reader.shapes, SYSTEM, within), reader.series
    asked: list[tuple[str, Callable[[], object], float | None]] = [
        ("shapes by load", shapes, list_ms),
        ("shapes of all systems", partial(reader.shapes, None, within), list_ms),
        ("shapes searched", partial(shapes, search="orders"), list_ms),
        ("shapes by p95", partial(shapes, sort=ShapeSort.P95), list_ms),
        ("shapes by name", partial(shapes, sort=ShapeSort.NAME, offset=500), list_ms),
        ("one shape", partial(reader.shape, SYSTEM, names[0], within), None),
        ("12 lines of 4 shapes, 10,000 points", partial(series, measures, within, 10_000), LINES_MS),
        ("12 lines of 12 shapes, 10,000 points", partial(series, each, within, 10_000), LINES_MS),
        ("12 lines of 12 shapes, 600 points", partial(series, each, within, 600), None),
        ("lines of the system, 600 points", partial(series, whole, within, 600), None),
        ("p50, p95, p99 of a shape", partial(series, [f"{shape}/p{q}_ms" for q in (50, 95, 99)], within, 600), None),
        ("executions of a shape", partial(reader.executions, SYSTEM, names[0], within), None),
        ("overview", partial(reader.overview, within), None),
    ]
    return [Read(f"{name}, {hours} h", ask, wall_ms_max) for name, ask, wall_ms_max in asked]


def measure(read: Read) -> dict[str, float | str | None]:
    """Medians over rounds, warm, with the JSON encoded (not counted) to know its size."""
    answer = read.ask()
    walls, processors = [], []
    for _ in range(ROUNDS):
        wall_s, processor_s = time.perf_counter(), time.process_time()
        answer = read.ask()
        walls.append(1000 * (time.perf_counter() - wall_s))
        processors.append(1000 * (time.process_time() - processor_s))
    return {
        "read": read.name,
        "wall_ms": statistics.median(walls),
        "wall_ms_min": min(walls),
        "processor_ms": statistics.median(processors),
        "wall_ms_max": read.wall_ms_max,
        "json_bytes": float(len(msgspec.json.encode(answer))),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--json", action="store_true", help="One JSON document")
    given = parser.parse_args()
    with ExitStack() as stack:
        data_dir = given.directory
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-day-"))) / "data"
            fill_day(data_dir)
        state = stack.enter_context(State.open(data_dir / STATE_FILE))
        telemetry = stack.enter_context(EmbeddedTelemetry.open(data_dir))
        reader = Reader(telemetry, state, {}, WallClock(threading.Event()))
        newest = telemetry.query("SELECT max(ended_at_ms) AS at_ms FROM query_slices")
        measured = [measure(read) for read in reads_of(reader, int(newest["at_ms"][0].as_py()))]
    if given.json:
        print(json.dumps(measured, indent=1))
        return
    print(f"{'read':45} {'median ms':>10} {'min ms':>8} {'cpu ms':>8} {'limit ms':>9} {'KB':>7}")
    for row in measured:
        limit = "" if row["wall_ms_max"] is None else f"{row['wall_ms_max']:.0f}"
        print(
            f"{row['read']:45} {row['wall_ms']:10.1f} {row['wall_ms_min']:8.1f} {row['processor_ms']:8.1f}"
            f" {limit:>9} {float(row['json_bytes'] or 0) / 1000:7.0f}"
        )


if __name__ == "__main__":
    main()
