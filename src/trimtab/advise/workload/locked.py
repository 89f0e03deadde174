"""Statements whose tables another session holds: they are left with that reason, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import pq

from trimtab.advise.index.session import LOCKED, Connection, server_errors
from trimtab.advise.workload.reading import ReadStatement
from trimtab.advise.workload.statements import Left
from trimtab.sql.connect import OWN_MARK

TABLES_MAX = 10_000

_HELD = f"""
SELECT {OWN_MARK} DISTINCT n.nspname::text, c.relname::text
FROM pg_locks l
JOIN pg_class r ON r.oid = l.relation
LEFT JOIN pg_index i ON i.indexrelid = r.oid
JOIN pg_class c ON c.oid = coalesce(i.indrelid, r.oid)
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2 LIMIT {TABLES_MAX}
"""


def without_locked(connection: Connection, read: Sequence[ReadStatement]) -> tuple[list[ReadStatement], list[Left]]:
    """The statements that name no table that another session holds, or waits to hold, so that nobody reads beside (nor
    one with such an index), and the others with the reason. A name without a schema may be of any schema."""
    if connection.info.transaction_status != pq.TransactionStatus.IDLE:  # nothing can be asked in a failed transaction
        return list(read), []
    with server_errors(connection, "read which tables are locked"):
        rows = connection.execute(_HELD.encode(), prepare=False).fetchall()
    held: dict[tuple[str | None, str], str] = {}
    for schema, table in rows:
        held[schema, table] = held[None, table] = f"{schema}.{table}"
    free: list[ReadStatement] = []
    left: list[Left] = []
    for one in read:
        tables = sorted({held[name] for name in one.named.relations if name in held})
        if tables:
            reason = f"{', '.join(tables)} could not be looked up: {LOCKED}"
            left.append(Left(one.statement.name, one.statement.line, reason))
        else:
            free.append(one)
    return free, left
