"""Keys and included columns that bring nothing are left away, and indexes beside wider ones of the same beginning: the
search sees no harm in a few bytes."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.costs import Chosen, OutOfTime
from trimtab.advise.workload.timed_search import TimedSearch

LOSS_MAX = 0.02
"""A simpler index may lose this share of what the larger one gains."""

COVERED_LOSS_MAX = 0.002
"""An index that another one of the set could stand in for goes where all would take no more than this share longer."""


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
            wider = [other for other in best - {number} if _covers(candidates[other], candidates[number])]
            tried = best - {number}
            if wider and timed.value(tried) <= timed.value(best) + COVERED_LOSS_MAX * timed.base_value:
                best = tried
    except OutOfTime:
        return best
    return best


def _covers(wide: Candidate, narrow: Candidate) -> bool:
    """Whether an index can do all that another one can, if not as fast."""
    its, mine = wide.definition, narrow.definition
    if (mine.relation, mine.method, mine.predicate) != (its.relation, its.method, its.predicate):
        return False
    return mine.keys == its.keys[: len(mine.keys)] and set(mine.include) <= {*its.include, *(k.sql for k in its.keys)}


def _is_simpler(one: Candidate, other: Candidate) -> bool:
    mine, its = one.definition, other.definition
    if one is other or (mine.relation, mine.method, mine.predicate) != (its.relation, its.method, its.predicate):
        return False
    if mine.keys != its.keys[: len(mine.keys)] or not set(mine.include) <= set(its.include):
        return False
    return _parts(one) < _parts(other)


def _parts(one: Candidate) -> int:
    return len(one.definition.keys) + len(one.definition.include)
