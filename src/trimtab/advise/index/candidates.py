"""Candidate indexes of a statement, most promising first, bounded.

Composite: equalities, then an order or a range. Join-leading: the joined column first. Partial and covering ones are
in `partial` and `covering`; expressions need nothing of their own, they are terms like columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from trimtab.advise.index.terms import key, share, sort_keys, unusable
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.conditions import Condition, Match, Sort, TableUse, Term

EQUALITIES_MAX = 4
MOSTLY_NULL = 0.5
"""A column that is NULL in more of the rows than this is not put first for IS NULL: it narrows nothing."""

RANGES_MAX = 3
KEYS_MAX = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that may help, and why it was thought of.

    `alias` is the table's name in the statement; `constants` are the conditions of a partial index.
    """

    definition: IndexDefinition
    table: Table
    alias: str
    why: str
    constants: tuple[str, ...] = ()


@dataclass(slots=True)
class Asked:
    """What a table is asked for, reduced to terms that may be keys, each once."""

    table: Table
    equal: list[Condition] = field(default_factory=list)
    several: list[Condition] = field(default_factory=list)
    joins: list[Condition] = field(default_factory=list)
    ranges: list[Condition] = field(default_factory=list)
    sorts: list[Sort] = field(default_factory=list)
    groups: list[tuple[Term, ...]] = field(default_factory=list)
    arms: dict[tuple[int, int], Asked] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, condition: Condition, catalog: Catalog) -> None:
        """Sort one condition into its list; most selective equalities first."""
        if condition.match is Match.OTHER:
            return
        why_not = unusable(condition.term, self.table, catalog)
        if why_not is not None:
            self.refused[condition.term.sql] = why_not
            return
        if condition.match is Match.JOIN:
            known = self.joins
        elif condition.match is Match.ONE_OF:
            known = self.several
        elif condition.match.pins:
            known = self.equal
        else:
            known = self.ranges
        if all(condition.term.sql != c.term.sql for c in known):
            known.append(condition)
            if known is not self.ranges:
                known.sort(key=lambda c: share(c, self.table))


def asked_of(use: TableUse, catalog: Catalog, *, without: frozenset[str] = frozenset()) -> Asked:
    """What one use of a table asks for; conditions whose predicate is in `without` are left out."""
    asked = Asked(use.table)
    for condition in use.conditions:
        if condition.predicate is not None and condition.predicate in without:
            continue
        if condition.arm is None:
            asked.add(condition, catalog)
        else:
            asked.arms.setdefault(condition.arm, Asked(use.table)).add(condition, catalog)
    for sort in use.sorts:
        whole = Sort(
            tuple(k for k in sort.keys if unusable(k.term, use.table, catalog) is None),
            sort.complete,
            sort.limited,
            sort.source,
        )
        if len(whole.keys) == len(sort.keys) and whole not in asked.sorts:
            asked.sorts.append(whole)
    for terms in use.groups:
        if all(unusable(term, use.table, catalog) is None for term in terms) and terms not in asked.groups:
            asked.groups.append(terms)
    return asked


def key_lists(asked: Asked) -> Iterator[tuple[tuple[IndexKey, ...], str]]:
    """Lists of keys with the reason for each, most promising first; may repeat itself."""
    equal = frozenset(c.term.sql for c in asked.equal if c.match is Match.EQUAL)
    return ((keys, why) for keys, why in _key_lists(asked) if not hopes_to_stop(keys, equal, asked.sorts))


def hopes_to_stop(keys: Sequence[IndexKey], equal: frozenset[str], sorts: Iterable[Sort]) -> bool:
    """Whether an index would be walked in the order of ORDER BY until LIMIT is reached, past all rows that an equality
    sorts out, although an index can have the equality as well.

    How far that goes depends on the value: it is the whole table for one that few rows have.
    """
    if not keys or not equal or any(key.sql in equal for key in keys):
        return False
    return any(sort.limited and sort.keys and sort.keys[0].term.sql == keys[0].sql for sort in sorts)


def _key_lists(asked: Asked) -> Iterator[tuple[tuple[IndexKey, ...], str]]:
    """PostgreSQL does not take a column under IS NULL for constant when it looks at an order: such a key stands behind
    the keys of an ORDER BY, never before them."""
    table = asked.table
    equal = [c.term for c in asked.equal if c.match is not Match.IS_NULL][:EQUALITIES_MAX]
    nulls = [c for c in asked.equal if c.match is Match.IS_NULL]
    narrow = [c.term for c in nulls if share(c, table) <= MOSTLY_NULL]
    behind = [c.term for c in nulls]
    pinned = [*equal, *narrow, *(c.term for c in asked.several)][:EQUALITIES_MAX]
    joins = [c.term for c in asked.joins]
    ranges = asked.ranges[:RANGES_MAX]

    def keys(terms: Sequence[Term]) -> tuple[IndexKey, ...]:
        return tuple(key(term, table) for term in terms)

    def ordered(terms: Sequence[Term], sort: Sort) -> tuple[IndexKey, ...]:
        return keys(terms) + sort_keys(sort.keys, frozenset(term.sql for term in terms))

    for sort in asked.sorts:
        if equal:
            yield ordered(equal, sort), f"equalities, then {sort.source}"
            if behind:
                yield ordered(equal, sort) + keys(behind), f"equalities, then {sort.source}, then what must be NULL"
    for r in ranges:
        if pinned:
            yield keys(pinned) + _range(r, table), "equalities, then a range"
    if pinned:
        yield keys(pinned), "equalities"
    for join in joins:
        yield keys([join, *pinned]), "join first, then equalities" if pinned else "join"
        if pinned:
            yield keys([*pinned, join]), "equalities, then join"
        for sort in asked.sorts:
            yield ordered([join, *equal], sort), f"join, then {sort.source}"
        for r in ranges[:1]:
            yield keys([join, *pinned]) + _range(r, table), "join, then a range"
    for sort in asked.sorts:
        yield sort_keys(sort.keys, frozenset()), sort.source
        if behind and not equal:
            yield sort_keys(sort.keys, frozenset()) + keys(behind), f"{sort.source}, then what must be NULL"
    for r in ranges:
        yield _range(r, table), "a range"
    for arm in asked.arms.values():
        for arm_keys, why in key_lists(arm):
            yield arm_keys, f"{why} in one arm of an OR"
    for group in asked.groups:
        yield keys([*pinned, *group]), "equalities, then groups" if pinned else "groups"
        yield keys(group), "groups"
    if len(ranges) > 1:
        both = tuple(k for r in ranges[:2] for k in _range(r, table))
        yield keys(pinned) + both, "equalities and two ranges" if pinned else "two ranges"
    if len(pinned) > 1:
        for term in pinned:
            yield keys([term]), "one equality"
    if len(joins) > 1:
        yield keys(joins), "all joins"


def composite(use: TableUse, catalog: Catalog) -> list[Candidate]:
    """Full B-trees for one use of a table, each once."""
    found: dict[IndexDefinition, Candidate] = {}
    for keys, why in key_lists(asked_of(use, catalog)):
        definition = definition_of(use.table, keys)
        if definition is not None:
            found.setdefault(definition, Candidate(definition, use.table, use.alias, why))
    return list(found.values())


def definition_of(table: Table, keys: Sequence[IndexKey], predicate: str | None = None) -> IndexDefinition | None:
    """A B-tree over these keys, each once and at most `KEYS_MAX`; None when there are none."""
    unique: dict[str, IndexKey] = {}
    for item in keys:
        unique.setdefault(item.sql, item)
    if not unique:
        return None
    return IndexDefinition(table.schema, table.name, tuple(unique.values())[:KEYS_MAX], predicate=predicate)


def taken_in_turn(lists: Sequence[Sequence[Candidate]], count_max: int) -> list[Candidate]:
    """The best of every list first, then the second best ..., each definition once, at most `count_max`."""
    found: dict[IndexDefinition, Candidate] = {}
    for row in zip_longest(*lists):
        for candidate in row:
            if candidate is not None:
                found.setdefault(candidate.definition, candidate)
    return list(found.values())[:count_max]


def _range(condition: Condition, table: Table) -> tuple[IndexKey, ...]:
    first = key(condition.term, table, pattern=condition.match is Match.PREFIX)
    return (first, *(key(term, table) for term in condition.row_terms))
