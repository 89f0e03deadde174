"""Error budgets and burn rates of sums of counts.

    allowed   = (1 - target) · total              a calendar window: of the total that is expected at its end
    consumed  = bad / allowed
    burn(w)   = (bad(w) / total(w)) / (1 - target)

Nothing here is a mean of ratios: 12 hours of 1,000 events a minute without an error, then 12 of 10 a minute with half
of them bad, are 3,600 bad of 727,200 events, 0.495 %; the mean of the hours' ratios would say 25 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.objectives import SLICE_MS, BurnRule, SliceCounts


def burn_rate(bad: float, total: float, target: float) -> float | None:
    """How many times as fast as allowed; None where nothing was counted.

    >>> round(burn_rate(36, 1000, 0.999), 6)
    36.0
    """
    return None if total <= 0 else bad / total / (1.0 - target)


def consumed(bad: float, total_expected: float, target: float) -> float | None:
    """Bad events as a share of those that are allowed; None where nothing was counted.

    >>> round(consumed(3600, 727_200, 0.999), 4)
    4.9505
    """
    return None if total_expected <= 0 else bad / (total_expected * (1.0 - target))


def expected_total(counts: SliceCounts, elapsed_slices: int, window_slices: int) -> float:
    """All events that a calendar window will have had at its end, if it goes on as in the minutes that were measured.

    >>> expected_total(SliceCounts(90, 100, 10, 10), 10, 40)
    400.0
    """
    if not counts.measured_slices:
        return 0.0
    left = max(0, window_slices - elapsed_slices)
    return counts.total + counts.total / counts.measured_slices * left


def assumed_total(counts: SliceCounts, unknown_slices: int) -> float:
    """Events of the time before the first measurement, if they came as in the minutes that were measured.

    >>> assumed_total(SliceCounts(90, 100, 10, 10), 30), assumed_total(SliceCounts(0, 0, 0, 10), 30)
    (300.0, 0.0)
    """
    return counts.total / counts.measured_slices * unknown_slices if counts.measured_slices else 0.0


@dataclass(frozen=True, slots=True)
class Burn:
    """One rule at one moment. `is_thin`: there were too few events to say anything by them.

    `known_ms`: how far back the long window is known, where the measuring began inside it; None: all of it is. Rates
    are those of what was measured; what a rule stands for is a share of the budget that is gone. So the time before
    the measuring counts as one without errors, and nothing is said before a whole short window was measured.
    """

    rule: BurnRule
    long_rate: float | None
    short_rate: float | None
    long_total: float
    is_thin: bool = False
    known_ms: int | None = None

    @property
    def fires(self) -> bool:
        """Both windows burn faster than the factor, and the long one is known well enough to say so."""
        return self._is_fast and self.wait_ms == 0

    @property
    def _is_fast(self) -> bool:
        if self.long_rate is None or self.short_rate is None or self.is_thin:
            return False
        return self.long_rate > self.rule.factor and self.short_rate > self.rule.factor

    @property
    def wait_ms(self) -> int:
        """How long it stays silent yet if errors go on as they are: whole slices; 0 where it waits for nothing.

        >>> rule = BurnRule("fast", "page", 3_600_000, 300_000, 14.4, 0.02)
        >>> Burn(rule, 100.0, 100.0, 2, known_ms=120_000).wait_ms  # 8.64 minutes of this are 2 % of 30 days' budget
        420000
        >>> Burn(rule, 1000.0, 1000.0, 2, known_ms=120_000).wait_ms  # a whole short window, however bad it is
        180000
        """
        if self.known_ms is None or not self._is_fast:
            return 0
        needed_ms = known_ms_needed(self.rule, self.long_rate or 0.0)
        return max(0, -(-round(needed_ms - self.known_ms) // SLICE_MS) * SLICE_MS)


def known_ms_needed(rule: BurnRule, long_rate: float) -> float:
    """So long it has to be measured before a rule can fire at this rate."""
    return max(rule.short_ms, min(rule.long_ms, rule.long_ms * rule.factor / long_rate))


def events_for_one(target: float, factor: float) -> float:
    """So many events a window needs that a single bad one of them does not reach the factor.

    >>> round(events_for_one(0.999, 14.4), 1)
    69.4
    """
    return 1.0 / (factor * (1.0 - target))
