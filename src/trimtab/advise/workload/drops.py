"""Indexes that are there and could go: duplicates, prefixes of others, and those that nobody has read.

Constraints and unique indexes stay: they say what may be in a table. An index that was never read here may be read on
a replica, or once a month: what is known of that is told with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trimtab.advise.index.existing import served_by
from trimtab.advise.index.session import Connection, server_errors
from trimtab.sql.catalog import ExistingIndex, Table
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified

UNUSED_DAYS_MIN = 31.0
"""The server's counters must be at least this old before an index that nobody read is named: a month has passed."""

SIZE_BYTES_MIN = 1 << 20
"""Smaller unused indexes are not worth the thought."""


@dataclass(frozen=True, slots=True)
class Drop:
    """An index that could go. `kind` is duplicate, prefix or unused; `reason` is for people."""

    relation: str
    name: str
    ddl: str
    kind: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reads:
    """Scans of each index by (schema, name) since `days` ago, on this server alone; None where that is unknown."""

    scans: dict[tuple[str, str], int]
    days: float | None
    has_replicas: bool


def read_reads(connection: Connection) -> Reads:
    """What the server counted."""
    counted = f"SELECT schemaname, indexrelname, idx_scan FROM {OWN_MARK} pg_stat_user_indexes"
    since = f"""SELECT extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time())) / 86400,
                       EXISTS (SELECT FROM pg_stat_replication)
                  FROM {OWN_MARK} pg_stat_database WHERE datname = current_database()"""
    with server_errors(connection, "read how indexes are used"):
        rows = connection.execute(counted.encode(), prepare=False).fetchall()
        row = connection.execute(since.encode(), prepare=False).fetchone()
    scans = {(str(schema), str(name)): int(count) for schema, name, count in rows}
    return Reads(scans, float(row[0]) if row is not None and row[0] is not None else None, bool(row and row[1]))


def drops_of(tables: Sequence[Table], reads: Reads, used: Collection[str]) -> list[Drop]:
    """Indexes of these tables that could go; `used` are names that plans of the workload read."""
    found: list[Drop] = []
    for table in tables:
        gone: set[str] = set()
        for index in sorted(table.indexes, key=lambda one: one.name, reverse=True):
            if index.is_unique or index.is_constraint or not index.is_valid:
                continue
            others = [other for other in table.indexes if other.name not in gone]
            drop = _redundant(table, index, others) or _unused(table, index, reads, used)
            if drop is not None:
                gone.add(index.name)
                found.append(drop)
    return sorted(found, key=lambda drop: -drop.size_bytes)


def _redundant(table: Table, index: ExistingIndex, others: Sequence[ExistingIndex]) -> Drop | None:
    there = served_by(index, others)
    if there is None:
        return None
    other, is_same = there
    said = "is the same index" if is_same else "begins with its keys and serves all that it serves"
    return _drop(table, index, "duplicate" if is_same else "prefix", f"{other.name} {said}")


def _unused(table: Table, index: ExistingIndex, reads: Reads, used: Collection[str]) -> Drop | None:
    scans = reads.scans.get((table.schema, index.name))
    if scans != 0 or index.name in used or index.size_bytes < SIZE_BYTES_MIN:
        return None
    if reads.days is None or reads.days < UNUSED_DAYS_MIN:
        return None
    where = "here; ask its replicas, too" if reads.has_replicas else "on this server"
    return _drop(table, index, "unused", f"nobody has read it for {reads.days:.0f} days {where}")


def _drop(table: Table, index: ExistingIndex, kind: str, reason: str) -> Drop:
    ddl = f"DROP INDEX {qualified(table.schema, index.name)}"
    return Drop(table.relation, index.name, ddl, kind, index.size_bytes, reason)
