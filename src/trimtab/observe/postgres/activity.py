"""Looks at pg_stat_activity: sessions by what they do and wait for, and complete statements as samples.

Counted are the client sessions of this database but trimtab's own. A statement's text is read only when it is new
since the look before, also of sessions that are idle by now: most statements are too short to be caught running.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from pglast import parser

from trimtab.model.query import StatementKind
from trimtab.observe.postgres.facts import Facts, Moment
from trimtab.observe.postgres.samples import SampleKeeper
from trimtab.observe.postgres.session import Session
from trimtab.observe.postgres.shapes import ShapeBook
from trimtab.sql.fingerprint import fingerprint, statement_facts
from trimtab.sql.versions import ACTIVITY_QUERY_ID

NAME = "activity"
TEXTS_PER_LOOK_MAX = 50
"""Texts that are parsed in one look: the bound of our own work."""

_SQL = """
SELECT pid, {query_id} AS query_id, coalesce(state, ''), coalesce(wait_event_type, ''), coalesce(wait_event, ''),
    coalesce(extract(epoch FROM clock_timestamp() - CASE state WHEN 'active' THEN query_start ELSE state_change END)
             * 1000, 0)::float8,
    coalesce(extract(epoch FROM query_start), 0)::float8,
    CASE WHEN query_start > to_timestamp(%s) AND octet_length(query) < %s THEN query END,
    extract(epoch FROM statement_timestamp())::float8
FROM pg_stat_activity
WHERE datid = %s::oid AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name NOT LIKE 'trimtab%%'
"""
_HAS_PARAMETER = re.compile(r"\$\d")


class _Seen(NamedTuple):
    pid: int
    query_id: int | None
    state: str
    wait_event_type: str
    wait_event: str
    duration_ms: float
    started_s: float
    text: str | None
    looked_s: float


class ActivityLooks:
    """Counts sessions and keeps samples."""

    def __init__(self, book: ShapeBook, samples: SampleKeeper) -> None:
        self._book = book
        self._samples = samples
        self._looked_s = 0.0
        self._running: dict[int, tuple[float, str]] = {}

    def forget(self) -> None:
        """After a reconnect: another server may count process ids and time anew."""
        self._looked_s = 0.0
        self._running = {}

    def collect(self, session: Session, moment: Moment) -> Facts:
        """One look: a row per shape, state and wait event."""
        server = session.facts
        sql = _SQL.format(query_id=ACTIVITY_QUERY_ID.spelled(server.version_num))
        rows = session.rows(NAME, sql, (self._looked_s, server.activity_text_bytes - 1, server.database_oid))
        counts: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
        longest_ms: defaultdict[tuple[str, str, str, str], float] = defaultdict(float)
        running: dict[int, tuple[float, str]] = {}
        budget = TEXTS_PER_LOOK_MAX
        for seen in map(_Seen._make, rows):
            self._looked_s = seen.looked_s
            print_ = self._shape_of(seen, budget > 0)
            budget -= seen.text is not None
            running[seen.pid] = (seen.started_s, print_)
            key = (print_ if seen.state == "active" else "", seen.state, seen.wait_event_type, seen.wait_event)
            counts[key] += 1
            longest_ms[key] = max(longest_ms[key], seen.duration_ms, 0.0)
        self._running = running
        facts = Facts()
        facts.add(
            "activity_samples",
            [
                {
                    "system": moment.system,
                    "sampled_at_ms": moment.now_ms,
                    "fingerprint": key[0],
                    "state": key[1],
                    "wait_event_type": key[2],
                    "wait_event": key[3],
                    "sessions_count": count,
                    "duration_ms_max": longest_ms[key],
                }
                for key, count in sorted(counts.items())
            ],
        )
        return facts

    def _shape_of(self, seen: _Seen, may_parse: bool) -> str:
        """The fingerprint of what a session runs or ran last, '' where it is not known; keeps the text as a sample."""
        started_s, print_ = self._running.get(seen.pid, (0.0, ""))
        if started_s == seen.started_s and seen.text is None:
            return print_
        known = self._book.known(seen.query_id) if seen.query_id else None
        if known is not None and known.fingerprint is None:
            return ""
        print_ = known.fingerprint if known is not None and known.fingerprint else ""
        if seen.text is None or not may_parse or not is_one_statement(seen.text):
            return print_
        print_ = print_ or fingerprint(seen.text) or ""
        if not print_ or (known is None and not self._is_shape(print_, seen.text)):
            return ""
        if _HAS_PARAMETER.search(seen.text):
            self._samples.count_bound(print_)
        else:
            self._samples.add(print_, seen.text.strip())
        return print_

    def _is_shape(self, print_: str, text: str) -> bool:
        """Whether it is a statement that is watched at all: no utility command."""
        return self._book.shape(print_) is not None or statement_facts(text)[0] is not StatementKind.OTHER


def is_one_statement(text: str) -> bool:
    """Whether the text is one statement, as far as can be told without a tree.

    >>> is_one_statement("SELECT ';';"), is_one_statement("BEGIN; SELECT 1")
    (True, False)
    """
    if ";" not in text.rstrip().rstrip(";"):
        return True
    try:
        return len(parser.split(text)) == 1
    except parser.ParseError:
        return False
