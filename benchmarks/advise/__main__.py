"""Index advice for whole workloads beside public advisers: real bytes, processor time, intervals.

    python -m benchmarks.advise [--only tpch application] [--repetitions 5] [--scale 1] [--time 8] [--json FILE]

On a private PostgreSQL with everything in memory. TPC-H needs its data in TRIMTAB_BENCH_DATA/tpch (see
`benchmarks.advise.tpch`), the public advisers their code (see `references`); what is not there is `not measured`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.advise import application, tpch
from benchmarks.advise.intervals import ratio
from benchmarks.advise.measuring import Measured, definition_of, measure
from benchmarks.advise.references import Reference, data_folder, dexter, hyrise
from demo.cluster import ROLE_STATEMENTS, Cluster
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import WorkloadStatement, read_statements

SETTINGS = {
    "shared_buffers": "6GB",
    "effective_cache_size": "8GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "autovacuum": "off",
    "fsync": "off",
}
BASE = "no index"
TPCH_REFERENCES = (("autoadmin", 7.0, 2), ("autoadmin", 2.0, 2), ("extend", 1000.0, 2), ("dexter", 50.0, 2))
APPLICATION_REFERENCES = (("autoadmin", 12.0, 2), ("extend", 400.0, 2), ("dexter", 50.0, 2))
SIZE_BOUND = 0.25


@dataclass(frozen=True)
class Case:
    """One database with its statements; `budgets_mb` of ours, `references` are (algorithm, value, width).

    `pairs` say which of ours is compared with which reference.
    """

    name: str
    statements: Sequence[WorkloadStatement]
    budgets_mb: tuple[int, ...]
    references: tuple[tuple[str, float, int], ...]
    pairs: tuple[tuple[int, str], ...]


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise")
    parser.add_argument("--only", nargs="*", choices=["tpch", "application"], default=["tpch", "application"])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the application's tables")
    parser.add_argument("--time", type=float, default=8.0, help="seconds for one advice")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    with Cluster.temporary(SETTINGS) as cluster:
        cluster.execute(*ROLE_STATEMENTS)
        for name in chosen.only:
            case = _filled(cluster, name, chosen.scale)
            if case is None:
                print(f"{name}: not measured: no folder tpch below TRIMTAB_BENCH_DATA")
                continue
            results[name] = _run(cluster.dsn(name), case, chosen.repetitions, chosen.time)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results, indent=1))


def _filled(cluster: Cluster, name: str, scale: float) -> Case | None:
    folder = data_folder("tpch") if name == "tpch" else None
    if name == "tpch" and folder is None:
        return None
    cluster.execute(f"CREATE DATABASE {name}")
    cluster.execute("CREATE EXTENSION hypopg", "CREATE EXTENSION pg_trgm", database=name)
    began = time.monotonic()
    with psycopg.connect(cluster.dsn(name), autocommit=True) as connection:
        if folder is not None:
            tpch.load(connection, folder)
            statements = read_statements((folder / "queries.sql").read_text())[0]
            statements = [one for one in statements if one.name not in tpch.LEFT_OUT]
            case = Case(name, statements, (850, 110), TPCH_REFERENCES, ((850, "autoadmin-7"), (110, "autoadmin-2")))
        else:
            for statement in application.statements_of(scale):
                connection.execute(statement.encode())
            statements = read_statements(application.WORKLOAD)[0]
            case = Case(name, statements, (500,), APPLICATION_REFERENCES, ((500, "dexter-50"),))
        connection.execute(b"VACUUM ANALYZE")
    print(f"{name}: loaded in {time.monotonic() - began:.0f} s")
    return case


def _run(dsn: str, case: Case, repetitions: int, time_max_s: float) -> dict[str, Any]:
    advice: dict[str, WorkloadAdvice] = {}
    for budget in case.budgets_mb:
        with psycopg.connect(dsn, autocommit=True) as connection:
            settings = WorkloadSettings(budget_bytes=budget * 10**6, time_max_s=time_max_s)
            advice[f"trimtab-{budget}"] = advise_workload(connection, case.statements, settings=settings)
    references = _references(dsn, case)
    sets: dict[str, list[str]] = {BASE: []}
    sets |= {name: [definition_of(one.ddl) for one in made.indexes] for name, made in advice.items()}
    sets |= {one.name: list(one.ddl) for one in references if not one.reason}
    measured = measure(dsn, case.statements, sets, repetitions=repetitions, say=lambda said: print(said, flush=True))
    calls = {one.name: one.calls for one in case.statements}
    rows: dict[str, Any] = {}
    print(f"\n{case.name}: load {measured.load[0]:.1f} before, {measured.load[1]:.1f} after; {repetitions} repetitions")
    took = {name: made.took_s for name, made in advice.items()} | {one.name: one.took_s for one in references}
    for name, ddl in sets.items():
        found = ratio(measured.times_ms[name], measured.times_ms[BASE], calls)
        said = f" (predicted {advice[name].predicted_ratio:.3g})" if name in advice else ""
        print(
            f"  {name:16} {len(ddl):3} indexes {measured.size_of(ddl) / 1e6:7.1f} MB  CPU {found}{said}"
            f"  advice {took.get(name, 0):.1f} s"
        )
        rows[name] = {"mb": measured.size_of(ddl) / 1e6, "ratio": found.middle, "interval_90": [found.low, found.high]}
    for one in references:
        if one.reason:
            print(f"  {one.name:16} not measured: {one.reason}")
    for budget, other in case.pairs:
        if other in sets:
            found = ratio(measured.times_ms[f"trimtab-{budget}"], measured.times_ms[other], calls)
            print(f"  trimtab-{budget} ÷ {other}: {found}")
            rows[f"trimtab-{budget}/{other}"] = {"ratio": found.middle, "interval_90": [found.low, found.high]}
    for name, made in advice.items():
        rows[name] |= _details(name, made, measured, sets[name])
    return rows


def _references(dsn: str, case: Case) -> list[Reference]:
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.sql"
        workload.write_text(
            "".join(f"-- name: {one.name}\n-- calls: {one.calls:g}\n{one.text};\n" for one in case.statements)
        )
        made: list[Reference] = []
        for algorithm, value, width in case.references:
            if algorithm == "dexter":
                made.append(dexter(dsn, workload, int(value)))
            else:
                made.append(hyrise(dsn, workload, algorithm, value, width))
    return made


def _details(name: str, advice: WorkloadAdvice, measured: Measured, ddl: Sequence[str]) -> dict[str, Any]:
    """What was predicted beside what was measured: statement by statement, index by index."""
    print(f"\n  {name}: statements, predicted and measured (after ÷ before)")
    inside, changed = 0, []
    for one in advice.statements:
        if not one.rests_on:
            continue
        after, before = measured.times_ms[name][one.name], measured.times_ms[BASE][one.name]
        real = float(np.median(after) / np.median(before))
        low, high = one.interval_90
        inside += low <= real <= high
        changed.append((one.name, one.predicted_ratio, real))
        print(f"    {one.name:28} {one.predicted_ratio:8.3g} [{low:.2g}, {high:.2g}]  {real:8.3g}")
    right = 0
    for made, definition in zip(advice.indexes, ddl, strict=True):
        real_bytes = measured.sizes_bytes[definition]
        right += abs(made.size_bytes / real_bytes - 1) <= SIZE_BOUND
        print(f"    {made.size_bytes / 1e6:8.1f} MB predicted, {real_bytes / 1e6:8.1f} real: {definition}")
    print(f"    in their interval: {inside} of {len(changed)}; sizes within 25 %: {right} of {len(ddl)}")
    return {"inside": inside, "changed": len(changed), "sizes_right": right, "indexes": len(ddl)}


if __name__ == "__main__":
    main()
