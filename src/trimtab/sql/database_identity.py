"""Which database answers: what tells one from another, whatever address it was reached by.

* The **system identifier** (`pg_control_system()`) belongs to a cluster: a standby has that of its primary, and so has
  every copy of the files.
* The **start of the server**, to the microsecond, belongs to one running server: it tells a standby from its primary,
  and a copy from its original, and is the same through 127.0.0.1, localhost and a socket.
* The **OID of the database** belongs to a database within its cluster; dropped and made anew, it has another.

What cannot be told from this: a standby that follows its primary from one that follows a promoted copy of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from trimtab.model.errors import ServerUnreachable
from trimtab.sql.connect import OWN_MARK, Connection

_PLACE = f"""
SELECT {OWN_MARK} (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = current_database()),
    current_database()::text, pg_catalog.pg_is_in_recovery(),
    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8,
    coalesce(pg_catalog.has_function_privilege(
        pg_catalog.to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE'), false)
"""
_SYSTEM = f"SELECT {OWN_MARK} system_identifier::text FROM pg_control_system()"


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """What of a database lasts: goes into the ledger. `system_identifier` is None where the role may not read it."""

    database: str
    database_oid: int
    system_identifier: str | None = None

    def __str__(self) -> str:
        server = "" if self.system_identifier is None else f" of server {self.system_identifier}"
        return f"database {self.database!r} (OID {self.database_oid}{server})"


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """A database and the running server that answers for it now."""

    target: TargetIdentity
    started_at_us: int
    in_recovery: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two are one: True, False, or None where that could not be compared. `message` is a sentence."""

    same: bool | None
    message: str


def identity_of(connection: Connection) -> DatabaseIdentity:
    """Who is at the other end; `ServerUnreachable` when it breaks off."""
    try:
        row = connection.execute(_PLACE.encode()).fetchone()
        if row is None:
            raise ServerUnreachable("the server did not say which database it is")
        system: str | None = None
        if row[4]:
            told = connection.execute(_SYSTEM.encode()).fetchone()
            system = None if told is None else str(told[0])
    except psycopg.Error as error:
        raise ServerUnreachable(f"could not read which database answers: {type(error).__name__}") from None
    target = TargetIdentity(str(row[1]), int(row[0]), system)
    return DatabaseIdentity(target, started_at_us=int(row[3]), in_recovery=bool(row[2]))


def same_server(one: DatabaseIdentity, other: DatabaseIdentity) -> bool:
    """Whether it is one database on one running server, by whatever addresses: a standby is not its primary.

    >>> def at(started: int, oid: int = 5, system: str | None = "7") -> DatabaseIdentity:
    ...     return DatabaseIdentity(TargetIdentity("shop", oid, system), started, False)
    >>> same_server(at(1), at(1, system=None)), same_server(at(1), at(2)), same_server(at(1), at(1, 6))
    (True, False, False)
    """
    a, b = one.target, other.target
    known = a.system_identifier is not None and b.system_identifier is not None
    return (one.started_at_us, a.database_oid) == (other.started_at_us, b.database_oid) and (
        not known or a.system_identifier == b.system_identifier
    )


def compare_live(watched: DatabaseIdentity, changed: DatabaseIdentity) -> Comparison:
    """Whether changes go to what is watched. A standby may be watched while its primary is changed.

    >>> def at(started: int, system: str | None, standby: bool = False) -> DatabaseIdentity:
    ...     return DatabaseIdentity(TargetIdentity("shop", 5, system), started, standby)
    >>> [compare_live(at(1, "7", standby=True), at(2, system)).same for system in ("7", "8", None)]
    [True, False, None]
    >>> compare_live(at(1, "7"), at(2, "7")).same   # both take writes: one is a copy of the other
    False
    """
    here, there = watched.target, changed.target
    lasting = compare_stored(here, there)
    if lasting.same is False:
        return Comparison(False, f"the watch is on {here}, changes would go to {there}")
    if watched.started_at_us == changed.started_at_us:
        return Comparison(True, f"both roles arrive at {here}")
    if not watched.in_recovery and not changed.in_recovery:
        return Comparison(
            False, f"the watch and the changes are on two servers that both take writes: {here}, and a copy of it"
        )
    if lasting.same is None:
        return Comparison(None, f"changes go to another server than the one watched, and {lasting.message}")
    return Comparison(True, f"changes go to another server of the same cluster: {there}")


def compare_stored(then: TargetIdentity, now: TargetIdentity) -> Comparison:
    """Whether a database is the one that was written down."""
    both = then.system_identifier is not None and now.system_identifier is not None
    if then.database_oid != now.database_oid or (both and then.system_identifier != now.system_identifier):
        return Comparison(False, f"it was {then}, and is {now}")
    if both:
        return Comparison(True, f"it is {now}")
    if then.database != now.database:
        return Comparison(False, f"it was {then}, and is {now}")
    message = (
        f"pg_control_system() is not readable: that both are of one cluster was not compared, only that it is {now}"
    )
    return Comparison(None, message)
