"""Where all objectives stand at a moment: budgets and burn rates from the book of counts.

Windows that many objectives share are summed once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.slo.budget import Burn, assumed_total, burn_rate, consumed, expected_total
from trimtab.analyze.slo.budget_end import BLOCKS, Course, end_of, rates_of
from trimtab.analyze.slo.burn_rules import usual_ms
from trimtab.analyze.slo.quantities import duration_text
from trimtab.analyze.slo.slice_book import FIVE_MS, GOOD, HOUR_MS, MEASURED, TOTAL, Counts, SliceBook
from trimtab.app.objectives.notices import little_text, notices_of
from trimtab.model.objectives import (
    SLICE_MS,
    Budget,
    BudgetEnd,
    BudgetState,
    Exclusion,
    Objective,
    SliceCounts,
)
from trimtab.store.objective_state import Progress

BURN_SHARE = 720
"""The burn rate that is shown is over the window divided by this: an hour of thirty days."""
SILENT_MS = 15 * SLICE_MS
"""What was measured before and is not for so long is told: no data is no good news."""
RECENT_SHARE = 120
"""When the budget ends is told from the window divided by this: six hours of thirty days."""


@dataclass(frozen=True, slots=True)
class ObjectiveNow:
    """One objective at a moment. `history_from_ms` is how far back it shall be counted, `progress` how far it is."""

    objective: Objective
    budget: Budget
    burns: tuple[Burn, ...]
    exclusions: tuple[Exclusion, ...]
    progress: Progress | None
    history_from_ms: int
    problem: str = ""
    is_silent: bool = False
    """Whether nothing was measured for `SILENT_MS`, while before in its window something was."""

    @property
    def is_burning(self) -> bool:
        """Whether any of its rules fires."""
        return any(burn.fires for burn in self.burns)

    @property
    def history_ratio(self) -> float:
        """How much of its history is counted by now."""
        if self.progress is None:
            return 0.0
        span_ms = self.progress.counted_to_ms - self.history_from_ms
        counted_ms = self.progress.counted_to_ms - max(self.progress.counted_from_ms, self.history_from_ms)
        return 1.0 if span_ms <= 0 else max(0.0, min(1.0, counted_ms / span_ms))


class Board:
    """One look at the book. Sums are made when they are first asked for, for all objectives at once."""

    def __init__(self, book: SliceBook, end_ms: int) -> None:
        self._book, self._end_ms = book, end_ms
        self._sums: dict[int, Counts] = {}
        self._began: dict[int, NDArray[np.int64]] = {}

    def sums(self, row: int, start_ms: int) -> tuple[float, float, int]:
        """Good, total and measured minutes of one objective since a moment."""
        found = self._sums.get(start_ms)
        if found is None:
            found = self._sums[start_ms] = self._book.sums(start_ms, self._end_ms)
        return float(found[row, GOOD]), float(found[row, TOTAL]), round(float(found[row, MEASURED]))

    def now(
        self,
        row: int,
        objective: Objective,
        exclusions: Sequence[Exclusion],
        progress: Progress | None,
        history_from_ms: int,
        problem: str,
    ) -> ObjectiveNow:
        """Where one objective stands."""
        burns = tuple(self._burn(row, objective, number) for number in range(len(objective.burn_rules)))
        budget = self._budget(row, objective, exclusions, burns, problem)
        is_silent = budget.counts.measured_slices > 0 and not self.sums(row, self._end_ms - SILENT_MS)[2]
        if is_silent and not problem:
            told = f"nothing was measured in the last {duration_text(SILENT_MS)}: burn rules cannot fire"
            budget = replace(budget, notices=(told, *budget.notices))
        return ObjectiveNow(objective, budget, burns, tuple(exclusions), progress, history_from_ms, problem, is_silent)

    def _burn(self, row: int, objective: Objective, number: int) -> Burn:
        rule = objective.burn_rules[number]
        good, total, _ = self.sums(row, self._end_ms - rule.long_ms)
        short_good, short_total, _ = self.sums(row, self._end_ms - rule.short_ms)
        return Burn(
            rule,
            burn_rate(total - good, total, objective.target),
            burn_rate(short_total - short_good, short_total, objective.target),
            total,
            is_thin=total < objective.events_min,
            known_ms=self._known_ms(row, rule.long_ms),
        )

    def _known_ms(self, row: int, long_ms: int) -> int | None:
        """How far back a long window is known; None where as much before it is not empty either: gaps are no news."""
        start_ms = self._end_ms - long_ms
        measured = self.sums(row, start_ms)[2]
        if self.sums(row, start_ms - long_ms)[2] > measured:
            return None
        return self._end_ms - self._first_ms(row, start_ms)

    def _first_ms(self, row: int, start_ms: int) -> int:
        """When measuring began since a moment."""
        if start_ms not in self._began:
            self._began[start_ms] = self._book.first_measured(start_ms, self._end_ms)
        return int(self._began[start_ms][row])

    def _budget(
        self, row: int, objective: Objective, exclusions: Sequence[Exclusion], burns: Sequence[Burn], problem: str
    ) -> Budget:
        window_start_ms, window_end_ms = objective.window.bounds(self._end_ms)
        start_ms = max([window_start_ms, *(one.end_ms for one in exclusions if one.is_reset)])
        start_ms = min(start_ms, self._end_ms)
        good, total, measured = self.sums(row, start_ms)
        elapsed = _slices(start_ms, self._end_ms) - excluded_slices(exclusions, start_ms, self._end_ms)
        counts = SliceCounts(good, total, measured, max(elapsed, measured))
        whole = _slices(start_ms, window_end_ms) - excluded_slices(exclusions, start_ms, window_end_ms)
        is_rolling = objective.window.is_rolling
        expected = total if is_rolling else expected_total(counts, elapsed, whole)
        before_ms = window_start_ms if is_rolling else start_ms
        assumed = assumed_total(counts, self._unknown(row, exclusions, before_ms, start_ms))
        expected += assumed
        share = consumed(counts.bad, expected, objective.target)
        burn_ms = min(usual_ms(objective.window.length_ms / BURN_SHARE), objective.window.length_ms)
        burn_ms = max(burn_ms, 5 * SLICE_MS)
        recent_good, recent_total, _ = self.sums(row, self._end_ms - burn_ms)
        return Budget(
            objective=objective.name,
            at_ms=self._end_ms,
            window_start_ms=start_ms,
            window_end_ms=window_end_ms,
            counts=counts,
            total_expected=expected,
            consumed_ratio=share,
            burn_rate=burn_rate(recent_total - recent_good, recent_total, objective.target),
            burn_window_ms=burn_ms,
            state=_state(share, burns),
            end=None if share is None or share >= 1 else self._end(row, objective, counts, expected, assumed, start_ms),
            notices=tuple(notices_of(objective, counts, burns, problem, little_text(counts, assumed, expected, share))),
            total_assumed=assumed,
        )

    def _unknown(self, row: int, exclusions: Sequence[Exclusion], before_ms: int, start_ms: int) -> int:
        """Minutes from `before_ms` on until measuring began after `start_ms`."""
        first_ms = self._first_ms(row, start_ms)
        return max(0, _slices(before_ms, first_ms) - excluded_slices(exclusions, before_ms, first_ms))

    def _end(
        self, row: int, objective: Objective, counts: SliceCounts, expected: float, assumed: float, start_ms: int
    ) -> BudgetEnd | None:
        length_ms = objective.window.length_ms
        block_ms = max(1, round(length_ms / RECENT_SHARE / BLOCKS / SLICE_MS)) * SLICE_MS
        recent = self._book.line(SLICE_MS, self._end_ms - block_ms * BLOCKS, self._end_ms, [row])[0]
        blocks = recent.reshape(3, BLOCKS, -1).sum(axis=2)
        is_measured = blocks[MEASURED] * 2 >= block_ms // SLICE_MS
        bad = blocks[TOTAL] - blocks[GOOD]
        if not bad.any():
            return None
        rates = rates_of(bad, blocks[TOTAL], is_measured, block_ms)
        if rates is None:
            return None
        step_ms = SLICE_MS if length_ms <= 12 * HOUR_MS else FIVE_MS if length_ms <= 96 * HOUR_MS else HOUR_MS
        leaving = np.zeros((3, 0))
        if objective.window.is_rolling:
            line = self._book.line(step_ms, self._end_ms - length_ms, self._end_ms, [row])[0]
            line[:, : max(0, start_ms - self._end_ms + length_ms) // step_ms] = 0.0  # before it was begun anew
            before = max(1, (self._first_ms(row, start_ms) - self._end_ms + length_ms) // step_ms)
            line[GOOD : TOTAL + 1, :before] += assumed / before
            leaving = line.cumsum(axis=1)
        course = Course(
            at_ms=self._end_ms,
            end_ms=objective.window.bounds(self._end_ms)[1],
            bad=counts.bad,
            total=counts.total + assumed,
            target=objective.target,
            is_rolling=objective.window.is_rolling,
            total_expected=expected,
            step_ms=step_ms,
            leaving_bad=leaving[TOTAL] - leaving[GOOD],
            leaving_total=leaving[TOTAL],
        )
        return end_of(course, rates, block_ms)


def board_of(
    book: SliceBook,
    objectives: Sequence[Objective],
    end_ms: int,
    exclusions: Mapping[str, Sequence[Exclusion]],
    progress: Mapping[str, Progress],
    history_from_ms: Mapping[str, int],
    problems: Mapping[str, str],
) -> dict[str, ObjectiveNow]:
    """Where they all stand; row i of the book is objective i."""
    board = Board(book, end_ms)
    return {
        one.name: board.now(
            row,
            one,
            exclusions.get(one.name, ()),
            progress.get(one.name),
            history_from_ms.get(one.name, end_ms),
            problems.get(one.name, ""),
        )
        for row, one in enumerate(objectives)
    }


def _slices(start_ms: int, end_ms: int) -> int:
    return max(0, end_ms // SLICE_MS - start_ms // SLICE_MS)


def excluded_slices(exclusions: Sequence[Exclusion], start_ms: int, end_ms: int) -> int:
    """How many minutes of a stretch are excluded; those that lie in two are counted once."""
    total, at_ms = 0, start_ms
    for one in sorted((one for one in exclusions if not one.is_reset), key=lambda one: one.start_ms):
        first, last = max(at_ms, one.start_ms), min(end_ms, one.end_ms)
        if last > first:
            total += _slices(first, last)
            at_ms = last
    return total


def _state(share: float | None, burns: Sequence[Burn]) -> BudgetState:
    if share is None:
        return BudgetState.UNMEASURED
    if any(burn.fires for burn in burns):
        return BudgetState.BURNING  # whatever is left: something has to be done now
    return BudgetState.SPENT if share >= 1 else BudgetState.KEPT
