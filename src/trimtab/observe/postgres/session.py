"""The watching session: one connection, what it knows about its server, and what its queries cost there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from trimtab.model.errors import (
    ExtensionMissing,
    MissingError,
    PermissionMissing,
    ServerUnreachable,
    ServerUnsupported,
)
from trimtab.model.system import Capability
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.cost import CostMeter
from trimtab.sql.connect import OWN_MARK, Connection, Reference
from trimtab.sql.instance import INSTANCE
from trimtab.sql.versions import refusal

WATCH_NAME = "trimtab watch"
APPLICATION_NAME = f"{WATCH_NAME} {INSTANCE}"
"""Of the watching session: the mark tells two trimtabs apart on the server (`other_trimtab`)."""
OWN_NAMES_LIKE = "trimtab%"
"""Applications and roles with such a name are trimtab's own."""
LOCK_TIMEOUT_MS = 200
ROWS_MAX = 100_000
"""More rows than this in one look mean that something is wrong; the rest is not read."""
CACHED_PLAN_CHANGED = ("0A000", "RevalidateCachedQuery")
"""SQLSTATE and the place in the server's source: a managed server says 0A000 of functions it does not have, too."""

_VERSION_SQL = "SELECT current_setting('server_version_num')::int4, version()"
_FACTS_SQL = """
SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
    (extract(epoch FROM pg_postmaster_start_time()) * 1000)::int8,
    (SELECT oid::int8 FROM pg_database WHERE datname = current_database()), current_database()::text,
    current_setting('block_size')::int4,
    (SELECT setting::int4 FROM pg_settings WHERE name = 'track_activity_query_size'),
    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'),
    (SELECT p.proargnames FROM pg_extension e JOIN pg_proc p ON p.pronamespace = e.extnamespace
     WHERE e.extname = 'pg_stat_statements' AND p.proname = 'pg_stat_statements' ORDER BY p.pronargs DESC LIMIT 1),
    ARRAY(SELECT oid::int8 FROM pg_roles WHERE rolname LIKE %s)
"""


class ConnectionLost(ServerUnreachable):
    """The connection broke; nothing more can be asked on it."""


class LookBlocked(MissingError):
    """A look was given up: a lock or a timeout stood in its way. The next one may work."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is true for as long as the connection lives (an extension may come later: `Session.refresh`)."""

    version_num: int
    version: str
    started_at_ms: int
    database_oid: int
    database: str
    block_size_bytes: int
    activity_text_bytes: int
    statements_schema: str | None
    """The quoted schema of pg_stat_statements; None where the extension is not created in this database."""
    statements_columns: frozenset[str]
    own_roles: tuple[int, ...]


class _LenientText(Loader):
    """Text as UTF-8; bytes that are none (a database in SQL_ASCII holds what it was given) become U+FFFD."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


class Session:
    """Runs prepared queries, one round trip each, and books their time. Not thread-safe."""

    def __init__(self, connection: Connection, meter: CostMeter) -> None:
        self._connection = connection
        self._meter = meter
        for name in ("text", "varchar", "name"):
            connection.adapters.register_loader(name, _LenientText)
        self.backend_pid = connection.info.backend_pid
        self._schedstat = local_schedstat(connection)
        self._meter.source = "waiting" if self._schedstat is None else "cpu"
        self._read_s = 0.0  # so that the backend's own start is booked, too
        self._refuse_strangers()
        self.facts = self._ask_facts()
        self._meter.round_trip_s = min(self._round_trip_s() for _ in range(3))

    @classmethod
    def open(cls, reference: Reference, meter: CostMeter, statement_timeout_ms: int) -> Session:
        """Connect; raises what `Reference.connect` raises, or `ServerUnsupported`."""
        connection = reference.connect(
            APPLICATION_NAME, statement_timeout_ms=statement_timeout_ms, lock_timeout_ms=LOCK_TIMEOUT_MS
        )
        try:
            return cls(connection, meter)
        except BaseException:
            connection.close()
            raise

    def capabilities(self) -> tuple[Capability, ...]:
        """What there is to see; raises `ConnectionLost`."""
        started_s = time.perf_counter()
        try:
            return probe(self._connection)
        except psycopg.Error as error:
            failure = self._translated("capabilities", error)
        finally:
            self._meter.book("capabilities", self._spent_s(started_s))
        raise failure

    def refresh(self) -> None:
        """Look again for extensions and roles."""
        self.facts = self._ask_facts()

    def close(self) -> None:
        """Close the connection; no error where it is closed already."""
        self._connection.close()

    def rows(self, collector: str, sql: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Run one prepared query; its time is booked on `collector`.

        Raises `ConnectionLost`, `LookBlocked`, `PermissionMissing`, `ExtensionMissing`, or `MissingError` for the rest.
        """
        started_s = time.perf_counter()
        try:
            cursor = self._connection.execute(_marked(sql), parameters, prepare=True, binary=True)
            return cursor.fetchmany(ROWS_MAX)
        except psycopg.Error as error:
            failure = self._translated(collector, error)
        finally:
            self._meter.book(collector, self._spent_s(started_s))
        raise failure

    def _round_trip_s(self) -> float:
        started_s = time.perf_counter()
        self.rows("round_trip", "SELECT 1")
        return time.perf_counter() - started_s

    def _spent_s(self, started_s: float) -> float:
        """What the query cost: the backend's CPU time since the last one where it can be read, else the time waited."""
        if self._schedstat is None:
            return time.perf_counter() - started_s
        before_s, self._read_s = self._read_s, cpu_s(self._schedstat)
        return self._read_s - before_s

    def _translated(self, collector: str, error: psycopg.Error) -> MissingError:
        code = error.sqlstate or ""
        words = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
        message = f"could not look at {collector}: {words}"
        if (
            code,
            error.diag.source_function,
        ) == CACHED_PLAN_CHANGED:  # an extension was updated: only a new session prepares anew
            self._connection.close()
        if self._connection.closed or code.startswith(("57P", "08")) or not code:
            return ConnectionLost(f"the connection to the server was lost: {words}")
        if code in ("57014", "55P03"):
            return LookBlocked(message, sqlstate=code)
        if code == "42501":
            return PermissionMissing(message, sqlstate=code)
        if code in ("42883", "42P01", "3F000", "55000"):
            return ExtensionMissing(message, sqlstate=code)
        return MissingError(message, sqlstate=code)

    def _refuse_strangers(self) -> None:
        [(version_num, banner)] = self.rows("facts", _VERSION_SQL)
        problem = refusal(version_num, banner)
        if problem is not None:
            raise ServerUnsupported(problem, version_num=version_num)

    def _ask_facts(self) -> ServerFacts:
        [row] = self.rows("facts", _FACTS_SQL, (OWN_NAMES_LIKE,))
        version_num, version, started_ms, oid, database, block, text, schema, columns, own_roles = row
        return ServerFacts(
            version_num=version_num,
            version=version,
            started_at_ms=started_ms,
            database_oid=oid,
            database=database,
            block_size_bytes=block,
            activity_text_bytes=text,
            statements_schema=schema,
            statements_columns=frozenset(columns or ()),
            own_roles=tuple(own_roles),
        )


def local_schedstat(connection: Connection) -> Path | None:
    """The file with the backend's CPU time, where the server runs on this machine and in this process namespace."""
    path = Path(f"/proc/{connection.info.backend_pid}")
    try:
        command = (path / "cmdline").read_bytes()
    except OSError:
        return None
    user, database = connection.info.user.encode(), connection.info.dbname.encode()
    is_ours = command.startswith(b"postgres") and user in command and database in command
    is_local = connection.info.host.startswith("/") or connection.info.hostaddr in ("127.0.0.1", "::1")
    return path / "schedstat" if is_ours and is_local else None


def cpu_s(schedstat: Path) -> float:
    """Seconds on a core so far; 0 once the process is gone."""
    try:
        return int(schedstat.read_bytes().split()[0]) / 1e9
    except OSError:
        return 0.0


@lru_cache(maxsize=64)
def _marked(sql: str) -> bytes:
    """The query with trimtab's mark behind its first SELECT."""
    return sql.strip().replace("SELECT", f"SELECT {OWN_MARK}", 1).encode()
