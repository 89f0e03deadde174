"""Candidates for a whole workload: those of each statement, once each, with who may use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate, composite, hopes_to_stop
from trimtab.advise.index.covering import covering
from trimtab.advise.index.existing import same_or_wider, unique_keys
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
    workload: Workload, settings: AdviseSettings, faults: Faults, heavy_first: Sequence[int] = ()
) -> tuple[list[Candidate], Serving]:
    """All candidates, and who is served by them; a shape that meets a fault has none of its own.

    `heavy_first` are places of shapes: where there would be more candidates than `CANDIDATES_MAX`, those of the first
    are made, and the others look what there is for them.
    """
    made: list[list[Candidate]] = [[] for _ in workload.shapes]
    wanted: dict[IndexDefinition, None] = {}
    for place in heavy_first or range(len(workload.shapes)):
        if len(wanted) >= CANDIDATES_MAX:
            break
        shape = workload.shapes[place]
        try:
            made[place] = [one for use in shape.analysis.uses for one in _of_use(shape, use, workload, settings)]
        except OURS as fault:
            faults.add(shape.name, fault)
        wanted |= dict.fromkeys(one.definition for one in made[place])
    kept = frozenset(list(wanted)[:CANDIDATES_MAX])
    places: dict[IndexDefinition, int] = {}
    found: list[Candidate] = []
    own: list[dict[int, None]] = []
    for candidates in made:
        mine: dict[int, None] = {}
        for candidate in candidates:
            if candidate.definition in kept:
                if candidate.definition not in places:
                    places[candidate.definition] = len(found)
                    found.append(candidate)
                mine[places[candidate.definition]] = None
        own.append(mine)
    return found, Serving(workload, found, own)


class Serving:
    """Which candidates may serve which shape, looked up when somebody asks: of thousands few are asked about."""

    def __init__(self, workload: Workload, candidates: Sequence[Candidate], own: Sequence[Mapping[int, None]]) -> None:
        self._workload, self._candidates, self._own = workload, candidates, own
        self._others = _Others(candidates)

    def of(self, place: int) -> frozenset[int]:
        """The places of candidates: those that the shape gave, and others that lead with what it asks for."""
        asked = [_Asked.of(use) for use in self._workload.shapes[place].analysis.uses]
        near = self._others.near(asked) - self._own[place].keys()
        return frozenset(self._own[place].keys() | {n for n in near if _may_serve(asked, self._candidates[n])})

    def own(self, place: int) -> Iterable[int]:
        """The places of candidates that the shape gave, those of a use of a table in a row, most promising first."""
        return self._own[place].keys()


class _Others:
    """Candidates by what they lead with and by what they hold, so that a statement looks at few of a thousand."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._led: dict[tuple[int, str], set[int]] = {}
        self._held: dict[int, list[tuple[frozenset[str], int]]] = {}
        for number, one in enumerate(candidates):
            keys = [key.sql for key in one.definition.keys]
            self._led.setdefault((one.table.oid, keys[0]), set()).add(number)
            held = frozenset((*keys, *one.definition.include))
            self._held.setdefault(one.table.oid, []).append((held, number))

    def near(self, asked: Sequence[_Asked]) -> set[int]:
        """Those that lead with a term that is asked for, or hold all columns that are read."""
        found: set[int] = set()
        for one in asked:
            oid, columns = one.use.table.oid, one.use.columns
            found.update(*(self._led.get((oid, term), ()) for term in one.terms))
            if columns:
                found |= {number for held, number in self._held.get(oid, ()) if columns <= held}
        return found


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
    if table.schema in ("pg_catalog", "information_schema", "pg_toast") or is_single_row(use):
        return []
    catalog = workload.catalog
    made = composite(use, catalog)[:PER_USE_MAX]
    made += partial(use, catalog, workload.constants.get((shape.shape_id, table.oid), ()))[:PER_USE_MAX]
    by_parts = inverted(shape.with_values(use), workload.trigram_schema)
    sought = frozenset(key.sql for one in by_parts for key in one.definition.keys)
    if sought:
        sought |= {c.term.sql for c in use.conditions if c.match is Match.EQUAL and c.arm is None}
        made = [one for one in made if not hopes_to_stop(one.definition.keys, sought, use.sorts)]
    made += [wider for one in made for wider in covering(one, use, settings)]
    made += block_ranges(use)
    made += by_parts
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


def is_single_row(use: TableUse) -> bool:
    """Whether a unique index that is there finds the one row that is asked for: no other index does that better."""
    equal = {one.term.sql for one in use.conditions if one.match is Match.EQUAL and one.arm is None}
    unique = (unique_keys(index.statement) for index in use.table.indexes if index.is_unique and index.is_valid)
    return any(keys and keys <= equal for keys in unique)


def _may_serve(asked: Sequence[_Asked], candidate: Candidate) -> bool:
    """Whether a candidate that another statement gave may serve this one: it leads with what is asked for here."""
    definition = candidate.definition
    if is_inverted(definition):
        return False
    for one in asked:
        use = one.use
        if use.table.oid != candidate.table.oid or is_single_row(use):
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
