"""Queries: their shapes, their executions, and statements seen with real parameters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StatementKind(StrEnum):
    """What a statement does, as far as advice and guards care."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class QueryShape:
    """All statements that differ only in their literals.

    `fingerprint` is the 16 hex digits of libpg_query's fingerprint, or `q` + the server's own query id where
    the text could not be parsed. `text` has `$n` for literals and is at most 10,000 characters long.
    `tables` are schema-qualified and sorted.
    """

    system: str
    fingerprint: str
    text: str
    statement: StatementKind
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryExecution:
    """One execution of a query, the seed's fields. What was not measured is None."""

    system: str
    fingerprint: str
    started_at_ms: int
    duration_ms: float
    rows: int | None = None
    scanned_bytes: int | None = None
    cpu_time_ms: float | None = None
    peak_memory_bytes: int | None = None
    io_operations: int | None = None


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """A statement to be looked at: its text, how often it runs, and what it takes today.

    `text` may hold `$n` for parameters. `calls` were counted over `window_s` seconds (together they say how much
    a gain is worth per second). `samples` are complete statements of the same shape with real literals, newest
    first.
    """

    text: str
    calls: float = 1.0
    mean_exec_time_ms: float | None = None
    name: str | None = None
    samples: tuple[str, ...] = ()
    window_s: float = 1.0

    @property
    def calls_per_s(self) -> float:
        """How often it runs, in calls per second."""
        return self.calls / self.window_s if self.window_s > 0 else 0.0
