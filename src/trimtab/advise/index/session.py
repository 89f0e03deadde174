"""The connection while advice is made: bounded, and left as it was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq

from trimtab.model.errors import ExtensionMissing, PermissionMissing, ServerUnreachable, TrimtabError
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import quoted
from trimtab.sql.versions import read_grant_sql

Connection = psycopg.Connection[tuple[Any, ...]]

STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 1_000
LOCKED = "another session holds a lock that nobody reads beside (ALTER TABLE, TRUNCATE, VACUUM FULL)"
HYPOPG_SQL = "CREATE EXTENSION hypopg"


@contextmanager
def server_errors(connection: Connection, doing: str) -> Iterator[None]:
    """Turn the driver's errors into ours; no statement's text gets into a message."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PermissionMissing(
            f"could not {doing}: {error.diag.message_primary}",
            sql=read_grant_sql(connection.info.server_version, connection.info.user),
        ) from None
    except psycopg.errors.LockNotAvailable:
        raise ServerUnreachable(f"could not {doing} in time: {LOCKED}", is_locked=True) from None
    except psycopg.errors.QueryCanceled as error:
        raise ServerUnreachable(f"could not {doing} in time: {error.diag.message_primary}") from None
    except psycopg.OperationalError as error:
        raise ServerUnreachable(f"could not {doing}: the connection was lost ({type(error).__name__})") from None
    except psycopg.Error as error:
        raise TrimtabError(f"could not {doing}: the server says {error.sqlstate} {type(error).__name__}") from None


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether an error means that the server cannot be asked any more: it went, or is going down."""
    code = error.sqlstate or ""
    return connection.closed or not code or code.startswith(("08", "57P"))


def rows_if_possible(
    connection: Connection, query: str, doing: str, values: Sequence[object] = ()
) -> list[tuple[Any, ...]] | None:
    """The rows of a question that is worth asking and may fail (no right to read, a value that an expression does not
    take, no time): None then. A lost connection raises."""
    try:
        with connection.transaction():
            return connection.execute(query.encode(), list(values) or None, prepare=False).fetchall()
    except psycopg.Error as error:
        if is_lost(connection, error):
            with server_errors(connection, doing):
                raise
        return None


@contextmanager
def bounded(connection: Connection) -> Iterator[None]:
    """Timeouts on every statement in between; afterwards the session's settings are what they were."""
    names = ("statement_timeout", "lock_timeout", "search_path")
    threshold, connection.prepare_threshold = connection.prepare_threshold, None  # a plan is asked for once or twice
    with server_errors(connection, "set timeouts"):
        before = _settings(connection, names)
        for name, limit_ms in (("statement_timeout", STATEMENT_TIMEOUT_MS), ("lock_timeout", LOCK_TIMEOUT_MS)):
            if not 0 < int(before[name].value) <= limit_ms:
                _set(connection, name, str(limit_ms))
    try:
        yield
    finally:
        connection.prepare_threshold = threshold
        if not connection.closed and connection.info.transaction_status in {_IDLE, _IN_TRANSACTION}:
            with server_errors(connection, "restore settings"):
                now = _settings(connection, names)
                for name, setting in before.items():
                    if now[name] != setting:
                        _restore(connection, name, setting)


def extend_search_path(connection: Connection, schemas: Sequence[str]) -> None:
    """Put schemas behind the session's own, so that bare names in them are found; `bounded` takes them away again."""
    if schemas:
        with server_errors(connection, "set the search path"):
            path = _settings(connection, ("search_path",))["search_path"].value
            parts = [part for part in (path, *(quoted(schema) for schema in schemas)) if part]
            _set(connection, "search_path", ", ".join(parts))


def require_hypopg(schema: str | None) -> str:
    """The schema of HypoPG, or `ExtensionMissing` with the SQL that would help."""
    if schema is None:
        raise ExtensionMissing(
            "the extension hypopg is not installed in this database: an index cannot be proven before it is built",
            sql=HYPOPG_SQL,
        )
    return schema


_IDLE = pq.TransactionStatus.IDLE
_IN_TRANSACTION = pq.TransactionStatus.INTRANS


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting's value (times in ms), and where it comes from: `session` if somebody set it in this session."""

    value: str
    source: str


def _settings(connection: Connection, names: Sequence[str]) -> dict[str, _Setting]:
    query = f"SELECT {OWN_MARK} name, setting, source FROM pg_settings WHERE name = ANY(%s)"
    rows = connection.execute(query.encode(), [list(names)], prepare=False).fetchall()
    return {name: _Setting(str(setting), str(source)) for name, setting, source in rows}


def _set(connection: Connection, name: str, value: str) -> None:
    """For the transaction where one is open, else for the session."""
    is_local = connection.info.transaction_status == _IN_TRANSACTION
    query = f"SELECT {OWN_MARK} set_config(%s, %s, %s)"
    connection.execute(query.encode(), [name, value, is_local], prepare=False)


def _restore(connection: Connection, name: str, setting: _Setting) -> None:
    if setting.source == "session" or connection.info.transaction_status == _IN_TRANSACTION:
        _set(connection, name, setting.value)
    else:
        connection.execute(f"RESET {quoted(name)}".encode(), prepare=False)
