"""What the catalogue proves about tables: keys, NOT NULL, foreign keys. Rules rest on nothing else.

A fact counts only where the server enforces it for every row that a query sees: constraints that are valid and checked
at once, no foreign tables, no tables that others inherit from (their keys do not reach the heirs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pglast import ast
from psycopg.rows import dict_row

from trimtab.advise.index.session import Connection, server_errors
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.catalog_reader import read_catalog


@dataclass(frozen=True, slots=True)
class Key:
    """A unique index over columns that are all NOT NULL: no two rows are equal in them."""

    name: str
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of a row, where none is NULL, are those of exactly one row of the table `target`."""

    name: str
    columns: tuple[str, ...]
    target: int
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is certain about one table. `row_security`: not every role sees every row."""

    not_null: frozenset[str] = frozenset()
    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    row_security: bool = False


NOTHING = Facts()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A catalogue with its facts, by oid."""

    catalog: Catalog
    facts: Mapping[int, Facts] = field(default_factory=dict)

    def of(self, table: Table) -> Facts:
        """The facts about a table; nothing where nothing is certain."""
        return self.facts.get(table.oid, NOTHING)


def read_knowledge(connection: Connection, trees: Sequence[ast.Node], *, relations_max: int = 60) -> Knowledge:
    """The catalogue of these statements, with its facts. The caller bounds time."""
    with server_errors(connection, "read the catalogue"):
        catalog = read_catalog(connection, trees, relations_max=relations_max)
        return knowledge_of(connection, catalog)


def knowledge_of(connection: Connection, catalog: Catalog) -> Knowledge:
    """The facts about tables that are known already."""
    oids = [oid for oid, table in catalog.tables.items() if table.kind in {"r", "p"}]
    found: dict[int, Facts] = {}
    with connection.cursor(row_factory=dict_row) as cursor, server_errors(connection, "read constraints"):
        for row in cursor.execute(_FACTS, [oids], prepare=False).fetchall():
            not_null = frozenset(row["not_null"] or ())
            found[int(row["oid"])] = Facts(
                not_null=not_null,
                keys=tuple(
                    Key(str(one["name"]), frozenset(one["columns"]))
                    for one in row["keys"] or ()
                    if not_null.issuperset(one["columns"])
                ),
                foreign_keys=tuple(
                    ForeignKey(str(one["name"]), tuple(one["columns"]), int(one["target"]), tuple(one["to"]))
                    for one in row["foreign_keys"] or ()
                ),
                row_security=bool(row["row_security"]),
            )
    return Knowledge(catalog, found)


# NOT NULL of version 18 may be not validated, or of the parent alone; it is a row of pg_constraint there.
_FACTS = """
    SELECT c.oid::bigint AS oid, c.relrowsecurity AS row_security,
           (SELECT array_agg(a.attname::text) FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
               AND NOT EXISTS (SELECT 1 FROM pg_constraint n
                                WHERE n.conrelid = c.oid AND n.contype = 'n' AND a.attnum = ANY(n.conkey)
                                  AND (NOT n.convalidated OR n.connoinherit))) AS not_null,
           (SELECT json_agg(json_build_object('name', k.relname, 'columns', k.columns) ORDER BY k.relname)
              FROM (SELECT x.relname, array_agg(a.attname::text ORDER BY u.place) AS columns
                      FROM pg_index i
                      JOIN pg_class x ON x.oid = i.indexrelid
                      JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
                      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS u(number, place)
                      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number AND u.number > 0
                      LEFT JOIN pg_opclass o ON o.oid = (i.indclass::oid[])[u.place - 1]
                      LEFT JOIN pg_collation l ON l.oid = (i.indcollation::oid[])[u.place - 1]
                     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                       AND i.indpred IS NULL AND i.indexprs IS NULL AND u.place <= i.indnkeyatts
                     GROUP BY x.relname
                    HAVING bool_and(a.attnum IS NOT NULL AND o.opcdefault
                                    AND coalesce(l.collisdeterministic, true))) k) AS keys,
           (SELECT json_agg(json_build_object(
                       'name', f.conname, 'target', f.confrelid::bigint,
                       'columns', (SELECT array_agg(a.attname::text ORDER BY u.place)
                                     FROM unnest(f.conkey) WITH ORDINALITY AS u(number, place)
                                     JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.number),
                       'to', (SELECT array_agg(a.attname::text ORDER BY u.place)
                                FROM unnest(f.confkey) WITH ORDINALITY AS u(number, place)
                                JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = u.number))
                   ORDER BY f.conname)
              FROM pg_constraint f
             WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.convalidated AND NOT f.condeferrable) AS foreign_keys
      FROM pg_class c
     WHERE c.oid = ANY(%s)
       AND CASE c.relkind
           WHEN 'r' THEN NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid)
           ELSE NOT EXISTS (SELECT 1 FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
                             WHERE l.relkind NOT IN ('r', 'p')) END"""
