"""What is said beside the numbers of an objective: how little they stand on, and what rules wait for."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.analyze.slo.budget import Burn, events_for_one
from trimtab.analyze.slo.quantities import duration_text
from trimtab.app.objectives.counting import NO_BAD
from trimtab.model.objectives import Objective, SliceCounts, TimeSliceSli
from trimtab.model.readable import percent_of

COVERAGE_ENOUGH = 0.9
"""Where less of the time is measured, it is said."""


def little_text(counts: SliceCounts, assumed: float, expected: float, share: float | None) -> str:
    """What the number of the budget stands on, where much of its time was not measured; '' where little was not.

    >>> little_text(SliceCounts(0, 14, 14, 43_200), 43_186, 43_200, 0.0324).partition("; ")[2]
    'if the time before was without errors, 3.24 % of it is gone'
    """
    if share is None or not expected or assumed / expected <= 1.0 - COVERAGE_ENOUGH:
        return ""
    minutes = round(counts.measured_slices * expected / (expected - assumed))
    return (
        f"measured are {counts.measured_slices:,} of {max(minutes, counts.expected_slices):,} minutes: not enough to "
        f"say what is left of the budget; if the time before was without errors, {percent_of(share)} of it is gone"
    )


def notices_of(
    objective: Objective, counts: SliceCounts, burns: Sequence[Burn], problem: str, little: str
) -> list[str]:
    """What a person should know of the numbers; `little` is what `little_text` says."""
    is_answered = problem == NO_BAD and counts.bad > 0
    found = [problem] if problem and not is_answered else []
    if counts.expected_slices and not counts.measured_slices and not problem:
        found.append("its queries found no samples in its window: are the names right? Until there are, it never rings")
    if little:
        found.append(little)
    elif 0 < counts.coverage_ratio < COVERAGE_ENOUGH:
        known = percent_of(counts.coverage_ratio)
        found.append(f"only {known} of the time is measured; what is not measured is neither good nor bad")
    for burn in burns:
        if burn.wait_ms:
            found.append(waiting_text(burn))
        if burn.is_thin:
            found.append(
                f"rule {burn.rule.name} waits: {burn.long_total:g} events in {duration_text(burn.rule.long_ms)}, "
                f"fewer than events_min ({objective.events_min:g})"
            )
        elif not isinstance(objective.sli, TimeSliceSli) and 0 < burn.long_total < (
            needed := events_for_one(objective.target, burn.rule.factor)
        ):
            found.append(
                f"low traffic: {burn.long_total:g} events in {duration_text(burn.rule.long_ms)}; below {needed:.0f} "
                f"one bad event is enough for rule {burn.rule.name}"
            )
    return found


def waiting_text(burn: Burn) -> str:
    """Why a rule that is above its limit does not fire yet.

    >>> from trimtab.model.objectives import BurnRule
    >>> rule = BurnRule("fast", "page", 3_600_000, 300_000, 14.4, 0.02)
    >>> waiting_text(Burn(rule, 100.0, 100.0, 2, known_ms=120_000))
    'rule fast waits: measured are 2m of its 1h, the time before counts as without errors; it fires in 7m if errors \
stay as they are'
    """
    known, long = duration_text(burn.known_ms or 0), duration_text(burn.rule.long_ms)
    return (
        f"rule {burn.rule.name} waits: measured are {known} of its {long}, the time before counts as without errors; "
        f"it fires in {duration_text(burn.wait_ms)} if errors stay as they are"
    )
