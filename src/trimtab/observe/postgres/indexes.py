"""Every index of a database: what it is, how large, how much it was read, what keeps it; read without any lock."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from trimtab.model.errors import ServerUnreachable
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.database_identity import DatabaseIdentity, identity_of

INDEXES_MAX = 10_000
_LAST_READ_FROM = 160_000
_TABLES_SKIPPED = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"

_INDEXES = f"""
SELECT {OWN_MARK} c.oid::int8, n.nspname::text, t.relname::text, c.relname::text, a.amname::text,
       pg_get_indexdef(c.oid), coalesce(pg_relation_size(c.oid), 0)::int8,
       coalesce(pg_stat_get_numscans(c.oid), 0)::int8,
       {{last_read}}, i.indisunique, i.indisprimary, i.indisexclusion, i.indisreplident, i.indisvalid, i.indisready,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')),
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype = 'f'),
       EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = t.oid
                AND k.conkey[1] = i.indkey[0] AND i.indpred IS NULL),
       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid),
       EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid),
       i.indexprs IS NOT NULL, i.indisclustered,
       coalesce(pg_stat_get_tuples_inserted(t.oid), 0)::int8, coalesce(pg_stat_get_tuples_updated(t.oid), 0)::int8,
       coalesce(pg_stat_get_tuples_hot_updated(t.oid), 0)::int8, greatest(t.reltuples, 0)::float8
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am a ON a.oid = c.relam
 WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND {_TABLES_SKIPPED}
 ORDER BY pg_relation_size(c.oid) DESC NULLS LAST, c.oid LIMIT {INDEXES_MAX + 1}"""

_COUNTED = f"""
SELECT {OWN_MARK}
       (extract(epoch FROM coalesce((SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
                                    pg_postmaster_start_time())) * 1000)::int8,
       (extract(epoch FROM clock_timestamp()) * 1000)::int8,
       (SELECT count(*) FROM pg_stat_replication r
         WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
           AND r.application_name NOT IN ('pg_basebackup', 'pg_receivewal'))"""


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One index. `scans` and what was written to its table count from `IndexLook.counted_since_ms` on.

    `is_constraint`: a primary key, UNIQUE or EXCLUDE stands on it; `is_referenced`: a foreign key of another table
    does. `starts_foreign_key`: it begins with a foreign key's column, so that deletes of the other side use it.
    `is_part`: it belongs to the index of a partitioned table. `last_read_ms` is None where the server does not tell.
    """

    oid: int
    schema: str
    table: str
    name: str
    method: str
    statement: str
    size_bytes: int
    scans: int
    last_read_ms: int | None
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_replica_identity: bool
    is_valid: bool
    is_ready: bool
    is_constraint: bool
    is_referenced: bool
    starts_foreign_key: bool
    is_part: bool
    is_being_built: bool
    has_expression: bool
    is_clustered: bool
    rows_inserted: int
    rows_updated: int
    rows_updated_hot: int
    table_rows: float

    @property
    def relation(self) -> str:
        """Its table as `schema.table`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class IndexLook:
    """One look at one database. `standbys` follow this very server; `was_cut`: there are more indexes."""

    identity: DatabaseIdentity
    at_ms: int
    counted_since_ms: int
    standbys: int
    indexes: tuple[IndexFacts, ...]
    was_cut: bool = False


def look_at_indexes(connection: Connection) -> IndexLook:
    """All indexes of tables in this database, the largest first. Raises `ServerUnreachable`."""
    tells_last = connection.info.server_version >= _LAST_READ_FROM
    last = "(extract(epoch FROM pg_stat_get_lastscan(c.oid)) * 1000)::int8" if tells_last else "NULL::int8"
    identity = identity_of(connection)
    try:
        counted = connection.execute(_COUNTED.encode(), prepare=False).fetchone()
        rows = connection.execute(_INDEXES.format(last_read=last).encode(), prepare=False).fetchall()
    except psycopg.Error as error:
        raise ServerUnreachable(
            f"could not read the indexes: {error.diag.message_primary or type(error).__name__}"
        ) from None
    if counted is None:
        raise ServerUnreachable("the server did not say since when it counts")
    facts = tuple(IndexFacts(*row) for row in rows[:INDEXES_MAX])
    return IndexLook(identity, int(counted[1]), int(counted[0]), int(counted[2]), facts, len(rows) > INDEXES_MAX)
