"""Looks at pg_stat_statements: what each shape did in the slice since the last look.

Counters come without texts every time; a text is read once per query id. Only this database's entries count. Left out
are utility commands and trimtab's own statements, known by two signs: the name of the role that ran them begins with
`trimtab`, or the text bears the mark `/* trimtab */` (so that they are known under any role).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.extend.contracts import Clock
from trimtab.model.query import QueryShape
from trimtab.observe.postgres.facts import EventKind, Facts, Moment, Row
from trimtab.observe.postgres.session import ServerFacts, Session
from trimtab.observe.postgres.shapes import ShapeBook
from trimtab.observe.postgres.statement_delta import FLOATS, INTEGERS, Delta, Snapshot, delta, held_back
from trimtab.observe.postgres.texts import TextReader
from trimtab.sql.versions import (
    STATEMENTS_EXEC_TIME,
    STATEMENTS_INFO,
    STATEMENTS_IO_TIME,
    STATEMENTS_SINCE,
    STATEMENTS_TOPLEVEL,
    STATEMENTS_WAL,
)

NAME = "statements"
GAP_FACTOR = 3.0
"""A look this many intervals after the one before it starts anew: its slice would hide when things happened."""
GAP_S_MIN = 3.0
EVICTION_NEWS_S = 60.0

_INFO_SQL = """
SELECT dealloc::int8, extract(epoch FROM stats_reset)::float8, extract(epoch FROM clock_timestamp())::float8
FROM {schema}.pg_stat_statements_info
"""


@dataclass(frozen=True, slots=True)
class _Info:
    """pg_stat_statements_info at one instant; seconds by the server's clock."""

    evictions_count: int
    reset_at_s: float
    now_s: float


@dataclass(frozen=True, slots=True)
class _Look:
    """The look before: what it saw and when it was over, by our clock and (at the latest) by the server's."""

    snapshot: Snapshot
    at_ms: int
    info: _Info | None
    over_at_s: float


class StatementLooks:
    """Turns snapshots into slices. `forget` after a reconnect: the next look is a base line."""

    def __init__(self, book: ShapeBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._before: _Look | None = None
        self._texts = TextReader(book)
        self._evictions_count = 0
        self._evictions_told_ms: int | None = None
        self.slices_count = 0

    def forget(self) -> None:
        """There is a gap: what happened in it was not observed."""
        self._before = None

    def collect(self, session: Session, moment: Moment) -> Facts:
        """One look. The slice is `[end of the look before, this look)`."""
        facts = Facts()
        info = self._info(session)
        asked_ms = self._clock.now_ms()
        server = session.facts
        rows = session.rows(NAME, _snapshot_sql(server), (server.database_oid, list(server.own_roles)))
        answered_ms = self._clock.now_ms()
        over_at_s = 0.0 if info is None else info.now_s + (answered_ms - asked_ms) / 1000
        now = _Look(Snapshot.from_rows(rows), (asked_ms + answered_ms) // 2, info, over_at_s)
        before, self._before = self._before, now
        if before is None:
            return facts
        started_ms, all_reset = self._since(before, now, facts)
        if started_ms is not None and not self._is_gap(before.at_ms, now.at_ms, moment, facts):
            change = delta(before.snapshot, now.snapshot, all_reset=all_reset)
            self._slice(session, change, now, started_ms, moment, facts)
        return facts

    def _info(self, session: Session) -> _Info | None:
        if not STATEMENTS_INFO.shown_by(session.facts.statements_columns):
            return None
        [row] = session.rows(NAME, _INFO_SQL.format(schema=session.facts.statements_schema))
        return _Info(*row)

    def _since(self, before: _Look, after: _Look, facts: Facts) -> tuple[int | None, bool]:
        """(start of the slice or None for a new base line, whether everything in it is new)."""
        if before.info is None or after.info is None:
            return before.at_ms, False
        self._tell_evictions(before.info, after, facts)
        if after.info.reset_at_s == before.info.reset_at_s:
            return before.at_ms, False
        facts.say(EventKind.STATISTICS_RESET, "pg_stat_statements was reset; counting goes on from there")
        if after.info.reset_at_s <= before.over_at_s:
            return None, False  # it fell into the look before: what that one saw is half old, half new
        age_ms = (after.info.now_s - after.info.reset_at_s) * 1000
        return max(before.at_ms, after.at_ms - max(1, round(age_ms))), True

    def _tell_evictions(self, before: _Info, after: _Look, facts: Facts) -> None:
        """One event a minute at most."""
        if after.info is not None:
            self._evictions_count += max(0, after.info.evictions_count - before.evictions_count)
        told = self._evictions_told_ms
        if self._evictions_count and (told is None or after.at_ms - told >= EVICTION_NEWS_S * 1000):
            facts.say(
                EventKind.ENTRIES_EVICTED,
                f"pg_stat_statements ran full {self._evictions_count} times and dropped its least used entries; "
                "their calls are not counted (pg_stat_statements.max is too small)",
            )
            self._evictions_count, self._evictions_told_ms = 0, after.at_ms

    def _is_gap(self, before_ms: int, now_ms: int, moment: Moment, facts: Facts) -> bool:
        seconds = (now_ms - before_ms) / 1000
        limit_s = max(GAP_FACTOR * moment.interval_s, moment.interval_s + GAP_S_MIN)
        if 0 < seconds <= limit_s:
            return False
        facts.say(
            EventKind.SLICE_SKIPPED, f"{seconds:.1f} s between two looks (limit {limit_s:.1f} s): no slice written"
        )
        return True

    def _slice(
        self, session: Session, change: Delta, now: _Look, started_ms: int, moment: Moment, facts: Facts
    ) -> None:
        """Write what every shape did; entries whose text could not be read yet are counted in the next slice."""
        active = np.flatnonzero(change.active)
        query_ids = now.snapshot.query_ids[active]
        fingerprints, hold = self._texts.resolve(session, query_ids, change.floats[active, 0])
        if hold.any():
            mask = np.zeros(len(now.snapshot), np.bool_)
            mask[active[hold]] = True
            self._before = replace(now, snapshot=held_back(now.snapshot, change, mask))
        names = sorted({name for name in fingerprints if name is not None})
        slice_: dict[str, str | int] = {"system": moment.system, "started_at_ms": started_ms, "ended_at_ms": now.at_ms}
        if names:
            self._add_executions(names, fingerprints, active, change, slice_, facts)
        facts.add("query_slices", [{**slice_, "shapes_count": len(names)}])
        told = (self._book.ran(name, now.at_ms) for name in names)
        facts.add("query_shapes", [_shape_row(shape, now.at_ms) for shape in told if shape is not None])
        self.slices_count += 1

    def _add_executions(
        self,
        names: list[str],
        fingerprints: list[str | None],
        active: npt.NDArray[np.intp],
        change: Delta,
        slice_: dict[str, str | int],
        facts: Facts,
    ) -> None:
        """Sum the entries of one shape: users, levels and query ids that mean the same statement."""
        import pyarrow as pa

        from trimtab.store.tables import conform

        place = {name: i for i, name in enumerate(names)}
        kept = np.array([i for i, name in enumerate(fingerprints) if name is not None], dtype=np.intp)
        where = np.array([place[name] for name in fingerprints if name is not None], dtype=np.intp)
        integers = np.zeros((len(names), len(INTEGERS)), np.int64)
        floats = np.zeros((len(names), len(FLOATS)), np.float64)
        np.add.at(integers, where, change.integers[active[kept]])
        np.add.at(floats, where, change.floats[active[kept]])
        columns: dict[str, Any] = {"fingerprint": names}
        columns |= {name: [value] * len(names) for name, value in slice_.items()}
        columns |= {name: integers[:, i] for i, name in enumerate(INTEGERS)}
        columns |= {name: floats[:, i] for i, name in enumerate(FLOATS)}
        facts.tables.append(("query_executions", conform("query_executions", pa.table(columns))))


def _shape_row(shape: QueryShape, seen_at_ms: int) -> Row:
    return {
        "system": shape.system,
        "fingerprint": shape.fingerprint,
        "text": shape.text,
        "statement": shape.statement.value,
        "tables": list(shape.tables),
        "seen_at_ms": seen_at_ms,
    }


def _snapshot_sql(server: ServerFacts) -> str:
    """The columns that this version of the extension has, in the order of `Snapshot.from_rows`."""
    columns = server.statements_columns
    return (
        f"SELECT queryid, {STATEMENTS_TOPLEVEL.spelled_for(columns)}, calls, rows, shared_blks_hit, shared_blks_read,"
        " shared_blks_dirtied, shared_blks_written, temp_blks_read, temp_blks_written,"
        f" {STATEMENTS_WAL.spelled_for(columns)}, {STATEMENTS_EXEC_TIME.spelled_for(columns)},"
        f" {STATEMENTS_IO_TIME.spelled_for(columns)}, {STATEMENTS_SINCE.spelled_for(columns)}"
        f" FROM {server.statements_schema}.pg_stat_statements(false)"
        " WHERE dbid = %s::oid AND queryid IS NOT NULL AND userid::int8 <> ALL(%s)"
    )
