"""One signal's store grows: what filling costs, what it takes on disk, and how quickly things are found at each size.

    python -m benchmarks.traces.growing spans|lines --sizes 1000000 10000000 --dir DIR [--only NAME]

Filling goes through the store's own door, in this process (what HTTP adds is measured in `writing`). Newer times are
filled first: each size reaches further into the past, ten million a day. All that is asked is asked of the whole range.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.traces.cold import Answered, Question, answered, yardstick_ms
from benchmarks.traces.line_search import line_questions
from benchmarks.traces.lines import LineSheets
from benchmarks.traces.span_search import trace_questions
from benchmarks.traces.spans import Sheets
from trimtab.store.limits import MIB, TelemetryLimits
from trimtab.store.logs.reads import LogReads
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.reads import TraceReads

Signal = Literal["spans", "lines"]
DAY_NS = 86_400_000_000_000
ROWS_A_DAY = 10_000_000
ASKED_OFTEN_ROWS = 10_000_000
"""Where so many are there, and where no more will be, each question is asked as often as was said; else three times."""
TABLES: dict[Signal, tuple[str, str]] = {"spans": ("spans", "started_at_ns"), "lines": ("log_records", "at_ns")}
LIMITS = TelemetryLimits(spool_bytes_max=1 << 31, disk_free_bytes_min=1 << 20, rollup_interval_s=10.0)
SPOOL_BYTES_MAX = 200 * MIB
_QUIET_S, _QUIET_CPU_S, _SETTLE_S = 2.0, 0.1, 240.0


@dataclass(slots=True)
class Size:
    """What was measured when so many were there. Of `filled_count` that were added, what each took of processor time
    (decoding, storing, merging; not making it). `memory_mib` is the most that the process ever had, asking included."""

    rows_count: int
    filled_count: int
    fill_cpu_us: float
    fill_wall_s: float
    bytes_a_row: float
    bytes_of: dict[str, float]
    parts_count: int
    memory_mib: float = 0.0
    load: float = 0.0
    yardstick_ms: float = 0.0
    answers: list[Answered] = field(default_factory=list)


def grow(signal: Signal, sizes: Sequence[int], directory: Path, rounds: int, only: str = "") -> Iterator[Size]:
    """Fill up to each size, and ask. What is there already (of an earlier run) is kept."""
    with EmbeddedTelemetry.open(directory, LIMITS) as store:
        name, time_column = TABLES[signal]
        for number, size in enumerate(sizes):
            told = store.query(f"SELECT count() AS n, min({time_column}) AS low FROM {name}").to_pylist()[0]
            end_ns = told["low"] if told["n"] else time.time_ns()
            missing = size - told["n"]
            began_s, cpu_s, filled = time.monotonic(), 0.0, 0
            if missing > 0:
                from_ns = end_ns - missing * DAY_NS // ROWS_A_DAY
                filled, cpu_s = _fill(store, signal, number, missing, from_ns, end_ns)
            measured = _sizes(store, name)
            measured.filled_count, measured.fill_wall_s = filled, time.monotonic() - began_s
            measured.fill_cpu_us = cpu_s / max(filled, 1) * 1e6
            found = [one for one in _questions(store, signal) if only in one.name]
            often = size == max(sizes) or size >= ASKED_OFTEN_ROWS
            measured.answers = list(answered(store, directory, found, rounds if often else min(rounds, 3)))
            measured.memory_mib, measured.load = _memory_mib(), os.getloadavg()[0]
            measured.yardstick_ms = yardstick_ms()
            yield measured


def _fill(
    store: EmbeddedTelemetry, signal: Signal, seed: int, count: int, from_ns: int, to_ns: int
) -> tuple[int, float]:
    """How many were added, and processor seconds."""
    if signal == "spans":
        pieces = ((sheet.bodies, sheet.spans_count) for sheet in Sheets(seed).fill(count, from_ns, to_ns))
    else:
        pieces = ((sheet.bodies, sheet.lines_count) for sheet in LineSheets(seed).fill(count, from_ns, to_ns))
    append = store.append_otlp_traces if signal == "spans" else store.logs.append_otlp
    done, began_s, making_s = 0, time.process_time(), 0.0
    while True:
        making_began_s = time.thread_time()
        piece = next(pieces, None)
        making_s += time.thread_time() - making_began_s
        if piece is None:
            break
        for body in piece[0]:
            append(body)
        done += piece[1]
        if store.status().spool_bytes > SPOOL_BYTES_MAX:
            store.flush(300)
    store.flush(300)
    deadline_s = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline_s:  # until all is summed up, and the engine merges no more
        quiet_began_s = time.process_time()
        time.sleep(_QUIET_S)
        if _is_summed_up(store, signal) and time.process_time() - quiet_began_s < _QUIET_CPU_S:
            break
    else:
        sys.stderr.write(f"# still busy after {_SETTLE_S:.0f} s\n")
    return done, time.process_time() - began_s - making_s


def _is_summed_up(store: EmbeddedTelemetry, signal: Signal) -> bool:
    """Whether sums by the minute tell everything."""
    name, _ = TABLES[signal]
    newest = store.query(f"SELECT max(spool_segment) AS id FROM {name}")["id"][0].as_py()
    sums = ("spans", "span_calls") if signal == "spans" else ("log_records",)
    return all(store.marks().get(one, 0) >= newest for one in sums)


def _questions(store: EmbeddedTelemetry, signal: Signal) -> list[Question]:
    name, time_column = TABLES[signal]
    told = store.query(f"SELECT min({time_column}) AS low, max({time_column}) AS high FROM {name}").to_pylist()[0]
    from_ms, to_ms = told["low"] // 1_000_000, told["high"] // 1_000_000 + 1
    some = store.query(f"SELECT trace_id FROM {name} WHERE trace_id != '' AND cityHash64(span_id) % 9973 = 0 LIMIT 200")
    ids = [str(one) for one in some["trace_id"].to_pylist()]
    if signal == "spans":
        return list(trace_questions(TraceReads(store), from_ms, to_ms, ids))
    return list(line_questions(LogReads(store), from_ms, to_ms, ids))


def _sizes(store: EmbeddedTelemetry, name: str) -> Size:
    """Of a table, with what its largest columns and its indexes take of it."""
    active = f"FROM system.parts WHERE active AND table = '{name}'"
    whole = store.query(
        "SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows, count() AS parts,"
        f" sum(secondary_indices_compressed_bytes) AS indexes {active}"
    ).to_pylist()[0]
    columns = store.query(
        "SELECT column AS name, sum(column_bytes_on_disk) AS bytes FROM system.parts_columns"
        f" WHERE active AND table = '{name}' GROUP BY column ORDER BY bytes DESC LIMIT 8"
    ).to_pylist()
    rows = max(int(whole["rows"]), 1)
    ours = store.query(
        f"SELECT count() AS n FROM {name} WHERE service_name != 'trimtab'"
    )  # a server's own are there too
    bytes_of = {"indexes": whole["indexes"] / rows} | {one["name"]: one["bytes"] / rows for one in columns}
    return Size(int(ours["n"][0].as_py()), 0, 0.0, 0.0, whole["bytes"] / rows, bytes_of, int(whole["parts"]))


def _memory_mib() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    """One line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signal", choices=sorted(TABLES))
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="questions with this in their names")
    parser.add_argument("--dir", type=Path, required=True)
    given = parser.parse_args()
    for size in grow(given.signal, given.sizes, given.dir, given.rounds, given.only):
        sys.stdout.write(json.dumps(asdict(size)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
