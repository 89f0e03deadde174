"""How quickly traces are found among many spans, cold.

    python -m benchmarks.traces.search [--spans 10_000_000] [--hours 24] [--dir DIR]

Fills a store with spans of the shop in `shop.py` (a store that is there already is kept), lets it merge, and asks each
question some times with new values. Before each the engine's caches of marks, indexes and uncompressed blocks are
dropped; the operating system's cache of files cannot be dropped without being root, so what is on disk may come from
memory.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.traces.spans import Sheets
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.answers import TraceQuery
from trimtab.store.traces.reads import TraceReads

CACHES = ("MARK CACHE", "UNCOMPRESSED CACHE", "INDEX MARK CACHE", "INDEX UNCOMPRESSED CACHE", "QUERY CONDITION CACHE")
Question = Callable[[random.Random], object]


def fill(store: EmbeddedTelemetry, spans_count: int, from_ns: int, to_ns: int) -> None:
    """Spans up to now, through the front door."""
    done, began_s, cpu_s = 0, time.monotonic(), time.process_time()
    for sheet in Sheets(seed=7).fill(spans_count, from_ns, to_ns):
        for body in sheet.bodies:
            store.append_otlp_traces(body)
        done += sheet.spans_count
        if store.status().spool_bytes > 200 * 1024 * 1024:
            store.flush(120)
        if done % 1_000_000 < sheet.spans_count:
            sys.stderr.write(f"{done / 1e6:.0f} million spans, {time.monotonic() - began_s:.0f} s\n")
    store.flush(300)
    sys.stdout.write(f"filled: {(time.process_time() - cpu_s) / done * 1e6:.2f} us of CPU a span, making it included\n")


def questions(reads: TraceReads, from_ms: int, to_ms: int, ids: Sequence[str]) -> Iterator[tuple[str, Question]]:
    """What is asked, by name."""
    day = TraceQuery(from_ms, to_ms)
    hour = TraceQuery(to_ms - 3_600_000, to_ms)

    def ask(query: TraceQuery) -> Question:
        return lambda _draw: reads.search(query)

    def user(draw: random.Random) -> object:
        return reads.search(replace(day, attributes={"enduser.id": f"user-{draw.randrange(2_000_000):08d}"}))

    def order(draw: random.Random) -> object:
        return reads.search(replace(day, attributes={"order.id": f"ord-{draw.randrange(2_000_000):08d}"}))

    yield "newest, one hour", ask(hour)
    yield "newest, a day", ask(day)
    yield "service, a day", ask(replace(day, service="payments"))
    yield "service and operation, a day", ask(replace(day, service="orders", operation="checkout"))
    yield "errors, a day", ask(replace(day, status="error"))
    yield "errors of a service, a day", ask(replace(day, service="catalog", status="error"))
    yield "longer than 2 s, a day", ask(replace(day, duration_min_ms=2000))
    yield "longer than 30 s, a day", ask(replace(day, duration_min_ms=30_000))
    yield "slowest, a day", ask(replace(day, order="slowest"))
    yield "slowest of an operation, a day", ask(replace(day, service="orders", operation="checkout", order="slowest"))
    yield "attribute: frequent, a day", ask(replace(day, attributes={"http.route": "/orders"}))
    yield "attribute: 1 in 500, a day", ask(replace(day, attributes={"http.status_code": "500"}))
    yield "attribute: one user, a day", user
    yield "attribute: one order, a day", order
    yield "attribute: nowhere, a day", ask(replace(day, attributes={"order.id": "ord-none"}))
    yield "attribute and slowest, a day", ask(replace(day, attributes={"http.status_code": "500"}, order="slowest"))
    yield "attribute of the resource, a day", ask(replace(day, attributes={"host.name": "node-3.shop.example"}))
    yield "one trace by id, a day", lambda draw: reads.trace(draw.choice(ids))
    yield "a trace that is not there", lambda draw: reads.trace(f"{draw.getrandbits(128):032x}")
    yield "services", lambda _draw: reads.services(from_ms, to_ms)
    yield "operations", lambda _draw: reads.operations(from_ms, to_ms)
    yield "keys of attributes", lambda _draw: reads.attribute_keys(from_ms, to_ms)
    yield "values of an attribute", lambda _draw: reads.attribute_values("http.route", from_ms, to_ms)
    yield "service map, one hour", lambda _draw: reads.service_map(to_ms - 3_600_000, to_ms)
    yield "service map, a day", lambda _draw: reads.service_map(from_ms, to_ms)


def drop_caches(store: EmbeddedTelemetry) -> None:
    """Those of the engine."""
    for cache in CACHES:
        store._engine.write(f"SYSTEM DROP {cache}")


def main() -> int:
    """Fill and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=10_000_000)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="questions with this in their names")
    parser.add_argument("--dir", type=Path, default=Path("/tmp/trimtab-bench-traces"))  # noqa: S108
    given = parser.parse_args()
    limits = TelemetryLimits(spool_bytes_max=1 << 31, disk_free_bytes_min=1 << 20)
    with EmbeddedTelemetry.open(given.dir, limits) as store:
        if not store.query("SELECT count() AS n FROM spans")["n"][0].as_py():
            now_ns = time.time_ns()
            fill(store, given.spans, now_ns - int(given.hours * 3600e9), now_ns)
        told = store.query("SELECT min(started_at_ns) AS low, max(started_at_ns) AS high, count() AS n FROM spans")
        low, high, count = (told[name][0].as_py() for name in ("low", "high", "n"))
        parts = store.query(
            "SELECT sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts WHERE active AND table = 'spans'"
        )
        size = parts["bytes"][0].as_py()
        sys.stdout.write(f"{count:,} spans, {size / count:.1f} bytes a span, {parts['parts'][0].as_py()} parts\n")
        some = store.query("SELECT trace_id FROM spans WHERE cityHash64(span_id) % 50021 = 0 LIMIT 200")
        reads = TraceReads(store)
        sys.stdout.write("question                           p50 ms   p95 ms   max ms   CPU ms\n")
        for name, question in questions(reads, low // 1_000_000, high // 1_000_000 + 1, some["trace_id"].to_pylist()):
            if given.only not in name:
                continue
            draw, took_ms, cpu_s = random.Random(3), [], time.process_time()
            for _ in range(given.rounds):
                drop_caches(store)
                began_s = time.perf_counter()
                question(draw)
                took_ms.append((time.perf_counter() - began_s) * 1e3)
            p50, p95 = np.quantile(took_ms, (0.5, 0.95))
            cpu_ms = (time.process_time() - cpu_s) / given.rounds * 1e3
            sys.stdout.write(f"{name:34}{p50:8.0f} {p95:8.0f} {max(took_ms):8.0f} {cpu_ms:8.0f}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
