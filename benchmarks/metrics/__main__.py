"""Metrics beside Prometheus and VictoriaMetrics: processor time of writing and asking, size on disk, memory.

    python -m benchmarks.metrics [--series 10000] [--scrapes 1000] [--rounds 5] [--out FILE]

All servers run side by side with fresh stores, get the same bodies in turns (one sample of each series in a request)
and the same queries in turns, over HTTP with the answer read to its end. Figures are processor time of the whole
process tree (`/proc`, ticks of 10 ms: a query is repeated within a round until it took long enough) and medians of the
rounds.
trimtab runs twice: with a hot window that holds everything, and with one that holds next to nothing. The load of the
machine is printed; ratios within one run are what counts. Exits with 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx2

from benchmarks.metrics.queries import QUERIES, STEPS, Query
from benchmarks.metrics.samples import SCRAPE_MS, Plan, bodies
from benchmarks.metrics.servers import Server, prometheus, trimtab, victoria_metrics

MIB = 1024 * 1024
REPEAT_S = 0.25
"""A query is repeated within a round until this much processor time was used, or so often:"""
REPEATS_MAX = 20
HOT, COLD = "trimtab", "trimtab, cold"
INGEST_RATIO_MAX = 0.5
HOT_RATIO_MAX, HOT_WIDE_RATIO_MAX = 0.33, 0.6
BYTES_A_SAMPLE_MAX = 3.0
NARROW_MS_MAX = 5.0


@dataclass(slots=True)
class Asked:
    """Rounds of one query on one server."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """Everything that was measured, for `--out`."""

    series: int
    samples: int
    load_before: float
    load_after: float = 0.0
    ingest_cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    bytes_per_sample: dict[str, float] = field(default_factory=dict)
    memory_mib: dict[str, float] = field(default_factory=dict)
    queries: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@contextlib.contextmanager
def _all_servers(folder: Path, plan: Plan) -> Iterator[list[Server]]:
    hot_mib = max(64, int(plan.series * plan.scrapes * 16 * 1.5 / MIB) + 32)
    with contextlib.ExitStack() as stack:
        limits = (
            f"[metrics]\nseries_max = {max(1_000_000, 2 * plan.series)}\nseries_of_a_metric_max = {2 * plan.series}\n"
        )
        hot = stack.enter_context(trimtab(folder / "hot", HOT, f"{limits}hot_mb = {hot_mib}\n"))
        cold = stack.enter_context(trimtab(folder / "cold", COLD, f"{limits}hot_mb = 8\n"))
        others = [
            stack.enter_context(prometheus(folder / "prometheus")),
            stack.enter_context(victoria_metrics(folder / "victoria")),
        ]
        print(f"# hot window: {hot_mib} MiB and 8 MiB")
        yield [hot, cold, *(one for one in others if one is not None)]


def _send(client: httpx2.Client, server: Server, body: bytes) -> None:
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    while True:
        answer = client.post(server.write, content=body, headers=headers)
        if answer.status_code == 429:
            time.sleep(float(answer.headers.get("retry-after", "1")))
            continue
        if answer.status_code not in (200, 204):
            raise RuntimeError(f"{server.name}: {answer.status_code} {answer.text[:300]}")
        return


def _ingest(servers: Sequence[Server], plan: Plan, report: Report, client: httpx2.Client) -> None:
    before = {server.name: server.cpu_s() for server in servers}
    for body, _samples in bodies(plan):
        for server in servers:
            _send(client, server, body)
    for server in servers:
        server.settle()
    millions = report.samples / 1e6
    for server in servers:
        report.ingest_cpu_s_per_million[server.name] = (server.cpu_s() - before[server.name]) / millions


def _ask(client: httpx2.Client, server: Server, query: Query, plan: Plan, steps: int) -> tuple[float, float]:
    """Processor time and wall time of one asking, in ms."""
    form = {
        "query": query.text,
        "start": f"{(plan.end_ms - (steps - 1) * SCRAPE_MS) / 1000:.3f}",
        "end": f"{plan.end_ms / 1000:.3f}",
        "step": "15",
    }
    begun_cpu_s, begun_s = server.cpu_s(), time.perf_counter()
    times = 0
    while True:
        answer = client.post(f"{server.base}/api/v1/query_range", data=form)
        times += 1
        if answer.status_code != 200:
            raise RuntimeError(f"{server.name}: {query.text}: {answer.status_code} {answer.text[:300]}")
        wall_s = time.perf_counter() - begun_s
        cpu_s = server.cpu_s() - begun_cpu_s
        if cpu_s >= REPEAT_S or times >= REPEATS_MAX:
            return cpu_s * 1000 / times, wall_s * 1000 / times


def _ask_all(servers: Sequence[Server], plan: Plan, rounds: int, report: Report, client: httpx2.Client) -> None:
    steps_of = [steps for steps in STEPS if steps <= plan.scrapes]
    for steps in steps_of:
        for query in QUERIES:
            asked = {server.name: Asked() for server in servers}
            for _ in range(rounds):
                for server in servers:
                    cpu_ms, wall_ms = _ask(client, server, query, plan, steps)
                    asked[server.name].cpu_ms.append(cpu_ms)
                    asked[server.name].wall_ms.append(wall_ms)
            report.queries[f"{query.name}, {steps} steps"] = {
                name: {"cpu_ms": statistics.median(one.cpu_ms), "wall_ms": statistics.median(one.wall_ms)}
                for name, one in asked.items()
            }


def _sizes(servers: Sequence[Server], report: Report) -> None:
    for server in servers:
        report.bytes_per_sample[server.name] = server.disk_bytes() / report.samples
        report.memory_mib[server.name] = server.memory_bytes_max() / MIB


def _judge(report: Report) -> None:
    ingest, broken = report.ingest_cpu_s_per_million, report.broken
    if "VictoriaMetrics" in ingest and ingest[HOT] > INGEST_RATIO_MAX * ingest["VictoriaMetrics"]:
        broken.append(f"writing takes {ingest[HOT] / ingest['VictoriaMetrics']:.2f} of VictoriaMetrics' processor time")
    if report.bytes_per_sample[HOT] > BYTES_A_SAMPLE_MAX:
        broken.append(f"{report.bytes_per_sample[HOT]:.2f} bytes a sample")
    wide = {query.name for query in QUERIES if query.is_wide}
    for name, row in report.queries.items():
        cpu = {server: one["cpu_ms"] for server, one in row.items()}
        shape = name.partition(",")[0]
        if shape == "narrow":
            if row[HOT]["wall_ms"] > NARROW_MS_MAX:
                broken.append(f"{name}: {row[HOT]['wall_ms']:.1f} ms")
            continue
        limit = HOT_WIDE_RATIO_MAX if shape in wide else HOT_RATIO_MAX
        if "Prometheus" in cpu and cpu[HOT] > limit * cpu["Prometheus"]:
            broken.append(f"{name}: hot {cpu[HOT] / cpu['Prometheus']:.2f} of Prometheus, the limit is {limit}")
        if "VictoriaMetrics" in cpu and cpu[HOT] > cpu["VictoriaMetrics"]:
            broken.append(f"{name}: hot {cpu[HOT] / cpu['VictoriaMetrics']:.2f} of VictoriaMetrics")
        if "Prometheus" in cpu and cpu[COLD] > cpu["Prometheus"]:
            broken.append(f"{name}: cold {cpu[COLD] / cpu['Prometheus']:.2f} of Prometheus")


def _print(report: Report, names: Sequence[str]) -> None:
    print(f"# {report.samples:,} samples of {report.series:,} series; {os.cpu_count()} CPUs;", end=" ")
    print(f"load of the machine {report.load_before:.1f} before, {report.load_after:.1f} after")
    for name in ("Prometheus", "VictoriaMetrics"):
        if name not in names:
            print(f"# {name}: not measured (Debian's package is not installed)")
    print(f"{'':36}" + "".join(f"{name:>18}" for name in names))
    rows = (
        ("writing, CPU-s a million samples", report.ingest_cpu_s_per_million),
        ("bytes a sample on disk", report.bytes_per_sample),
        ("most memory, MiB", report.memory_mib),
    )
    for title, row in rows:
        print(f"{title:36}" + "".join(f"{row[name]:18.2f}" for name in names))
    for what in ("cpu_ms", "wall_ms"):
        print(f"\n{'CPU ms' if what == 'cpu_ms' else 'wall ms':36}" + "".join(f"{name:>18}" for name in names))
        for title, found in report.queries.items():
            print(f"{title:36}" + "".join(f"{found[name][what]:18.1f}" for name in names))
    for line in report.broken:
        print(f"LIMIT BROKEN: {line}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--scrapes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    plan = Plan(given.series, given.scrapes, time.time_ns() // 1_000_000 - 60_000)
    report = Report(plan.series, plan.series * plan.scrapes, os.getloadavg()[0])
    with (
        tempfile.TemporaryDirectory(prefix="trimtab-bench-metrics-") as folder,
        _all_servers(Path(folder), plan) as servers,
        httpx2.Client(timeout=300.0) as client,
    ):
        _ingest(servers, plan, report, client)
        _ask_all(servers, plan, given.rounds, report, client)
        _sizes(servers, report)
        names = [server.name for server in servers]
    report.load_after = os.getloadavg()[0]
    _judge(report)
    _print(report, names)
    if given.out is not None:
        given.out.write_text(json.dumps(asdict(report), indent=2) + "\n", "utf-8")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
