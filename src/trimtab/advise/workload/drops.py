"""Indexes of the workload's tables that could go, by the judgement of `trimtab.advise.drops`.

An index that nobody reads is named only where a whole cycle of the business was counted, on the server and on every
standby that follows it: a command looks at those that it is told of.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trimtab.advise.drops.judge import IndexVerdict, JudgedIndex, Standbys, judge
from trimtab.advise.index.session import Connection
from trimtab.observe.postgres.indexes import IndexLook, look_at_indexes
from trimtab.sql.catalog import Table

CYCLE_DAYS = 35.0
"""The default of `advise.cycle_days`."""

SIZE_BYTES_MIN = 1 << 20
"""Smaller unused indexes are not worth the thought."""


@dataclass(frozen=True, slots=True)
class Drop:
    """An index that could go. `kind` is invalid, duplicate, prefix or unused; `reason` is for people."""

    relation: str
    name: str
    ddl: str
    kind: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reads:
    """All indexes of the database, with what the server and its `standbys` counted."""

    look: IndexLook
    standbys: tuple[IndexLook, ...] = ()


def read_reads(connection: Connection, standbys: Sequence[IndexLook] = ()) -> Reads:
    """What the server counted, beside what its standbys did."""
    return Reads(look_at_indexes(connection), tuple(standbys))


def drops_of(
    tables: Sequence[Table], reads: Reads, used: Collection[str], cycle_days: float = CYCLE_DAYS
) -> list[Drop]:
    """Indexes of these tables that could go, the largest first; `used` are names that plans of the workload read."""
    relations = {table.relation for table in tables}
    standbys = Standbys(max(reads.look.standbys, len(reads.standbys)), reads.standbys)
    judged = judge("", reads.look, standbys, {}, cycle_days=cycle_days)
    found = [
        _drop(one)
        for one in judged
        if one.verdict is IndexVerdict.DROP and one.facts.relation in relations and not _is_missed(one, used)
    ]
    return sorted(found, key=lambda drop: (-drop.size_bytes, drop.name))


def _kind(one: JudgedIndex) -> str:
    return next((mark for mark in ("invalid", "duplicate", "prefix") if mark in one.marks), "unused")


def _is_missed(one: JudgedIndex, used: Collection[str]) -> bool:
    return _kind(one) == "unused" and (one.facts.name in used or one.facts.size_bytes < SIZE_BYTES_MIN)


def _drop(one: JudgedIndex) -> Drop:
    ddl = one.ddl.removesuffix(";").replace(" CONCURRENTLY ", " ", 1)
    return Drop(one.facts.relation, one.facts.name, ddl, _kind(one), one.facts.size_bytes, one.reason)
