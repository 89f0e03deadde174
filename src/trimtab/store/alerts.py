"""Alerts in the state: how each one stands, and an outbox of changes that nobody has taken yet.

    alerts        one row per (origin, labels) that is pending, firing, or resolved a short while ago
    alert_outbox  every change of a state, in order, until whoever delivers says `forget`

Both are written in one transaction: whoever is killed between deciding and delivering finds the change again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.model.errors import StoreError
from trimtab.store.state_database import StateDatabase

ALERTS_MAX = 100_000
OUTBOX_MAX = 100_000
"""Changes that wait at most; the oldest go first, and are counted (`AlertBook.lost_count`)."""

_COLUMNS = (
    "origin, fingerprint, labels, annotations, state, value, source, generator_url, active_at_ms, fired_at_ms,"
    " resolved_at_ms, keep_firing_since_ms, keep_firing_for_ms, held_ms"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert, and what has to be remembered to go on with it after a restart."""

    origin: str
    alert: Alert
    held_ms: int
    """How long it was seen to be true; while it keeps firing, how long it was seen not to be."""
    keep_firing_for_ms: int = 0
    """How long it fires on when it is not true any more, as its source said last."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a state. `seq` only grows."""

    seq: int
    at_ms: int
    origin: str
    alert: Alert


class AlertBook:
    """The tables of alerts. Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database
        self.lost_count = 0

    def standing(self) -> tuple[Standing, ...]:
        """All that are kept, by origin."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM alerts ORDER BY origin, fingerprint LIMIT ?", (ALERTS_MAX,))
        return tuple(_standing(row) for row in rows)

    def alerts(self, states: Collection[AlertState], limit: int = ALERTS_MAX) -> tuple[Alert, ...]:
        """Alerts in these states, the newest first. `resolved` has those of the last quarter of an hour."""
        marks = ", ".join("?" * len(states))
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM alerts WHERE state IN ({marks}) ORDER BY active_at_ms DESC, fingerprint LIMIT ?",
            (*(state.value for state in states), min(limit, ALERTS_MAX)),
        )
        return tuple(_standing(row).alert for row in rows)

    def evaluated(self) -> dict[str, int]:
        """When each origin was last evaluated."""
        rows = self._db.rows("SELECT origin, evaluated_at_ms FROM alert_origins LIMIT ?", (ALERTS_MAX,))
        return {str(row["origin"]): int(row["evaluated_at_ms"]) for row in rows}

    def write(
        self,
        at_ms: int,
        put: Sequence[Standing],
        drop: Iterable[tuple[str, str]],
        changed: Sequence[tuple[str, Alert]],
        evaluated: Iterable[str] = (),
    ) -> None:
        """One step: rows that are new or moved on, (origin, fingerprint) of rows that go, and what is to be told."""
        with self._db.transaction() as db:
            db.executemany("DELETE FROM alerts WHERE origin = ? AND fingerprint = ?", drop)
            db.executemany(
                f"INSERT OR REPLACE INTO alerts ({_COLUMNS}) VALUES ({', '.join('?' * 14)})", [_row(one) for one in put]
            )
            db.executemany(
                "INSERT INTO alert_outbox (at_ms, origin, alert) VALUES (?, ?, ?)",
                [(at_ms, origin, alert_text(alert)) for origin, alert in changed],
            )
            db.executemany(
                "INSERT OR REPLACE INTO alert_origins (origin, evaluated_at_ms) VALUES (?, ?)",
                [(origin, at_ms) for origin in evaluated],
            )
            if changed:
                self.lost_count += db.execute(
                    "DELETE FROM alert_outbox WHERE seq <= (SELECT max(seq) FROM alert_outbox) - ?", (OUTBOX_MAX,)
                ).rowcount

    def forget_origins(self, origins: Iterable[str]) -> None:
        """Origins that are no more."""
        with self._db.transaction() as db:
            db.executemany("DELETE FROM alert_origins WHERE origin = ?", [(origin,) for origin in origins])

    # --- for whoever delivers ------------------------------------------------------------------------------------

    def outbox(self, after_seq: int = 0, limit: int = 1000) -> tuple[Change, ...]:
        """Changes that nobody has forgotten yet, oldest first."""
        rows = self._db.rows(
            "SELECT seq, at_ms, origin, alert FROM alert_outbox WHERE seq > ? ORDER BY seq LIMIT ?",
            (after_seq, min(limit, OUTBOX_MAX)),
        )
        return tuple(
            Change(int(row["seq"]), int(row["at_ms"]), str(row["origin"]), alert_of(row["alert"])) for row in rows
        )

    def forget(self, to_seq: int) -> None:
        """Everything up to here is kept somewhere else now; do it in the transaction that keeps it."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM alert_outbox WHERE seq <= ?", (to_seq,))


def alert_text(alert: Alert) -> str:
    """An alert as JSON; its value as text, because it may be NaN."""
    plain = msgspec.to_builtins(alert)
    plain["value"] = repr(alert.value)
    return msgspec.json.encode(plain).decode()


def alert_of(text: str) -> Alert:
    """An alert from its JSON; `StoreError` where it is none."""
    try:
        plain = msgspec.json.decode(text, type=dict[str, object])
        plain["value"] = float(str(plain["value"]))
        return msgspec.convert(plain, Alert)
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise StoreError(f"could not read an alert from the state: {error}") from error


def _row(one: Standing) -> tuple[object, ...]:
    alert = one.alert
    return (
        one.origin,
        alert.fingerprint,
        msgspec.json.encode(alert.labels).decode(),
        msgspec.json.encode(alert.annotations).decode(),
        alert.state.value,
        repr(alert.value),
        alert.source,
        alert.generator_url,
        alert.active_at_ms,
        alert.fired_at_ms,
        alert.resolved_at_ms,
        alert.keep_firing_since_ms,
        one.keep_firing_for_ms,
        one.held_ms,
    )


def _standing(row: sqlite3.Row) -> Standing:
    try:
        alert = Alert(
            msgspec.json.decode(row["labels"], type=Labels),
            msgspec.json.decode(row["annotations"], type=Labels),
            AlertState(row["state"]),
            float(row["value"]),
            row["source"],
            row["active_at_ms"],
            row["fired_at_ms"],
            row["resolved_at_ms"],
            row["keep_firing_since_ms"],
            row["generator_url"],
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise StoreError(f"could not read an alert from the state: {error}") from error
    return Standing(row["origin"], alert, row["held_ms"], row["keep_firing_for_ms"])
