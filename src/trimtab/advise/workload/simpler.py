"""Keys and included columns that bring nothing are left away: the search sees no harm in a few bytes."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.costs import Chosen, OutOfTime
from trimtab.advise.workload.timed_search import TimedSearch

LOSS_MAX = 0.02
"""A simpler index may lose this share of what the larger one gains."""


def simpler(timed: TimedSearch, chosen: Chosen, candidates: Sequence[Candidate]) -> Chosen:
    """The set with each index replaced by the simplest candidate that does its work as well."""
    best = chosen
    try:
        for number in sorted(chosen):
            fewer = [other for other, one in enumerate(candidates) if _is_simpler(one, candidates[number])]
            fewer.sort(key=lambda other: _parts(candidates[other]))
            if not fewer:
                continue
            without, value = timed.value(best - {number}), timed.value(best)
            for other in fewer:
                tried = (best - {number}) | {other}
                if timed.value(tried) <= value + LOSS_MAX * max(without - value, 0.0):
                    best = tried
                    break
    except OutOfTime:
        return best
    return best


def _is_simpler(one: Candidate, other: Candidate) -> bool:
    mine, its = one.definition, other.definition
    if one is other or (mine.relation, mine.method, mine.predicate) != (its.relation, its.method, its.predicate):
        return False
    if mine.keys != its.keys[: len(mine.keys)] or not set(mine.include) <= set(its.include):
        return False
    return _parts(one) < _parts(other)


def _parts(one: Candidate) -> int:
    return len(one.definition.keys) + len(one.definition.include)
