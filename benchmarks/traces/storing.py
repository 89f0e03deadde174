"""What becomes of a request step by step, in one process, and what each step costs: looked at by the door, decoded,
decoded and stored (on disk, synced), merged into one part.

    python -m benchmarks.traces.storing spans|lines --rows 900000

"Decoded and stored" is what the loader does with a segment of the spool: it reads nothing from the network and merges
nothing. Services, operations and levels are counted in it, as they are in a server.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.traces.cold import yardstick_ms
from benchmarks.traces.growing import TABLES, Signal
from benchmarks.traces.senders import Bodies
from trimtab.store.frames import Message, batches
from trimtab.store.limits import MIB, TelemetryLimits
from trimtab.store.loader import Sink
from trimtab.store.logs.sink import LogsSink
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.sink import SpansSink

ROWS = 900_000
_WARM_BODIES = 20
_SHEETS_A_SEGMENT = 2
"""About as many rows as a segment of the spool may have."""
T = TypeVar("T")
_HELD_BACK = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"
"""Nothing is merged until somebody says so."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Microseconds of processor time a row; the median of segments, but of merging, which is one."""

    signal: Signal
    rows_count: int
    door_us: float
    decoded_us: float
    stored_us: float
    """Decoding among it."""
    merged_us: float
    bytes_inserted: float
    bytes_merged: float
    load: float
    yardstick_ms: float

    @property
    def rows_a_cpu_s(self) -> float:
        """Decoded and stored: what is judged."""
        return 1e6 / self.stored_us


def stored(signal: Signal, rows: int, directory: Path) -> Stored:
    """Take so many rows through all steps, a segment at a time."""
    table, limits = TABLES[signal][0], TelemetryLimits()
    requests = Bodies(signal)
    bodies = requests.plain(rows, time.time_ns())
    door_us: list[float] = []
    decoded_us: list[float] = []
    stored_us: list[float] = []
    done = 0
    with EmbeddedTelemetry.open(directory, limits) as store:
        sink = store._loader._sinks[table]
        look = _door(store, signal)
        store.engine.write(f"ALTER TABLE {table} MODIFY SETTING {_HELD_BACK}")
        warm = next(iter(requests.plain(1, time.time_ns())))[:_WARM_BODIES]  # what is loaded late is loaded now
        sink.load(1, [Message(place, look(body), body) for place, body in enumerate(warm)])
        for number in itertools.count(2):
            plain = [body for sheet in itertools.islice(bodies, _SHEETS_A_SEGMENT) for body in sheet]
            if not plain:
                break
            counts, door_s = _timed(lambda: [look(body) for body in plain])  # noqa: B023
            messages = [Message(place, counts[place], body) for place, body in enumerate(plain)]
            _, decoded_s = _timed(lambda: _decode(sink, messages))  # noqa: B023
            _, stored_s = _timed(lambda: sink.load(number, messages))  # noqa: B023
            for found, seconds in ((door_us, door_s), (decoded_us, decoded_s), (stored_us, stored_s)):
                found.append(seconds / sum(counts) * 1e6)
            done += sum(counts)
        before = _bytes_a_row(store, table)
        _, merged_s = _timed(lambda: store.engine.write(f"OPTIMIZE TABLE {table} FINAL"))
        after = _bytes_a_row(store, table)
    door, decoded, all_of_it = (statistics.median(found) for found in (door_us, decoded_us, stored_us))
    return Stored(
        signal, done, door, decoded, all_of_it, merged_s / done * 1e6, before, after, os.getloadavg()[0], yardstick_ms()
    )


def _door(store: EmbeddedTelemetry, signal: Signal) -> Callable[[bytes], int]:
    """What looks at a request, and says how many rows it has."""
    if signal == "spans":
        return lambda body: store._parts.traces.door.admit(bytearray(body)).spans_count
    return lambda body: store._logs._surveyed(bytearray(body))[0]


def _decode(sink: Sink, messages: Sequence[Message]) -> None:
    """As `load` does, and nothing more."""
    for batch in batches(messages, 4 * MIB):
        if isinstance(sink, SpansSink):
            sink._decoded(batch)
        elif isinstance(sink, LogsSink):
            sink._decoded(bytearray().join(message.payload for message in batch), 0)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What came of it, and seconds of processor time of the whole process: the engine works on threads of its own."""
    began_s = time.process_time()
    found = work()
    return found, time.process_time() - began_s


def _bytes_a_row(store: EmbeddedTelemetry, table: str) -> float:
    told = store.query(
        f"SELECT sum(bytes_on_disk) / sum(rows) AS each FROM system.parts WHERE active AND table = '{table}'"
    )
    return float(told["each"][0].as_py())


def main() -> int:
    """One line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signal", choices=sorted(TABLES))
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trimtab-bench-traces-") as folder:
        sys.stdout.write(json.dumps(asdict(stored(given.signal, given.rows, Path(folder)))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
