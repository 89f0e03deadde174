"""Since when each index is looked at, and when it was last seen to be read: longer than the server's own counters.

Counters begin anew after a crash, a reset and a promotion; this does not. A gap between looks is no observation: after
one of more than `GAP_MS` it begins anew, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.store.state_database import StateDatabase

GAP_MS = 3 * 86_400_000
READ_MAX = 20_000


@dataclass(frozen=True, slots=True)
class IndexReads:
    """`first_ms`: looked at since then without a gap; `moved_ms`: its count was last seen to move then, None: never."""

    first_ms: int
    moved_ms: int | None


def note_reads(database: StateDatabase, system: str, server: str, scans: Mapping[int, int], at_ms: int) -> None:
    """One look: counts of scans by the index's OID. `server` names the cluster and the database."""
    with database.transaction() as db:
        db.executemany(
            "INSERT INTO index_reads (system, server, index_oid, first_ms, last_ms, scans, moved_ms)"
            " VALUES (:system, :server, :oid, :at, :at, :scans, NULL)"
            " ON CONFLICT (system, server, index_oid) DO UPDATE SET"
            " first_ms = iif(:at - last_ms > :gap, :at, first_ms),"
            " moved_ms = iif(:scans > scans OR (:scans < scans AND :scans > 0), :at,"
            "                iif(:at - last_ms > :gap, NULL, moved_ms)),"
            " last_ms = :at, scans = :scans",
            [
                {"system": system, "server": server, "oid": oid, "scans": count, "at": at_ms, "gap": GAP_MS}
                for oid, count in scans.items()
            ],
        )
        db.execute(
            "DELETE FROM index_reads WHERE system = ? AND (server <> ? OR last_ms < ?)",
            (system, server, at_ms - GAP_MS),
        )


def reads_of(database: StateDatabase, system: str, server: str) -> dict[int, IndexReads]:
    """What is known of the indexes of one system, by OID."""
    rows = database.rows(
        "SELECT index_oid, first_ms, moved_ms FROM index_reads WHERE system = ? AND server = ? LIMIT ?",
        (system, server, READ_MAX),
    )
    return {int(row["index_oid"]): IndexReads(int(row["first_ms"]), row["moved_ms"]) for row in rows}
