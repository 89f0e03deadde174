"""Statements in their old and their new form, block by block: old, new, new, old."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from trimtab.advise.verify.answers import Measured, Trial
from trimtab.advise.verify.bench import (
    ANSWER_BYTES_MAX,
    CALLS_MAX,
    Bench,
    Looked,
    TooSlow,
    checked,
    indexes_read,
    plan_shape,
)
from trimtab.model.errors import StatementRefused
from trimtab.stats.paired import BLOCKS_MIN, Array, Ratio, paired_ratio

SAME_PLAN = "the plan stays as it is"
SLICE_MS = 20.0
"""A slice repeats a short call until it takes about so long: the kernel's count is no finer than some microseconds."""
BLOCKS_MAX = 8
BOTH = "both forms"
PRECISE = 0.08
"""An interval (on a log scale, to either side) that is narrower than this needs no further block."""


@dataclass(slots=True)
class Run:
    """One statement on its way: what was looked at, and its blocks so far (ms of a call of all its texts)."""

    trial: Trial
    old_look: Looked | None = None
    new_look: Looked | None = None
    calls: int = 1
    fetch: bool = True
    old_ms: list[float] = field(default_factory=list)
    new_ms: list[float] = field(default_factory=list)
    reads: frozenset[str] = frozenset()
    same_plan: bool = False
    too_slow: str = ""
    refused: str = ""

    @property
    def is_open(self) -> bool:
        """Whether there is something to run."""
        return not (self.same_plan or self.too_slow or self.refused)

    @property
    def ratio(self) -> Ratio:
        """What is known of it so far; of one that was cut short `result` knows more."""
        if self.same_plan:
            return Ratio(1.0, (1.0, 1.0))
        if not self.old_ms:
            return Ratio(1.0, (0.0, math.inf))
        return paired_ratio(np.array(self.old_ms), np.array(self.new_ms))

    @property
    def is_precise(self) -> bool:
        """Whether a further block would tell little."""
        if len(self.old_ms) < BLOCKS_MIN:
            return False
        low, high = self.ratio.interval_90
        return math.log(high / low) / 2 < PRECISE


def run_all(
    bench: Bench, trials: Sequence[Trial], until: float, now: Callable[[], float] = time.monotonic
) -> list[Run]:
    """Every statement: looked at in both forms, then measured in rounds until it is precise or time is up.

    `until` is by `now`. A round of all statements comes before a second one of any: what drifts hits all alike.
    """
    runs = [_looked(bench, trial) for trial in trials]
    for number in range(BLOCKS_MAX):
        for run in runs:
            if run.is_open and not run.is_precise and (number == 0 or now() < until):
                _block(bench, run)
    return runs


def _looked(bench: Bench, trial: Trial) -> Run:
    """Both plans; where they are the same and nothing is written, there is nothing to measure."""
    run = Run(trial)
    try:
        for text in (*trial.old, *trial.new):
            checked(text)
        with bench.form(new=False):
            old_plans = [bench.plan(text) for text in trial.old]
        with bench.form(new=True):
            new_plans = [bench.plan(text) for text in trial.new]
        new_names = {one.name for one in bench.built.values()}
        run.reads = frozenset[str]().union(*(indexes_read(plan) for plan in new_plans)) & new_names
        same = [plan_shape(plan) for plan in old_plans] == [plan_shape(plan) for plan in new_plans]
        run.same_plan = same and trial.old == trial.new and not _pays(bench, trial)
        if run.same_plan:
            _weigh(bench, run)
        else:
            _first_calls(bench, run)
    except StatementRefused as error:
        run.refused = error.message
    return run


def _weigh(bench: Bench, run: Run) -> None:
    """How long it takes, once: it changes nothing, and weighs in the whole."""
    try:
        with bench.form(new=True):
            ms = bench.timed_ms(run.trial.old, 1, fetch=False) / len(run.trial.old)
    except TooSlow:
        run.too_slow = BOTH
        return
    run.old_ms, run.new_ms = [ms], [ms]


def _pays(bench: Bench, trial: Trial) -> bool:
    """Whether it writes a table that has a new index."""
    return trial.writes in {definition.relation for definition in bench.built}


def _first_calls(bench: Bench, run: Run) -> None:
    looks: list[Looked | None] = [None, None]
    for place, texts in ((1, run.trial.new), (0, run.trial.old)):
        try:
            with bench.form(new=bool(place)):
                found = [bench.look(text) for text in texts]
        except TooSlow:
            continue
        ms = sum(one.execution_ms for one in found) / len(found)
        buffers = round(sum(one.buffers for one in found) / len(found))
        looks[place] = Looked(found[0].plan, buffers, ms)
        run.fetch = run.fetch and all(one.answer_bytes < ANSWER_BYTES_MAX for one in found)
    run.old_look, run.new_look = looks
    if run.old_look is None or run.new_look is None:
        which = {(True, True): BOTH, (True, False): "the old form", (False, True): "the new form"}
        run.too_slow = which[run.old_look is None, run.new_look is None]
        return
    longest = max(run.old_look.execution_ms, run.new_look.execution_ms) * len(run.trial.old)
    run.calls = max(1, min(CALLS_MAX, math.ceil(SLICE_MS / max(longest, 0.005))))


def _block(bench: Bench, run: Run) -> None:
    """One ABBA block. A call that is too slow ends it: nothing more is learnt of this statement."""
    sums = [0.0, 0.0]
    count = run.calls * len(run.trial.old)
    try:
        for new in (False, True, True, False):
            texts = run.trial.new if new else run.trial.old
            with bench.form(new=new):
                sums[new] += bench.timed_ms(texts, run.calls, fetch=run.fetch)
    except TooSlow:
        run.too_slow = "the new form" if new else "the old form"
        return
    except StatementRefused as error:
        run.refused = error.message
        return
    run.old_ms.append(max(sums[0] / (2 * count), 1e-6))
    run.new_ms.append(max(sums[1] / (2 * count), 1e-6))


@dataclass(frozen=True, slots=True)
class Result:
    """What a run says: times in ms of a call, and the ratio. One that was cut short says what it is at most, or at
    least."""

    before_ms: float
    after_ms: float
    ratio: Ratio


def result(run: Run, call_max_ms: int) -> Result:
    """The numbers of a run."""
    if run.too_slow:
        return _cut_short(run, float(call_max_ms))
    before, after = (float(np.mean(times)) if times else 0.0 for times in (run.old_ms, run.new_ms))
    return Result(before, after, run.ratio)


def measured(run: Run, call_max_ms: int) -> Measured:
    """What a run says, with all that belongs to it."""
    found, note = result(run, call_max_ms), None
    if run.too_slow:
        note = f"{run.too_slow} took over {call_max_ms / 1000:g} s"
    elif run.same_plan:
        note = SAME_PLAN
    elif len(run.old_ms) < BLOCKS_MIN:
        note = f"{len(run.old_ms)} blocks: too few for an interval"
    return Measured(
        run.trial.name,
        found.ratio.ratio,
        found.ratio.interval_90,
        found.before_ms,
        found.after_ms,
        None if run.old_look is None else run.old_look.buffers,
        None if run.new_look is None else run.new_look.buffers,
        0 if run.same_plan else len(run.old_ms),
        tuple(sorted(run.reads)),
        note,
    )


def _cut_short(run: Run, limit_ms: float) -> Result:
    before, after = (None if look is None else look.execution_ms for look in (run.old_look, run.new_look))
    if run.too_slow == "the old form" and after is not None:
        return Result(limit_ms, after, Ratio(after / limit_ms, (0.0, after / limit_ms)))
    if run.too_slow == "the new form" and before is not None:
        return Result(before, limit_ms, Ratio(limit_ms / before, (limit_ms / before, math.inf)))
    return Result(limit_ms, limit_ms, Ratio(1.0, (1.0, 1.0) if run.same_plan else (0.0, math.inf)))


def blocks(run: Run, call_max_ms: int) -> tuple[Array, Array]:
    """Its blocks, for the sum over statements; one value each where nothing was run in blocks."""
    if run.old_ms and not run.too_slow:
        return np.array(run.old_ms), np.array(run.new_ms)
    found = result(run, call_max_ms)
    return np.array([found.before_ms]), np.array([found.after_ms])
