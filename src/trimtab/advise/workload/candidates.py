"""Candidates for a whole workload: those of each statement, once each, with who may use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate, composite, hopes_to_stop
from trimtab.advise.index.covering import covering
from trimtab.advise.index.existing import same_or_wider
from trimtab.advise.index.partial import partial
from trimtab.advise.workload.faults import OURS, Faults
from trimtab.advise.workload.inverted import inverted, is_inverted
from trimtab.advise.workload.shapes import Shape, Workload
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.conditions import Match, TableUse

PER_USE_MAX = 14
PAGES_MIN = 16
BRIN_PAGES_MIN, BRIN_CORRELATION_MIN = 8_192, 0.95
SMALL_BRIN_PAGES_MIN, SMALL_BRIN_CORRELATION_MIN = 1_024, 0.995
"""A smaller table has few ranges of blocks: a few of them out of order would be much of it."""

CANDIDATES_MAX = 1_200


def candidates_of(
    workload: Workload, settings: AdviseSettings, faults: Faults
) -> tuple[list[Candidate], list[frozenset[int]]]:
    """All candidates, and for each shape the places of those that may serve it; none for one that meets a fault."""
    places: dict[IndexDefinition, int] = {}
    found: list[Candidate] = []
    own: list[set[int]] = []
    for shape in workload.shapes:
        mine: set[int] = set()
        try:
            made = [one for use in shape.analysis.uses for one in _of_use(shape, use, workload, settings)]
        except OURS as fault:
            faults.add(shape.name, fault)
            made = []
        for candidate in made:
            if candidate.definition not in places:
                if len(found) >= CANDIDATES_MAX:
                    continue
                places[candidate.definition] = len(found)
                found.append(candidate)
            mine.add(places[candidate.definition])
        own.append(mine)
    for shape, mine in zip(workload.shapes, own, strict=True):
        asked = [_Asked.of(use) for use in shape.analysis.uses]
        tables = {one.use.table.oid for one in asked}
        for number, candidate in enumerate(found):
            if candidate.table.oid in tables and number not in mine and _may_serve(asked, candidate):
                mine.add(number)
    return found, [frozenset(mine) for mine in own]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one use of a table asks for: the terms that an index may lead with, the conditions as SQL.

    `equal` are the terms that are compared with a single value each.
    """

    use: TableUse
    terms: frozenset[str]
    equal: frozenset[str]
    predicates: frozenset[str]

    @classmethod
    def of(cls, use: TableUse) -> _Asked:
        """Taken from the analysis."""
        terms = {condition.term.sql for condition in use.conditions}
        terms |= {sort.keys[0].term.sql for sort in use.sorts if sort.keys}
        terms |= {group[0].sql for group in use.groups if group}
        equal = frozenset(c.term.sql for c in use.conditions if c.match is Match.EQUAL and c.arm is None)
        predicates = frozenset(c.predicate for c in use.conditions if c.predicate is not None)
        return cls(use, frozenset(terms), equal, predicates)


def _of_use(shape: Shape, use: TableUse, workload: Workload, settings: AdviseSettings) -> list[Candidate]:
    table = use.table
    if table.kind not in ("r", "m") or table.is_temporary or table.size_bytes // 8192 < PAGES_MIN:
        return []
    if table.schema in ("pg_catalog", "information_schema", "pg_toast"):
        return []
    catalog = workload.catalog
    made = composite(use, catalog)[:PER_USE_MAX]
    made += partial(use, catalog, workload.constants.get((shape.shape_id, table.oid), ()))[:PER_USE_MAX]
    made += [wider for one in made for wider in covering(one, use, settings)]
    made += block_ranges(use)
    made += inverted(use, workload.trigram_schema)
    return [one for one in made if same_or_wider(table, one.definition) is None]


def block_ranges(use: TableUse) -> list[Candidate]:
    """BRIN on columns that are asked for ranges and lie in order: hardly any bytes for a large table."""
    found: dict[str, Candidate] = {}
    for condition in use.conditions:
        column = use.table.columns.get(condition.term.sql)
        statistics = column.statistics if column is not None else None
        if column is None or statistics is None or condition.match is not Match.RANGE or column.virtual:
            continue
        large = use.table.pages >= BRIN_PAGES_MIN
        correlation_min = BRIN_CORRELATION_MIN if large else SMALL_BRIN_CORRELATION_MIN
        if use.table.pages >= SMALL_BRIN_PAGES_MIN and abs(statistics.correlation or 0.0) >= correlation_min:
            definition = IndexDefinition(use.table.schema, use.table.name, (IndexKey(column.name),), method="brin")
            why = "a range of rows that lie in order"
            found.setdefault(column.name, Candidate(definition, use.table, use.alias, why))
    return list(found.values())


def _may_serve(asked: Sequence[_Asked], candidate: Candidate) -> bool:
    """Whether a candidate that another statement gave may serve this one: it leads with what is asked for here."""
    definition = candidate.definition
    if is_inverted(definition):
        return False
    for one in asked:
        use = one.use
        if use.table.oid != candidate.table.oid:
            continue
        if definition.predicate is not None and not set(candidate.constants) <= one.predicates:
            continue
        if hopes_to_stop(definition.keys, one.equal, use.sorts):
            continue
        if definition.keys[0].sql in one.terms:
            return True
        if use.columns and use.columns <= {key.sql for key in definition.keys} | set(definition.include):
            return True
    return False


def tables_of(candidates: Sequence[Candidate]) -> frozenset[str]:
    """The relations that candidates are on."""
    return frozenset(candidate.definition.relation for candidate in candidates)
