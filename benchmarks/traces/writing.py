"""Spans and log records through a real server, over HTTP as OTLP: an SDK's and a collector's requests.

Counted is the processor time of the server's process tree, from the first body until everything is in the engine,
counted, summed up by the minute and merged: HTTP, unpacking, the spool with its syncs, decoding, inserting, merging,
and what a server does all the time (it is measured before, and not taken off).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.metrics.measuring import MIB, Client
from benchmarks.metrics.servers import STOP_S, Server, trimtab
from benchmarks.traces.cold import yardstick_ms
from benchmarks.traces.growing import Signal
from benchmarks.traces.senders import HOUR_NS, SENDERS, Bodies, Body, Sender
from benchmarks.traces.storing import Stored

PATHS: dict[Signal, str] = {"spans": "/v1/traces", "lines": "/v1/logs"}
SUMS_S = 62.0
"""So long it takes at most until the sums of each minute are made: that is part of writing."""
_IDLE_S = 8.0


@dataclass(slots=True)
class Written:
    """One way of writing."""

    signal: Signal
    sender: str
    rows_count: int
    bodies_count: int = 0
    plain_bytes: int = 0
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
    def cpu_us_a_row(self) -> float:
        """All of it."""
        return self.cpu_s / self.rows_count * 1e6


def all_ways(signal: Signal, count: int) -> list[Written]:
    """By each sender, to a server of its own: sent one after the other, waited for together."""
    bodies = Bodies(signal)
    with tempfile.TemporaryDirectory(prefix="trimtab-bench-traces-") as folder, contextlib.ExitStack() as stack:
        ways = []
        for number, sender in enumerate(SENDERS):
            server = stack.enter_context(trimtab(Path(folder) / f"store-{number}"))
            ways.append((Written(signal, sender.name, bodies.rows(count)), sender, server))
            for sheet in bodies.sent_by(sender, 1, time.time_ns() - HOUR_NS):  # what is loaded late is loaded now
                _send_all(sheet, signal, sender, server)
        for _, _, server in ways:
            server.settle()
        began_s, began_cpu_s = time.perf_counter(), [server.cpu_s() for _, _, server in ways]
        time.sleep(_IDLE_S)
        for (told, _, server), idle_s in zip(ways, began_cpu_s, strict=True):
            told.idle_cpu_share = (server.cpu_s() - idle_s) / (time.perf_counter() - began_s)
        sent_cpu_s = []
        for told, sender, server in ways:
            told.cpu_s = -server.cpu_s()
            for sheet in bodies.sent_by(sender, count, time.time_ns()):
                told.wall_s += _send_all(sheet, signal, sender, server)
                told.bodies_count += len(sheet)
                told.plain_bytes += sum(body.size_bytes for body in sheet)
                told.sent_bytes += sum(len(body.packed) for body in sheet)
            sent_cpu_s.append(server.cpu_s())
        time.sleep(SUMS_S)
        for (told, _, server), cpu_s in zip(ways, sent_cpu_s, strict=True):
            server.settle()
            told.cpu_s += server.cpu_s()
            told.settling_cpu_s = server.cpu_s() - cpu_s
            told.memory_mib = server.memory_bytes_max() / MIB
        for told, _, server in ways:
            _look(told, server, bodies)
    return [told for told, _, _ in ways]


def _look(told: Written, server: Server, bodies: Bodies) -> None:
    """What is there, when the server has ended."""
    server.process.terminate()
    server.process.wait(STOP_S)
    found = looked_at(told.signal, server.directory)
    told.bytes_a_row = found["bytes_a_row"]
    sent_count = told.rows_count + bodies.rows(1)
    if found["rows_count"] != sent_count:
        told.broken.append(f"{found['rows_count']:,} of {sent_count:,} {told.signal} are there ({told.sender})")
    told.load, told.yardstick_ms = os.getloadavg()[0], yardstick_ms()


def _send_all(sheet: Sequence[Body], signal: Signal, sender: Sender, server: Server) -> float:
    """By all of its connections; how many seconds it took."""
    began_s = time.perf_counter()

    def send(number: int) -> None:
        client = Client()
        for body in sheet[number :: sender.connections]:
            _send(client, server, PATHS[signal], body, sender)

    with ThreadPoolExecutor(sender.connections) as connections:
        list(connections.map(send, range(sender.connections)))
    return time.perf_counter() - began_s


def _send(client: Client, server: Server, path: str, body: Body, sender: Sender) -> None:
    """Again and again where the server has no room yet."""
    while True:
        status, retry_after, answer = client.post(server.base, path, body.packed, sender.headers)
        if status in {429, 503}:
            time.sleep(float(retry_after or "1"))
            continue
        if status != 200 or answer:
            raise RuntimeError(f"{path}: {status} {answer[:300]!r}")
        return


def step_by_step(signal: Signal, count: int) -> Stored:
    """See `storing`: by another process, since one has one engine only."""
    command = [sys.executable, "-m", "benchmarks.traces.storing", signal, "--rows", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Stored(**json.loads(done.stdout))


def looked_at(signal: Signal, directory: Path) -> dict[str, int | float]:
    """How many rows there are, and what each takes: by another process, since one has one engine only."""
    command = [sys.executable, "-m", "benchmarks.traces.growing", signal, "--sizes", "0", "--only", "nothing at all"]
    done = subprocess.run([*command, "--dir", str(directory)], capture_output=True, text=True, check=True)
    found: dict[str, int | float] = json.loads(done.stdout)
    return found
