"""Statistics on expressions that the planner lacks: proposed as changes of their own, never made by asking.

Without them PostgreSQL takes `expression = value` for 0.5 % of the rows, whatever it is. Where a sample says something
else by far, joins behind it are planned for the wrong number of rows. An index on the expression brings statistics
too, once ANALYZE has looked: then nothing more is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trimtab.advise.index.existing import comparable, keys_of
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.index.terms import EXPRESSION_SHARE
from trimtab.advise.workload.advice import ExpressionStatistics
from trimtab.advise.workload.samples import Samples
from trimtab.advise.workload.shapes import Workload
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import Match
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.expressions import canonical_expression
from trimtab.sql.identifiers import qualified
from trimtab.sql.statistics_ddl import VERSION_MIN, create_statistics, statistics_name

OFF_MIN = 5.0
ROWS_MIN = 100.0
"""The planner is wrong by this factor at least, and by so many rows."""


def missing_statistics(
    connection: Connection, workload: Workload, samples: Samples, advised: Sequence[IndexDefinition]
) -> tuple[ExpressionStatistics, ...]:
    """What to create, the worst estimate first; expressions that `advised` indexes hold need none."""
    if workload.catalog.server_version < VERSION_MIN:
        return ()
    names = _names_by_expression(workload)
    tables = {oid: workload.catalog.tables[oid] for oid, _ in samples if oid in workload.catalog.tables}
    there = _known(connection, list(tables.values()))
    there |= {(f"{one.schema}.{one.table}", comparable(key.sql)) for one in advised for key in one.keys}
    found: list[tuple[float, ExpressionStatistics]] = []
    for (oid, expression), sample in samples.items():
        table = tables.get(oid)
        readers = names.get((oid, expression))
        if table is None or not readers or (table.relation, comparable(expression)) in there:
            continue
        rows = table.rows_estimate
        believed, counted = max(1.0, EXPRESSION_SHARE * rows), max(1.0, sample.equality_share * rows)
        off = max(believed, counted) / min(believed, counted)
        if off < OFF_MIN or abs(believed - counted) < ROWS_MIN:
            continue
        try:
            ddl = create_statistics(table.schema, table.name, expression)
        except StatementRefused:
            continue
        why = (
            f"{expression} = … is taken for {believed:,.0f} of {rows:,.0f} rows; {sample.rows_count:,} sampled rows "
            f"say {counted:,.0f}"
        )
        name = statistics_name(table.name, canonical_expression(expression))
        analyze = f"ANALYZE {qualified(table.schema, table.name)}"
        found.append((off, ExpressionStatistics(table.schema, table.name, name, ddl, analyze, tuple(readers), why)))
    return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def to_analyse(advised: Sequence[IndexDefinition]) -> tuple[str, ...]:
    """What to say of tables whose new indexes hold expressions."""
    relations = {one.relation: None for one in advised if any(key.is_expression for key in one.keys)}
    said = "run ANALYZE once its index on an expression is built: until then the planner knows nothing of its values"
    return tuple(f"{relation}: {said}" for relation in relations)


def _names_by_expression(workload: Workload) -> dict[tuple[int, str], dict[str, None]]:
    """The statements that compare an expression with a value, by oid of the table and the expression."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for shape in workload.shapes:
        for use in shape.analysis.uses:
            for condition in use.conditions:
                if condition.term.is_expression and condition.match is Match.EQUAL and condition.arm is None:
                    found.setdefault((use.table.oid, condition.term.sql), {})[shape.name] = None
    return found


def _known(connection: Connection, tables: Collection[Table]) -> set[tuple[str, str]]:
    """Expressions with statistics, by relation: of statistics objects and of indexes that are there."""
    known = {
        (table.relation, key) for table in tables for index in table.indexes if index.is_valid for key in keys_of(index)
    }
    query = f"""SELECT {OWN_MARK} e.stxrelid::bigint, x.expression
                  FROM pg_statistic_ext e, unnest(pg_get_statisticsobjdef_expressions(e.oid)) AS x(expression)
                 WHERE e.stxrelid = ANY(%s)"""
    by_oid = {table.oid: table.relation for table in tables}
    with server_errors(connection, "read what statistics there are"):
        rows = connection.execute(query.encode(), [list(by_oid)], prepare=False).fetchall()
    return known | {(by_oid[int(oid)], comparable(str(expression))) for oid, expression in rows}
