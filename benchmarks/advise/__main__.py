"""Index advice for whole workloads beside public advisers: real bytes, processor time, intervals, withdrawals.

    python -m benchmarks.advise [--only tpch application tpcds] [--repetitions 5] [--pieces 110] [--json FILE]

On a private PostgreSQL with everything in memory (`databases`). Advice is measured as it is given, and once more after
the product's own trial on a clone took away what harms (`withdrawing`). The public advisers need their code (see
`references`); what is not there is `not measured`. `--pieces` adds the section `coverage` on the same databases.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.advise import coverage, databases, withdrawing
from benchmarks.advise.coverage import BASE, Piece, Sized
from benchmarks.advise.intervals import ratio
from benchmarks.advise.measuring import Measured, cpu_ms, definition_of, measure
from benchmarks.advise.references import Reference, dexter, hyrise
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import WorkloadStatement

SIZE_BOUND = 0.25
COVERED = ("tpch", "application")


@dataclass(frozen=True)
class Case:
    """One database: `budgets_mb` of ours, `references` as (algorithm, value, width), `pairs` as (ours, reference)."""

    budgets_mb: tuple[int, ...]
    references: tuple[tuple[str, float, int], ...]
    pairs: tuple[tuple[int, str], ...]


CASES = {
    "tpch": Case(
        (850, 110),
        (("autoadmin", 7.0, 2), ("autoadmin", 2.0, 2), ("extend", 1000.0, 2), ("dexter", 50.0, 2)),
        ((850, "autoadmin-7"), (110, "autoadmin-2"), (850, "extend-1000"), (850, "dexter-50")),
    ),
    "application": Case(
        (500,),
        (("autoadmin", 12.0, 2), ("extend", 400.0, 2), ("dexter", 50.0, 2)),
        ((500, "autoadmin-12"), (500, "extend-400"), (500, "dexter-50")),
    ),
    "tpcds": Case(
        (150, 30),
        (("autoadmin", 7.0, 2), ("extend", 150.0, 2), ("dexter", 50.0, 2)),
        ((150, "autoadmin-7"), (150, "extend-150"), (150, "dexter-50")),
    ),
}


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise")
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of all tables")
    parser.add_argument("--time", type=float, default=8.0, help="seconds for one advice")
    parser.add_argument("--trial", type=float, default=60.0, help="seconds for the trial that withdraws")
    parser.add_argument("--pieces", type=int, default=0, help="of advice for the section coverage, for each workload")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    pieces: list[Piece] = []
    sized: list[Sized] = []
    sizes: list[tuple[float, float]] = []
    for name in chosen.only:
        began = time.monotonic()
        with databases.server() as cluster:
            found = databases.filled(cluster, name, chosen.scale)
            if isinstance(found, str):
                print(f"{name}: not measured: {found}")
                continue
            results[name] = _run(cluster.dsn(name), name, found, chosen)
            sizes += results[name].pop("sizes")
            print(f"{name}: took {time.monotonic() - began:.0f} s\n", flush=True)
            if chosen.pieces and name in COVERED:
                began = time.monotonic()
                more = coverage.collect(cluster.dsn(name), name, found, count=chosen.pieces, repetitions=3)
                pieces += more[0]
                sized += more[1]
                print(f"{name}: coverage took {time.monotonic() - began:.0f} s\n", flush=True)
    right = sum(abs(predicted / real - 1) <= SIZE_BOUND for predicted, real in sizes)
    print(f"sizes of all advised indexes within 25 %: {right} of {len(sizes)}")
    if pieces:
        coverage.report(pieces, sized)
        results["coverage"] = coverage.document(pieces, sized)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results, indent=1))


def _run(dsn: str, name: str, statements: Sequence[WorkloadStatement], chosen: argparse.Namespace) -> dict[str, Any]:
    case = CASES[name]
    advice: dict[str, WorkloadAdvice] = {}
    for budget in case.budgets_mb:
        with psycopg.connect(dsn, autocommit=True) as connection:
            settings = WorkloadSettings(budget_bytes=budget * 10**6, time_max_s=chosen.time)
            before_s, before_ms = time.process_time(), cpu_ms(connection.info.backend_pid)
            made = advise_workload(connection, statements, settings=settings)
            server_s = (cpu_ms(connection.info.backend_pid) - before_ms) / 1e3
            print(
                f"trimtab-{budget}: {made.what_if_calls} questions,"
                f" processor time {time.process_time() - before_s:.1f} s"
                f" here, {server_s:.1f} s of the server; load {os.getloadavg()[0]:.1f}"
            )
            advice[f"trimtab-{budget}"] = made
    references = _references(dsn, statements, case)
    sets: dict[str, list[str]] = {BASE: []}
    sets |= {of: [definition_of(one.ddl) for one in made.indexes] for of, made in advice.items()}
    kept: dict[str, list[str]] = {}
    for of, made in advice.items():
        gone = withdrawing.withdrawn(dsn, of, statements, made, time_max_s=chosen.trial)
        kept[f"{of} kept"] = [one for one in sets[of] if one not in gone]
    sets |= kept
    sets |= {one.name: list(one.ddl) for one in references if not one.reason}
    measured = measure(dsn, statements, sets, repetitions=chosen.repetitions, say=lambda said: print(said, flush=True))
    calls = {one.name: one.calls for one in statements}
    rows: dict[str, Any] = {"sizes": []}
    load = measured.load
    print(f"\n{name}: load {load[0]:.1f} before, {load[1]:.1f} after; {chosen.repetitions} repetitions")
    took = {of: made.took_s for of, made in advice.items()} | {one.name: one.took_s for one in references}
    for of, ddl in sets.items():
        found = ratio(measured.times_ms[of], measured.times_ms[BASE], calls)
        said = f" (predicted {_predicted(advice[of])})" if of in advice else ""
        seconds = f"  advice {took[of]:.1f} s" if of in took else ""
        print(f"  {of:17} {len(ddl):3} indexes {measured.size_of(ddl) / 1e6:7.1f} MB  CPU {found}{said}{seconds}")
        rows[of] = {"mb": measured.size_of(ddl) / 1e6, "ratio": found.middle, "interval_90": [found.low, found.high]}
    for one in references:
        if one.reason:
            print(f"  {one.name:17} not measured: {one.reason}")
    for budget, other in case.pairs:
        if other in sets:
            found = ratio(measured.times_ms[f"trimtab-{budget}"], measured.times_ms[other], calls)
            print(f"  trimtab-{budget} ÷ {other}: {found}{'' if found.high < 1 else '  NOT proven better'}")
            rows[f"trimtab-{budget}/{other}"] = {"ratio": found.middle, "interval_90": [found.low, found.high]}
    for of in (*advice, *kept):
        rows[of]["slower"] = withdrawing.tell(of, measured, calls)
    for of, made in advice.items():
        rows[of] |= _details(of, made, measured, sets[of])
        rows["sizes"] += [
            (one.size_bytes, measured.sizes_bytes[ddl]) for one, ddl in zip(made.indexes, sets[of], strict=True)
        ]
    return rows


def _predicted(advice: WorkloadAdvice) -> str:
    low, high = advice.interval_90
    return f"{advice.predicted_ratio:.3g} [{low:.3g}, {high:.3g}]"


def _references(dsn: str, statements: Sequence[WorkloadStatement], case: Case) -> list[Reference]:
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.sql"
        workload.write_text(
            "".join(f"-- name: {one.name}\n-- calls: {one.calls:g}\n{one.text};\n" for one in statements)
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
    inside, changed = 0, 0
    for one in advice.statements:
        if not one.rests_on:
            continue
        after, before = measured.times_ms[name][one.name], measured.times_ms[BASE][one.name]
        real = float(np.median(after) / np.median(before))
        low, high = one.interval_90
        inside += low <= real <= high
        changed += 1
        print(f"    {one.name:28} {one.predicted_ratio:8.3g} [{low:.2g}, {high:.2g}]  {real:8.3g}")
    right = 0
    for made, definition in zip(advice.indexes, ddl, strict=True):
        real_bytes = measured.sizes_bytes[definition]
        right += abs(made.size_bytes / real_bytes - 1) <= SIZE_BOUND
        print(f"    {made.size_bytes / 1e6:8.1f} MB predicted, {real_bytes / 1e6:8.1f} real: {definition}")
    print(f"    in their interval: {inside} of {changed}; sizes within 25 %: {right} of {len(ddl)}")
    for left in advice.left:
        print(f"    left: {left.name}: {left.reason}")
    return {"inside": inside, "changed": changed, "sizes_right": right, "indexes": len(ddl)}


if __name__ == "__main__":
    main()
