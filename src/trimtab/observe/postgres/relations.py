"""Looks at tables and indexes: how they are read and written, and how big they are."""

from __future__ import annotations

from trimtab.observe.postgres.counters import CounterBook
from trimtab.observe.postgres.facts import Facts, Moment
from trimtab.observe.postgres.session import Session

TABLES_MAX = 1_000
"""The biggest ones; sizes are asked of the file system, so the number is limited."""
INDEXES_MAX = 2_000

# The size functions wait for an exclusive lock: where one is held or wanted, the size of the last VACUUM has to do.
_LOCKED = """
WITH locked AS MATERIALIZED (
    SELECT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""

_TABLES_SQL = (
    _LOCKED
    + """
SELECT c.oid::int8, s.schemaname || '.' || s.relname,
    s.n_live_tup, s.n_dead_tup,
    s.seq_scan, s.seq_tup_read, coalesce(s.idx_scan, 0),
    s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.n_tup_hot_upd,
    CASE WHEN l.blocked THEN c.relpages::int8 * %s ELSE coalesce(pg_table_size(c.oid), 0) END,
    CASE WHEN l.blocked THEN 0 ELSE coalesce(pg_indexes_size(c.oid), 0) END
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid,
    LATERAL (SELECT EXISTS (SELECT FROM locked WHERE relation = c.oid
        OR relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid)) AS blocked) l
WHERE c.relpersistence <> 't'
ORDER BY c.relpages DESC, c.oid LIMIT %s
"""
)

_INDEXES_SQL = (
    _LOCKED
    + """
SELECT i.indexrelid::int8, s.schemaname || '.' || s.relname, s.indexrelname::text, i.indisvalid,
    s.idx_scan, s.idx_tup_read,
    CASE WHEN EXISTS (SELECT FROM locked WHERE relation IN (i.indexrelid, i.indrelid))
         THEN c.relpages::int8 * %s ELSE coalesce(pg_relation_size(c.oid), 0) END
FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relpersistence <> 't'
ORDER BY c.relpages DESC, c.oid LIMIT %s
"""
)


class TableLooks:
    """One row per table and sample."""

    name = "tables"

    def __init__(self) -> None:
        self._counters = CounterBook()

    def forget(self) -> None:
        """The next sample is a base line."""
        self._counters.forget()

    def collect(self, session: Session, moment: Moment) -> Facts:
        """Counters since the last sample; rows and bytes as they are."""
        rows = session.rows(self.name, _TABLES_SQL, (session.facts.block_size_bytes, TABLES_MAX))
        added = self._counters.differences({row[0]: tuple(row[4:11]) for row in rows})
        names = ("seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del", "n_tup_hot_upd")
        facts = Facts()
        facts.add(
            "table_statistics",
            [
                {
                    "system": moment.system,
                    "sampled_at_ms": moment.now_ms,
                    "relation": row[1],
                    "n_live_tup": row[2],
                    "n_dead_tup": row[3],
                    **dict(zip(names, added[row[0]], strict=True)),
                    "relation_bytes": row[11],
                    "indexes_bytes": row[12],
                }
                for row in rows
            ],
        )
        return facts


class IndexLooks:
    """One row per index and sample."""

    name = "indexes"

    def __init__(self) -> None:
        self._counters = CounterBook()

    def forget(self) -> None:
        """The next sample is a base line."""
        self._counters.forget()

    def collect(self, session: Session, moment: Moment) -> Facts:
        """Counters since the last sample; bytes and validity as they are."""
        rows = session.rows(self.name, _INDEXES_SQL, (session.facts.block_size_bytes, INDEXES_MAX))
        added = self._counters.differences({row[0]: (row[4], row[5]) for row in rows})
        facts = Facts()
        facts.add(
            "index_statistics",
            [
                {
                    "system": moment.system,
                    "sampled_at_ms": moment.now_ms,
                    "relation": row[1],
                    "index_name": row[2],
                    "idx_scan": added[row[0]][0],
                    "idx_tup_read": added[row[0]][1],
                    "index_bytes": row[6],
                    "is_valid": row[3],
                }
                for row in rows
            ],
        )
        return facts
