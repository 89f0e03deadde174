"""The limits, and one table for each scale."""

from __future__ import annotations

import os

from benchmarks.metrics.measuring import COLD, HOT, Report
from benchmarks.metrics.queries import QUERIES

INGEST_RATIO_MAX = 0.5
HOT_RATIO_MAX, HOT_WIDE_RATIO_MAX = 0.33, 0.6
BYTES_A_SAMPLE_MAX = 3.0
NARROW_MS_MAX = 5.0


def judge(report: Report) -> None:
    """Note which limits are broken."""
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


def show(report: Report) -> None:
    """Print one table."""
    names = report.names
    print(f"\n# {report.series:,} series x {report.scrapes:,} scrapes = {report.samples:,} samples;", end=" ")
    print(f"hot window {report.hot_mib} MiB and 8 MiB; {os.cpu_count()} CPUs;", end=" ")
    print(f"load of the machine {report.load_before:.1f} before, {report.load_after:.1f} after")
    for name in ("Prometheus", "VictoriaMetrics"):
        if name not in names:
            print(f"# {name}: not measured (Debian's package is not installed)")
    print(f"{'':36}" + "".join(f"{name:>18}" for name in names))
    rows = (
        ("writing, CPU-s a million samples", report.ingest_cpu_s_per_million),
        ("  with what it takes when idle", report.ingest_all_cpu_s_per_million),
        ("idle, % of a core", {name: 100 * share for name, share in report.idle_cores.items()}),
        ("bytes a sample on disk", report.bytes_per_sample),
        *((f"  of which {what}", row) for what, row in report.bytes_of.items()),
        ("  with the empty store", report.all_bytes_per_sample),
        ("most memory, MiB", report.memory_mib),
    )
    for title, row in rows:
        print(f"{title:36}" + "".join(f"{row[name]:18.2f}" if name in row else " " * 18 for name in names))
    for what in ("cpu_ms", "wall_ms"):
        print(f"\n{'CPU ms' if what == 'cpu_ms' else 'wall ms':36}" + "".join(f"{name:>18}" for name in names))
        for title, found in report.queries.items():
            print(f"{title:36}" + "".join(f"{found[name][what]:18.1f}" for name in names))
    for name in report.not_measured:
        print(f"NOT MEASURED (no time left): {name}")
    for name, count in report.rounds_count.items():
        print(f"# {name}: {count} {'round' if count == 1 else 'rounds'} alone, for want of time")
    for line in report.broken:
        print(f"LIMIT BROKEN: {line}")
