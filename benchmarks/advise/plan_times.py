"""Fits the times of `advise/workload/plan_times.toml`: measured plans of TPC-H, with many sets of indexes.

    TRIMTAB_BENCH_DATA=… python -m benchmarks.advise.plan_times [--sets 12] [--scale 1]

Sets are what the adviser says of random parts of the workload and budgets. Every plan that differs is executed for its
processor time, and once more for its numbers of rows; the weights are the non-negative least squares of relative
errors, drawn a little towards the figures that are there now. Prints the section [ns].
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import psycopg
from scipy.optimize import nnls

from benchmarks.advise import databases
from benchmarks.advise.measuring import PREFIX, definition_of, measure
from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.existing import keys_of
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.plan_time import nanoseconds
from trimtab.advise.workload.shapes import workload_of
from trimtab.advise.workload.statements import WorkloadStatement
from trimtab.advise.workload.work import Counting
from trimtab.sql.catalog import ExistingIndex

SEED = 1
PULL = 0.15
"""How strongly a weight is drawn to the one that is there now."""

ALONE = frozenset({"call", "skipped_entries", "function_calls", "elements"})
"""Measured by themselves (see the file): what they take is subtracted, and they stay."""

LEAST_MS = 60.0
"""Shorter statements count as if they took this long."""


def fit(work: Sequence[Mapping[str, float]], times_ms: Sequence[float], now: Mapping[str, float]) -> dict[str, float]:
    """Nanoseconds by kind of work.

    >>> made = fit([{"a": 1e6}, {"a": 2e6, "b": 1e6}], [100.0, 250.0], {"a": 90.0, "b": 60.0})
    >>> {name: round(value, -1) for name, value in made.items()}
    {'a': 100.0, 'b': 50.0}
    """
    names = sorted(({name for one in work for name in one} & now.keys()) - ALONE)
    counts = np.array([[one.get(name, 0.0) for name in names] for one in work])
    known = np.array([sum(one.get(name, 0.0) * now.get(name, 0.0) for name in ALONE) / 1e6 for one in work])
    weights = 1 / np.maximum(np.asarray(times_ms, float), LEAST_MS)
    times = np.maximum(np.asarray(times_ms, float) - known, 0.0)
    pull = PULL * np.diag([1e6 / now[name] for name in names])
    matrix = np.vstack([counts * weights[:, None], pull])
    found, _ = nnls(matrix, np.concatenate([times * weights, PULL * np.ones(len(names))]))
    return {name: float(value) * 1e6 for name, value in zip(names, found, strict=True)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise.plan_times")
    parser.add_argument("--sets", type=int, default=12)
    parser.add_argument("--scale", type=float, default=1.0)
    chosen = parser.parse_args()
    with databases.server() as cluster:
        statements = databases.filled(cluster, "tpch", chosen.scale)
        if isinstance(statements, str):
            print(f"not measured: {statements}")
            return
        with psycopg.connect(cluster.dsn("tpch"), autocommit=True) as connection:
            sets = _sets(connection, statements, chosen.sets)
            workload = workload_of(connection, statements, (), AdviseSettings())
        measured = measure(cluster.dsn("tpch"), statements, sets, repetitions=2, analyse_plans=True)
    tables = {table.name: table for table in workload.catalog.tables.values()}
    keys = {index.name: keys_of(index) for table in tables.values() for index in table.indexes}
    for definition in (one for ddl in sets.values() for one in ddl):
        name = PREFIX + hashlib.sha256(definition.encode()).hexdigest()[:12]
        keys[name] = keys_of(ExistingIndex(name, f"CREATE INDEX {name} ON {definition}", True, False, False, 0))
    counting = Counting(tables, lambda name: keys.get(name, ()), 64 << 20)
    seen: dict[tuple[str, str], float] = {}
    for (name, statement), plan in measured.plan_of.items():
        seen.setdefault((plan, statement), min(measured.times_ms[name][statement]))
    plans = [(measured.plans[plan], time) for (plan, _), time in seen.items() if "Actual Loops" in measured.plans[plan]]
    work = [counting.work(plan) for plan, _ in plans]
    found = fit(work, [time for _, time in plans], nanoseconds())
    for words, weights in (("as they are now", nanoseconds()), ("fitted", {**nanoseconds(), **found})):
        errors = [
            np.log(sum(of.get(name, 0.0) * ns / 1e6 for name, ns in weights.items()) / time)
            for of, (_, time) in zip(work, plans, strict=True)
        ]
        print(
            f"# {len(plans)} plans, weights {words}:"
            f" log(model / measured) {np.mean(errors):+.2f} ± {np.std(errors):.2f}"
        )
    print(f"# load {measured.load[0]:.1f} before, {measured.load[1]:.1f} after\n[ns]")
    for name, value in found.items():
        print(f"{name} = {value:.4g}  # now {nanoseconds()[name]:.4g}")


def _sets(
    connection: psycopg.Connection[Any], statements: Sequence[WorkloadStatement], count: int
) -> dict[str, list[str]]:
    """What the adviser says of parts of the workload."""
    random = Random(SEED)
    sets: dict[str, list[str]] = {"no index": []}
    for number in range(count):
        part = random.sample(list(statements), random.choice([4, 7, 12, len(statements)]))
        budget_bytes = random.choice([40, 100, 250, 500, 1_000]) * 10**6
        index = AdviseSettings(include_columns_max=random.choice([0, 3, 6]))
        settings = WorkloadSettings(budget_bytes=budget_bytes, time_max_s=5.0, index=index)
        made = advise_workload(connection, part, settings=settings)
        sets[f"set {number}"] = [definition_of(one.ddl) for one in made.indexes]
    return sets


if __name__ == "__main__":
    main()
