"""Changes of level of live series in the state: the table `change_points`, with a bound."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.model.change_points import Beside, KeptChangePoint
from trimtab.model.errors import NotFound
from trimtab.store.state_database import StateDatabase

KEPT_MAX = 5_000
"""Changes that are kept; the oldest go first."""
FOUND_MAX = 1_000
WORDS_MAX = 10
_BODY = ("adjusted_for", "spread_ratio", "href", "service", "beside", "samples_ms", "samples")
_COLUMNS = (
    *("series", "family", "title", "unit", "system", "fingerprint", "at_ms", "step_ms"),
    *("before", "after", "ratio", "low", "high", "p_value", "provisional"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes: those of `[from_ms, to_ms)` (None: of any time), whose title has all words of `search`."""

    from_ms: int | None = None
    to_ms: int | None = None
    search: str = ""
    series: str | None = None
    is_dismissed: bool | None = False
    """None: whether or not somebody said that it is none."""
    is_provisional: bool | None = None


class ChangePointState:
    """Thread-safe, as the database is."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def write(
        self, new: Sequence[KeptChangePoint], seen: Sequence[KeptChangePoint], gone: Sequence[int], at_ms: int
    ) -> list[int]:
        """What a round found, in one transaction: new ones (answered with ids), those known before as they are now,
        and ids of those that were provisional and did not last."""
        columns = ", ".join((*_COLUMNS, "body", "seen_ms"))
        marks = ", ".join("?" * (len(_COLUMNS) + 2))
        ids = []
        with self._db.transaction() as db:
            for one in new:
                [row] = db.execute(
                    f"INSERT INTO change_points ({columns}, found_ms) VALUES ({marks}, ?) RETURNING id",
                    (*_values(one, at_ms), at_ms),
                ).fetchall()
                ids.append(int(row["id"]))
            sets = ", ".join(f"{name} = ?" for name in (*_COLUMNS, "body", "seen_ms"))
            db.executemany(
                f"UPDATE change_points SET {sets} WHERE id = ?", [(*_values(one, at_ms), one.id) for one in seen]
            )
            db.executemany("DELETE FROM change_points WHERE id = ?", [(one,) for one in gone])
            db.execute(
                "DELETE FROM change_points WHERE id IN"
                " (SELECT id FROM change_points ORDER BY at_ms DESC, id DESC LIMIT -1 OFFSET ?)",
                (KEPT_MAX,),
            )
        return ids

    def find(self, wanted: Wanted, limit: int, offset: int = 0) -> tuple[int, list[KeptChangePoint]]:
        """How many fit, and a page of them, newest first."""
        where, values = _condition(wanted)
        [count] = self._db.rows(f"SELECT count(*) AS n FROM change_points WHERE {where}", values)
        rows = self._db.rows(
            f"SELECT * FROM change_points WHERE {where} ORDER BY at_ms DESC, id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return int(count["n"]), [_kept(row) for row in rows]

    def one(self, change_id: int) -> KeptChangePoint:
        """One of them; NotFound where there is none."""
        rows = self._db.rows("SELECT * FROM change_points WHERE id = ?", (change_id,))
        if not rows:
            raise NotFound(f"there is no change point {change_id}", id=change_id)
        return _kept(rows[0])

    def since(self, from_ms: int) -> list[KeptChangePoint]:
        """All from that moment on, dismissed ones too, newest first; KEPT_MAX at most."""
        return self.find(Wanted(from_ms=from_ms, is_dismissed=None), KEPT_MAX)[1]

    def dismiss(self, change_id: int, by: str, why: str, at_ms: int) -> None:
        """Keep that it is no change; NotFound where there is none."""
        self._set(change_id, by, why, at_ms)

    def take_back(self, change_id: int) -> None:
        """It is one after all."""
        self._set(change_id, None, None, None)

    def _set(self, change_id: int, by: str | None, why: str | None, at_ms: int | None) -> None:
        with self._db.transaction() as db:
            done = db.execute(
                "UPDATE change_points SET dismissed_by = ?, dismissed_why = ?, dismissed_at_ms = ? WHERE id = ?",
                (by, why, at_ms, change_id),
            )
            if not done.rowcount:
                raise NotFound(f"there is no change point {change_id}", id=change_id)

    def forget(self, before_ms: int) -> None:
        """Let go of what is older."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM change_points WHERE at_ms < ?", (before_ms,))


def change_points_between(
    database: StateDatabase, systems: Sequence[str], from_ms: int, to_ms: int
) -> list[KeptChangePoint]:
    """Those of some systems in a range that nobody said are none, newest first; without their samples."""
    marks = ", ".join("?" * len(systems))
    rows = database.rows(
        "SELECT *, '{}' AS body FROM change_points WHERE dismissed_at_ms IS NULL AND at_ms >= ? AND at_ms < ?"
        f" AND system IN ({marks}) ORDER BY at_ms DESC, id DESC LIMIT ?",
        (from_ms, to_ms, *systems, FOUND_MAX),
    )
    return [_kept(row) for row in rows]


def _values(one: KeptChangePoint, at_ms: int) -> tuple[Any, ...]:
    body = {name: getattr(one, name) for name in _BODY}
    return (*(getattr(one, name) for name in _COLUMNS), msgspec.json.encode(body).decode(), at_ms)


def _kept(row: sqlite3.Row) -> KeptChangePoint:
    body = msgspec.json.decode(row["body"])
    body["beside"] = tuple(Beside(**each) for each in body.get("beside", ()))
    for name in ("adjusted_for", "samples"):
        body[name] = tuple(body.get(name, ()))
    columns = {name: row[name] for name in _COLUMNS}
    columns["provisional"] = bool(row["provisional"])
    said = {name: row[name] for name in ("dismissed_by", "dismissed_at_ms", "dismissed_why")}
    return KeptChangePoint(id=int(row["id"]), found_ms=row["found_ms"], **columns, **body, **said)


def _condition(wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    parts: list[str] = ["1"]
    values: list[Any] = []
    if wanted.from_ms is not None:
        parts.append("at_ms >= ?")
        values.append(wanted.from_ms)
    if wanted.to_ms is not None:
        parts.append("at_ms < ?")
        values.append(wanted.to_ms)
    if wanted.series is not None:
        parts.append("series = ?")
        values.append(wanted.series)
    if wanted.is_dismissed is not None:
        parts.append(f"dismissed_at_ms IS {'NOT ' if wanted.is_dismissed else ''}NULL")
    if wanted.is_provisional is not None:
        parts.append("provisional = ?")
        values.append(int(wanted.is_provisional))
    for word in wanted.search.casefold().split()[:WORDS_MAX]:
        parts.append("instr(lower(title || ' ' || series), ?) > 0")
        values.append(word)
    return " AND ".join(parts), tuple(values)
