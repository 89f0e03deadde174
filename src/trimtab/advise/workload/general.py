"""A partial index on one value of many gives way to an index on all of them, where that serves as well.

`state = 'queued'` is asked for by every call: few rows are queued, most are done. `category_id = 17` is one category
of sixty, and the next call asks for another one: whatever a file of statements says, such a literal is no constant.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.costs import Chosen, OutOfTime
from trimtab.advise.workload.shapes import Workload
from trimtab.advise.workload.timed_search import TimedSearch
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import Condition, Match

COMMON_SHARE = 0.5
"""A value that is rarer than this share of what a value has on average is a state; any other is one of many."""

LOSS_MAX = 0.03
"""An index on all values may lose this share of what the one on a single value gains."""

TRIES_MAX = 8


def general(
    timed: TimedSearch, chosen: Chosen, candidates: Sequence[Candidate], sizes: Sequence[int], workload: Workload
) -> Chosen:
    """The set with indexes on all values in place of those on one of many, as far as they fit into the budget."""
    many = _one_of_many(workload)
    best = chosen
    try:
        for number in sorted(chosen):
            one = candidates[number]
            literals = {name: many[one.table.oid, name] for name in one.constants if (one.table.oid, name) in many}
            others = [n for n, other in enumerate(candidates) if literals and _is_general(other, one, literals)]
            if not others:
                continue
            others.sort(key=lambda n: (timed.known_value((best - {number}) | {n}), sizes[n]))
            without, value = timed.value(best - {number}), timed.value(best)
            for other in others[:TRIES_MAX]:
                tried = (best - {number}) | {other}
                if timed.fits(tried) and timed.value(tried) <= value + LOSS_MAX * max(without - value, 0.0):
                    best = tried
                    break
    except OutOfTime:
        return best
    return best


def _is_general(other: Candidate, one: Candidate, literals: dict[str, str]) -> bool:
    """Whether an index holds what another does, of all values of the columns (`literals`: by predicate)."""
    mine, its = other.definition, one.definition
    if (mine.relation, mine.method) != (its.relation, its.method) or mine.method != "btree":
        return False
    if not set(other.constants) <= set(one.constants) - literals.keys():
        return False
    keys = {key.sql for key in mine.keys}
    return set(literals.values()) <= keys and {its.keys[0].sql} <= keys


def _one_of_many(workload: Workload) -> dict[tuple[int, str], str]:
    """Columns by oid of the table and predicate: those that are compared with one value of many."""
    return {
        (use.table.oid, condition.predicate): condition.term.sql
        for shape in workload.shapes
        for use in shape.analysis.uses
        for condition in use.conditions
        if condition.predicate is not None and is_one_of_many(condition, use.table)
    }


def is_one_of_many(condition: Condition, table: Table) -> bool:
    """Whether a literal is as common as others of its column."""
    column = table.columns.get(condition.term.sql)
    known = column.statistics if column is not None else None
    if column is None or known is None or not condition.has_literal or not condition.values:
        return False
    if condition.match not in (Match.EQUAL, Match.ONE_OF) or column.type_name == "boolean":
        return False
    average = (1.0 - known.null_share) / known.distinct_count(table.rows_estimate)
    shares = [known.share_of(value) or 0.0 for value in condition.values]
    return max(shares) >= COMMON_SHARE * average
