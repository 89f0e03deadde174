"""A session of the changing role: named after its change, with timeouts, and errors that carry no data.

A server's message may quote values of rows (`invalid input syntax for type integer: "..."`); those never leave
this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from trimtab.act.catalogue import Connection
from trimtab.model.errors import ApplyFailed, ServerUnreachable
from trimtab.sql.allowlist import execute_change, prepare_session

Connect = Callable[[str], Connection]
"""A new autocommit connection of the changing role to the system of this name."""

APPLICATION = "trimtab/change/"
LOOK_TIMEOUT_S = 10.0
"""For reading the catalogue."""

_TRANSIENT = ("08", "40", "53", "55", "57")
"""SQLSTATE classes that may be gone at the next try: connection, deadlock, resources, locks, intervention."""
_NO_CONNECTION = "08000"
_TIMED_OUT = "57014"
_QUOTES_DATA = ("22", "23", "P0")


@contextmanager
def change_session(
    connect: Connect, system: str, change_id: str, *, lock_timeout_s: float, statement_timeout_s: float
) -> Iterator[Connection]:
    """Open, prepare, use, close. Errors of the server leave as `ApplyFailed` or `ServerUnreachable`."""
    try:
        connection = connect(system)
    except psycopg.OperationalError as error:
        raise ServerUnreachable(f"could not connect to {system} as the changing role: {brief(error)}") from None
    try:
        with told(f"change {change_id}"):
            prepare_session(connection)
            execute_change(connection, f"SET application_name = '{APPLICATION}{change_id}'")
            set_timeouts(connection, lock_timeout_s=lock_timeout_s, statement_timeout_s=statement_timeout_s)
        with told(f"change {change_id}"):
            yield connection
    finally:
        connection.close()


def set_timeouts(connection: Connection, *, lock_timeout_s: float, statement_timeout_s: float) -> None:
    """Both timeouts of the session, at least 1 ms: never none."""
    execute_change(connection, f"SET lock_timeout = {max(1, round(lock_timeout_s * 1000))}")
    execute_change(connection, f"SET statement_timeout = {max(1, round(statement_timeout_s * 1000))}")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn psycopg's errors into `ApplyFailed` with `facts["sqlstate"]` and `facts["transient"]`."""
    try:
        yield
    except psycopg.Error as error:
        raise failed(what, error) from None


def failed(what: str, error: psycopg.Error) -> ApplyFailed:
    """An `ApplyFailed` for an error of the server."""
    sqlstate = error.sqlstate or _NO_CONNECTION
    transient = sqlstate.startswith(_TRANSIENT) and sqlstate != _TIMED_OUT
    return ApplyFailed(f"{what}: {brief(error)}", sqlstate=sqlstate, transient=transient)


def brief(error: psycopg.Error) -> str:
    """The server's message without anything that may quote a row.

    >>> brief(psycopg.errors.InvalidTextRepresentation('invalid input syntax for type integer: "secret"'))
    'InvalidTextRepresentation (22P02)'
    """
    sqlstate = error.sqlstate or ""
    name = f"{type(error).__name__}{f' ({sqlstate})' if sqlstate else ''}"
    message = error.diag.message_primary
    if message is None or sqlstate.startswith(_QUOTES_DATA):
        return name
    return f"{name}: {message}"
