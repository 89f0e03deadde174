"""From statements to what is priced: texts that EXPLAIN takes, weights, what each asks of its tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pglast import ast

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.parameters import parameter_types
from trimtab.advise.index.partial import Constant, constants_of
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.workload.faults import OURS, fault_of
from trimtab.advise.workload.mean_times import mean_times_ms
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.model.errors import ServerUnreachable, StatementRefused
from trimtab.sql.catalog import Catalog
from trimtab.sql.catalog_reader import named_in, read_catalog
from trimtab.sql.conditions import Analysis
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.explainable import explainable
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.literals import parameters_of, synthesised
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import common_table_names, single_statement

RELATIONS_MAX = 3_000
PARSING_SHARE = 0.4
RELATIONS_A_SECOND = 100
"""More are not looked up in the catalogue: of a thousand that takes seconds."""

STATEMENTS_MIN = 10
"""So many are read and planned whatever time it takes."""

NO_TIME = "there was no time left for it: statements with more calls came first"
PARAMETER_SETS_MAX = 3
"""So many sets of parameters are made up for a statement with `$n`."""


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
    """

    name: str
    calls: float
    texts: tuple[str, ...]
    analysis: Analysis
    shape_id: str
    write: Write | None = None
    mean_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """All that can be priced; `constants` by (shape_id, oid of the table); `left` are those that cannot be.

    `trigram_schema` is where pg_trgm is, None where it is not.
    """

    catalog: Catalog
    shapes: tuple[Shape, ...]
    constants: Mapping[tuple[str, int], tuple[Constant, ...]]
    left: tuple[Left, ...]
    inserts: tuple[Insert, ...] = ()
    work_mem_bytes: float = 4 << 20
    trigram_schema: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A statement that the parser took; `text` is None for an INSERT of VALUES: no index finds anything for it."""

    statement: WorkloadStatement
    tree: ast.Node
    text: str | None


def workload_of(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left],
    settings: AdviseSettings,
    *,
    time_max_s: float = 3600.0,
) -> Workload:
    """Read the catalogue once for all statements, and take each apart; what cannot be is left, with the reason.

    Where there are more than can be read in time, those with few calls are left.
    """
    began = time.monotonic()
    refused = list(left)
    read: list[_Read] = []
    relations: set[tuple[str | None, str]] = set()
    order = sorted(statements, key=lambda one: -one.calls)
    for place, statement in enumerate(order):
        if place >= STATEMENTS_MIN and time.monotonic() - began > time_max_s * PARSING_SHARE:
            refused += [Left(one.name, one.line, NO_TIME) for one in order[place:]]
            break
        try:
            tree = single_statement(statement.text)
            relations |= named_in(tree).relations
            if len(relations) > RELATIONS_A_SECOND * time_max_s and place >= STATEMENTS_MIN:
                refused += [Left(one.name, one.line, NO_TIME) for one in order[place:]]
                break
            only_writes = isinstance(tree, ast.InsertStmt) and bool(getattr(tree.selectStmt, "valuesLists", None))
            read.append(_Read(statement, tree, None if only_writes else explainable(statement.text)))
        except StatementRefused as error:
            refused.append(Left(statement.name, statement.line, error.message))
    read, catalog = _catalogue(connection, read, refused)
    missing = set(catalog.missing)
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
                shapes.append(_shape(connection, one, one.text, catalog, missing))
        except StatementRefused as error:
            refused.append(Left(one.statement.name, one.statement.line, error.message))
        except OURS as fault:
            refused.append(fault_of(one.statement.name, one.statement.line, fault))
    at = {statement.name: place for place, statement in enumerate(statements)}
    shapes.sort(key=lambda shape: at[shape.name])
    work_mem_bytes, trigram_schema = _server_facts(connection)
    known = mean_times_ms(connection, {*(one.shape_id for one in shapes), *(one.shape_id for one in inserts)})
    return Workload(
        catalog,
        tuple(replace(shape, mean_ms=known.get(shape.shape_id)) for shape in shapes),
        _constants(shapes, settings),
        tuple(refused),
        tuple(replace(insert, mean_ms=known.get(insert.shape_id)) for insert in inserts),
        work_mem_bytes,
        trigram_schema,
    )


def _catalogue(connection: Connection, read: list[_Read], refused: list[Left]) -> tuple[list[_Read], Catalog]:
    """The catalogue of all relations that statements name; of fewer statements where the server takes too long."""
    while True:
        try:
            with server_errors(connection, "read the catalogue"):
                return read, read_catalog(connection, [one.tree for one in read], relations_max=RELATIONS_MAX)
        except ServerUnreachable:
            if connection.closed or len(read) <= STATEMENTS_MIN:
                raise
            kept = max(STATEMENTS_MIN, len(read) // 5)
            refused += [Left(one.statement.name, one.statement.line, NO_TIME) for one in read[kept:]]
            read = read[:kept]


def _server_facts(connection: Connection) -> tuple[float, str | None]:
    """work_mem, and the schema of pg_trgm where it is there."""
    query = f"""SELECT pg_size_bytes(current_setting('work_mem')), (SELECT n.nspname FROM pg_extension e
                  JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm')
                 FROM {OWN_MARK} (SELECT) AS nothing"""
    with server_errors(connection, "read the server's settings"):
        row = connection.execute(query.encode(), prepare=False).fetchone()
    return (float(row[0]), row[1]) if row is not None else (float(4 << 20), None)


def _inserted(one: _Read, catalog: Catalog) -> Insert:
    write = _write(one.tree, catalog)
    rows = one.tree.selectStmt if isinstance(one.tree, ast.InsertStmt) else None
    if write is None or not isinstance(rows, ast.SelectStmt):
        raise StatementRefused("the table that it writes is not in reach")
    shape_id = fingerprint(one.statement.text) or one.statement.text
    count = float(len(rows.valuesLists or ()))
    return Insert(one.statement.name, write.relation, count, one.statement.calls, shape_id)


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


def _shape(connection: Connection, one: _Read, text: str, catalog: Catalog, missing: set[str]) -> Shape:
    named = _relation_names(one.tree) - common_table_names(one.tree)
    if unknown := named & missing:
        raise StatementRefused(f"this database has no {', '.join(sorted(unknown))} in reach")
    analysis = analyse(one.tree, catalog)
    texts: tuple[str, ...] = (text,)
    if "$" in text and parameters_of(single_statement(text)):
        types = parameter_types(connection, text)
        made = synthesised(text, analysis.parameters, types, lambda _t, _e, _r: None)
        texts = made.statements[:PARAMETER_SETS_MAX]
    shape_id = fingerprint(one.statement.text) or one.statement.text
    return Shape(one.statement.name, one.statement.calls, texts, analysis, shape_id, _write(one.tree, catalog))


def _relation_names(tree: ast.Node) -> set[str]:
    return {name if schema is None else f"{schema}.{name}" for schema, name in named_in(tree).relations}


def _constants(shapes: Sequence[Shape], settings: AdviseSettings) -> dict[tuple[str, int], tuple[Constant, ...]]:
    """Conditions that all statements of a shape share, by table; of tables that each uses once."""
    by_shape: dict[str, list[Shape]] = {}
    for shape in shapes:
        by_shape.setdefault(shape.shape_id, []).append(shape)
    found: dict[tuple[str, int], tuple[Constant, ...]] = {}
    for shape_id, same in by_shape.items():
        for table in {use.table.oid for use in same[0].analysis.uses}:
            uses = [[use for use in one.analysis.uses if use.table.oid == table] for one in same]
            if all(len(each) == 1 for each in uses):
                made = constants_of([each[0] for each in uses], settings, literals_are_constant=True)
                if made:
                    found[shape_id, table] = made
    return found
