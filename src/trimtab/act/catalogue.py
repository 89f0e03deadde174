"""What the changing role reads on a PostgreSQL: fixed texts, values as parameters, names by `pg_catalog`.

The session's search path is pinned to `pg_catalog` (see `trimtab.sql.allowlist.prepare_session`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One relation, as the checks need it. `kind` is pg_class.relkind, `persistence` relpersistence."""

    oid: int
    kind: str
    persistence: str
    owner: str
    may_own: bool
    may_create: bool
    columns: dict[str, int]


@dataclass(frozen=True, slots=True)
class TableSize:
    """`size_bytes` without indexes, None where it cannot be read now; `rows_count` is PostgreSQL's own estimate."""

    size_bytes: int | None
    rows_count: int


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One index. `columns` are attribute numbers, keys first, 0 for an expression; `options` one per key."""

    oid: int
    schema: str
    name: str
    table_oid: int
    method: str
    is_unique: bool
    is_valid: bool
    is_ready: bool
    keys_count: int
    columns: tuple[int, ...]
    options: tuple[int, ...]
    has_predicate: bool
    definition: str
    size_bytes: int

    @property
    def usable(self) -> bool:
        """Whether queries may use it."""
        return self.is_valid and self.is_ready


@dataclass(frozen=True, slots=True)
class Builder:
    """A session that holds an advisory lock of trimtab. `state` is pg_stat_activity's, None where not visible; so is
    `address`, and where the session came from the server's own machine."""

    pid: int
    application_name: str
    is_ours: bool
    state: str | None
    address: str | None = None


_TABLE = """
SELECT c.oid::int8, c.relkind::text, c.relpersistence::text, pg_get_userbyid(c.relowner)::text,
       pg_has_role(c.relowner, 'USAGE'), has_schema_privilege(n.oid, 'CREATE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'm', 'p', 'f', 'v', 't', 'S', 'c')
"""
_SIZE = """
SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND relation = c.oid
                         AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid())
            THEN NULL ELSE pg_table_size(c.oid) END,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE pg_stat_get_live_tuples(c.oid) END::int8
FROM pg_class c WHERE c.oid = %s
"""
_COLUMNS = "SELECT attname::text, attnum::int FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"
_INDEX = """
SELECT c.oid::int8, n.nspname::text, c.relname::text, i.indrelid::int8, a.amname::text, i.indisunique, i.indisvalid,
       i.indisready, i.indnkeyatts::int, i.indkey::text, i.indoption::text, i.indpred IS NOT NULL,
       coalesce(pg_get_indexdef(c.oid), ''), coalesce(pg_relation_size(c.oid), 0)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_am a ON a.oid = c.relam
"""
_INDEX_BY_OID = f"{_INDEX} WHERE c.oid = %s"
_INDEX_BY_NAME = f"{_INDEX} WHERE n.nspname = %s AND c.relname = %s"
_INDEXES_OF_TABLE = f"{_INDEX} WHERE i.indrelid = %s ORDER BY c.oid LIMIT 1000"
_NAME_TAKEN = (
    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s"
)
_BUILDERS = """
SELECT l.pid::int, coalesce(a.application_name, ''), coalesce(a.usename = session_user, false), a.state,
       host(a.client_addr)
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((l.classid::int8 << 32) | l.objid::int8) = %s AND l.pid <> pg_backend_pid()
"""
_BUILDING_OID = """
SELECT coalesce(
    (SELECT p.index_relid::int8 FROM pg_stat_progress_create_index p WHERE p.pid = %s AND p.index_relid <> 0 LIMIT 1),
    (SELECT c.oid::int8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'i'))
"""


def table_facts(connection: Connection, schema: str, table: str) -> TableFacts | None:
    """The relation of this name, None when there is none."""
    row = connection.execute(_TABLE, (schema, table)).fetchone()
    if row is None:
        return None
    columns = {str(name): int(number) for name, number in connection.execute(_COLUMNS, (row[0],)).fetchall()}
    return TableFacts(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]), columns)


def table_size(connection: Connection, oid: int) -> TableSize:
    """How large a table is; the size is not asked for while somebody locks the table, since that would wait."""
    row = connection.execute(_SIZE, (oid,)).fetchone()
    if row is None:
        return TableSize(None, 0)
    return TableSize(None if row[0] is None else int(row[0]), int(row[1]))


def index_by_oid(connection: Connection, oid: int) -> IndexFacts | None:
    """The index with this OID, None when it is gone."""
    return _one(connection.execute(_INDEX_BY_OID, (oid,)).fetchone())


def index_by_name(connection: Connection, schema: str, name: str) -> IndexFacts | None:
    """The index of this name, None when there is none."""
    return _one(connection.execute(_INDEX_BY_NAME, (schema, name)).fetchone())


def indexes_of(connection: Connection, table_oid: int) -> tuple[IndexFacts, ...]:
    """All indexes of a table (at most 1,000), valid or not."""
    rows = connection.execute(_INDEXES_OF_TABLE, (table_oid,)).fetchall()
    return tuple(facts for row in rows if (facts := _one(row)) is not None)


def name_taken(connection: Connection, schema: str, name: str) -> bool:
    """Whether any relation has this name."""
    return connection.execute(_NAME_TAKEN, (schema, name)).fetchone() is not None


def builders(connection: Connection, lock_key: int) -> tuple[Builder, ...]:
    """Other sessions that hold the advisory lock `lock_key` (0..2^63-1) in this database: one at most."""
    rows = connection.execute(_BUILDERS, (lock_key,)).fetchall()
    return tuple(Builder(int(pid), str(name), bool(ours), state, address) for pid, name, ours, state, address in rows)


def building_oid(connection: Connection, pid: int, schema: str, name: str) -> int | None:
    """OID of the index that session `pid` builds, by the progress view, else by name; None before it exists."""
    row = connection.execute(_BUILDING_OID, (pid, schema, name)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def take_lock(connection: Connection, lock_key: int) -> bool:
    """Take the session's advisory lock without waiting."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (lock_key,)).fetchone()
    return row is not None and bool(row[0])


def terminate(connection: Connection, pid: int) -> bool:
    """Tell another session of ours to end; whether there was one. It ends a moment later."""
    row = connection.execute("SELECT pg_terminate_backend(%s)", (pid,)).fetchone()
    return row is not None and bool(row[0])


def _one(row: tuple[Any, ...] | None) -> IndexFacts | None:
    if row is None:
        return None
    return IndexFacts(
        oid=row[0],
        schema=row[1],
        name=row[2],
        table_oid=row[3],
        method=row[4],
        is_unique=row[5],
        is_valid=row[6],
        is_ready=row[7],
        keys_count=row[8],
        columns=tuple(int(number) for number in row[9].split()),
        options=tuple(int(number) for number in row[10].split()),
        has_predicate=row[11],
        definition=row[12],
        size_bytes=row[13],
    )
