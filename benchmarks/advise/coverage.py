"""Whether the stated intervals hold: hundreds of pieces of advice, each stated before anything of it was measured.

    python -m benchmarks.advise.coverage [--pieces 110] [--repetitions 3] [--scale 1] [--json FILE]

A piece is the advice on some statements of a workload, drawn at random, within a budget, drawn too: what the product
says with an empty record. All indexes of all pieces are then built once on a private server, and every statement is
measured with every piece's indexes, in turn. Where the planner takes the same plan with two pieces' indexes, it is the
same execution, and its time counts for both; that makes hundreds of pieces affordable. `judging` says how good the
intervals were.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psycopg

from benchmarks.advise import databases, judging
from benchmarks.advise.intervals import ratio
from benchmarks.advise.judging import Case
from benchmarks.advise.measuring import definition_of, measure
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import WorkloadStatement
from trimtab.model.errors import TrimtabError

SEED = 3
BASE = "no index"
BUDGETS_MB = {"tpch": (20, 60, 110, 250, 500, 850), "application": (5, 20, 60, 150, 500), "tpcds": (5, 15, 30, 80)}
PARTS = (1, 2, 3, 5, 8, 12, 1_000)
TRIES_MAX = 3
"""A workload is tried so many times as often as pieces are wanted: some drawn parts get no index at all."""


@dataclass(frozen=True)
class Said:
    """One statement in a piece: what was said of it, and what was measured (medians, after ÷ before)."""

    name: str
    calls: float
    predicted: float
    low: float
    high: float
    before_ms: float
    rests_on: tuple[str, ...]
    measured: float
    measured_before_ms: float


@dataclass(frozen=True)
class Piece:
    """One piece of advice: its statements, and the whole."""

    workload: str
    number: int
    budget_mb: int
    indexes: tuple[str, ...]
    predicted: float
    low: float
    high: float
    measured: float
    measured_low: float
    measured_high: float
    took_s: float
    statements: tuple[Said, ...]

    @property
    def case(self) -> Case:
        """What is judged of it."""
        return Case(self.workload, self.predicted, self.low, self.high, self.measured)


@dataclass(frozen=True)
class Sized:
    """An index that was built: bytes predicted and real."""

    definition: str
    predicted: int
    real: int


def collect(
    dsn: str, name: str, statements: Sequence[WorkloadStatement], *, count: int, repetitions: int, seed: int = SEED
) -> tuple[list[Piece], list[Sized]]:
    """Pieces of advice on one database, stated and then measured."""
    began = time.monotonic()
    drawn = _advised(dsn, name, statements, count, seed)
    advised_s = time.monotonic() - began
    sets: dict[str, list[str]] = {BASE: []}
    only: dict[str, set[str]] = {BASE: {one.name for one in statements}}
    for number, (_, part, advice) in enumerate(drawn):
        sets[str(number)] = [definition_of(one.ddl) for one in advice.indexes]
        only[str(number)] = {one.name for one in part}
    measured = measure(dsn, statements, sets, repetitions=repetitions, only=only, say=_silent)
    pieces: list[Piece] = []
    for number, (budget, part, advice) in enumerate(drawn):
        key = str(number)
        calls = {one.name: one.calls for one in part}
        found = ratio(measured.times_ms[key], measured.times_ms[BASE], calls)
        said = tuple(
            Said(
                one.name, calls[one.name], one.predicted_ratio, *one.interval_90, one.before_ms, one.rests_on,
                float(np.median(measured.times_ms[key][one.name]) / np.median(measured.times_ms[BASE][one.name])),
                float(np.median(measured.times_ms[BASE][one.name])),
            )
            for one in advice.statements
        )  # fmt: skip
        pieces.append(
            Piece(
                name, number, budget, tuple(sets[key]), advice.predicted_ratio, *advice.interval_90,
                found.middle, found.low, found.high, advice.took_s, said,
            )
        )  # fmt: skip
    sizes = {definition_of(i.ddl): i.size_bytes for _, _, advice in drawn for i in advice.indexes}
    sized = [Sized(ddl, predicted, measured.sizes_bytes[ddl]) for ddl, predicted in sizes.items()]
    plans = len(set(measured.plan_of.values()))
    each_s = float(np.mean([one.took_s for one in pieces]))
    print(
        f"{name}: {len(pieces)} pieces of advice in {advised_s:.0f} s ({each_s:.2f} s each),"
        f" {len(sized)} different indexes built, {plans} different plans of {len(statements)} statements executed"
        f" {repetitions} times; load {measured.load[0]:.1f} before, {measured.load[1]:.1f} after",
        flush=True,
    )
    return pieces, sized


def _advised(
    dsn: str, name: str, statements: Sequence[WorkloadStatement], count: int, seed: int
) -> list[tuple[int, list[WorkloadStatement], WorkloadAdvice]]:
    random = Random(seed)
    made: list[tuple[int, list[WorkloadStatement], WorkloadAdvice]] = []
    nothing = 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(TRIES_MAX * count):
            part = random.sample(list(statements), min(len(statements), random.choice(PARTS)))
            budget = random.choice(BUDGETS_MB[name])
            settings = WorkloadSettings(budget_bytes=budget * 10**6, time_max_s=1.0 if len(part) <= 5 else 2.0)
            try:
                advice = advise_workload(connection, part, settings=settings)
            except TrimtabError as error:
                print(f"{name}: {len(part)} statements within {budget} MB: {error.message}")
                continue
            if not advice.indexes:
                nothing += 1
                continue
            made.append((budget, part, advice))  # the ratio is of all, those that there was no time for among them
            if len(made) == count:
                break
    print(f"{name}: {nothing} other drawn parts got no index: nothing was said of them that could be wrong")
    return made


def _silent(_: str) -> None:
    """Hundreds of sets would be long lines."""


def report(pieces: Sequence[Piece], sized: Sequence[Sized]) -> None:
    """Print how good the intervals of pieces and of their statements were, and the sizes."""
    for name in dict.fromkeys(one.workload for one in pieces):
        mine = [one for one in pieces if one.workload == name]
        print(f"\n{name}: pieces of advice")
        judging.tell([one.case for one in mine])
        changed = {
            (said.name, round(said.predicted, 6), round(said.measured, 9)): said
            for one in mine
            for said in one.statements
            if said.rests_on
        }.values()
        print(f"{name}: statements that change, each once with each plan")
        judging.tell([Case(name, one.predicted, one.low, one.high, one.measured) for one in changed])
    print("\nall pieces together")
    judging.tell([one.case for one in pieces])
    print("\nall pieces, corrected by the record of those before, as the product does where advice is measured")
    judging.tell(judging.with_record([(one.case, one.predicted) for one in pieces]))
    right = sum(abs(one.predicted / one.real - 1) <= 0.25 for one in sized)
    print(f"\nsizes within 25 %: {right} of {len(sized)} different indexes ({right / max(len(sized), 1):.0%})")
    for one in sized:
        if abs(one.predicted / one.real - 1) > 0.25:
            print(f"  {one.predicted / 1e6:7.2f} MB predicted, {one.real / 1e6:7.2f} real: {one.definition}")


def document(pieces: Sequence[Piece], sized: Sequence[Sized]) -> dict[str, Any]:
    """All of it, for JSON."""
    return {"pieces": [asdict(one) for one in pieces], "sizes": [asdict(one) for one in sized]}


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise.coverage")
    parser.add_argument("--only", nargs="*", choices=list(BUDGETS_MB), default=["tpch", "application"])
    parser.add_argument("--pieces", type=int, default=110, help="for each workload")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of all tables")
    parser.add_argument("--seed", type=int, default=SEED, help="of the parts and budgets that are drawn")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    pieces: list[Piece] = []
    sized: list[Sized] = []
    with databases.server() as cluster:
        for name in chosen.only:
            filled = databases.filled(cluster, name, chosen.scale)
            if isinstance(filled, str):
                print(f"{name}: not measured: {filled}")
                continue
            found = collect(
                cluster.dsn(name), name, filled, count=chosen.pieces, repetitions=chosen.repetitions, seed=chosen.seed
            )
            pieces += found[0]
            sized += found[1]
            if chosen.json is not None:
                chosen.json.write_text(json.dumps(document(pieces, sized)))
    if pieces:
        report(pieces, sized)
    return 0


if __name__ == "__main__":
    sys.exit(main())
