"""What becomes of an index that is there: keep it, drop it, build it anew, or wait until enough was seen.

An index is advised to be dropped only where nothing can stand on it, and where it was not read for a whole cycle of
the business, on the server and on every standby of it. Where that is not known, it is said what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.advise.index.existing import covers
from trimtab.advise.index.knowledge import costs, entry_kind
from trimtab.observe.postgres.indexes import IndexFacts, IndexLook
from trimtab.sql.identifiers import qualified

DAY_MS = 86_400_000
KEEPS_UNIQUE = "it keeps rows unique, which no count of reads shows"
BLOATED = 2.5
"""The model of a fresh index is off by up to so much itself (`costs.toml`)."""
BLOAT_BYTES_MIN = 8_000_000


class IndexVerdict(StrEnum):
    """What is advised."""

    DROP = "drop"
    REBUILD = "rebuild"
    WAIT = "wait"
    KEEP = "keep"


VERDICT_MEANINGS: Mapping[IndexVerdict, str] = {
    IndexVerdict.DROP: "nothing needs it: it costs writes and space",
    IndexVerdict.REBUILD: "it is needed, and could be much smaller, or is not valid",
    IndexVerdict.WAIT: "nobody was seen to read it, and it is too early, or not everything is watched, to drop it",
    IndexVerdict.KEEP: "something needs it",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What our own looks at the server and its standbys say of one index: since when there are any, when a count of
    scans last moved."""

    first_ms: int
    moved_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Standbys:
    """`count` that follow the server, directly or not; `watched` are looks at those that are watched, too.

    `primary_is_unwatched`: this is a standby itself, and its primary is not watched.
    """

    count: int = 0
    watched: tuple[IndexLook, ...] = ()
    primary_is_unwatched: bool = False


@dataclass(frozen=True, slots=True)
class JudgedIndex:
    """One index and what is advised. `ddl` does what is advised, `undo` builds it anew; "" where nothing is to be done.

    `scans` are those of the server and its watched standbys, since `counted_since_ms`; `unread_since_ms` is since when
    nobody read it, as far as is known (None: it is read). `write_ms_per_s` is what writers pay for it, by a model
    (`costs.toml`), and `wal_bytes_per_s` what they log; None where nobody knows since when writes are counted.
    `fresh_bytes` is what a fresh one would take.
    """

    system: str
    facts: IndexFacts
    verdict: IndexVerdict
    reason: str
    scans: int
    counted_since_ms: int
    unread_since_ms: int | None
    last_read_ms: int | None
    write_ms_per_s: float | None
    marks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ddl: str = ""
    undo: str = ""
    fresh_bytes: int | None = None
    wal_bytes_per_s: float | None = None


def judge(
    system: str,
    look: IndexLook,
    standbys: Standbys,
    seen: Mapping[int, Seen],
    *,
    cycle_days: float,
    fresh_bytes: Mapping[int, int] | None = None,
) -> list[JudgedIndex]:
    """Every index of one system, what costs most first."""
    by_table: dict[tuple[str, str], list[IndexFacts]] = {}
    for one in look.indexes:
        by_table.setdefault((one.schema, one.table), []).append(one)
    twins = {one.oid: _twin(one, by_table[one.schema, one.table]) for one in look.indexes}
    reads = _with_heirs({one.oid: _reads(one, look, standbys, seen.get(one.oid)) for one in look.indexes}, twins)
    judged = [
        _judged(system, one, twins[one.oid], reads[one.oid], look, standbys, cycle_days, fresh_bytes or {})
        for one in look.indexes
    ]
    return sorted(judged, key=lambda one: (-(one.write_ms_per_s or 0.0), -one.facts.size_bytes, one.facts.name))


def _judged(
    system: str,
    one: IndexFacts,
    twin: IndexFacts | None,
    reads: _Reads,
    look: IndexLook,
    standbys: Standbys,
    cycle_days: float,
    fresh_bytes: Mapping[int, int],
) -> JudgedIndex:
    marks = [] if one.is_valid else ["invalid"]
    needed = _needed(one)
    if twin is not None:
        marks.append("duplicate" if _is_same(one, twin) else "prefix")
    if reads.unread_since_ms is not None:
        marks.append("unread")
    verdict, reason, missing = _verdict(one, needed, twin, reads, look, standbys, cycle_days)
    fresh = fresh_bytes.get(one.oid)
    entries_per_s, kind = _entries_per_s(one, look), entry_kind(one.method, one.statement)
    if fresh is not None and one.size_bytes > BLOATED * fresh and one.size_bytes - fresh > BLOAT_BYTES_MIN:
        marks.append("bloated")
        if verdict is IndexVerdict.KEEP:
            verdict = IndexVerdict.REBUILD
            reason = f"{reason}; a fresh one would take about {fresh / 1e6:,.0f} MB, by a model"
    return JudgedIndex(
        system,
        one,
        verdict,
        reason,
        reads.scans,
        look.counted_since_ms,
        reads.unread_since_ms,
        reads.last_read_ms,
        None if entries_per_s is None else costs().entry_write_ms * kind.ms * entries_per_s,
        tuple(marks),
        missing,
        _ddl(one, verdict),
        f"{one.statement.replace('CREATE INDEX ', 'CREATE INDEX CONCURRENTLY ', 1)};"
        if verdict is IndexVerdict.DROP
        else "",
        fresh,
        None if entries_per_s is None else costs().entry_wal_bytes * kind.wal * entries_per_s,
    )


@dataclass(frozen=True, slots=True)
class _Reads:
    """`heir_of` are the reads of indexes whose place it takes."""

    scans: int
    unread_since_ms: int | None
    last_read_ms: int | None
    heir_of: int = 0


def _with_heirs(reads: Mapping[int, _Reads], twins: Mapping[int, IndexFacts | None]) -> dict[int, _Reads]:
    """Who takes the place of an index takes its reads, too: else both would be dropped, each for the other's sake."""
    together = dict(reads)
    for oid in reads:
        heir, passed = twins.get(oid), {oid}
        while heir is not None and heir.oid not in passed:
            passed.add(heir.oid)
            together[heir.oid] = _added(together[heir.oid], reads[oid])
            heir = twins.get(heir.oid)
    return together


def _added(one: _Reads, other: _Reads) -> _Reads:
    unread = (one.unread_since_ms, other.unread_since_ms)
    last = [ms for ms in (one.last_read_ms, other.last_read_ms) if ms is not None]
    since = [ms for ms in unread if ms is not None]
    return _Reads(
        one.scans, max(since) if len(since) == 2 else None, max(last, default=None), one.heir_of + other.scans
    )


def _reads(one: IndexFacts, look: IndexLook, standbys: Standbys, seen: Seen | None) -> _Reads:
    """Reads of it on the server and on watched standbys, where it has the same number (OID)."""
    there = [(look, one)]
    for other in standbys.watched:
        there += [(other, twin) for twin in other.indexes if twin.oid == one.oid]
    scans = sum(facts.scans for _, facts in there)
    told = [facts.last_read_ms for _, facts in there if facts.last_read_ms is not None]
    last = max(told, default=None)
    if scans == 0:
        counted = max(at.counted_since_ms for at, _ in there)
        ours = None if seen is None or seen.moved_ms is not None else seen.first_ms
        since = counted if ours is None else min(counted, ours)
        return _Reads(scans, since, last)
    if seen is not None:
        quiet_since = seen.moved_ms if seen.moved_ms is not None else seen.first_ms
        if last is None or last <= quiet_since:
            since = quiet_since if last is None else last
            return _Reads(scans, since if look.at_ms - since > DAY_MS else None, last)
    return _Reads(scans, None, last)


def _needed(one: IndexFacts) -> str | None:
    """What stands on it, whatever is read; None: nothing."""
    if one.is_primary:
        return "it is the primary key"
    if one.is_exclusion:
        return "an EXCLUDE constraint stands on it"
    if one.is_constraint:
        return "a UNIQUE constraint stands on it"
    if one.is_unique:
        return KEEPS_UNIQUE
    if one.is_referenced:
        return "a foreign key of another table points to it"
    if one.is_replica_identity:
        return "logical replication finds rows by it (REPLICA IDENTITY)"
    if one.is_part:
        return "it belongs to the index of the partitioned table: that one is dropped, or none"
    if one.is_clustered:
        return "the table is clustered by it"
    return None


def _twin(one: IndexFacts, siblings: Sequence[IndexFacts]) -> IndexFacts | None:
    """Another valid index of the table that can do all that this one can; of two equal ones the older stays."""
    if not one.is_valid or _needed(one) is not None:
        return None
    for other in sorted(siblings, key=lambda other: (_needed(other) is None, other.oid)):
        if other.oid == one.oid or not other.is_valid or not covers(other.statement, one.statement):
            continue
        equal = covers(one.statement, other.statement)
        if not equal or _needed(other) is not None or other.oid < one.oid:
            return other
    return None


def _is_same(one: IndexFacts, twin: IndexFacts) -> bool:
    return covers(one.statement, twin.statement)


def _verdict(
    one: IndexFacts,
    needed: str | None,
    twin: IndexFacts | None,
    reads: _Reads,
    look: IndexLook,
    standbys: Standbys,
    cycle_days: float,
) -> tuple[IndexVerdict, str, tuple[str, ...]]:
    if not one.is_valid:
        if one.is_being_built:
            return IndexVerdict.WAIT, "it is being built now", ()
        if needed is not None and needed != KEEPS_UNIQUE:
            return IndexVerdict.REBUILD, f"it is not valid, no query can use it, and {needed}", ()
        cost = "every write still maintains it, " if one.is_ready else ""
        return IndexVerdict.DROP, f"it is not valid (a build that failed): {cost}no query can use it", ()
    if needed is not None:
        return IndexVerdict.KEEP, needed, ()
    if twin is not None:
        what = "is the same index" if _is_same(one, twin) else "begins with its keys and can do all that it can"
        return IndexVerdict.DROP, f"{twin.name} {what}", ()
    if reads.unread_since_ms is None:
        heir = f"; it takes the place of one that was read {reads.heir_of:,} times" if reads.heir_of else ""
        return IndexVerdict.KEEP, f"it was read {reads.scans:,} times{heir}", ()
    days = (look.at_ms - reads.unread_since_ms) / DAY_MS
    missing = _missing(days, standbys, cycle_days)
    said = f"nobody read it for {days:.0f} days" if days >= 1 else "nobody read it since counting began"
    others = []
    if one.starts_foreign_key:
        others.append(
            "it begins with the column of a foreign key: deletes on the other side would read the whole table"
        )
    if one.has_expression:
        others.append("the planner may use the statistics of its expression without reading it")
    if missing:
        return IndexVerdict.WAIT, said, missing
    if others:
        return IndexVerdict.WAIT, said, tuple(others)
    where = f", nor on {standbys.count} standby{'s' if standbys.count > 1 else ''}" if standbys.count else ""
    return IndexVerdict.DROP, f"{said}{where}: more than a cycle of {cycle_days:g} days", ()


def _missing(days: float, standbys: Standbys, cycle_days: float) -> tuple[str, ...]:
    """What would have to be known before it may be dropped."""
    missing = []
    if days < cycle_days:
        missing.append(f"a whole cycle of {cycle_days:g} days without a read: {cycle_days - days:.0f} to go")
    unknown = standbys.count - len(standbys.watched)
    if unknown > 0:
        missing.append(
            f"what {unknown} standby{'s' if unknown > 1 else ''} of {standbys.count} read: watch "
            f"{'them' if unknown > 1 else 'it'}, too"
        )
    if standbys.primary_is_unwatched:
        missing.append("what its primary reads: watch it, too")
    return tuple(missing)


def _entries_per_s(one: IndexFacts, look: IndexLook) -> float | None:
    """Entries for rows inserted and for updates that are not HOT, since they are counted."""
    seconds = (look.at_ms - look.counted_since_ms) / 1000
    if seconds < 60 or not one.is_ready:
        return None if one.is_ready else 0.0
    return (one.rows_inserted + max(0, one.rows_updated - one.rows_updated_hot)) / seconds


def _ddl(one: IndexFacts, verdict: IndexVerdict) -> str:
    name = qualified(one.schema, one.name)
    if verdict is IndexVerdict.DROP:
        return f"DROP INDEX CONCURRENTLY {name};"
    return f"REINDEX INDEX CONCURRENTLY {name};" if verdict is IndexVerdict.REBUILD else ""
