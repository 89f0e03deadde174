"""A million series in trimtab alone: it stays up within its memory, loses nothing, and answers."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.metrics.measuring import HOT, MIB, Client, form_of, limits_for, send
from benchmarks.metrics.queries import QUERIES
from benchmarks.metrics.samples import Plan, bodies
from benchmarks.metrics.servers import Server, trimtab

MEMORY_MIB_MAX = 8 * 1024
HOT_MB = 256
_METRICS = ("bench_requests_total", "bench_duration_seconds_bucket", "bench_temperature_celsius")
_NARROW_TIMES = 20


@dataclass(slots=True)
class Million:
    """What was measured."""

    series: int
    scrapes: int
    written_count: int = 0
    found_series_count: int = 0
    found_samples_count: int = 0
    ingest_cpu_s_per_million: float = 0.0
    ingest_wall_s: float = 0.0
    memory_mib: float = 0.0
    narrow_ms: float = 0.0
    load_after: float = 0.0
    broken: list[str] = field(default_factory=list)


def million(series: int, scrapes: int) -> Million:
    """Write so many scrapes of so many series, look at memory, and count what is there."""
    plan = Plan(series, scrapes, time.time_ns() // 1_000_000 - 60_000)
    told = Million(series, scrapes)
    with (
        tempfile.TemporaryDirectory(prefix="trimtab-bench-million-") as folder,
        trimtab(Path(folder) / "store", HOT, f"{limits_for(series)}hot_mb = {HOT_MB}\n") as server,
    ):
        client = Client()
        cpu_s, begun_s = server.cpu_s(), time.perf_counter()
        for body, count in bodies(plan):
            send(client, server, body)
            told.written_count += count
        told.ingest_wall_s = time.perf_counter() - begun_s
        server.settle()
        told.ingest_cpu_s_per_million = (server.cpu_s() - cpu_s) / (told.written_count / 1e6)
        for metric in _METRICS:
            told.found_series_count += _asked(client, server, f"count({metric})", plan)
            told.found_samples_count += _asked(client, server, f"sum(count_over_time({metric}[1h]))", plan)
        narrow = form_of(next(query for query in QUERIES if query.name == "narrow"), plan, scrapes)
        told.narrow_ms = statistics.median(_timed_ms(client, server, narrow) for _ in range(_NARROW_TIMES))
        told.memory_mib = server.memory_bytes_max() / MIB
    told.load_after = os.getloadavg()[0]
    _judge(told)
    return told


def _asked(client: Client, server: Server, query: str, plan: Plan) -> int:
    """A number, at a time when all scrapes are done."""
    form = {"query": query, "time": f"{plan.end_ms / 1000 + 30:.3f}"}
    found = json.loads(client.ask(server, "/api/v1/query", form))["data"]["result"]
    return int(float(found[0]["value"][1])) if found else 0


def _timed_ms(client: Client, server: Server, form: dict[str, str]) -> float:
    begun_s = time.perf_counter()
    if not json.loads(client.ask(server, "/api/v1/query_range", form))["data"]["result"]:
        raise RuntimeError(f"{server.name}: {form}: nothing was found")
    return (time.perf_counter() - begun_s) * 1000


def _judge(told: Million) -> None:
    if told.found_series_count != told.series:
        told.broken.append(f"{told.found_series_count:,} of {told.series:,} series are there")
    if told.found_samples_count != told.written_count:
        told.broken.append(f"{told.found_samples_count:,} of {told.written_count:,} samples are there")
    if told.memory_mib > MEMORY_MIB_MAX:
        told.broken.append(f"it took {told.memory_mib:,.0f} MiB, the limit is {MEMORY_MIB_MAX:,}")


def show_million(told: Million) -> None:
    """Print one table."""
    print(f"\n# trimtab alone, {told.series:,} series x {told.scrapes} scrapes, hot window {HOT_MB} MiB;", end=" ")
    print(f"load of the machine {told.load_after:.1f} after")
    rows = (
        ("samples acknowledged", f"{told.written_count:,}"),
        ("series found", f"{told.found_series_count:,}"),
        ("samples found", f"{told.found_samples_count:,}"),
        ("writing, s", f"{told.ingest_wall_s:.0f}"),
        ("writing, CPU-s a million samples", f"{told.ingest_cpu_s_per_million:.2f}"),
        ("most memory of the process tree, MiB", f"{told.memory_mib:,.0f}"),
        ("narrow query, ms", f"{told.narrow_ms:.1f}"),
    )
    for title, text in rows:
        print(f"{title:40}{text:>16}")
    for line in told.broken:
        print(f"LIMIT BROKEN: {line}")
