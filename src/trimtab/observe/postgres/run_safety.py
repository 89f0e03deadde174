"""Whether running a SELECT can do more than read: asked before EXPLAIN ANALYZE, which runs the statement.

A read-only session stops writes to tables. It does not stop functions: they sleep, take advisory locks, end sessions,
reach other servers, write large objects (before version 16) or run whatever SQL they are given. So nothing runs unless
everything that bears one of the statement's names is on this list:

* functions: what PostgreSQL itself brings and calls stable or immutable (`HARMLESS_VOLATILE`, such as `random`, too;
  those that run SQL, read whole tables or take a transaction id not), and what an extension brings compiled and calls
  immutable. Functions that somebody wrote here are not run, whatever they are declared to be;
* operators and casts: the same for the functions behind them;
* types that a value is cast to: no domains and no composite types (their checks are expressions);
* relations: tables, partitioned tables, materialised views; views, if the same holds for what they are made of. No
  foreign tables (that would be a query on another server), no sequences, no row security (its policies are code).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog_reader import RelationName
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.runnable import CalledNames, called_names, runnable
from trimtab.sql.trees import single_statement

VIEW_DEPTH_MAX = 6
NAMES_MAX = 1_000

HARMLESS_VOLATILE = (
    "random",
    "random_normal",
    "clock_timestamp",
    "timeofday",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
)
"""Built-in functions that are volatile because they answer differently each time, and do nothing else."""

RUN_SQL = (
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
)
"""Built-in functions that run SQL or read relations by name, whatever they are declared to be."""

TAKE_IDS = ("txid_current", "pg_current_xact_id")
"""Built-in functions that are called stable, and give the transaction a number that it would not have had."""

IMPLIED_OPERATORS = ("=", "<>", "<", ">", "<=", ">=")
"""Used by sorting, grouping, BETWEEN, IN and joins, without standing in the text."""

_OURS = 16_384
"""Objects with a number from here on were made after initdb."""

_CODE = f"""
    SELECT p.oid, p.proname, n.nspname, p.pronargs, p.proargtypes,
           CASE WHEN p.oid::int8 < {_OURS}
                THEN (p.provolatile <> 'v' OR p.proname = ANY(%(harmless)s)) AND p.proname <> ALL(%(barred)s)
                ELSE (p.provolatile = 'i' OR p.provolatile = 's' AND %(stable)s::bool)
                     AND l.lanname IN ('c', 'internal')
                     AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass
                                 AND d.objid = p.oid AND d.deptype = 'e') END AS is_safe
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      JOIN pg_catalog.pg_language l ON l.oid = p.prolang"""

_FUNCTIONS = f"""
    SELECT {OWN_MARK} DISTINCT c.nspname || '.' || c.proname
      FROM ({_CODE}) c JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
        ON c.proname = w.name AND (w.schema IS NULL OR c.nspname = w.schema)
     WHERE NOT c.is_safe ORDER BY 1"""

_FIELDS = f"""
    SELECT {OWN_MARK} DISTINCT c.nspname || '.' || c.proname
      FROM ({_CODE}) c
     WHERE c.oid::int8 >= {_OURS} AND c.proname = ANY(%(fields)s) AND c.pronargs >= 1 AND NOT c.is_safe
       AND EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = c.proargtypes[0] AND t.typtype IN ('c', 'p', 'd'))
     ORDER BY 1"""

_OPERATORS = f"""
    SELECT {OWN_MARK} DISTINCT o.oprname::text
      FROM pg_catalog.pg_operator o JOIN ({_CODE}) c ON c.oid = o.oprcode
     WHERE o.oprname = ANY(%(operators)s) AND NOT c.is_safe ORDER BY 1"""

_CASTS = f"""
    SELECT {OWN_MARK} DISTINCT c.proname::text
      FROM pg_catalog.pg_cast k JOIN ({_CODE}) c ON c.oid = k.castfunc
     WHERE k.oid::int8 >= {_OURS} AND NOT c.is_safe ORDER BY 1"""

_TYPES = f"""
    SELECT {OWN_MARK} DISTINCT n.nspname || '.' || t.typname
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
        ON t.typname = w.name AND (w.schema IS NULL OR n.nspname = w.schema)
     WHERE t.typtype NOT IN ('b', 'e', 'r', 'm') AND t.oid::int8 >= %(from_oid)s ORDER BY 1"""

_RELATIONS = f"""
    SELECT {OWN_MARK} c.oid::int8, n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity,
           CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
        ON c.relname = w.name AND (w.schema IS NULL OR n.nspname = w.schema)
     WHERE c.relkind NOT IN ('i', 'I', 't', 'c')"""

_NO_SUCH = {"f": "a foreign table", "S": "a sequence"}


def why_not_run(connection: Connection, text: str) -> str | None:
    """Why the statement must not be run only to be looked at, in words without a literal; None where it may.

    Raises psycopg's errors where the catalogue cannot be read.
    """
    names = CalledNames()
    try:
        called_names(runnable(text), names)
        reason = _why_not_relations(connection, names)
    except StatementRefused as error:
        return error.message
    return reason or _why_not_code(connection, names)


def _why_not_relations(connection: Connection, names: CalledNames) -> str | None:
    """Look at every relation with one of the names; what views are made of is added to the names."""
    seen: set[int] = set()
    waiting = set(names.relations)
    for _ in range(VIEW_DEPTH_MAX):
        if not waiting:
            return None
        found = CalledNames()
        for oid, name, kind, has_row_security, view in _asked(connection, _RELATIONS, _pairs(waiting)):
            if has_row_security:
                return f"{name} has row security, whose policies may call functions"
            if kind not in "rpmv":
                return f"{name} is {_NO_SUCH.get(kind, 'no table')}"
            if view is not None and oid not in seen:
                called_names(single_statement(view), found)
            seen.add(oid)
        waiting = found.relations - names.relations
        names.functions |= found.functions
        names.types |= found.types
        names.relations |= found.relations
        names.operators |= found.operators
        names.fields |= found.fields
    return f"its views are more than {VIEW_DEPTH_MAX} deep" if waiting else None


def _why_not_code(connection: Connection, names: CalledNames) -> str | None:
    count = len(names.functions) + len(names.types) + len(names.operators) + len(names.fields)
    if count > NAMES_MAX:
        return f"it has {count} names, the limit is {NAMES_MAX}"
    lists = {"harmless": list(HARMLESS_VOLATILE), "barred": [*RUN_SQL, *TAKE_IDS], "stable": False}
    functions = _asked(connection, _FUNCTIONS, {**lists, **_pairs(names.functions)})
    if functions:
        return f"{functions[0][0]} may do more than read"
    fields = _asked(connection, _FIELDS, {**lists, "fields": sorted(names.fields)})
    if fields:
        return f"{fields[0][0]} may be called like a column, and may do more than read"
    lists["stable"] = True
    operators = _asked(connection, _OPERATORS, {**lists, "operators": sorted({*names.operators, *IMPLIED_OPERATORS})})
    if operators:
        return f"this database has an operator {operators[0][0]} of its own"
    casts = _asked(connection, _CASTS, lists)
    if casts:
        return f"this database has a cast of its own ({casts[0][0]})"
    # A function's name may be a type's, and then casts; only a type made here has checks of its own.
    types = _asked(connection, _TYPES, {**_pairs(names.types | names.functions), "from_oid": _OURS})
    if types:
        return f"it casts to {types[0][0]}, which may have checks of its own"
    return None


def _pairs(names: set[RelationName]) -> dict[str, Any]:
    ordered = sorted(names, key=str)
    return {"schemas": [schema for schema, _ in ordered], "names": [name for _, name in ordered]}


def _asked(connection: Connection, sql: str, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    return connection.execute(sql.encode(), values, prepare=False).fetchall()
