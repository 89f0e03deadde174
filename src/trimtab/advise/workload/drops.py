"""Indexes of the workload's tables that could go, by the judgement of `trimtab.advise.drops`.

An index that nobody reads is named only where a whole cycle of the business was counted, on the server and on every
standby that follows it: a command looks at those that it is told of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from trimtab.advise.drops.judge import IndexVerdict, JudgedIndex, Standbys, judge
from trimtab.advise.index.session import Connection
from trimtab.model.errors import ServerUnreachable
from trimtab.model.index import IndexDefinition
from trimtab.observe.postgres.indexes import IndexLook, look_at_indexes
from trimtab.sql.catalog import Table
from trimtab.sql.index_ddl import create_statement

CYCLE_DAYS = 35.0
"""The default of `advise.cycle_days`."""

SIZE_BYTES_MIN = 1 << 20
"""Smaller unused indexes are not worth the thought."""


FIRST_NEW_OID = 1 << 40


@dataclass(frozen=True, slots=True)
class Drop:
    """An index that could go. `kind` is invalid, duplicate, prefix, unused or replaced; `reason` is for people."""

    relation: str
    name: str
    ddl: str
    kind: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reads:
    """All indexes of the database, with what the server and its `standbys` counted; `look` is None where the server
    could not tell, and `why_not` says why."""

    look: IndexLook | None
    standbys: tuple[IndexLook, ...] = ()
    why_not: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What keeps an index from being called unused, where something does."""
        if self.look is None:
            return (f"no index is called unused or replaced: {self.why_not}",)
        unknown = self.look.standbys - len(self.standbys)
        if unknown <= 0:
            return ()
        who = (
            "a standby follows this server that was"
            if unknown == 1
            else f"{unknown} standbys follow this server that were"
        )
        return (f"{who} not named (--standby): nobody knows what is read there, so that no index is called unused",)


def read_reads(connection: Connection, standbys: Sequence[IndexLook] = ()) -> Reads:
    """What the server counted, beside what its standbys did. A table that is locked for long keeps it from telling."""
    try:
        with connection.transaction():
            return Reads(look_at_indexes(connection), tuple(standbys))
    except ServerUnreachable as error:
        if connection.closed:
            raise
        return Reads(None, tuple(standbys), error.message)


def drops_of(
    tables: Sequence[Table],
    reads: Reads,
    used: Collection[str],
    cycle_days: float = CYCLE_DAYS,
    advised: Mapping[str, IndexDefinition] | None = None,
) -> list[Drop]:
    """Indexes of these tables that could go, the largest first; `used` are names that plans of the workload read.

    `advised` are indexes that do not exist yet, by the names that they will have: what they can do as well is
    `replaced`, once they are built.
    """
    if reads.look is None:
        return []
    relations = {table.relation for table in tables}
    standbys = Standbys(max(reads.look.standbys, len(reads.standbys)), reads.standbys)

    def judged(look: IndexLook) -> list[JudgedIndex]:
        found = judge("", look, standbys, {}, cycle_days=cycle_days)
        return [one for one in found if one.verdict is IndexVerdict.DROP and one.facts.relation in relations]

    found = [_drop(one) for one in judged(reads.look) if not _is_missed(one, used)]
    names = {(drop.relation, drop.name) for drop in found}
    more = judged(_with(reads.look, advised)) if advised else []
    found += [
        replace(_drop(one), kind="replaced", reason=f"{one.reason}, once it is built")
        for one in more
        if one.facts.name not in (advised or {})
        and (one.facts.relation, one.facts.name) not in names
        and _kind(one) in ("prefix", "duplicate")
    ]
    return sorted(found, key=lambda drop: (-drop.size_bytes, drop.name))


def _with(look: IndexLook, advised: Mapping[str, IndexDefinition]) -> IndexLook:
    """The look as it would be with indexes of these tables that are not there yet."""
    siblings = {one.relation: one for one in look.indexes}
    new = [
        replace(
            siblings[definition.relation],
            oid=FIRST_NEW_OID + number,
            name=name,
            method=definition.method,
            statement=create_statement(definition, name, concurrently=False),
            is_unique=False,
            is_primary=False,
            is_exclusion=False,
            is_replica_identity=False,
            is_constraint=False,
            is_referenced=False,
            starts_foreign_key=False,
            is_part=False,
            is_clustered=False,
            is_valid=True,
        )
        for number, (name, definition) in enumerate(sorted(advised.items()))
        if definition.relation in siblings
    ]
    return replace(look, indexes=(*look.indexes, *new))


def _kind(one: JudgedIndex) -> str:
    return next((mark for mark in ("invalid", "duplicate", "prefix") if mark in one.marks), "unused")


def _is_missed(one: JudgedIndex, used: Collection[str]) -> bool:
    return _kind(one) == "unused" and (one.facts.name in used or one.facts.size_bytes < SIZE_BYTES_MIN)


def _drop(one: JudgedIndex) -> Drop:
    ddl = one.ddl.removesuffix(";").replace(" CONCURRENTLY ", " ", 1)
    return Drop(one.facts.relation, one.facts.name, ddl, _kind(one), one.facts.size_bytes, one.reason)
