"""Which of the priced candidates to propose, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.pricing import Priced
from trimtab.advise.index.risk import TRUST
from trimtab.model.change import Risk

TIE_OF_TODAY = 0.02
"""Differences below this share of today's time are no reason to take the larger index."""

_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


def worth(priced: Priced) -> float:
    """Gain per second as far as the plan is trusted, less what writers pay."""
    return priced.gain_ms_per_s * TRUST[priced.report.risk] - priced.writes.ms_per_s


def why_not(priced: Priced, settings: AdviseSettings) -> str | None:
    """None where a candidate is worth proposing, else the reason."""
    if not priced.price.is_used:
        return "the planner does not use it"
    if priced.prediction.ratio >= settings.ratio_max:
        return f"predicted {priced.prediction.ratio:.2f} of today's time; proposals start below {settings.ratio_max:g}"
    if priced.net_ms_per_s <= 0:
        return (
            f"it would save {priced.gain_ms_per_s:.3g} ms/s of reading and cost {priced.writes.ms_per_s:.3g} ms/s "
            "of writing"
        )
    if priced.candidate.table.kind == "p":
        return "it helps, but nothing can be built concurrently on a partitioned table: build it on each partition"
    return None


def ranked(candidates: Sequence[Priced], settings: AdviseSettings) -> list[Priced]:
    """Best first. Among ones that are as good as the best within a few per cent, the smaller one is better."""
    left = [priced for priced in candidates if why_not(priced, settings) is None]
    order: list[Priced] = []
    while left:
        best = max(left, key=worth)
        equals = [priced for priced in left if _ties(priced, best, settings)]
        chosen = min(equals, key=_bulk)
        order.append(chosen)
        left.remove(chosen)
    return order


def _ties(priced: Priced, best: Priced, settings: AdviseSettings) -> bool:
    slack_ms = max(settings.tie_share * best.prediction.after_ms, TIE_OF_TODAY * best.prediction.before_ms)
    return (
        priced.prediction.after_ms <= best.prediction.after_ms + slack_ms
        and _RISKS.index(priced.report.risk) <= _RISKS.index(best.report.risk)
        and priced.net_ms_per_s >= (1 - settings.tie_share) * best.net_ms_per_s
    )


def _bulk(priced: Priced) -> tuple[int, int, int]:
    definition = priced.candidate.definition
    return (priced.size_bytes, len(definition.keys) + len(definition.include), -len(definition.predicate or ""))
