"""What a clone is, and what is not taken for one: the system itself, a standby, a database that others use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trimtab.advise.index.session import Connection, server_errors
from trimtab.model.errors import InputError
from trimtab.sql.connect import OWN_MARK, Reference
from trimtab.sql.database_identity import identity_of, same_server

BUILD_MAX_MS = 3_600_000
IDLE_MAX_MS = 600_000

_OTHERS = f"""
SELECT {OWN_MARK} (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_stat_replication)"""

_PLANNER = f"""
SELECT {OWN_MARK} name, setting FROM pg_settings
 WHERE (category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier', 'search_path', 'temp_buffers'))
   AND context = 'user' AND name <> 'max_parallel_workers_per_gather'"""
"""What shapes a plan; parallel workers are left out: their time is not that of the session's process."""

_ROWS = f"""
SELECT {OWN_MARK} n.nspname || '.' || c.relname, greatest(c.reltuples, 0)::float8
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
 ORDER BY c.reltuples DESC LIMIT 2000"""


@dataclass(frozen=True, slots=True)
class Clone:
    """An open session on a clone, planned for as on the system itself. `told` says in words what it is."""

    connection: Connection
    told: str
    notes: tuple[str, ...] = ()


@contextmanager
def named_clone(reference: Reference, original: Connection) -> Iterator[Clone]:
    """The clone that somebody names. InputError where it is none; nothing is left on it."""
    with reference.connect(
        "trimtab/verify",
        read_only=False,
        statement_timeout_ms=BUILD_MAX_MS,
        idle_in_transaction_timeout_ms=IDLE_MAX_MS,
    ) as connection:
        check_clone(connection, original, reference.display)
        yield prepared(connection, original, f"the clone {reference.display}")


def check_clone(connection: Connection, original: Connection, display: str) -> None:
    """InputError where this is no clone that may be built on."""
    here, there = identity_of(original), identity_of(connection)
    if same_server(here, there):
        raise InputError(
            f"{display} is the system itself: advice builds nothing there; name a copy of it, or --clone make",
            clone=display,
        )
    if there.in_recovery:
        raise InputError(f"{display} is a standby: no index can be built on it; name a copy that takes writes")
    with server_errors(connection, "look who uses the clone"):
        row = connection.execute(_OTHERS.encode()).fetchone()
    others, standbys = (0, 0) if row is None else (int(row[0]), int(row[1]))
    if others:
        raise InputError(
            f"{others} other session{'s use' if others > 1 else ' uses'} {display}: a clone is for trials alone, since "
            "they lock its tables and are disturbed by others",
            sessions=others,
        )
    if standbys:
        raise InputError(f"{display} has {standbys} standby{'s' if standbys > 1 else ''}: that is no clone")


def prepared(connection: Connection, original: Connection, told: str, notes: tuple[str, ...] = ()) -> Clone:
    """The session with the planner's settings of the system, and what differs between the two."""
    with server_errors(original, "read the planner's settings"):
        settings = original.execute(_PLANNER.encode(), prepare=False).fetchall()
        here: dict[str, float] = dict(original.execute(_ROWS.encode(), prepare=False).fetchall())
    said = list(notes)
    with server_errors(connection, "take over the planner's settings"):
        for name, setting in settings:
            known = connection.execute(f"SELECT {OWN_MARK} 1 FROM pg_settings WHERE name = %s".encode(), [name])
            if known.fetchone() is not None:
                connection.execute(f"SELECT {OWN_MARK} set_config(%s, %s, false)".encode(), [name, setting])
        connection.execute(b"SET max_parallel_workers_per_gather = 0")
        there: dict[str, float] = dict(connection.execute(_ROWS.encode(), prepare=False).fetchall())
    versions = original.info.server_version // 10_000, connection.info.server_version // 10_000
    if versions[0] != versions[1]:
        said.append(f"the system runs PostgreSQL {versions[0]}, the clone {versions[1]}: plans may differ")
    said += _other_sizes(here, there)
    return Clone(connection, told, tuple(said))


def _other_sizes(here: dict[str, float], there: dict[str, float]) -> list[str]:
    """Tables whose rows differ by more than a fifth, the largest first.

    >>> _other_sizes({"public.a": 1e6, "public.b": 10.0}, {"public.a": 1e5, "public.b": 0.0})
    ['public.a has 100,000 rows on the clone, 1,000,000 on the system: a ratio may be another at full size']
    """
    said = []
    for name, rows in here.items():
        found = there.get(name)
        if found is None or rows < 1_000 or 0.8 <= found / rows <= 1.25:
            continue
        said.append(
            f"{name} has {found:,.0f} rows on the clone, {rows:,.0f} on the system: a ratio may be another at full size"
        )
    return said[:5]
