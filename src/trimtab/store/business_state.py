"""What must not be forgotten of probes, pipelines and cost: the tables of `state_schema_business`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab.model.pipelines import NAME_CHARS_MAX, TOLD_CHARS_MAX, PipelineRun, RunSource, RunStatus
from trimtab.model.probes import Measured
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 100_000
_LOOKED = "pipelines_looked_to"
RUNS_MAX = 200_000
"""Runs that are kept at all; the oldest go first."""


@dataclass(frozen=True, slots=True)
class KeptUse:
    """A row of `use_hours`."""

    system: str
    hour_ms: int
    processor_s: float
    io_requests: float
    storage_bytes: float | None
    measured_ratio: float


class ProbeState:
    """The table `probe_results`: of each probe the last one, for exactly the definition that was asked."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def results(self) -> dict[str, tuple[str, Measured]]:
        """By the probe's name: its definition then, and what came of it."""
        rows = self._db.rows("SELECT * FROM probe_results LIMIT ?", (ROWS_MAX,))
        return {
            row["probe"]: (row["definition"], Measured(row["at_ms"], row["value"], row["error"], row["duration_ms"]))
            for row in rows
        }

    def keep(self, probe: str, definition: str, measured: Measured) -> None:
        """Write down the newest."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO probe_results VALUES (?, ?, ?, ?, ?, ?)",
                (probe, definition, measured.at_ms, measured.value, measured.error, measured.duration_ms),
            )

    def only(self, names: Iterable[str]) -> None:
        """Forget all others."""
        kept = set(names)
        gone = [name for name in self.results() if name not in kept]
        if gone:
            with self._db.transaction() as db:
                db.executemany("DELETE FROM probe_results WHERE probe = ?", [(name,) for name in gone])


class PipelineState:
    """The table `pipeline_runs`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def keep(self, runs: Sequence[PipelineRun], now_ms: int) -> None:
        """Write runs down. What is over stays over; what a later telling knows more of is filled in."""
        rows = [
            (
                run.source.value,
                run.pipeline[:NAME_CHARS_MAX],
                run.run_id[:NAME_CHARS_MAX],
                run.started_at_ms,
                run.ended_at_ms,
                run.status.value,
                _duration_ms(run),
                run.database_ms,
                run.told[:TOLD_CHARS_MAX],
                now_ms,
            )
            for run in runs
        ]
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO pipeline_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (source, pipeline, run_id) DO UPDATE SET"
                " started_at_ms = coalesce(excluded.started_at_ms, started_at_ms),"
                " ended_at_ms = coalesce(excluded.ended_at_ms, ended_at_ms),"
                " duration_ms = coalesce(excluded.duration_ms, CASE WHEN excluded.ended_at_ms IS NOT NULL THEN"
                " max(excluded.ended_at_ms - coalesce(excluded.started_at_ms, started_at_ms), 0) END, duration_ms),"
                " database_ms = coalesce(excluded.database_ms, database_ms),"
                " status = CASE WHEN excluded.status = 'running' THEN status ELSE excluded.status END,"
                " told = CASE WHEN excluded.told = '' THEN told ELSE excluded.told END",
                rows,
            )

    def looked_to(self) -> int | None:
        """The newest segment of spans that was looked at; None where none ever was."""
        rows = self._db.rows("SELECT value FROM meta WHERE name = ?", (_LOOKED,))
        return int(rows[0]["value"]) if rows else None

    def set_looked_to(self, segment: int) -> None:
        """Write down how far spans were looked at."""
        with self._db.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_LOOKED, str(segment)))

    def forget(self, before_ms: int) -> None:
        """Drop runs that are older, and the oldest of too many."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM pipeline_runs WHERE coalesce(ended_at_ms, seen_at_ms) < ?", (before_ms,))
            db.execute(
                "DELETE FROM pipeline_runs WHERE (source, pipeline, run_id) IN (SELECT source, pipeline, run_id"
                " FROM pipeline_runs ORDER BY seen_at_ms DESC LIMIT -1 OFFSET ?)",
                (RUNS_MAX,),
            )

    def count(self) -> int:
        """All that is kept."""
        return int(self._db.rows("SELECT count(*) AS n FROM pipeline_runs LIMIT 1")[0]["n"])

    def standings(self, from_ms: int, limit: int = 10_000) -> list[sqlite3.Row]:
        """A row for each pipeline and source: its runs since `from_ms`, by how they ended, and its newest run.

        `database_ms` is the sum since then; `middle_ms` their mean duration.
        """
        return self._db.rows(
            "SELECT source, pipeline,"
            " sum(status = 'success' AND ended_at_ms >= ?1) AS success, sum(status = 'failed' AND ended_at_ms >= ?1)"
            " AS failed, sum(status = 'aborted' AND ended_at_ms >= ?1) AS aborted, sum(status = 'running') AS running,"
            " max(ended_at_ms) AS last_ms, max(CASE WHEN status = 'success' THEN ended_at_ms END) AS last_success_ms,"
            " avg(CASE WHEN ended_at_ms >= ?1 THEN duration_ms END) AS mean_ms,"
            " sum(CASE WHEN ended_at_ms >= ?1 THEN database_ms END) AS database_ms"
            " FROM pipeline_runs GROUP BY source, pipeline ORDER BY pipeline, source LIMIT ?2",
            (from_ms, limit),
        )

    def newest(self, source: str = "", pipeline: str = "", limit: int = 100) -> list[PipelineRun]:
        """Runs, newest first."""
        rows = self._db.rows(
            "SELECT * FROM pipeline_runs WHERE (?1 = '' OR source = ?1) AND (?2 = '' OR pipeline = ?2)"
            " ORDER BY coalesce(ended_at_ms, seen_at_ms) DESC, run_id LIMIT ?3",
            (source, pipeline, limit),
        )
        return [_run(row) for row in rows]

    def last_durations(self) -> dict[tuple[str, str], float]:
        """Of each pipeline and source, how long the newest run that ended took."""
        rows = self._db.rows(
            "SELECT source, pipeline, duration_ms, max(ended_at_ms) FROM pipeline_runs WHERE duration_ms IS NOT NULL"
            " AND ended_at_ms IS NOT NULL GROUP BY source, pipeline LIMIT ?",
            (ROWS_MAX,),
        )
        return {(row["source"], row["pipeline"]): row["duration_ms"] for row in rows}

    def database_ms(self, from_ms: int, to_ms: int) -> dict[str, float]:
        """By pipeline, how long runs that ended in that time waited for databases; only where that is known."""
        rows = self._db.rows(
            "SELECT pipeline, sum(database_ms) AS ms FROM pipeline_runs WHERE ended_at_ms >= ? AND ended_at_ms < ?"
            " AND database_ms IS NOT NULL GROUP BY pipeline ORDER BY ms DESC LIMIT ?",
            (from_ms, to_ms, ROWS_MAX),
        )
        return {row["pipeline"]: row["ms"] for row in rows}


class UseState:
    """The table `use_hours`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def keep(self, uses: Sequence[KeptUse]) -> None:
        """Write hours down, over what was known of them."""
        with self._db.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO use_hours VALUES (?, ?, ?, ?, ?, ?)",
                [(u.system, u.hour_ms, u.processor_s, u.io_requests, u.storage_bytes, u.measured_ratio) for u in uses],
            )

    def between(self, from_ms: int, to_ms: int) -> list[KeptUse]:
        """Hours that begin in `[from_ms, to_ms)`."""
        rows = self._db.rows(
            "SELECT * FROM use_hours WHERE hour_ms >= ? AND hour_ms < ? ORDER BY hour_ms, system LIMIT ?",
            (from_ms, to_ms, ROWS_MAX),
        )
        return [KeptUse(*row) for row in rows]

    def newest_ms(self) -> int | None:
        """The newest hour that is known of any system."""
        found = self._db.rows("SELECT max(hour_ms) AS hour_ms FROM use_hours LIMIT 1")[0]["hour_ms"]
        return None if found is None else int(found)

    def forget(self, before_ms: int) -> None:
        """Drop older hours."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM use_hours WHERE hour_ms < ?", (before_ms,))


def _duration_ms(run: PipelineRun) -> float | None:
    if run.duration_ms is not None or run.started_at_ms is None or run.ended_at_ms is None:
        return run.duration_ms
    return float(max(run.ended_at_ms - run.started_at_ms, 0))


def _run(row: sqlite3.Row) -> PipelineRun:
    return PipelineRun(
        source=RunSource(row["source"]),
        pipeline=row["pipeline"],
        run_id=row["run_id"],
        status=RunStatus(row["status"]),
        started_at_ms=row["started_at_ms"],
        ended_at_ms=row["ended_at_ms"],
        duration_ms=row["duration_ms"],
        database_ms=row["database_ms"],
        told=row["told"],
    )
