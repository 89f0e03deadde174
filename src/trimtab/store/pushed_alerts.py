"""What each Alertmanager has to know, and was told of, in the state: a restart forgets nothing of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from trimtab.model.alerts import Alert, AlertState
from trimtab.store.alerts import alert_text
from trimtab.store.notify_codec import Key, Pushed, pushed_of
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 200_000


class PushedAlerts:
    """Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def put(self, alertmanagers: Iterable[str], origin: str, alert: Alert) -> None:
        """Each has to know of this alert as it is now. One that has ended is only told where it is known."""
        with self._db.transaction() as db:
            for name in alertmanagers:
                if alert.state is AlertState.FIRING:
                    db.execute(
                        "INSERT INTO alertmanager_alerts (alertmanager, origin, fingerprint, alert, told, confirmed)"
                        " VALUES (?, ?, ?, ?, '', 0) ON CONFLICT (alertmanager, origin, fingerprint)"
                        " DO UPDATE SET alert = excluded.alert, confirmed = 0",
                        (name, origin, alert.fingerprint, alert_text(alert)),
                    )
                else:
                    db.execute(
                        "UPDATE alertmanager_alerts SET alert = ?, confirmed = 0 WHERE alertmanager = ?"
                        " AND origin = ? AND fingerprint = ?",
                        (alert_text(alert), name, origin, alert.fingerprint),
                    )

    def all_of(self, alertmanager: str) -> tuple[Pushed, ...]:
        """What one has to know."""
        rows = self._db.rows(
            "SELECT origin, alert, told, confirmed FROM alertmanager_alerts WHERE alertmanager = ?"
            " ORDER BY origin, fingerprint LIMIT ?",
            (alertmanager, ROWS_MAX),
        )
        return tuple(map(pushed_of, rows))

    def who_knows(self) -> tuple[dict[Key, set[str]], dict[Key, set[str]]]:
        """Of each alert: Alertmanagers that were told that it fires, and those that have to be told."""
        told: dict[Key, set[str]] = {}
        waits: dict[Key, set[str]] = {}
        rows = self._db.rows(
            "SELECT alertmanager, origin, fingerprint, told FROM alertmanager_alerts LIMIT ?", (ROWS_MAX,)
        )
        for row in rows:
            known = told if row["told"].startswith("firing@") else waits
            known.setdefault((row["origin"], row["fingerprint"]), set()).add(row["alertmanager"])
        return told, waits

    def told(self, alertmanager: str, marks: Iterable[tuple[Key, str]]) -> None:
        """It took these."""
        with self._db.transaction() as db:
            db.executemany(
                "UPDATE alertmanager_alerts SET told = ? WHERE alertmanager = ? AND origin = ? AND fingerprint = ?",
                [(mark, alertmanager, *key) for key, mark in marks],
            )

    def confirmed(self, alertmanager: str, keys: Iterable[Key]) -> None:
        """Asked for them, it showed these."""
        with self._db.transaction() as db:
            db.executemany(
                "UPDATE alertmanager_alerts SET confirmed = 1 WHERE alertmanager = ? AND origin = ?"
                " AND fingerprint = ?",
                [(alertmanager, *key) for key in keys],
            )

    def forget(self, alertmanager: str, keys: Iterable[Key]) -> None:
        """There is nothing more to say of these."""
        with self._db.transaction() as db:
            db.executemany(
                "DELETE FROM alertmanager_alerts WHERE alertmanager = ? AND origin = ? AND fingerprint = ?",
                [(alertmanager, *key) for key in keys],
            )

    def forget_others(self, alertmanagers: Collection[str]) -> None:
        """Alertmanagers that are not configured any more."""
        marks = ", ".join("?" * len(alertmanagers))
        with self._db.transaction() as db:
            db.execute(f"DELETE FROM alertmanager_alerts WHERE alertmanager NOT IN ({marks})", tuple(alertmanagers))
