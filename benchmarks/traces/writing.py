"""Spans and log records through a real server: OTLP over HTTP, protobuf, as it is and gzipped.

Counted is the processor time of the server's process tree, from the first body until everything is in the engine,
counted and merged. A server that does nothing takes some, too; it is measured before, and not taken off.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.metrics.measuring import MIB, Client
from benchmarks.metrics.servers import STOP_S, Server, trimtab
from benchmarks.traces.cold import yardstick_ms
from benchmarks.traces.growing import Signal
from benchmarks.traces.lines import LineSheets
from benchmarks.traces.spans import Sheets

WAYS: Sequence[tuple[Signal, bool]] = (("spans", False), ("spans", True), ("lines", False), ("lines", True))
"""What is sent, and whether it is gzipped."""
PATHS: dict[Signal, str] = {"spans": "/v1/traces", "lines": "/v1/logs"}
SUMS_S = 62.0
"""So long it takes at most until the sums of each minute are made: that is part of writing."""
_IDLE_S = 8.0
_HOUR_NS = 3_600_000_000_000
_GZIP_LEVEL = 6


@dataclass(slots=True)
class Written:
    """One way of writing."""

    signal: Signal
    is_gzipped: bool
    rows_count: int
    sent_bytes: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    settling_cpu_s: float = 0.0
    """Of it, after the last body was answered."""
    idle_cpu_share: float = 0.0
    """Of a core, of the same server before anything was sent."""
    bytes_a_row: float = 0.0
    memory_mib: float = 0.0
    load: float = 0.0
    yardstick_ms: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def rows_a_cpu_s(self) -> float:
        """What is judged."""
        return self.rows_count / self.cpu_s


def _bodies(signal: Signal, count: int, to_ns: int) -> Iterator[tuple[bytes, ...]]:
    if signal == "spans":
        for sheet in Sheets().fill(count, to_ns - _HOUR_NS, to_ns):
            yield tuple(sheet.bodies)
    else:
        for lines in LineSheets().fill(count, to_ns - _HOUR_NS, to_ns):
            yield tuple(lines.bodies)


def _rows(signal: Signal, count: int) -> int:
    """As many as whole sheets have."""
    a_sheet = Sheets().spans_count if signal == "spans" else LineSheets().lines_count
    return -(-count // a_sheet) * a_sheet


def write(signal: Signal, count: int, *, is_gzipped: bool) -> Written:
    """Send so many to a fresh server."""
    told = Written(signal, is_gzipped, _rows(signal, count))
    headers = {"Content-Type": "application/x-protobuf"} | ({"Content-Encoding": "gzip"} if is_gzipped else {})
    with (
        tempfile.TemporaryDirectory(prefix="trimtab-bench-traces-") as folder,
        trimtab(Path(folder) / "store") as server,
    ):
        client, path = Client(), PATHS[signal]
        for body in next(_bodies(signal, 1, time.time_ns() - _HOUR_NS)):  # what is loaded late is loaded now
            _send(client, server, path, body, {"Content-Type": headers["Content-Type"]})
        server.settle()
        cpu_s, began_s = server.cpu_s(), time.perf_counter()
        time.sleep(_IDLE_S)
        told.idle_cpu_share = (server.cpu_s() - cpu_s) / (time.perf_counter() - began_s)
        cpu_s = server.cpu_s()
        for bodies in _bodies(signal, count, time.time_ns()):
            packed = [gzip.compress(body, _GZIP_LEVEL) if is_gzipped else body for body in bodies]
            began_s = time.perf_counter()
            for body in packed:
                _send(client, server, path, body, headers)
                told.sent_bytes += len(body)
            told.wall_s += time.perf_counter() - began_s
        sent_cpu_s = server.cpu_s()
        time.sleep(SUMS_S)
        server.settle()
        told.cpu_s = server.cpu_s() - cpu_s
        told.settling_cpu_s = server.cpu_s() - sent_cpu_s
        told.memory_mib = server.memory_bytes_max() / MIB
        server.process.terminate()
        server.process.wait(STOP_S)
        sent_count = told.rows_count + _rows(signal, 1)
        found = looked_at(signal, server.directory)
        told.bytes_a_row = found["bytes_a_row"]
        if found["rows_count"] != sent_count:
            told.broken.append(f"{found['rows_count']:,} of {sent_count:,} {signal} are there")
    told.load, told.yardstick_ms = os.getloadavg()[0], yardstick_ms()
    return told


def _send(client: Client, server: Server, path: str, body: bytes, headers: dict[str, str]) -> None:
    """Again and again where the server has no room yet."""
    while True:
        status, retry_after, answer = client.post(server.base, path, body, headers)
        if status in {429, 503}:
            time.sleep(float(retry_after or "1"))
            continue
        if status != 200 or answer:
            raise RuntimeError(f"{path}: {status} {answer[:300]!r}")
        return


def looked_at(signal: Signal, directory: Path) -> dict[str, int | float]:
    """How many rows there are, and what each takes: by another process, since one has one engine only."""
    command = [sys.executable, "-m", "benchmarks.traces.growing", signal, "--sizes", "0", "--only", "nothing at all"]
    done = subprocess.run([*command, "--dir", str(directory)], capture_output=True, text=True, check=True)
    found: dict[str, int | float] = json.loads(done.stdout)
    return found
