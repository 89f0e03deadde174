"""Silences in the state."""

from __future__ import annotations

import secrets

from trimtab.model.silences import Silence
from trimtab.store.notify_codec import silence_of, text_of
from trimtab.store.state_database import StateDatabase

SILENCES_MAX = 10_000
_COLUMNS = "id, matchers, starts_at_ms, ends_at_ms, created_by, comment"


class SilenceBook:
    """Silences of trimtab's own. Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def add(self, silence: Silence) -> Silence:
        """Keep it; an empty id becomes a new one."""
        number = silence.id or secrets.token_hex(8)
        with self._db.transaction() as db:
            db.execute(
                f"INSERT INTO silences ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    number,
                    text_of(silence.matchers),
                    silence.starts_at_ms,
                    silence.ends_at_ms,
                    silence.created_by,
                    silence.comment,
                ),
            )
            self._db.tell("alert", what="silence")
        return Silence(
            number,
            silence.matchers,
            silence.starts_at_ms,
            silence.ends_at_ms,
            silence.created_by,
            silence.comment,
        )

    def expire(self, number: str, at_ms: int) -> bool:
        """End it now; whether there was one that had not ended."""
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE silences SET ends_at_ms = ?, starts_at_ms = min(starts_at_ms, ?)"
                " WHERE id = ? AND ends_at_ms > ?",
                (at_ms, at_ms, number, at_ms),
            ).rowcount
            self._db.tell("alert", what="silence")
        return changed > 0

    def silences(self, ended_after_ms: int) -> tuple[Silence, ...]:
        """Those that end, or ended, after that moment; the one that ends first comes first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM silences WHERE ends_at_ms > ? ORDER BY ends_at_ms, id LIMIT ?",
            (ended_after_ms, SILENCES_MAX),
        )
        return tuple(map(silence_of, rows))

    def forget_before(self, at_ms: int) -> None:
        """Silences that ended before then."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM silences WHERE ends_at_ms < ?", (at_ms,))
