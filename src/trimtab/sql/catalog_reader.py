"""Reads a `Catalog` in a handful of queries, once per advice. The caller bounds time (`statement_timeout`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast
from psycopg.rows import DictRow, dict_row

from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Catalog, Column, ColumnStatistics, ExistingIndex, Table, TableWrites
from trimtab.sql.identifiers import qualified
from trimtab.sql.trees import single_statement, strings, walk
from trimtab.sql.versions import DATABASE_COUNTERS_AGE, LOCALE_PROVIDER, NEVER_ANALYSED, VIRTUAL_COLUMNS

RELATIONS_MAX = 60
VIEW_DEPTH_MAX = 4
VALUES_MAX = 200
"""Most common values and histogram bounds taken per column."""

VALUE_CHARACTERS_MAX = 400
YOUNG_COUNTERS_S = 86_400
"""Counters younger than a day may still be full of the load that filled the table: that is no steady rate."""


RelationName = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Named:
    """What a statement names: relations as (schema or None, table), functions, and what its WITH clauses call so."""

    relations: frozenset[RelationName]
    functions: frozenset[str]
    common_tables: frozenset[str] = frozenset()

    @property
    def written(self) -> frozenset[str]:
        """The relations as they are written, without what WITH clauses give."""
        names = (name if schema is None else f"{schema}.{name}" for schema, name in self.relations)
        return frozenset(names) - self.common_tables


def named_in(tree: ast.Node) -> Named:
    """Relations, functions and common table expressions that a tree names.

    >>> sorted(named_in(single_statement("SELECT lower(a) FROM s.t, u")).relations, key=str)
    [('s', 't'), (None, 'u')]
    >>> sorted(named_in(single_statement("WITH u AS (SELECT 1) SELECT lower(a) FROM s.t, u")).written)
    ['s.t']
    """
    relations: set[RelationName] = set()
    functions: set[str] = set()
    common: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.RangeVar) and node.relname:
            relations.add((node.schemaname or None, str(node.relname)))
        elif isinstance(node, ast.FuncCall):
            functions.update(strings(node.funcname)[-1:])
        elif isinstance(node, ast.CommonTableExpr):
            common.add(str(node.ctename))
    return Named(frozenset(relations), frozenset(functions), frozenset(common))


def read_catalog(
    connection: psycopg.Connection[Any], trees: Sequence[ast.Node | Named], *, relations_max: int = RELATIONS_MAX
) -> Catalog:
    """Everything that advice on these statements needs to know, at most `relations_max` relations.

    Names are resolved as the session's `search_path` does; a bare name that it does not reach is taken from the
    one other schema that has it, if only one does. Views are followed `VIEW_DEPTH_MAX` deep.
    """
    named = [tree if isinstance(tree, Named) else named_in(tree) for tree in trees]
    functions = set[str]().union(*(n.functions for n in named))
    waiting = set[RelationName]().union(*(n.relations for n in named))
    names: dict[RelationName, int] = {}
    rows: dict[int, DictRow] = {}
    missing: list[str] = []
    elsewhere: set[str] = set()
    with connection.cursor(row_factory=dict_row) as cursor:
        server = cursor.execute(_SERVER).fetchone() or {}
        version_num = int(server["version"])
        for _ in range(VIEW_DEPTH_MAX):
            if len(names) + len(waiting) > relations_max:
                who = "the statement names" if len(trees) == 1 else f"{len(trees)} statements name"
                raise StatementRefused(f"{who} {len(names) + len(waiting)} relations, the limit is {relations_max}")
            found, schemas = _resolve(cursor, sorted(waiting, key=str))
            elsewhere |= schemas
            missing += [table if schema is None else f"{schema}.{table}" for schema, table in waiting - found.keys()]
            names |= found
            new = _relations(cursor, version_num, [oid for oid in found.values() if oid not in rows])
            rows |= new
            views = [named_in(single_statement(row["view_sql"])) for row in new.values() if row["view_sql"]]
            functions |= set[str]().union(*(n.functions for n in views))
            waiting = set[RelationName]().union(*(n.relations for n in views)) - names.keys()
            if not waiting:
                break
        oids = list(rows)
        columns = _columns(cursor, version_num, oids)
        indexes = _indexes(cursor, oids)
        volatility = _volatility(cursor, sorted(functions))
    tables = {oid: _table(row, columns.get(oid, {}), indexes.get(oid, ())) for oid, row in rows.items()}
    return Catalog(
        server_version=version_num,
        role=str(server["role"]),
        hypopg_schema=server["hypopg_schema"],
        names=names,
        tables=tables,
        volatility=volatility,
        missing=tuple(sorted(missing)),
        extra_schemas=tuple(sorted(elsewhere)),
    )


def extra_schemas(connection: psycopg.Connection[Any], tree: ast.Node) -> tuple[str, ...]:
    """Schemas outside the session's `search_path` that a statement's bare names can only mean; see `read_catalog`."""
    bare = sorted((name for name in named_in(tree).relations if name[0] is None), key=str)
    if not bare or len(bare) > RELATIONS_MAX:
        return ()
    with connection.cursor(row_factory=dict_row) as cursor:
        return tuple(sorted(_resolve(cursor, bare)[1]))


_SERVER = """
    SELECT current_setting('server_version_num')::int AS version, current_user AS role,
           (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = 'hypopg') AS hypopg_schema"""

_BY_NAME = """
    SELECT w.place, to_regclass(w.name)::oid AS oid, e.oid AS elsewhere, e.schema
      FROM unnest(%s::text[], %s::text[], %s::boolean[]) WITH ORDINALITY AS w(name, table_name, bare, place)
      LEFT JOIN LATERAL (
           SELECT min(c.oid::bigint) AS oid, min(n.nspname) AS schema
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE w.bare AND c.relname = w.table_name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
              AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           HAVING count(*) = 1) e ON true"""


def _resolve(
    cursor: psycopg.Cursor[DictRow], wanted: Sequence[RelationName]
) -> tuple[dict[RelationName, int], set[str]]:
    written = [qualified(table) if schema is None else qualified(schema, table) for schema, table in wanted]
    cursor.execute(_BY_NAME, [written, [table for _, table in wanted], [schema is None for schema, _ in wanted]])
    found: dict[RelationName, int] = {}
    schemas: set[str] = set()
    for row in cursor.fetchall():
        if row["oid"] or row["elsewhere"]:
            found[wanted[row["place"] - 1]] = int(row["oid"] or row["elsewhere"])
            schemas |= set() if row["oid"] else {row["schema"]}
    return found, schemas


_RELATIONS = """
    SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
           c.relpersistence = 't' AS is_temporary,
           has_table_privilege(c.oid, 'SELECT') AS readable,
           CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS view_sql,
           f.leaves_count, f.rows, f.pages, f.visible, f.size_bytes, f.never_analysed,
           f.ins, f.live, f.upd, f.hot, f.del,
           greatest(1, extract(epoch FROM now() - coalesce(d.stats_reset, {counters_since},
                                                           pg_postmaster_start_time())))::float8 AS age_s
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_stat_database d ON d.datname = current_database()
      CROSS JOIN LATERAL (
           SELECT count(*) AS leaves_count,
                  sum(greatest(0, l.reltuples))::float8 AS rows,
                  sum(l.relpages)::bigint AS pages, sum(l.relallvisible)::bigint AS visible,
                  sum(pg_relation_size(l.oid))::bigint AS size_bytes,
                  {never_analysed} AS never_analysed,
                  sum(pg_stat_get_tuples_inserted(l.oid))::float8 AS ins,
                  sum(pg_stat_get_live_tuples(l.oid))::float8 AS live,
                  sum(pg_stat_get_tuples_updated(l.oid))::float8 AS upd,
                  sum(pg_stat_get_tuples_hot_updated(l.oid))::float8 AS hot,
                  sum(pg_stat_get_tuples_deleted(l.oid))::float8 AS del
             FROM (SELECT c.oid AS oid WHERE c.relkind IN ('r', 'm')
                   UNION ALL
                   SELECT t.relid::oid FROM pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) t WHERE t.isleaf
                  ) leaf JOIN pg_class l ON l.oid = leaf.oid) f
     WHERE c.oid = ANY(%s)"""


def _relations(cursor: psycopg.Cursor[DictRow], version_num: int, oids: list[int]) -> dict[int, DictRow]:
    query = _RELATIONS.format(
        never_analysed=NEVER_ANALYSED.spelled(version_num), counters_since=DATABASE_COUNTERS_AGE.spelled(version_num)
    )
    return {int(row["oid"]): row for row in cursor.execute(query.encode(), [oids]).fetchall()}


_COLUMNS = """
    SELECT a.attrelid::bigint AS oid, a.attname AS name, format_type(b.oid, NULL) AS type_name,
           b.typcategory::text AS category, a.attnotnull AS not_null, a.attgenerated <> '' AS generated,
           {virtual} AS virtual,
           CASE WHEN o.oid IS NULL THEN true
                WHEN o.collprovider = 'd' THEN {database_by_bytes}
                ELSE o.collprovider = 'b' OR o.collprovider = 'c' AND o.collcollate IN ('C', 'POSIX')
           END AS c_collation,
           coalesce(o.collisdeterministic, true) AS deterministic,
           s.null_frac, s.avg_width, s.n_distinct, s.correlation, s.most_common_freqs::float8[] AS shares,
           CASE WHEN b.typcategory <> 'A' THEN s.most_common_vals::text::text[] END AS common,
           CASE WHEN b.typcategory <> 'A' THEN s.histogram_bounds::text::text[] END AS histogram
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
      JOIN pg_database d ON d.datname = current_database()
      LEFT JOIN pg_collation o ON o.oid = a.attcollation
      LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
                          AND s.inherited = (c.relkind = 'p')
     WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attrelid, a.attnum"""


def _columns(cursor: psycopg.Cursor[DictRow], version_num: int, oids: list[int]) -> dict[int, dict[str, Column]]:
    found: dict[int, dict[str, Column]] = {}
    query = _COLUMNS.format(
        virtual=VIRTUAL_COLUMNS.spelled(version_num), database_by_bytes=LOCALE_PROVIDER.spelled(version_num)
    )
    for row in cursor.execute(query.encode(), [oids]).fetchall():
        found.setdefault(int(row["oid"]), {})[row["name"]] = Column(
            name=row["name"],
            type_name=row["type_name"],
            category=row["category"],
            not_null=row["not_null"],
            generated=row["generated"],
            virtual=row["virtual"],
            c_collation=row["c_collation"],
            deterministic=row["deterministic"],
            statistics=_statistics(row),
        )
    return found


def _statistics(row: DictRow) -> ColumnStatistics | None:
    if row["n_distinct"] is None:
        return None
    common = tuple(zip(row["common"] or (), row["shares"] or (), strict=False))
    return ColumnStatistics(
        null_share=float(row["null_frac"]),
        average_width_bytes=int(row["avg_width"]),
        distinct_count_raw=float(row["n_distinct"]),
        most_common=tuple((v, float(s)) for v, s in common if _short(v))[:VALUES_MAX],
        histogram=_thinned([v for v in row["histogram"] or () if _short(v)]),
        correlation=None if row["correlation"] is None else float(row["correlation"]),
    )


def _short(value: str | None) -> bool:
    return value is not None and len(value) <= VALUE_CHARACTERS_MAX


def _thinned(bounds: list[str]) -> tuple[str, ...]:
    if len(bounds) <= VALUES_MAX:
        return tuple(bounds)
    return tuple(bounds[round(i * (len(bounds) - 1) / (VALUES_MAX - 1))] for i in range(VALUES_MAX))


_INDEXES = """
    SELECT i.indrelid::bigint AS oid, c.relname AS name, pg_get_indexdef(i.indexrelid) AS statement,
           i.indisvalid AS is_valid, i.indisunique AS is_unique, pg_relation_size(i.indexrelid) AS size_bytes,
           EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) AS is_constraint
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = ANY(%s) ORDER BY c.relname"""


def _indexes(cursor: psycopg.Cursor[DictRow], oids: list[int]) -> dict[int, tuple[ExistingIndex, ...]]:
    found: dict[int, list[ExistingIndex]] = {}
    for row in cursor.execute(_INDEXES, [oids]).fetchall():
        found.setdefault(int(row.pop("oid")), []).append(ExistingIndex(**row))
    return {oid: tuple(indexes) for oid, indexes in found.items()}


_VOLATILITY = """
    SELECT proname, array_agg(DISTINCT CASE WHEN prokind = 'f' THEN provolatile::text ELSE 'a' END) AS kinds
      FROM pg_proc WHERE proname = ANY(%s) GROUP BY proname"""


def _volatility(cursor: psycopg.Cursor[DictRow], functions: Iterable[str]) -> dict[str, frozenset[str]]:
    rows = cursor.execute(_VOLATILITY, [list(functions)]).fetchall()
    return {row["proname"]: frozenset(row["kinds"]) for row in rows}


def _table(row: DictRow, columns: Mapping[str, Column], indexes: tuple[ExistingIndex, ...]) -> Table:
    pages = int(row["pages"] or 0)
    age_s = float(row["age_s"])
    is_young = age_s < YOUNG_COUNTERS_S
    inserts = max(0.0, (row["ins"] or 0.0) - (row["live"] or 0.0)) if is_young else row["ins"] or 0.0
    filling = ", as many inserts as there are rows taken for the filling" if is_young else ""
    return Table(
        oid=int(row["oid"]),
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        rows=None if row["never_analysed"] is not False else float(row["rows"]),
        pages=pages,
        size_bytes=int(row["size_bytes"] or 0),
        visible_share=(row["visible"] or 0) / pages if pages else 0.0,
        readable=row["readable"],
        columns=columns,
        indexes=indexes,
        writes=TableWrites(
            inserts_per_s=inserts / age_s,
            updates_per_s=(row["upd"] or 0.0) / age_s,
            hot_updates_per_s=(row["hot"] or 0.0) / age_s,
            deletes_per_s=(row["del"] or 0.0) / age_s,
            source=f"pg_stat counters over {age_s:.0f} s{filling}",
        ),
        view_sql=row["view_sql"],
        leaves_count=int(row["leaves_count"]) if row["kind"] == "p" else 0,
        is_temporary=row["is_temporary"],
    )
