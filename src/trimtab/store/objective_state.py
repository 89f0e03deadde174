"""Of objectives, what must not be forgotten: how far each is counted, and time that somebody took out of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.errors import NotFound
from trimtab.model.objectives import Exclusion
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Progress:
    """The minutes `[counted_from_ms, counted_to_ms)` of this definition are counted."""

    definition: str
    counted_from_ms: int
    counted_to_ms: int


class ObjectiveState:
    """The tables `objective_progress` and `objective_exclusions`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def progress(self) -> dict[str, Progress]:
        """How far each objective is counted, by its name."""
        rows = self._db.rows("SELECT * FROM objective_progress LIMIT ?", (ROWS_MAX,))
        return {row["name"]: Progress(row["definition"], row["counted_from_ms"], row["counted_to_ms"]) for row in rows}

    def set_progress(self, progress: Mapping[str, Progress]) -> None:
        """Write down how far these are counted, in one transaction."""
        values = [(name, p.definition, p.counted_from_ms, p.counted_to_ms) for name, p in progress.items()]
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO objective_progress VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " definition = excluded.definition, counted_from_ms = excluded.counted_from_ms,"
                " counted_to_ms = excluded.counted_to_ms",
                values,
            )

    def exclusions(self) -> dict[str, list[Exclusion]]:
        """Those that nobody took back, by objective, in order of time."""
        rows = self._db.rows(
            "SELECT * FROM objective_exclusions WHERE removed_at_ms IS NULL ORDER BY objective, start_ms LIMIT ?",
            (ROWS_MAX,),
        )
        found: dict[str, list[Exclusion]] = {}
        for row in rows:
            found.setdefault(row["objective"], []).append(_exclusion(row))
        return found

    def exclude(self, objective: str, exclusion: Exclusion, at_ms: int) -> Exclusion:
        """Take time out of an objective."""
        with self._db.transaction() as db:
            made = db.execute(
                "INSERT INTO objective_exclusions"
                " (objective, start_ms, end_ms, is_reset, reason, added_by, added_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
                (
                    objective,
                    exclusion.start_ms,
                    exclusion.end_ms,
                    int(exclusion.is_reset),
                    exclusion.reason,
                    exclusion.by,
                    at_ms,
                ),
            ).fetchone()
            return _exclusion(made)

    def include(self, objective: str, number: int, by: str, at_ms: int) -> None:
        """Take an exclusion back; NotFound where there is none."""
        with self._db.transaction() as db:
            done = db.execute(
                "UPDATE objective_exclusions SET removed_by = ?, removed_at_ms = ?"
                " WHERE id = ? AND objective = ? AND removed_at_ms IS NULL",
                (by, at_ms, number, objective),
            )
            if not done.rowcount:
                raise NotFound(f"objective {objective} has no exclusion {number}", objective=objective, id=number)


def _exclusion(row: sqlite3.Row) -> Exclusion:
    return Exclusion(row["start_ms"], row["end_ms"], row["reason"], bool(row["is_reset"]), row["added_by"], row["id"])
