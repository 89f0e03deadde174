"""Every alert that fired, in the state: searched by words, source, severity and time, and kept for long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.model.alerts import Alert
from trimtab.store.alerts import alert_text
from trimtab.store.notify_codec import HistoryRow, history_of
from trimtab.store.state_database import StateDatabase

_COLUMNS = "id, origin, alert, severity, fired_at_ms, resolved_at_ms"
_WORDS_CHARS_MAX = 10_000
_WORDS_MAX = 20
_OPEN_MAX = 200_000


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Alerts that fired at some moment of `[from_ms, to_ms)`. Every word of `search` has to stand somewhere in the
    name, labels or annotations, whatever its case."""

    from_ms: int
    to_ms: int
    search: str = ""
    severity: str = ""
    source: str = ""
    limit: int = 100
    offset: int = 0


class AlertHistory:
    """Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def fired(self, origin: str, alert: Alert) -> None:
        """It fires. While it does it is one row, whatever becomes of the clock and of its annotations."""
        with self._db.transaction() as db:
            known = db.execute(
                "UPDATE alert_history SET alert = ?, words = ? WHERE origin = ? AND fingerprint = ?"
                " AND resolved_at_ms IS NULL",
                (alert_text(alert), words_of(alert), origin, alert.fingerprint),
            ).rowcount
            if not known:
                db.execute(
                    "INSERT INTO alert_history (origin, fingerprint, name, severity, source, alert, fired_at_ms, words)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (origin, fingerprint, fired_at_ms) DO NOTHING",
                    (
                        origin,
                        alert.fingerprint,
                        alert.name,
                        dict(alert.labels).get("severity", ""),
                        alert.source,
                        alert_text(alert),
                        alert.fired_at_ms,
                        words_of(alert),
                    ),
                )

    def resolved(self, origin: str, alert: Alert) -> None:
        """It does not fire any more. Never before it began, also where the clock was put back meanwhile."""
        self.fired(origin, alert)
        with self._db.transaction() as db:
            db.execute(
                "UPDATE alert_history SET resolved_at_ms = max(?, fired_at_ms) WHERE origin = ? AND fingerprint = ?"
                " AND resolved_at_ms IS NULL",
                (alert.resolved_at_ms, origin, alert.fingerprint),
            )

    def find(self, query: HistoryQuery) -> tuple[int, tuple[HistoryRow, ...]]:
        """How many fit, and a page of them, the newest first."""
        where, values = _where(query)
        total = int(self._db.rows(f"SELECT count(*) AS n FROM alert_history WHERE {where}", values)[0]["n"])
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM alert_history WHERE {where} ORDER BY fired_at_ms DESC, id DESC LIMIT ? OFFSET ?",
            (*values, query.limit, query.offset),
        )
        return total, tuple(map(history_of, rows))

    def open(self) -> tuple[HistoryRow, ...]:
        """Those that have not ended."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM alert_history WHERE resolved_at_ms IS NULL ORDER BY id LIMIT ?", (_OPEN_MAX,)
        )
        return tuple(map(history_of, rows))

    def one(self, number: int) -> HistoryRow | None:
        """One of them."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM alert_history WHERE id = ?", (number,))
        return history_of(rows[0]) if rows else None

    def earlier(self, row: HistoryRow, limit: int) -> tuple[int, tuple[HistoryRow, ...]]:
        """How often the same alert fired, and the times before and after this one, the newest first."""
        key = (row.origin, row.alert.fingerprint)
        total = self._db.rows("SELECT count(*) AS n FROM alert_history WHERE origin = ? AND fingerprint = ?", key)
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM alert_history WHERE origin = ? AND fingerprint = ?"
            " ORDER BY fired_at_ms DESC LIMIT ?",
            (*key, limit),
        )
        return int(total[0]["n"]), tuple(map(history_of, rows))

    def counts(self, query: HistoryQuery) -> Mapping[str, int]:
        """How many fit of each severity."""
        where, values = _where(query)
        rows = self._db.rows(
            f"SELECT severity, count(*) AS n FROM alert_history WHERE {where} GROUP BY severity LIMIT 100", values
        )
        return {row["severity"]: row["n"] for row in rows}

    def forget_before(self, at_ms: int) -> None:
        """Alerts that ended before then."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM alert_history WHERE resolved_at_ms < ?", (at_ms,))


def words_of(alert: Alert) -> str:
    """What is searched: `name=value` of every label, and the annotations."""
    labels = " ".join(f"{name}={value}" for name, value in alert.labels)
    annotations = " ".join(value for _, value in alert.annotations)
    return f"{alert.name} {labels} {annotations}".casefold()[:_WORDS_CHARS_MAX]


def _where(query: HistoryQuery) -> tuple[str, tuple[object, ...]]:
    parts = ["fired_at_ms < ?", "(resolved_at_ms IS NULL OR resolved_at_ms >= ?)"]
    values: list[object] = [query.to_ms, query.from_ms]
    for word in _words(query.search):
        parts.append("instr(words, ?) > 0")
        values.append(word)
    if query.severity:
        parts.append("severity = ?")
        values.append(query.severity)
    if query.source:
        parts.append("(source = ? OR substr(source, 1, ?) = ?)")
        values += [query.source, len(query.source) + 1, f"{query.source}:"]
    return " AND ".join(parts), tuple(values)


def _words(search: str) -> Sequence[str]:
    return search.casefold().split()[:_WORDS_MAX]
