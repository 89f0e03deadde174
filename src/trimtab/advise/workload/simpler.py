"""Keys and included columns that bring nothing are left away, and indexes beside wider ones of the same beginning: the
search sees no harm in a few bytes."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.costs import Chosen, OutOfTime
from trimtab.advise.workload.stand_ins import covers
from trimtab.advise.workload.timed_search import TimedSearch

LOSS_MAX = 0.02
"""A simpler index may lose this share of what the larger one gains."""

COVERED_LOSS_MAX = 0.002
"""An index that another one of the set could stand in for goes where all would take no more than this share longer."""


def without_doubles(
    timed: TimedSearch, chosen: Chosen, candidates: Sequence[Candidate], sizes: Sequence[int]
) -> Chosen:
    """The set without indexes that another one of the set stands in for: each statement was asked about what is best
    for it alone, and of two that begin alike either serves both. The smaller goes last."""
    best = chosen
    try:
        for number in sorted(chosen, key=lambda n: -sizes[n]):
            others = [other for other in best - {number} if _stands_in(candidates[other], candidates[number])]
            best = _left_away(timed, best, number, others)
    except OutOfTime:
        return best
    return best


def _left_away(timed: TimedSearch, chosen: Chosen, number: int, others: Sequence[int]) -> Chosen:
    """The set without an index that `others` of it could stand in for, where hardly anything is lost by it."""
    without = chosen - {number}
    if others and timed.value(without) <= timed.value(chosen) + COVERED_LOSS_MAX * timed.base_value:
        return without
    return chosen


def _stands_in(other: Candidate, one: Candidate) -> bool:
    """Whether an index begins like another one and holds all of its columns, or its keys at least."""
    its, mine = other.definition, one.definition
    if (mine.relation, mine.method, mine.predicate) != (its.relation, its.method, its.predicate):
        return False
    held = {key.sql for key in its.keys} | set(its.include)
    return mine.keys[0] == its.keys[0] and {key.sql for key in mine.keys} <= held


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
        for number in sorted(best):
            wider = [other for other in best - {number} if covers(candidates[other], candidates[number])]
            best = _left_away(timed, best, number, wider)
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
