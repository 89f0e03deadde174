"""Alerts that a program or a person triggered, in the state, until they end."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from trimtab.model.alerts import Labels, fingerprint_of
from trimtab.store.notify_codec import text_of
from trimtab.store.state_database import StateDatabase

TRIGGERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Triggered:
    """One of them. Triggered again with the same labels it is the same one, and ends later."""

    labels: Labels
    annotations: Labels
    value: float
    triggered_by: str
    triggered_at_ms: int
    ends_at_ms: int


class TriggeredAlerts:
    """Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def put(self, one: Triggered) -> None:
        """Keep it, or keep it longer."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO triggered_alerts (fingerprint, labels, annotations, value, triggered_by, triggered_at_ms,"
                " ends_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET"
                " annotations = excluded.annotations, value = excluded.value, ends_at_ms = excluded.ends_at_ms",
                (
                    fingerprint_of(one.labels),
                    text_of(one.labels),
                    text_of(one.annotations),
                    repr(one.value),
                    one.triggered_by,
                    one.triggered_at_ms,
                    one.ends_at_ms,
                ),
            )

    def alive(self, at_ms: int) -> tuple[Triggered, ...]:
        """Those that have not ended then."""
        rows = self._db.rows(
            "SELECT labels, annotations, value, triggered_by, triggered_at_ms, ends_at_ms FROM triggered_alerts"
            " WHERE ends_at_ms > ? ORDER BY triggered_at_ms, fingerprint LIMIT ?",
            (at_ms, TRIGGERED_MAX),
        )
        return tuple(
            Triggered(
                msgspec.json.decode(row["labels"], type=Labels),
                msgspec.json.decode(row["annotations"], type=Labels),
                float(row["value"]),
                row["triggered_by"],
                row["triggered_at_ms"],
                row["ends_at_ms"],
            )
            for row in rows
        )

    def forget_before(self, at_ms: int) -> None:
        """Those that ended before then."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM triggered_alerts WHERE ends_at_ms < ?", (at_ms,))
