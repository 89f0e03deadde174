"""From statements to what is priced: texts that EXPLAIN takes, weights, what each asks of its tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pglast import ast

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.parameters import ParameterTypes
from trimtab.advise.index.partial import Constant
from trimtab.advise.index.session import LOCKED, Connection, server_errors
from trimtab.advise.workload.faults import OURS, fault_of
from trimtab.advise.workload.locked import without_locked
from trimtab.advise.workload.reading import (
    NO_TIME,
    RELATIONS_A_SECOND,
    RELATIONS_MAX,
    STATEMENTS_MIN,
    ReadStatement,
    read_in_order,
    weighed,
)
from trimtab.advise.workload.shared_conditions import shared_conditions
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.model.errors import ServerUnreachable, StatementRefused
from trimtab.observe.postgres.explain import Checked, check, check_parsed
from trimtab.sql.catalog import Catalog
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.conditions import Analysis, TableUse
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.literals import synthesised
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import single_statement

PARSING_SHARE = 0.4
"""The part of the time for reading that parsing may take."""

PARAMETER_SETS_MAX = 3
"""So many sets of parameters are made up for a statement with `$n` ..."""

SETS_STATEMENTS_MAX = 200
"""... where it is among so many that take most time; for any other one set has to do."""


@dataclass(frozen=True, slots=True)
class Write:
    """What a statement writes: a relation; `columns` are those that an UPDATE sets, None for rows that come or go."""

    relation: str
    columns: frozenset[str] | None
    is_insert: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of VALUES, `rows` in a call: it finds no rows and only writes. `mean_ms` as in `Shape`."""

    name: str
    relation: str
    rows: float
    calls: float
    shape_id: str
    mean_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """One statement of the workload. `texts` stand for it behind EXPLAIN, each with an equal part of its calls.

    `shape_id` is the fingerprint that it shares with statements that differ in literals alone. `write` says what it
    writes, None for a SELECT. `mean_ms` is the mean time of a call that the server measured, None where it did not.
    `checked` are the texts as `explain` takes them. `example` is the analysis of one of the texts, where these were
    made up for parameters.
    """

    name: str
    calls: float
    texts: tuple[str, ...]
    analysis: Analysis
    shape_id: str
    write: Write | None = None
    mean_ms: float | None = None
    checked: tuple[Checked, ...] = ()
    example: Analysis | None = None

    def with_values(self, use: TableUse) -> TableUse:
        """A use of a table as it is with values in place of the parameters, where there are any."""
        made = self.example.uses if self.example is not None else ()
        return next((one for one in made if (one.table.oid, one.alias) == (use.table.oid, use.alias)), use)


@dataclass(frozen=True, slots=True)
class Workload:
    """All that can be priced; `constants` by (shape_id, oid of the table); `left` are those that cannot be.

    `trigram_schema` is where pg_trgm is, None where it is not. `calls_of` are calls and mean time (None: not measured)
    by name, of all statements, also of those that are left. `shares` are of rows that fulfil conditions together, by
    oid of the table, where a sample was counted.
    """

    catalog: Catalog
    shapes: tuple[Shape, ...]
    constants: Mapping[tuple[str, int], tuple[Constant, ...]]
    left: tuple[Left, ...]
    inserts: tuple[Insert, ...] = ()
    work_mem_bytes: float = 4 << 20
    trigram_schema: str | None = None
    calls_of: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    shares: Mapping[tuple[int, frozenset[str]], float] = field(default_factory=dict)


def workload_of(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left],
    settings: AdviseSettings,
    *,
    time_max_s: float = 3600.0,
) -> Workload:
    """Read the catalogue once for all statements, and take each apart; what cannot be is left, with the reason.

    Where there are more than can be read in time, those that take little of the workload's time are left.
    """
    began = time.monotonic()
    heavy_first = weighed(connection, statements)
    relations_max = int(min(RELATIONS_MAX, RELATIONS_A_SECOND * time_max_s))
    read, refused = read_in_order(heavy_first, relations_max, began + time_max_s * PARSING_SHARE)
    refused = [*left, *refused]
    read, catalog = _catalogue(connection, read, refused)
    missing = set(catalog.missing)
    types = ParameterTypes(connection)
    shapes: list[Shape] = []
    inserts: list[Insert] = []
    for place, one in enumerate(read):
        if place >= STATEMENTS_MIN and time.monotonic() - began > time_max_s:
            refused += [Left(late.statement.name, late.statement.line, NO_TIME) for late in read[place:]]
            break
        try:
            if one.text is None:
                inserts.append(_inserted(one, catalog))
            else:
                sets_max = PARAMETER_SETS_MAX if place < SETS_STATEMENTS_MAX else 1
                shapes.append(_shape(types, one, one.text, catalog, missing, sets_max))
        except StatementRefused as error:
            refused.append(Left(one.statement.name, one.statement.line, error.message))
        except OURS as fault:
            refused.append(fault_of(one.statement.name, one.statement.line, fault))
    constants, shares = shared_conditions(connection, catalog, shapes, settings, began + time_max_s)
    at = {statement.name: place for place, statement in enumerate(statements)}
    shapes.sort(key=lambda shape: at[shape.name])
    work_mem_bytes, trigram_schema = _server_facts(connection)
    return Workload(
        catalog,
        tuple(shapes),
        constants,
        tuple(refused),
        tuple(inserts),
        work_mem_bytes,
        trigram_schema,
        calls_of={one.name: (one.calls, heavy_first.mean_ms(one)) for one in statements},
        shares=shares,
    )


def _catalogue(
    connection: Connection, read: list[ReadStatement], refused: list[Left]
) -> tuple[list[ReadStatement], Catalog]:
    """The catalogue of all relations that statements name; of fewer statements where the server takes too long, and of
    those whose tables nobody holds where there is a lock."""
    while True:
        try:
            with server_errors(connection, "read the catalogue"):
                return read, read_catalog(connection, [one.named for one in read], relations_max=RELATIONS_MAX)
        except ServerUnreachable as error:
            if connection.closed:
                raise
            is_locked = bool(error.facts.get("is_locked"))
            free, left = without_locked(connection, read) if is_locked else (read, [])
            if left and free:
                refused += left
                read = free
                continue
            if left or len(read) <= STATEMENTS_MIN:
                raise
            kept = max(STATEMENTS_MIN, len(read) // 5)
            reason = f"its tables could not be looked up: {LOCKED}" if is_locked else NO_TIME
            refused += [Left(one.statement.name, one.statement.line, reason) for one in read[kept:]]
            read = read[:kept]


def _server_facts(connection: Connection) -> tuple[float, str | None]:
    """work_mem, and the schema of pg_trgm where it is there."""
    query = f"""SELECT pg_size_bytes(current_setting('work_mem')), (SELECT n.nspname FROM pg_extension e
                  JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm')
                 FROM {OWN_MARK} (SELECT) AS nothing"""
    with server_errors(connection, "read the server's settings"):
        row = connection.execute(query.encode(), prepare=False).fetchone()
    return (float(row[0]), row[1]) if row is not None else (float(4 << 20), None)


def _inserted(one: ReadStatement, catalog: Catalog) -> Insert:
    write = _write(one.tree, catalog)
    rows = one.tree.selectStmt if isinstance(one.tree, ast.InsertStmt) else None
    if write is None or not isinstance(rows, ast.SelectStmt):
        raise StatementRefused("the table that it writes is not in reach")
    count = float(len(rows.valuesLists or ()))
    return Insert(one.statement.name, write.relation, count, one.statement.calls, one.shape_id, one.mean_ms)


def _write(tree: ast.Node, catalog: Catalog) -> Write | None:
    if not isinstance(tree, ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt) or tree.relation is None:
        return None
    table = catalog.find(tree.relation.schemaname or None, str(tree.relation.relname))
    if table is None:
        return None
    columns = None
    if isinstance(tree, ast.UpdateStmt):
        columns = frozenset(str(target.name) for target in tree.targetList or ())
    return Write(table.relation, columns, isinstance(tree, ast.InsertStmt))


def _shape(
    types: ParameterTypes, one: ReadStatement, text: str, catalog: Catalog, missing: set[str], sets_max: int
) -> Shape:
    if unknown := one.named.written & missing:
        raise StatementRefused(f"this database has no {', '.join(sorted(unknown))} in reach")
    analysis = analyse(one.tree, catalog)
    checked = [check_parsed(text, one.tree) if text == one.statement.text else check(text)]
    texts: tuple[str, ...] = (text,)
    example = None
    if checked[0].parameters_count:
        made = synthesised(text, analysis.parameters, types.of(text), lambda _t, _e, _r: None)
        texts = made.statements[:sets_max]
        example = analyse(single_statement(texts[len(texts) // 2]), catalog)
        checked = [check(each) for each in texts]
    return Shape(
        one.statement.name,
        one.statement.calls,
        texts,
        analysis,
        one.shape_id,
        _write(one.tree, catalog),
        one.mean_ms,
        tuple(checked),
        example,
    )
