"""Dates of full resources that were told: the table `capacity_dates`, one row a series and day (the last of it)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.store.state_database import StateDatabase

DAY_MS = 86_400_000
ROWS_MAX = 500_000
ROWS_READ_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ToldDate:
    """What was told of a series. Moments are Unix milliseconds; `reading` is the newest peak, `ceiling` the limit."""

    series: str
    at_ms: int
    outcome: str
    date_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None
    probability: float
    reading: float
    ceiling: float


class CapacityState:
    """Thread-safe, as the database is."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def keep(self, found: Sequence[ToldDate]) -> None:
        """Keep what is told today; what was told earlier today goes."""
        with self._db.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO capacity_dates (series, day_ms, at_ms, outcome, date_ms, earliest_ms,"
                " latest_ms, probability, reading, ceiling) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        one.series,
                        one.at_ms // DAY_MS * DAY_MS,
                        one.at_ms,
                        one.outcome,
                        one.date_ms,
                        one.earliest_ms,
                        one.latest_ms,
                        one.probability,
                        one.reading if math.isfinite(one.reading) else None,
                        one.ceiling,
                    )
                    for one in found
                ],
            )

    def of(self, series: str) -> list[ToldDate]:
        """What was told of one series, oldest first."""
        rows = self._db.rows(
            "SELECT * FROM (SELECT * FROM capacity_dates WHERE series = ? ORDER BY day_ms DESC LIMIT ?)"
            " ORDER BY day_ms",
            (series, ROWS_READ_MAX),
        )
        return [
            ToldDate(
                row["series"],
                row["at_ms"],
                row["outcome"],
                row["date_ms"],
                row["earliest_ms"],
                row["latest_ms"],
                row["probability"],
                math.nan if row["reading"] is None else row["reading"],
                row["ceiling"],
            )
            for row in rows
        ]

    def forget(self, before_ms: int) -> None:
        """Drop what was told before, and the oldest of too many."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM capacity_dates WHERE day_ms < ?", (before_ms,))
            count = int(db.execute("SELECT count(*) FROM capacity_dates").fetchone()[0])
            if count > ROWS_MAX:
                db.execute(
                    "DELETE FROM capacity_dates WHERE (series, day_ms) IN"
                    " (SELECT series, day_ms FROM capacity_dates ORDER BY day_ms LIMIT ?)",
                    (count - ROWS_MAX,),
                )
