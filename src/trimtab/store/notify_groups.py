"""Groups, their alerts and their notifications in the state: what has to be told, and what was.

Everything that belongs together is written in one transaction by the caller (`StateDatabase.transaction`), so that
whoever is killed in between finds either all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.store.alerts import alert_of, alert_text
from trimtab.store.notify_codec import (
    Group,
    Key,
    NotificationRow,
    Waiting,
    group_of,
    name_of,
    notification_of,
    text_of,
    waiting_of,
)
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 100_000
_GROUP = "receiver, group_key, route, labels, flush_at_ms, told, told_at_ms, handle"
_WAITING = "id, receiver, group_key, made_at_ms, tries_count, next_try_at_ms, promised, is_repeat"
_SHOWN = "id, receiver, title, state, made_at_ms, tries_count, next_try_at_ms, ended_at_ms, is_repeat, note"


class GroupBook:
    """Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    # --- groups

    def join(
        self, receiver: str, group_key: str, route: str, labels: Labels, origin: str, alert: Alert, flush_at_ms: int
    ) -> None:
        """Put an alert into its group; the group is made where there is none yet. One that has ended makes none: it
        changes what is there."""
        with self._db.transaction() as db:
            if alert.state is AlertState.FIRING:
                db.execute(
                    f"INSERT INTO notify_groups ({_GROUP}) VALUES (?, ?, ?, ?, ?, '{{}}', NULL, '')"
                    " ON CONFLICT (receiver, group_key) DO NOTHING",
                    (receiver, group_key, route, text_of(labels), flush_at_ms),
                )
                db.execute(
                    "INSERT INTO notify_members (receiver, group_key, origin, fingerprint, alert)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (receiver, group_key, origin, fingerprint)"
                    " DO UPDATE SET alert = excluded.alert",
                    (receiver, group_key, origin, alert.fingerprint, alert_text(alert)),
                )
                return
            db.execute(
                "UPDATE notify_members SET alert = ? WHERE receiver = ? AND group_key = ? AND origin = ?"
                " AND fingerprint = ?",
                (alert_text(alert), receiver, group_key, origin, alert.fingerprint),
            )

    def end(self, origin: str, alert: Alert) -> None:
        """The alert has ended, in whatever groups it is."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notify_members SET alert = ? WHERE origin = ? AND fingerprint = ?",
                (alert_text(alert), origin, alert.fingerprint),
            )

    def groups(self) -> tuple[Group, ...]:
        """All of them."""
        rows = self._db.rows(f"SELECT {_GROUP} FROM notify_groups ORDER BY receiver, group_key LIMIT ?", (ROWS_MAX,))
        return tuple(map(group_of, rows))

    def due(self, at_ms: int) -> tuple[Group, ...]:
        """Groups that are to be looked at by then, and have no notification that waits."""
        rows = self._db.rows(
            f"SELECT {_GROUP} FROM notify_groups AS g WHERE flush_at_ms <= ? AND NOT EXISTS (SELECT 1 FROM"
            " notifications AS n WHERE n.receiver = g.receiver AND n.group_key = g.group_key AND n.state = 'waiting')"
            " ORDER BY flush_at_ms LIMIT ?",
            (at_ms, ROWS_MAX),
        )
        return tuple(map(group_of, rows))

    def group(self, receiver: str, group_key: str) -> Group | None:
        """One of them."""
        rows = self._db.rows(
            f"SELECT {_GROUP} FROM notify_groups WHERE receiver = ? AND group_key = ?", (receiver, group_key)
        )
        return group_of(rows[0]) if rows else None

    def members(self, receiver: str, group_key: str) -> dict[Key, Alert]:
        """The alerts of a group."""
        rows = self._db.rows(
            "SELECT origin, fingerprint, alert FROM notify_members WHERE receiver = ? AND group_key = ?"
            " ORDER BY origin, fingerprint LIMIT ?",
            (receiver, group_key, ROWS_MAX),
        )
        return {(row["origin"], row["fingerprint"]): alert_of(row["alert"]) for row in rows}

    def who_knows(self) -> tuple[dict[Key, set[str]], dict[Key, set[str]]]:
        """Of each alert that fires: receivers that were told so, and receivers that have to be told."""
        told: dict[Key, set[str]] = {}
        waits: dict[Key, set[str]] = {}
        known = {(group.receiver, group.group_key): group.told for group in self.groups()}
        rows = self._db.rows(
            "SELECT receiver, group_key, origin, fingerprint FROM notify_members ORDER BY receiver LIMIT ?", (ROWS_MAX,)
        )
        for row in rows:
            key = (row["origin"], row["fingerprint"])
            said = known.get((row["receiver"], row["group_key"]), {}).get(name_of(key), "")
            (told if said.startswith("firing@") else waits).setdefault(key, set()).add(row["receiver"])
        return told, waits

    def flush_at(self, group: Group, at_ms: int) -> None:
        """Look at it again then."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notify_groups SET flush_at_ms = ? WHERE receiver = ? AND group_key = ?",
                (at_ms, group.receiver, group.group_key),
            )

    def leave(self, group: Group, keys: Iterable[Key]) -> None:
        """These alerts are not in the group any more."""
        with self._db.transaction() as db:
            db.executemany(
                "DELETE FROM notify_members WHERE receiver = ? AND group_key = ? AND origin = ? AND fingerprint = ?",
                [(group.receiver, group.group_key, *key) for key in keys],
            )

    def drop(self, group: Group) -> None:
        """The group is over, and what waited of it."""
        with self._db.transaction() as db:
            db.execute(
                "DELETE FROM notifications WHERE receiver = ? AND group_key = ? AND state = 'waiting'",
                (group.receiver, group.group_key),
            )
            db.execute(
                "DELETE FROM notify_groups WHERE receiver = ? AND group_key = ?", (group.receiver, group.group_key)
            )

    def clamp(self, at_ms: int) -> None:
        """No group waits longer than until then: for a clock that was put back."""
        if self._db.rows("SELECT 1 FROM notify_groups WHERE flush_at_ms > ? LIMIT 1", (at_ms,)):
            with self._db.transaction() as db:
                db.execute("UPDATE notify_groups SET flush_at_ms = ? WHERE flush_at_ms > ?", (at_ms, at_ms))

    # --- notifications

    def promise(
        self, group: Group, number: str, promised: Mapping[str, str], title: str, at_ms: int, *, is_repeat: bool
    ) -> None:
        """A notification has to be sent."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO notifications (id, receiver, group_key, state, made_at_ms, tries_count, next_try_at_ms,"
                " promised, is_repeat, title, note) VALUES (?, ?, ?, 'waiting', ?, 0, ?, ?, ?, ?, '')",
                (number, group.receiver, group.group_key, at_ms, at_ms, text_of(promised), is_repeat, title),
            )

    def next_waiting(self, receiver: str) -> Waiting | None:
        """What this receiver is to be sent next, the one that is due first."""
        rows = self._db.rows(
            f"SELECT {_WAITING} FROM notifications WHERE state = 'waiting' AND receiver = ?"
            " ORDER BY next_try_at_ms, seq LIMIT 1",
            (receiver,),
        )
        return waiting_of(rows[0]) if rows else None

    def waiting(self) -> dict[str, tuple[int, int]]:
        """By receiver: how many wait, and since when the oldest does."""
        rows = self._db.rows(
            "SELECT receiver, count(*) AS waiting, min(made_at_ms) AS oldest_ms FROM notifications"
            " WHERE state = 'waiting' GROUP BY receiver"
        )
        return {row["receiver"]: (row["waiting"], row["oldest_ms"]) for row in rows}

    def try_later(self, number: str, next_try_at_ms: int, note: str) -> None:
        """It did not go through."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notifications SET tries_count = tries_count + 1, next_try_at_ms = ?, note = ? WHERE id = ?",
                (next_try_at_ms, note, number),
            )

    def settle(self, waiting: Waiting, state: str, at_ms: int, note: str, *, is_try: bool = True) -> None:
        """It ended: delivered, confirmed, lost, or moot (nothing was left to tell)."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notifications SET state = ?, ended_at_ms = ?, note = ?, tries_count = tries_count + ?"
                " WHERE id = ?",
                (state, at_ms, note, is_try, waiting.id),
            )
            self.count(waiting.receiver, (state,))

    def told(self, group: Group, told: Mapping[str, str], at_ms: int, handle: str, gone: Iterable[Key]) -> None:
        """The receiver knows this of the group; `gone` has nothing more to be told of."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notify_groups SET told = ?, told_at_ms = ?, handle = ? WHERE receiver = ? AND group_key = ?",
                (text_of(told), at_ms, handle, group.receiver, group.group_key),
            )
            self.leave(group, gone)

    def hurry(self, receivers: Collection[str], at_ms: int) -> None:
        """Try what waits for these now: what keeps them from being told was mended."""
        with self._db.transaction() as db:
            db.executemany(
                "UPDATE notifications SET next_try_at_ms = ? WHERE receiver = ? AND state = 'waiting'",
                [(at_ms, receiver) for receiver in receivers],
            )

    # --- counts and lists

    def count(self, receiver: str, outcomes: Iterable[str], by: int = 1) -> None:
        """One more of each outcome."""
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO notify_counts (receiver, outcome, total) VALUES (?, ?, ?)"
                " ON CONFLICT (receiver, outcome) DO UPDATE SET total = total + excluded.total",
                [(receiver, outcome, by) for outcome in outcomes],
            )

    def counts(self) -> dict[str, dict[str, int]]:
        """By receiver and outcome, since there is this state."""
        found: dict[str, dict[str, int]] = {}
        for row in self._db.rows("SELECT receiver, outcome, total FROM notify_counts LIMIT ?", (ROWS_MAX,)):
            found.setdefault(row["receiver"], {})[row["outcome"]] = row["total"]
        return found

    def newest(self, limit: int, states: Collection[str] = ()) -> tuple[NotificationRow, ...]:
        """Notifications, newest first."""
        wanted = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self._db.rows(f"SELECT {_SHOWN} FROM notifications {wanted} ORDER BY seq DESC LIMIT ?", (*states, limit))
        return tuple(map(notification_of, rows))

    def forget_before(self, at_ms: int) -> None:
        """Notifications that ended before then."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM notifications WHERE ended_at_ms < ?", (at_ms,))
