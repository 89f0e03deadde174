"""What a server's catalogue says of the tables in a plan, for the lint: counts, statistics, types, memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psycopg

from trimtab.analyze.queries.plans.catalogue import Catalogue, TableFacts
from trimtab.observe.postgres.plan_facts import CONDITIONS, nodes
from trimtab.sql.connect import OWN_MARK

if TYPE_CHECKING:
    from trimtab.sql.connect import Connection

TABLES_MAX = 200
COLUMNS_MAX = 100
BESIDE = "Catalogue"
"""Our own key beside "Plan" in a stored plan."""
SETTINGS = ("work_mem", "hash_mem_multiplier", "jit", "max_parallel_workers", "max_parallel_workers_per_gather")

_TABLES = f"""
    SELECT {OWN_MARK} n.nspname::text, c.relname::text, c.reltuples::float8, s.n_live_tup::float8,
           s.n_mod_since_analyze::float8,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stats p
                              WHERE p.schemaname = n.nspname AND p.tablename = c.relname) THEN true
                WHEN s.last_analyze IS NULL AND s.last_autoanalyze IS NULL
                     AND has_table_privilege(c.oid, 'SELECT') THEN false END,
           CASE WHEN c.relpages > 0 THEN c.relallvisible::float8 / c.relpages END,
           (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, NULL)) FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           (SELECT jsonb_object_agg(x.relname, x.keys)
              FROM (SELECT ic.relname, jsonb_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) AS keys
                      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
                      JOIN pg_catalog.pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
                      CROSS JOIN generate_series(1, i.indnkeyatts::int4) AS k
                     WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL GROUP BY ic.relname) x)
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
      JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
        ON c.relname = w.name AND (n.nspname = w.schema OR w.schema IS NULL AND pg_catalog.pg_table_is_visible(c.oid))
     WHERE c.relkind IN ('r', 'm', 'p', 'f')"""
_SETTINGS = f"SELECT {OWN_MARK} name, current_setting(name) FROM pg_catalog.pg_settings WHERE name = ANY(%(names)s)"


def catalogue_of(connection: Connection, plan: Mapping[str, Any]) -> Catalogue:
    """The facts of the plan's tables; what cannot be read is left out."""
    names = {
        (node.get("Schema"), str(node["Relation Name"])) for node in nodes(plan["Plan"]) if "Relation Name" in node
    }
    wanted = sorted(names, key=str)[:TABLES_MAX]
    try:
        tables = _asked(
            connection, _TABLES, {"schemas": [one for one, _ in wanted], "names": [one for _, one in wanted]}
        )
        settings = _asked(connection, _SETTINGS, {"names": list(SETTINGS)})
    except psycopg.Error:
        return Catalogue()
    return Catalogue({row[1]: _facts(row) for row in tables}, {str(name): str(value) for name, value in settings})


def kept(catalogue: Catalogue, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as they stand beside a stored plan: names, counts, the types of columns that its conditions name."""
    words = " ".join(str(node.get(label, "")) for node in nodes(plan["Plan"]) for label in CONDITIONS)
    tables = {}
    for name, facts in catalogue.tables.items():
        types = {column: type_ for column, type_ in facts.column_types.items() if column in words}
        tables[name] = asdict(facts) | {"column_types": dict(list(types.items())[:COLUMNS_MAX])}
    return {"tables": tables, "settings": dict(catalogue.settings)}


def restored(raw: object) -> Catalogue:
    """What `kept` made; an empty one where a plan has none."""
    if not isinstance(raw, Mapping):
        return Catalogue()
    tables = raw.get("tables") or {}
    made = {name: TableFacts(**facts | {"indexes": _tuples(facts.get("indexes"))}) for name, facts in tables.items()}
    return Catalogue(made, dict(raw.get("settings") or {}))


def _tuples(indexes: Mapping[str, Iterable[str]] | None) -> dict[str, tuple[str, ...]]:
    return {name: tuple(keys) for name, keys in (indexes or {}).items()}


def _facts(row: tuple[Any, ...]) -> TableFacts:
    schema, name, rows, alive, changed, has_statistics, visible, types, indexes = row
    keys = {index: tuple(columns) for index, columns in (indexes or {}).items()}
    return TableFacts(schema, name, rows, alive, changed, has_statistics, visible, types or {}, keys)


def _asked(connection: Connection, sql: str, values: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    return connection.execute(sql.encode(), values, prepare=False).fetchall()
