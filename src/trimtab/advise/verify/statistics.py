"""What statistics on expressions would change: tried on a clone, after the indexes, which are there in both forms."""

from __future__ import annotations

import time
from collections.abc import Sequence

from trimtab.advise.verify.answers import Measured, StatisticsTried, Trial
from trimtab.advise.verify.bench import Bench
from trimtab.advise.verify.trying import measured, run_all
from trimtab.advise.workload.advice import ExpressionStatistics
from trimtab.model.errors import StatementRefused


def try_statistics(
    made: Bench, lacking: Sequence[ExpressionStatistics], trials: Sequence[Trial], time_max_s: float, call_max_ms: int
) -> tuple[StatisticsTried, ...]:
    """Make all of them, and run the statements that ask for their expressions with and without. Those that only find
    rows: what a statement writes would be there for the next."""
    refused: dict[str, str] = {}
    for one in lacking:
        try:
            made.make_statistics(one)
        except StatementRefused as error:
            refused[one.ddl] = error.message
    asking = {name for one in lacking if one.ddl not in refused for name in one.statements}
    chosen = [Trial(t.name, t.calls, t.new, t.new) for t in trials if t.name in asking and t.writes is None]
    runs = run_all(made, chosen, time.monotonic() + time_max_s)
    found = {run.trial.name: measured(run, call_max_ms) for run in runs if not run.refused}
    answers = []
    for one in lacking:
        of = tuple(found[name] for name in one.statements if name in found)
        if one.ddl in refused:
            answers.append(StatisticsTried(one.ddl, False, refused[one.ddl]))
        else:
            answers.append(StatisticsTried(one.ddl, *_judged(of), of))
    return tuple(answers)


def _judged(of: Sequence[Measured]) -> tuple[bool, str]:
    """Whether they help, and what came of it in words."""
    changed = [one for one in of if one.blocks]
    harmed = [one for one in changed if one.is_harmed]
    faster = [one for one in changed if one.interval_90[1] < 1]
    if harmed:
        return False, f"{', '.join(one.name for one in harmed)} got slower: leave them"
    if faster:
        return True, ", ".join(f"{one.name} takes {one.ratio:.2g} of its time" for one in faster)
    if changed:
        return False, f"{', '.join(one.name for one in changed)}: another plan, and no difference that was proven"
    return False, "no plan changes" if of else "no statement could be run"
