"""Freezes of one system, or of one kind of change on it: nothing new is applied there until a person thaws it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from trimtab.store.state_database import StateDatabase

ALL_KINDS = ""
FREEZES_MAX = 1000
ROLLBACKS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Freeze:
    """`kind` is '' where every kind of change is frozen. The one who froze is `trimtab` after repeated rollbacks."""

    system: str
    kind: str
    reason: str
    frozen_by: str
    frozen_at_ms: int
    thawed_by: str | None = None
    thawed_at_ms: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether nobody has thawed it."""
        return self.thawed_at_ms is None


class Freezes:
    """The table `freezes`: of each system and kind the newest freeze."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def on(self) -> tuple[Freeze, ...]:
        """What is frozen now, by system and kind."""
        rows = self._db.rows(
            "SELECT * FROM freezes WHERE thawed_at_ms IS NULL ORDER BY system, kind LIMIT ?", (FREEZES_MAX,)
        )
        return tuple(_freeze(row) for row in rows)

    def newest(self, system: str, kind: str) -> Freeze | None:
        """The newest freeze of exactly this system and kind, thawed or not."""
        rows = self._db.rows("SELECT * FROM freezes WHERE system = ? AND kind = ?", (system, kind))
        return _freeze(rows[0]) if rows else None

    def stopping(self, system: str, kind: str) -> Freeze | None:
        """What keeps changes of this kind from this system now: a freeze of all kinds, or of this one."""
        rows = self._db.rows(
            "SELECT * FROM freezes WHERE system = ? AND kind IN ('', ?) AND thawed_at_ms IS NULL ORDER BY kind LIMIT 1",
            (system, kind),
        )
        return _freeze(rows[0]) if rows else None

    def freeze(self, system: str, kind: str, reason: str, by: str, at_ms: int) -> None:
        """Freeze; what is frozen already keeps its first reason."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO freezes (system, kind, reason, frozen_by, frozen_at_ms) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (system, kind) DO UPDATE SET reason = excluded.reason, frozen_by = excluded.frozen_by,"
                " frozen_at_ms = excluded.frozen_at_ms, thawed_by = NULL, thawed_at_ms = NULL"
                " WHERE freezes.thawed_at_ms IS NOT NULL",
                (system, kind, reason, by, at_ms),
            )

    def thaw(self, system: str, kind: str, by: str, at_ms: int) -> bool:
        """Thaw; False when it was not frozen."""
        with self._db.transaction() as db:
            done = db.execute(
                "UPDATE freezes SET thawed_by = ?, thawed_at_ms = ? WHERE system = ? AND kind = ?"
                " AND thawed_at_ms IS NULL",
                (by, at_ms, system, kind),
            )
            return done.rowcount > 0

    def rolled_back(self, system: str, kind: str, since_ms: int) -> tuple[str, ...]:
        """Changes of this kind on this system that were rolled back after `since_ms`, oldest first."""
        rows = self._db.rows(
            "SELECT id FROM changes WHERE system = ? AND state = 'rolled_back' AND finished_at_ms > ?"
            " AND json_extract(proposal, '$.kind') = ? ORDER BY finished_at_ms, id LIMIT ?",
            (system, since_ms, kind, ROLLBACKS_MAX),
        )
        return tuple(str(row["id"]) for row in rows)


def _freeze(row: sqlite3.Row) -> Freeze:
    return Freeze(**{name: row[name] for name in row.keys()})  # noqa: SIM118  (a row is a sequence of values)
