"""Which candidates do the work of others, if not as fast: wider ones that begin alike."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate


def covers(wide: Candidate, narrow: Candidate) -> bool:
    """Whether an index can do all that another one can, if not as fast."""
    its, mine = wide.definition, narrow.definition
    if (mine.relation, mine.method, mine.predicate) != (its.relation, its.method, its.predicate):
        return False
    return mine.keys == its.keys[: len(mine.keys)] and set(mine.include) <= {*its.include, *(k.sql for k in its.keys)}


def stand_ins(candidates: Sequence[Candidate]) -> list[frozenset[int]]:
    """For each candidate, the places of others whose work it can do."""
    groups: dict[tuple[int, str, str | None, str], list[int]] = {}
    for number, one in enumerate(candidates):
        of = one.definition
        groups.setdefault((one.table.oid, of.method, of.predicate, of.keys[0].sql), []).append(number)
    found = [frozenset[int]()] * len(candidates)
    for group in groups.values():
        for wide in group:
            mine = (n for n in group if n != wide and covers(candidates[wide], candidates[n]))
            found[wide] = frozenset(mine)
    return found
