"""What must not be forgotten of anomalies: the tables of `state_schema_anomalies`, both with bounds."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from trimtab.model.anomalies import AnomalyEpisode, Mute, SeriesMeasure, SeriesRef, Source, SpokenTest
from trimtab.model.errors import NotFound
from trimtab.store.state_database import StateDatabase

EPISODES_MAX = 50_000
"""Episodes that are kept at all; those that ended first go first."""
MUTES_MAX = 10_000
OPEN_MAX = 10_000
WORDS_MAX = 10
"""Words of a search that count."""
_NEWS = "anomalies"


class Sort(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    SCORE = "score"
    LONGEST = "longest"
    NAME = "name"


_ORDERS = {
    Sort.NEWEST: "start_ms DESC, id DESC",
    Sort.SCORE: "score DESC, id DESC",
    Sort.LONGEST: "coalesce(closed_at_ms, ?) - start_ms DESC, id DESC",
    Sort.NAME: "name, measure, start_ms DESC, id DESC",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which episodes: those that were going on at some moment of `[from_ms, to_ms)`; None: at any. `search`: words that
    are all in the name or the labels. `series_key`: of this series alone."""

    from_ms: int | None = None
    to_ms: int | None = None
    search: str = ""
    is_open: bool = False
    source: Source | None = None
    test: SpokenTest | None = None
    score_min: float = 0.0
    series_key: str | None = None


class AnomalyState:
    """The tables `anomaly_episodes` and `anomaly_mutes`. Thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    # --- episodes

    def write(self, opened: Sequence[AnomalyEpisode], changed: Sequence[AnomalyEpisode]) -> list[AnomalyEpisode]:
        """What a look changed, in one transaction: new episodes (answered with ids), and others as they are now."""
        if not opened and not changed:
            return []
        made = []
        with self._db.transaction() as db:
            for one in opened:
                [row] = db.execute(
                    "INSERT INTO anomaly_episodes (series_key, source, measure, name, labels, unit, step_ms, start_ms,"
                    " end_ms, closed_at_ms, score, test, observed, expected, low, high)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                    (
                        one.series.key,
                        one.series.source.value,
                        one.series.measure.value,
                        one.series.name,
                        json.dumps(dict(one.series.labels)),
                        one.series.unit,
                        one.series.step_ms,
                        one.start_ms,
                        *_changing(one),
                    ),
                ).fetchall()
                made.append(replace(one, id=int(row["id"])))
            db.executemany(
                "UPDATE anomaly_episodes SET end_ms = ?, closed_at_ms = ?, score = ?, test = ?, observed = ?,"
                " expected = ?, low = ?, high = ? WHERE id = ?",
                [(*_changing(one), one.id) for one in changed],
            )
            self._db.tell(_NEWS)
        return made

    def find(
        self, wanted: Wanted, sort: Sort, now_ms: int, limit: int, offset: int = 0
    ) -> tuple[int, list[AnomalyEpisode]]:
        """How many fit, and a page of them."""
        where, values = _condition(wanted)
        [count] = self._db.rows(f"SELECT count(*) AS n FROM anomaly_episodes WHERE {where}", values)
        by_now = (now_ms,) if sort is Sort.LONGEST else ()
        rows = self._db.rows(
            f"SELECT * FROM anomaly_episodes WHERE {where} ORDER BY {_ORDERS[sort]} LIMIT ? OFFSET ?",
            (*values, *by_now, limit, offset),
        )
        return int(count["n"]), [_episode(row) for row in rows]

    def find_all(self, wanted: Wanted) -> list[AnomalyEpisode]:
        """Those that fit, newest first, `OPEN_MAX` at most."""
        return self.find(wanted, Sort.NEWEST, 0, OPEN_MAX)[1]

    def episode(self, episode_id: int) -> AnomalyEpisode:
        """One of them; NotFound where there is none."""
        rows = self._db.rows("SELECT * FROM anomaly_episodes WHERE id = ?", (episode_id,))
        if not rows:
            raise NotFound(f"there is no episode {episode_id}", id=episode_id)
        return _episode(rows[0])

    def open(self) -> list[AnomalyEpisode]:
        """Those that go on, oldest first."""
        rows = self._db.rows(
            "SELECT * FROM anomaly_episodes WHERE closed_at_ms IS NULL ORDER BY start_ms, id LIMIT ?", (OPEN_MAX,)
        )
        return [_episode(row) for row in rows]

    def forget(self, before_ms: int, episodes_max: int = EPISODES_MAX) -> int:
        """Let go of what ended before that moment, and of the oldest where there are too many; how many went."""
        with self._db.transaction() as db:
            gone = db.execute("DELETE FROM anomaly_episodes WHERE closed_at_ms < ?", (before_ms,)).rowcount
            gone += db.execute(
                "DELETE FROM anomaly_episodes WHERE id IN (SELECT id FROM anomaly_episodes"
                " WHERE closed_at_ms IS NOT NULL ORDER BY closed_at_ms DESC, id DESC LIMIT -1 OFFSET ?)",
                (episodes_max,),
            ).rowcount
            db.execute("DELETE FROM anomaly_mutes WHERE coalesce(ended_at_ms, until_ms) < ?", (before_ms,))
        return gone

    # --- what people say

    def mute(self, mute: Mute) -> Mute:
        """Keep that something is normal."""
        with self._db.transaction() as db:
            [row] = db.execute(
                "INSERT INTO anomaly_mutes"
                " (series_key, test, name, episode_id, reason, until_ms, muted_by, muted_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
                (
                    mute.series_key,
                    "" if mute.test is None else mute.test.value,
                    mute.name,
                    mute.episode_id,
                    mute.reason,
                    mute.until_ms,
                    mute.by,
                    mute.at_ms,
                ),
            ).fetchall()
            self._db.tell(_NEWS)
        return _mute(row)

    def unmute(self, mute_id: int, by: str, at_ms: int) -> None:
        """Take that back; NotFound where it is not in force."""
        with self._db.transaction() as db:
            done = db.execute(
                "UPDATE anomaly_mutes SET ended_by = ?, ended_at_ms = ? WHERE id = ? AND ended_at_ms IS NULL",
                (by, at_ms, mute_id),
            )
            if not done.rowcount:
                raise NotFound(f"nothing with the number {mute_id} is said to be normal", id=mute_id)
            self._db.tell(_NEWS)

    def mutes(self, at_ms: int) -> list[Mute]:
        """Those in force at that moment, newest first."""
        rows = self._db.rows(
            "SELECT * FROM anomaly_mutes WHERE ended_at_ms IS NULL AND (until_ms IS NULL OR until_ms > ?)"
            " ORDER BY id DESC LIMIT ?",
            (at_ms, MUTES_MAX),
        )
        return [_mute(row) for row in rows]


def _changing(one: AnomalyEpisode) -> tuple[object, ...]:
    return (
        one.end_ms,
        one.closed_at_ms,
        one.score,
        one.test.value,
        one.observed,
        *map(_known, (one.expected, one.low, one.high)),
    )


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _condition(wanted: Wanted) -> tuple[str, tuple[object, ...]]:
    parts: list[str] = ["1"]
    values: list[object] = []

    def add(part: str, value: object) -> None:
        parts.append(part)
        values.append(value)

    if wanted.from_ms is not None:
        add("(closed_at_ms IS NULL OR closed_at_ms >= ?)", wanted.from_ms)
    if wanted.to_ms is not None:
        add("start_ms < ?", wanted.to_ms)
    if wanted.is_open:
        parts.append("closed_at_ms IS NULL")
    if wanted.source is not None:
        add("source = ?", wanted.source.value)
    if wanted.test is not None:
        add("test = ?", wanted.test.value)
    if wanted.series_key is not None:
        add("series_key = ?", wanted.series_key)
    if wanted.score_min > 0:
        add("score >= ?", wanted.score_min)
    for word in wanted.search.lower().split()[:WORDS_MAX]:
        add("instr(lower(name || ' ' || labels), ?) > 0", word)
    return " AND ".join(parts), tuple(values)


def _episode(row: sqlite3.Row) -> AnomalyEpisode:
    series = SeriesRef(
        row["series_key"],
        Source(row["source"]),
        SeriesMeasure(row["measure"]),
        row["name"],
        json.loads(row["labels"]),
        row["unit"],
        row["step_ms"],
    )
    return AnomalyEpisode(
        row["id"],
        series,
        row["start_ms"],
        row["end_ms"],
        row["closed_at_ms"],
        row["score"],
        SpokenTest(row["test"]),
        row["observed"],
        row["expected"],
        row["low"],
        row["high"],
    )


def _mute(row: sqlite3.Row) -> Mute:
    return Mute(
        row["id"],
        row["series_key"],
        SpokenTest(row["test"]) if row["test"] else None,
        row["name"],
        row["episode_id"],
        row["reason"],
        row["until_ms"],
        row["muted_by"],
        row["muted_at_ms"],
    )
