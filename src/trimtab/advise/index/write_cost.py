"""What an index costs the writers of its table, in milliseconds per second: the unit of the read gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pglast import ast

from trimtab.advise.index.existing import columns_of, indexed_columns
from trimtab.advise.index.knowledge import Kind, costs, entry_kind
from trimtab.advise.index.session import Connection, server_errors
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import Table
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import quoted
from trimtab.sql.trees import single_statement, walk

UPDATES_MAX = 300
"""Update shapes read from pg_stat_statements, the most called first."""


@dataclass(frozen=True, slots=True)
class WriteCost:
    """`ms_per_s` of writers' time. `hot_lost_per_s` are updates that are HOT today and would not be any more,
    `wal_bytes_per_s` what is logged for the new entries."""

    ms_per_s: float
    hot_lost_per_s: float
    wal_bytes_per_s: float
    reason: str


def write_cost(table: Table, definition: IndexDefinition, *, rows_share: float = 1.0) -> WriteCost:
    """Entries for inserts and for updates that are not HOT, and the loss of HOT where the index's columns are updated.

    `rows_share` is the share of rows in a partial index. Columns that some index depends on already cost no further
    HOT updates. Where nobody knows which columns are updated, all updates are taken to touch the new ones.
    """
    figures = costs()
    writes = table.writes
    entries_per_s = (writes.inserts_per_s + writes.updates_per_s - writes.hot_updates_per_s) * rows_share
    new = columns_of(definition) - indexed_columns(table)
    if not new:
        touched = 0.0
    elif writes.updated_columns is None:
        touched = 1.0
    else:
        touched = min(1.0, sum(writes.updated_columns.get(column, 0.0) for column in new))
    hot_lost_per_s = writes.hot_updates_per_s * touched
    kind = kind_of(definition)
    lost_ms = figures.hot_lost_ms_per_index * hot_lost_per_s * (len(table.indexes) + 1)
    logged = entries_per_s * kind.wal + hot_lost_per_s * (len(table.indexes) + 1)
    wal_bytes_per_s = figures.entry_wal_bytes * logged
    known = "updated columns known" if writes.updated_columns is not None else "updated columns unknown"
    reason = (
        f"{entries_per_s:.3g} entries/s, {hot_lost_per_s:.3g} HOT updates/s lost, {wal_bytes_per_s / 1000:.3g} kB/s of "
        f"WAL ({known}; {writes.source})"
    )
    ms_per_s = figures.entry_write_ms * kind.ms * entries_per_s + lost_ms
    return WriteCost(ms_per_s, hot_lost_per_s, wal_bytes_per_s, reason)


def kind_of(definition: IndexDefinition) -> Kind:
    """What a row takes in this index, measured by what it takes in a B-tree."""
    return entry_kind(definition.method, " ".join(key.opclass or "" for key in definition.keys))


_STATEMENTS_SCHEMA = """
    SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'"""


def updated_columns(connection: Connection, tables: Sequence[Table]) -> dict[str, dict[str, float]]:
    """For each relation, the share (0..1) of its update calls that set each column, from `pg_stat_statements`.

    Relations without a known update are left out: nobody knows. Texts are normalised there, they hold no literals.
    """
    with server_errors(connection, "read pg_stat_statements"):
        row = connection.execute(f"{_STATEMENTS_SCHEMA} {OWN_MARK}".encode(), prepare=False).fetchone()
        if row is None:
            return {}
        rows = connection.execute(
            f"""SELECT {OWN_MARK} query, calls FROM {quoted(row[0])}.pg_stat_statements
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND query ILIKE '%%update%%' AND length(query) < 20000
                 ORDER BY calls DESC LIMIT {UPDATES_MAX}""".encode(),
            prepare=False,
        ).fetchall()
    calls_of: dict[str, float] = {}
    sets_of: dict[str, dict[str, float]] = {}
    for text, calls in rows:
        for relation, columns in _updates_in(str(text), tables):
            calls_of[relation] = calls_of.get(relation, 0.0) + float(calls)
            sets = sets_of.setdefault(relation, {})
            for column in columns:
                sets[column] = sets.get(column, 0.0) + float(calls)
    return {
        relation: {column: calls / calls_of[relation] for column, calls in sets.items()}
        for relation, sets in sets_of.items()
        if calls_of[relation] > 0
    }


def _updates_in(text: str, tables: Sequence[Table]) -> list[tuple[str, list[str]]]:
    try:
        tree = single_statement(text)
    except StatementRefused:
        return []  # hidden from this role, or another language: nothing is known of it
    found = []
    for node in walk(tree):
        if isinstance(node, ast.UpdateStmt):
            relation, targets = node.relation, node.targetList
        elif isinstance(node, ast.InsertStmt) and node.onConflictClause is not None:
            relation, targets = node.relation, node.onConflictClause.targetList
        else:
            continue
        table = next((t for t in tables if relation is not None and _is(t, relation)), None)
        if table is not None and targets:
            found.append((table.relation, [str(target.name) for target in targets]))
    return found


def _is(table: Table, relation: ast.RangeVar) -> bool:
    return relation.relname == table.name and relation.schemaname in {None, table.schema}
