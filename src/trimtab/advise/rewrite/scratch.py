"""Small tables like those of a statement, in a private database: made, filled, and rolled back.

Two fillings: rows of the real tables that belong together, with NULLs put in and duplicates added where the
catalogue allows them; and made-up rows whose values are the statement's own constants and their neighbours, so
that conditions and joins are met. Only what the catalogue proves is enforced there (NOT NULL, keys, foreign keys):
rules rest on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from pglast import ast

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.query import Query
from trimtab.model.errors import TrimtabError
from trimtab.sql.catalog import Table
from trimtab.sql.identifiers import qualified, quoted
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import rebuilt, single_statement, strings, walk

SCHEMA_PREFIX = "trimtab_check_"
NULL_SHARE = 0.2


class NotPossible(TrimtabError):
    """These tables cannot be made there; the message says why."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column as it is made: `type_sql` with its length, `base` without, `labels` of an enum.

    `extension` is where its type comes from, and that one's schema; None where it is PostgreSQL's or a user's own.
    """

    name: str
    type_sql: str
    base: str
    labels: tuple[str, ...]
    extension: tuple[str, str] | None = None


_TYPES = """
    SELECT a.attname, format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),
           format_type(b.oid, NULL), b.typtype::text,
           (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid),
           x.extname::text, x.extnamespace::regnamespace::text
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
      LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = b.oid AND d.deptype = 'e'
      LEFT JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid
     WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


class Scratch:
    """The tables of one statement in a private database; use inside `made`."""

    def __init__(self, private: Connection, query: Query, types: Mapping[int, Sequence[ColumnType]]) -> None:
        self.private = private
        self.query = query
        self.types = types
        self.tables = _tables(query)
        self.prefix = f"{SCHEMA_PREFIX}{private.info.backend_pid}_"

    def name(self, table: Table) -> str:
        """A table's name there."""
        return qualified(self.prefix + table.schema, table.name)

    def moved(self, text: str) -> str:
        """A statement with its schemas exchanged; bare names are found by the search path."""
        schemas = {table.schema for table in self.query.knowledge.catalog.tables.values()}

        def replace(node: ast.Node) -> ast.Node | None:
            if isinstance(node, ast.RangeVar) and node.schemaname in schemas:
                copy = rebuilt(node, lambda _: None)
                copy.schemaname = self.prefix + str(node.schemaname)
                return copy
            if isinstance(node, ast.ColumnRef) and len(strings(node.fields)) == 3:
                first, *rest = node.fields or ()
                return ast.ColumnRef(fields=(ast.String(sval=self.prefix + str(first.sval)), *rest))
            return None

        return spelled(rebuilt(single_statement(text), replace))

    def make(self) -> None:
        """Create schemas, types, tables, keys and views."""
        schemas = list(dict.fromkeys(table.schema for table in self.tables))
        for schema in schemas:
            self._run(f"CREATE SCHEMA {quoted(self.prefix + schema)}")
        path = ", ".join(quoted(self.prefix + schema) for schema in schemas)
        extensions = self._extensions()
        path = ", ".join(dict.fromkeys((path, *extensions.values(), "public")))
        self._run(f"SET LOCAL search_path = {path}")
        for name, schema in extensions.items():
            self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}" if schema != "public" else "SELECT")
            self._run(f"CREATE EXTENSION IF NOT EXISTS {quoted(name)} SCHEMA {schema}", f"; it needs {name}")
        for table in self.tables:
            if table.view_sql is None:
                self._table(table)
        views = [table for table in self.tables if table.view_sql is not None]
        for _ in range(len(views)):
            views = [view for view in views if not self._view(view)]
        if views:
            raise NotPossible(f"the view {views[0].relation} could not be made there")

    def _extensions(self) -> dict[str, str]:
        """The extensions that columns' types come from, with the schema (as SQL) that each is in."""
        return dict(column.extension for columns in self.types.values() for column in columns if column.extension)

    def _table(self, table: Table) -> None:
        facts = self.query.knowledge.of(table)
        columns = []
        for column in self.types[table.oid]:
            if column.labels:
                labels = ", ".join(literal(label) for label in column.labels)
                self._run(
                    f"DO $$BEGIN IF to_regtype({literal(column.type_sql)}) IS NULL THEN "
                    f"CREATE TYPE {column.type_sql} AS ENUM ({labels}); END IF; END$$"
                )
            null = " NOT NULL" if column.name in facts.not_null else ""
            columns.append(f"{quoted(column.name)} {column.type_sql}{null}")
        self._run(f"CREATE TABLE {self.name(table)} ({', '.join(columns)})")
        for key in facts.keys:
            self._run(f"CREATE UNIQUE INDEX ON {self.name(table)} ({', '.join(map(quoted, sorted(key.columns)))})")

    def _view(self, view: Table) -> bool:
        try:
            with self.private.transaction():
                text = self.moved((view.view_sql or "").rstrip().rstrip(";"))
                names = ", ".join(quoted(name) for name in view.columns)
                self.private.execute(f"CREATE VIEW {self.name(view)} ({names}) AS {text}".encode(), prepare=False)
        except psycopg.Error:
            return False  # it may need another view first
        return True

    def _run(self, text: str, needed: str = "") -> None:
        try:
            self.private.execute(text.encode(), prepare=False)
        except psycopg.Error as error:
            raise NotPossible(f"the tables could not be made there: {error.diag.message_primary}{needed}") from None

    def base_tables(self) -> list[Table]:
        """Those that hold rows."""
        return [table for table in self.tables if table.view_sql is None]

    def keep_foreign_keys(self) -> None:
        """Delete rows whose foreign keys lead nowhere, until all lead somewhere."""
        tables = {table.oid: table for table in self.base_tables()}
        for _ in range(len(tables) + 2):
            gone = 0
            for table in tables.values():
                for key in self.query.knowledge.of(table).foreign_keys:
                    if key.target not in tables:
                        continue
                    ties = " AND ".join(
                        f"p.{quoted(to)} = c.{quoted(mine)}"
                        for mine, to in zip(key.columns, key.target_columns, strict=True)
                    )
                    null = " OR ".join(f"c.{quoted(mine)} IS NULL" for mine in key.columns)
                    gone += self.private.execute(
                        f"DELETE FROM {self.name(table)} c WHERE NOT (({null}) OR EXISTS "
                        f"(SELECT 1 FROM {self.name(tables[key.target])} p WHERE {ties}))".encode(),
                        prepare=False,
                    ).rowcount
            if not gone:
                return

    def put_nulls_in(self, seed: int) -> None:
        """NULL into one in five of what may be NULL; one in three rows twice, where no key forbids it."""
        self.private.execute(f"SELECT setseed({seed_of(seed)})".encode(), prepare=False)
        for table in self.base_tables():
            facts = self.query.knowledge.of(table)
            loose = [c.name for c in self.types[table.oid] if c.name not in facts.not_null]
            if loose:
                sets = ", ".join(
                    f"{quoted(n)} = CASE WHEN random() < {NULL_SHARE} THEN NULL ELSE {quoted(n)} END" for n in loose
                )
                self.private.execute(f"UPDATE {self.name(table)} SET {sets}".encode(), prepare=False)
            if not facts.keys:
                name = self.name(table)
                self.private.execute(
                    f"INSERT INTO {name} SELECT * FROM {name} WHERE random() < 0.34".encode(), prepare=False
                )

    def analyse(self) -> None:
        """Statistics, so that plans are those of small tables."""
        for table in self.base_tables():
            self.private.execute(f"ANALYZE {self.name(table)}".encode(), prepare=False)

    def rows_count(self) -> int:
        """Rows of all tables together."""
        counts = " + ".join(f"(SELECT count(*) FROM {self.name(table)})" for table in self.base_tables())
        row = self.private.execute(f"SELECT {counts}".encode(), prepare=False).fetchone()
        return 0 if row is None else int(row[0])

    def clear(self) -> None:
        """No rows any more."""
        for table in self.base_tables():
            self.private.execute(f"TRUNCATE {self.name(table)}".encode(), prepare=False)


def read_types(connection: Connection, query: Query) -> dict[int, list[ColumnType]]:
    """The columns of all tables of a statement, asked of the real server."""
    found: dict[int, list[ColumnType]] = {}
    for table in _tables(query):
        rows = connection.execute(_TYPES.encode(), [table.oid], prepare=False).fetchall()
        found[table.oid] = [
            ColumnType(
                str(name), str(full), str(base), tuple(labels or ()) if kind == "e" else (), (ext, of) if ext else None
            )
            for name, full, base, kind, labels, ext, of in rows
        ]
    return found


@contextmanager
def made(private: Connection, query: Query, types: Mapping[int, Sequence[ColumnType]]) -> Iterator[Scratch]:
    """The tables, until the end of the block; nothing of them stays."""
    scratch = Scratch(private, query, types)
    with private.transaction(force_rollback=True):
        private.execute(b"SET LOCAL statement_timeout = 20000", prepare=False)
        private.execute(b"SET LOCAL client_min_messages = warning", prepare=False)
        scratch.make()
        yield scratch


def _tables(query: Query) -> list[Table]:
    """All that the statement names, and what its views name."""
    catalog = query.knowledge.catalog
    found: dict[int, Table] = {}
    waiting: list[ast.Node] = [query.tree]
    while waiting:
        for node in walk(waiting.pop()):
            if not isinstance(node, ast.RangeVar) or not node.relname:
                continue
            table = catalog.find(node.schemaname or None, str(node.relname))
            if table is not None and table.oid not in found:
                found[table.oid] = table
                if table.view_sql is not None:
                    waiting.append(single_statement(table.view_sql))
    return list(found.values())


def literal(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def seed_of(seed: int) -> float:
    """Between -1 and 1, as setseed wants it."""
    return ((seed * 7919) % 2001 - 1000) / 1000
