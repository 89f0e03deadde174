"""Advice on a clone: build, try in turn, withdraw what harms, say what is left. `verify` is the table of contents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.advise.index.session import Connection
from trimtab.advise.verify.answers import Trial, Verification, Withdrawn
from trimtab.advise.verify.bench import Bench, bench, plan_shape
from trimtab.advise.verify.clone import Clone
from trimtab.advise.verify.statistics import try_statistics
from trimtab.advise.verify.trying import SAME_PLAN, Run, blocks, measured, result, run_all
from trimtab.advise.workload.advice import ExpressionStatistics
from trimtab.model.errors import StatementRefused, TrimtabError
from trimtab.model.index import IndexDefinition
from trimtab.observe.postgres.explain import explain
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import readable
from trimtab.stats.paired import HARM, total_ratio

ROUNDS_MAX = 8
"""So many indexes are withdrawn one after the other at most."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """Bounds of one trial. A call that takes longer than `call_max_s` is cut short; `time_max_s` is for measuring
    alone, building comes before it, and each statement gets its first block whatever it takes."""

    time_max_s: float = 120.0
    call_max_s: float = 30.0
    build_max_s: float = 3_600.0


def verify(
    clone: Clone,
    trials: Sequence[Trial],
    indexes: Sequence[IndexDefinition],
    *,
    drops: Sequence[tuple[str, str]] = (),
    statistics: Sequence[ExpressionStatistics] = (),
    original: Connection | None = None,
    settings: VerifySettings | None = None,
) -> Verification:
    """Try indexes (and drops, as (schema, name)) and rewrites together, on all statements; then `statistics` that the
    planner lacks. Nothing stays on the clone.

    With `original` each old form's plan is compared with the system's own.
    """
    chosen = settings or VerifySettings()
    began = time.monotonic()
    call_max_ms = round(chosen.call_max_s * 1000)
    notes = list(clone.notes)
    connection = clone.connection
    with bench(connection, call_max_ms=call_max_ms, build_max_ms=round(chosen.build_max_s * 1000)) as made:
        _analyse_new(connection)
        withdrawn = _built(made, indexes)
        made.dropped = list(drops)
        agrees = {} if original is None else _agreement(made, trials, original)
        until = time.monotonic() + chosen.time_max_s
        runs = run_all(made, trials, until)
        for _ in range(ROUNDS_MAX):
            harm = _worst(runs, made, call_max_ms)
            if harm is None:
                break
            run, definition = harm
            found = result(run, call_max_ms).ratio
            withdrawn.append(
                Withdrawn(
                    definition,
                    run.trial.name,
                    found.ratio,
                    found.interval_90,
                    f"{run.trial.name} got slower: {found.ratio:.2f} of its time, {found.interval_90[0]:.2f} at least",
                )
            )
            name = made.built[definition].name
            made.take_away(definition)
            again = [one for one in runs if name in one.reads or one.trial.writes == definition.relation]
            fresh = run_all(made, [one.trial for one in again], max(until, time.monotonic() + chosen.time_max_s / 4))
            by_name = {id(was): now for was, now in zip(again, fresh, strict=True)}
            runs = [by_name.get(id(one), one) for one in runs]
        unit = made.unit
        lacking = try_statistics(made, statistics, trials, chosen.time_max_s / 4, call_max_ms) if statistics else ()
        built = tuple(made.built.values())
    tried = [run for run in runs if not run.refused]
    statements = tuple(replace(measured(run, call_max_ms), plan_agrees=agrees.get(run.trial.name)) for run in tried)
    total = _total(tried, call_max_ms)
    writers = {run.trial.name for run in tried if run.trial.writes is not None}
    still = [one.name for one in statements if one.is_harmed and one.name not in writers]
    paying = [f"{one.name} ({one.ratio:.2f})" for one in statements if one.is_harmed and one.name in writers]
    if paying:
        notes.append(f"these write, and pay for the indexes, less than is gained: {', '.join(paying[:5])}")
    if still:
        notes.append(f"slower, and no new index is to blame: {', '.join(still[:5])}")
    other = [one.name for one in statements if one.plan_agrees is False and one.note != SAME_PLAN]
    if other:
        notes.append(f"the clone plans otherwise than the system does today: {', '.join(other[:5])}")
    return Verification(
        clone.told,
        unit,
        total[0],
        total[1],
        statements,
        built,
        tuple(withdrawn),
        tuple((run.trial.name, run.refused) for run in runs if run.refused),
        tuple(notes),
        time.monotonic() - began,
        lacking,
    )


def _analyse_new(connection: Connection) -> None:
    """Tables that nobody has ever analysed (a copy that was just made) get statistics, until the rollback."""
    query = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'm') AND c.reltuples < 0 AND n.nspname <> 'information_schema'
                  AND n.nspname NOT LIKE 'pg\\_%' ORDER BY c.oid LIMIT 5000"""
    for schema, table in connection.execute(query.encode()).fetchall():
        with connection.transaction():
            connection.execute(f"ANALYZE {qualified(schema, table)}".encode())


def _built(made: Bench, indexes: Sequence[IndexDefinition]) -> list[Withdrawn]:
    """Build all; what the server will not build is withdrawn with its words."""
    refused: list[Withdrawn] = []
    for definition in indexes:
        try:
            made.build(definition)
        except StatementRefused as error:
            refused.append(Withdrawn(definition, "", 1.0, (1.0, 1.0), f"{readable(definition)}: {error.message}"))
    return refused


def _worst(runs: Sequence[Run], made: Bench, call_max_ms: int) -> tuple[Run, IndexDefinition] | None:
    """The statement that is harmed most, and which of the new indexes to give up for it.

    Of those that its plan reads the one goes whose loss costs the other readers least. A writer pays for every index
    of its table, which is no harm as long as the readers gain more.
    """
    by_name = {one.name: definition for definition, one in made.built.items()}
    worst: tuple[float, Run, list[IndexDefinition]] | None = None
    for run in runs:
        if run.same_plan or run.refused or run.trial.old != run.trial.new:
            continue
        found = result(run, call_max_ms)
        low = found.ratio.interval_90[0]
        blamed = [by_name[name] for name in sorted(run.reads) if name in by_name]
        if not blamed and run.trial.writes is not None:
            blamed = [definition for definition in made.built if definition.relation == run.trial.writes]
            gains = sum(_gain_of(made.built[definition].name, runs, run) for definition in blamed)
            if gains >= run.trial.calls * (found.after_ms - found.before_ms):
                continue
        if low > HARM and blamed and (worst is None or low > worst[0]):
            worst = (low, run, blamed)
    if worst is None:
        return None
    _, run, blamed = worst
    return run, min(blamed, key=lambda definition: _gain_of(made.built[definition].name, runs, run))


def _gain_of(name: str, runs: Sequence[Run], but: Run) -> float:
    """What the other readers of an index gain today, in ms of all their calls."""
    gain = 0.0
    for run in runs:
        if run is not but and name in run.reads:
            if run.old_ms:
                gain += run.trial.calls * float(np.mean(run.old_ms) - np.mean(run.new_ms))
            elif run.old_look is None and run.new_look is not None:
                gain += run.trial.calls * 1e6
    return gain


def _total(runs: Sequence[Run], call_max_ms: int) -> tuple[float, tuple[float, float]]:
    """The whole workload. A statement whose plan stays weighs by the time that its plan was seen to take."""
    pairs = [blocks(run, call_max_ms) for run in runs]
    found = total_ratio([old for old, _ in pairs], [new for _, new in pairs], [run.trial.calls for run in runs])
    return found.ratio, found.interval_90


def _agreement(made: Bench, trials: Sequence[Trial], original: Connection) -> dict[str, bool]:
    """Whether the clone's plan of each old form is the system's; what cannot be asked is left out."""
    agrees: dict[str, bool] = {}
    with made.form(new=False):
        for trial in trials:
            if trial.writes is not None:
                continue
            try:
                here = plan_shape(explain(original, trial.old[0])["Plan"])
                agrees[trial.name] = plan_shape(made.plan(trial.old[0])) == here
            except TrimtabError:
                if original.closed:
                    return agrees
    return agrees
