"""Looks at the whole server: locks, transactions, replication, database. Each is one query that gives one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.observe.postgres.counters import CounterBook
from trimtab.observe.postgres.facts import Facts, Moment
from trimtab.observe.postgres.session import ServerFacts, Session
from trimtab.sql.versions import LOCK_WAIT_START


@dataclass(frozen=True, slots=True)
class Number:
    """One column of a look: what it is called in the store and its unit; a counter is stored as what was added."""

    name: str
    unit: str
    is_counter: bool = False


class NumberLooks:
    """A query with one row; a NULL means that the number does not apply, and is not stored."""

    def __init__(self, name: str, sql: Callable[[ServerFacts], str], numbers: tuple[Number, ...]) -> None:
        self.name = name
        self._sql = sql
        self._numbers = numbers
        self._counters = CounterBook()
        self._is_first = True

    @property
    def counters(self) -> frozenset[str]:
        """Names of the numbers that are stored as what was added."""
        return frozenset(number.name for number in self._numbers if number.is_counter)

    def forget(self) -> None:
        """The next sample is a base line."""
        self._counters.forget()
        self._is_first = True

    def collect(self, session: Session, moment: Moment) -> Facts:
        """One row per number; counters from the second sample on."""
        [row] = session.rows(self.name, self._sql(session.facts))
        found = [(n, v) for n, v in zip(self._numbers, row, strict=True) if v is not None]
        added = self._counters.differences({n.name: (int(v),) for n, v in found if n.is_counter})
        facts = Facts()
        facts.add(
            "server_statistics",
            [
                {
                    "system": moment.system,
                    "sampled_at_ms": moment.now_ms,
                    "name": number.name,
                    "value": float(added[number.name][0] if number.is_counter else value),
                    "unit": number.unit,
                }
                for number, value in found
                if not (number.is_counter and self._is_first)
            ],
        )
        self._is_first = False
        return facts


def lock_looks() -> NumberLooks:
    """Sessions that wait for locks, and how long the longest wait is where the server knows."""

    def sql(server: ServerFacts) -> str:
        waited = LOCK_WAIT_START.spelled(server.version_num)
        return f"SELECT count(*), ({waited})::float8 FROM pg_locks WHERE NOT granted"

    return NumberLooks("locks", sql, (Number("locks_waiting", "locks"), Number("lock_wait_ms_max", "ms")))


TRANSACTIONS_SQL = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend'),
    count(*) FILTER (WHERE state = 'active' AND backend_type = 'client backend'),
    count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
    current_setting('max_connections')::float8,
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start))
             FILTER (WHERE backend_type = 'client backend'), 0)::float8,
    coalesce(max(age(backend_xmin)), 0),
    (SELECT count(*) FROM pg_prepared_xacts),
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - prepared)), 0)::float8 FROM pg_prepared_xacts),
    (SELECT max(age(datfrozenxid)) FROM pg_database)
FROM pg_stat_activity
"""


def transaction_looks() -> NumberLooks:
    """Connections, and transactions that hold back VACUUM or an index build."""
    return NumberLooks(
        "transactions",
        lambda _server: TRANSACTIONS_SQL,
        (
            Number("connections", "sessions"),
            Number("connections_active", "sessions"),
            Number("connections_idle_in_transaction", "sessions"),
            Number("connections_max", "sessions"),
            Number("oldest_transaction_s", "s"),
            Number("oldest_snapshot_transactions", "transactions"),
            Number("prepared_transactions", "transactions"),
            Number("oldest_prepared_transaction_s", "s"),
            Number("oldest_unfrozen_transactions", "transactions"),
        ),
    )


REPLICATION_SQL = """
SELECT pg_is_in_recovery()::int4,
    (SELECT count(*) FROM pg_stat_replication),
    CASE WHEN NOT pg_is_in_recovery() THEN (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float8
                                            FROM pg_stat_replication) END,
    (SELECT (max(extract(epoch FROM replay_lag)) * 1000)::float8 FROM pg_stat_replication),
    CASE WHEN NOT pg_is_in_recovery() THEN (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))::float8
                                            FROM pg_replication_slots) END,
    (SELECT count(*) FROM pg_replication_slots WHERE NOT active),
    CASE WHEN pg_is_in_recovery()
         THEN (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 END
"""


def replication_looks() -> NumberLooks:
    """How far replicas are behind, seen from the primary; on a replica, how far it is behind itself."""
    return NumberLooks(
        "replication",
        lambda _server: REPLICATION_SQL,
        (
            Number("is_replica", "boolean"),
            Number("replicas", "replicas"),
            Number("replica_lag_bytes_max", "bytes"),
            Number("replica_lag_ms_max", "ms"),
            Number("slot_retained_bytes_max", "bytes"),
            Number("slots_inactive", "slots"),
            Number("replay_age_ms", "ms"),
        ),
    )


DATABASE_SQL = """
SELECT pg_database_size(datid)::float8, xact_commit, xact_rollback, blks_read, blks_hit, temp_bytes, deadlocks,
    conflicts, tup_returned, tup_fetched, tup_inserted + tup_updated + tup_deleted
FROM pg_stat_database WHERE datname = current_database()
"""


def database_looks() -> NumberLooks:
    """The database's size and its running totals."""
    return NumberLooks(
        "database",
        lambda _server: DATABASE_SQL,
        (
            Number("database_bytes", "bytes"),
            Number("transactions_committed", "transactions", is_counter=True),
            Number("transactions_rolled_back", "transactions", is_counter=True),
            Number("blocks_read", "blocks", is_counter=True),
            Number("blocks_hit", "blocks", is_counter=True),
            Number("temporary_bytes", "bytes", is_counter=True),
            Number("deadlocks", "deadlocks", is_counter=True),
            Number("recovery_conflicts", "conflicts", is_counter=True),
            Number("rows_scanned", "rows", is_counter=True),
            Number("rows_fetched", "rows", is_counter=True),
            Number("rows_written", "rows", is_counter=True),
        ),
    )


def is_counter(name: str) -> bool:
    """Whether a number of the server is stored as what was added since the sample before.

    >>> is_counter("deadlocks"), is_counter("connections")
    (True, False)
    """
    return name in _COUNTERS


_COUNTERS = frozenset(
    name for looks in (lock_looks, transaction_looks, replication_looks, database_looks) for name in looks().counters
)
