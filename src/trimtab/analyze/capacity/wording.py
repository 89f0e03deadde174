"""Why there is no date, or what the date rests on, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.analyze.capacity.answers import DAY_MS, HOUR_MS, Outcome


def span(ms: float) -> str:
    """A time in words, rounded down to what matters.

    >>> span(3 * DAY_MS), span(90 * 60_000), span(HOUR_MS)
    ('3 days', '90 minutes', '1 hour')
    """
    for unit_ms, name in ((DAY_MS, "day"), (HOUR_MS, "hour"), (60_000, "minute"), (1000, "second")):
        if ms >= 2 * unit_ms or ms == unit_ms:
            count = round(ms / unit_ms)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{round(ms)} ms"


def share_of_futures(chance: float, paths: float) -> str:
    """How many of the drawn futures, never told as certain: what was drawn is not all that can come.

    >>> share_of_futures(0.456, 1000), share_of_futures(1.0, 1000), share_of_futures(0.002, 1000)
    ('46% of 1,000 drawn futures', 'more than 99% of 1,000 drawn futures', 'less than 1% of 1,000 drawn futures')
    """
    share = "more than 99%" if chance > 0.99 else "less than 1%" if chance < 0.01 else f"{chance:.0%}"
    return f"{share} of {paths:,.0f} drawn futures"


def reason_of(outcome: Outcome, facts: Mapping[str, float]) -> str:
    """The sentence of an outcome.

    >>> reason_of("too_little", {"peaks": 3, "peaks_min": 8, "bucket_ms": DAY_MS, "empty_ratio": 0.0})
    'it has numbers in 3 buckets of 1 day, a trend needs 8'
    """
    bucket = span(facts["bucket_ms"])
    if outcome == "too_little":
        if facts["peaks"] >= facts["peaks_min"]:
            if facts["empty_ratio"] > 0.5:
                return f"{facts['empty_ratio']:.0%} of its buckets of {bucket} have no number, half is the limit"
            return "there are too few peaks since the last shift of level, or between two times it was emptied"
        if facts["peaks"] <= 1:
            return f"it has {'one peak' if facts['peaks'] else 'no number'}, a trend needs {facts['peaks_min']:.0f}"
        return f"it has numbers in {facts['peaks']:.0f} buckets of {bucket}, a trend needs {facts['peaks_min']:.0f}"
    if outcome == "already":
        return f"the newest peak is {facts['current']:.6g}, the limit {facts['limit']:.6g}"
    horizon = span(facts["steps"] * facts["bucket_ms"])
    futures = share_of_futures(facts["probability"], facts["paths"])
    if outcome == "dated":
        return f"{futures} reach the limit within {horizon}"
    if outcome == "possible":
        return f"it grows, but only {futures} reach the limit within {horizon}"
    if outcome == "never":
        return f"it grows, but not to the limit within {horizon} ({futures} reach it)"
    return f"its peaks do not grow by more than chance ({futures} reach the limit in {horizon})"
