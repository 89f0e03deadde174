"""Which rows of a large database make a small one: all of small tables, a share of large ones that belongs together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.advise.index.session import Connection, server_errors
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified, quoted

SMALL_SHARE = 0.05
"""A table that takes less than this of the whole copy is copied whole."""
TABLES_MAX = 3_000
DEPTH_MAX = 6
BUCKETS = 1_048_576

_TABLES = f"""
SELECT {OWN_MARK} c.oid::int8, n.nspname, c.relname, pg_table_size(c.oid),
       array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
              AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum),
       array(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid
              AND a.attnum = ANY(i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
 ORDER BY pg_table_size(c.oid) LIMIT {TABLES_MAX}"""
_REFERENCES = f"""
SELECT {OWN_MARK} k.conrelid::int8, k.confrelid::int8,
       array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o),
       array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o)
  FROM pg_constraint k WHERE k.contype = 'f'"""


@dataclass(frozen=True, slots=True)
class TableRows:
    """One table, and the SELECT that gives the rows to copy; `columns` in its order, without generated ones."""

    schema: str
    name: str
    columns: tuple[str, ...]
    select: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """`share` (0..1) of the rows of large tables."""

    share: float
    tables: tuple[TableRows, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    oid: int
    schema: str
    name: str
    size_bytes: int
    columns: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reference:
    parent: int
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]


def draw(original: Connection, bytes_max: int) -> Drawn:
    """What to copy so that it takes about `bytes_max`."""
    with server_errors(original, "look which rows to draw"):
        tables = [
            _Table(oid, schema, name, size, tuple(columns), tuple(key))
            for oid, schema, name, size, columns, key in original.execute(_TABLES.encode(), prepare=False).fetchall()
        ]
        references: dict[int, list[_Reference]] = {}
        for child, parent, columns, parent_columns in original.execute(_REFERENCES.encode(), prepare=False).fetchall():
            references.setdefault(child, []).append(_Reference(parent, tuple(columns), tuple(parent_columns)))
    large = {one.oid: one for one in tables if one.size_bytes > SMALL_SHARE * bytes_max}
    small_bytes = sum(one.size_bytes for one in tables if one.oid not in large)
    large_bytes = sum(one.size_bytes for one in large.values())
    share = 1.0 if not large_bytes else max(0.0005, min(1.0, (bytes_max - small_bytes) / large_bytes))
    return Drawn(share, tuple(_rows_of(one, large, references, share) for one in tables))


def _rows_of(
    table: _Table, large: Mapping[int, _Table], references: Mapping[int, list[_Reference]], share: float
) -> TableRows:
    listed = ", ".join(f"t0.{quoted(column)}" for column in table.columns)
    select = f"SELECT {listed} FROM ONLY {qualified(table.schema, table.name)} t0"
    if table.oid in large and share < 1.0:
        select += f" WHERE {_condition(table, large, references, share, 0, frozenset())}"
    return TableRows(table.schema, table.name, table.columns, select)


def _condition(
    table: _Table,
    large: Mapping[int, _Table],
    references: Mapping[int, list[_Reference]],
    share: float,
    depth: int,
    seen: frozenset[int],
) -> str:
    """Which rows of a large table are drawn: with their parent where it is drawn too (the largest), else by their key.

    A row without a parent goes by its own key, too.
    """
    here, below = f"t{depth}", f"t{depth + 1}"
    own = ", ".join(f"{here}.{quoted(column)}" for column in table.key) or f"{here}.ctid"
    by_key = (
        f"(pg_catalog.hashtextextended(ROW({own})::pg_catalog.text, 20) & {BUCKETS - 1}) < {round(share * BUCKETS)}"
    )
    parents = [one for one in references.get(table.oid, ()) if one.parent in large and one.parent not in seen]
    parents = [one for one in parents if one.parent != table.oid]
    if not parents or depth >= DEPTH_MAX:
        return by_key
    chosen = max(parents, key=lambda one: (large[one.parent].size_bytes, one.columns))
    parent = large[chosen.parent]
    joined = " AND ".join(
        f"{below}.{quoted(key)} = {here}.{quoted(column)}"
        for column, key in zip(chosen.columns, chosen.parent_columns, strict=True)
    )
    missing = " OR ".join(f"{here}.{quoted(column)} IS NULL" for column in chosen.columns)
    inner = _condition(parent, large, references, share, depth + 1, seen | {table.oid})
    drawn = f"EXISTS (SELECT FROM {qualified(parent.schema, parent.name)} {below} WHERE {joined} AND {inner})"
    return f"({drawn} OR ({missing}) AND {by_key})"
