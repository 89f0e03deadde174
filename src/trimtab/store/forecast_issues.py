"""Issues that forecasts foresee: since when, and how they ended. The table `forecast_issues`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.store.state_database import StateDatabase

KEPT_MAX = 10_000
"""Issues that ended are kept, so many at most; the oldest go first."""


@dataclass(frozen=True, slots=True)
class KeptIssue:
    """One row. `body` is what was told of it last; `why_ended` None while it is foreseen."""

    id: str
    series: str
    title: str
    opened_ms: int
    seen_ms: int
    ended_ms: int | None
    why_ended: str | None
    body: Mapping[str, Any]


class IssueState:
    """Thread-safe, as the database is."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def see(
        self, found: Sequence[tuple[str, str, str, Mapping[str, Any]]], ended: Mapping[str, str], at_ms: int
    ) -> list[str]:
        """One look: all that are foreseen now (id, series, title, body), and those that ended, with the reason.

        Gives the ids that are new, or have come back.
        """
        with self._db.transaction() as db:
            there = {
                row["id"] for row in db.execute("SELECT id FROM forecast_issues WHERE ended_ms IS NULL").fetchall()
            }
            db.executemany(
                "INSERT INTO forecast_issues (id, series, title, body, opened_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body,"
                " opened_ms = iif(ended_ms IS NULL, opened_ms, excluded.opened_ms), seen_ms = excluded.seen_ms,"
                " ended_ms = NULL, why_ended = NULL",
                [(id_, series, title, _json(body), at_ms, at_ms) for id_, series, title, body in found],
            )
            db.executemany(
                "UPDATE forecast_issues SET ended_ms = ?, why_ended = ? WHERE id = ? AND ended_ms IS NULL",
                [(at_ms, why, id_) for id_, why in ended.items()],
            )
        return [id_ for id_, *_ in found if id_ not in there]

    def open(self) -> list[KeptIssue]:
        """Those that are foreseen."""
        rows = self._db.rows("SELECT * FROM forecast_issues WHERE ended_ms IS NULL LIMIT ?", (KEPT_MAX,))
        return [_issue(row) for row in rows]

    def ended(self, limit: int) -> list[KeptIssue]:
        """Those that ended, newest first."""
        rows = self._db.rows(
            "SELECT * FROM forecast_issues WHERE ended_ms IS NOT NULL ORDER BY ended_ms DESC, id LIMIT ?", (limit,)
        )
        return [_issue(row) for row in rows]

    def forget(self, before_ms: int) -> None:
        """Drop those that ended before, and the oldest of too many."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM forecast_issues WHERE ended_ms < ?", (before_ms,))
            db.execute(
                "DELETE FROM forecast_issues WHERE id IN (SELECT id FROM forecast_issues WHERE ended_ms IS NOT NULL"
                " ORDER BY ended_ms DESC LIMIT -1 OFFSET ?)",
                (KEPT_MAX,),
            )


def _json(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(body).decode()


def _issue(row: sqlite3.Row) -> KeptIssue:
    return KeptIssue(
        row["id"],
        row["series"],
        row["title"],
        row["opened_ms"],
        row["seen_ms"],
        row["ended_ms"],
        row["why_ended"],
        msgspec.json.decode(row["body"]),
    )
