"""Which databases two references lead to, asked when a system is to be watched: changes have to go to what is watched,
and what is watched is watched once.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from trimtab.model.errors import ConflictError, InputError, TrimtabError
from trimtab.model.system import System
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import DatabaseIdentity, compare_live, identity_of, same_server

CONNECT_TIMEOUT_S = 3
ASKED_AT_ONCE_MAX = 8


def watched_identity(system: System) -> DatabaseIdentity:
    """Which database answers to the watch of a system now."""
    return _identity(Reference.parse(system.watch_reference))


def check_change_target(watch: Reference, watched: DatabaseIdentity, change: Reference) -> str:
    """What was found of where changes would go; `InputError` where that is not what is watched."""
    with change.connect("trimtab/probe") as connection:
        changed = identity_of(connection)
    compared = compare_live(watched, changed)
    if compared.same is False:
        raise InputError(
            f"{watch.display} and {change.display} lead to different databases: {compared.message}. Give --change-dsn "
            "the same host, port and database as the reference that watches",
            field="change_dsn",
        )
    return compared.message


def check_watched_once(watched: DatabaseIdentity, label: str, known: Iterable[System]) -> None:
    """`ConflictError` where this very database is watched under another name, whatever address is used there.

    A standby and its primary are two servers, and may both be watched. What does not answer now cannot be compared.
    """
    others = [system for system in known if system.name != label]
    with ThreadPoolExecutor(ASKED_AT_ONCE_MAX) as pool:
        for system, identity in zip(others, pool.map(_identity_or_none, others), strict=True):
            if identity is not None and same_server(identity, watched):
                raise ConflictError(
                    f"that database is watched already, as {system.name!r} "
                    f"({Reference.parse(system.watch_reference).display})",
                    system=system.name,
                )


def _identity_or_none(system: System) -> DatabaseIdentity | None:
    try:
        return watched_identity(system)
    except TrimtabError:
        return None


def _identity(reference: Reference) -> DatabaseIdentity:
    with reference.connect("trimtab/probe", connect_timeout_s=CONNECT_TIMEOUT_S) as connection:
        return identity_of(connection)
