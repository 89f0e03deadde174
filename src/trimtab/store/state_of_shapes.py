"""What the state knows of query shapes: their newest case, all their cases, changes of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trimtab.model.case import Case
from trimtab.model.change import Change
from trimtab.store.state_codec import CASE_COLUMNS, CHANGE_COLUMNS, STANDING, case_of, change_of
from trimtab.store.state_database import StateDatabase

SHAPES_MAX = 1000
CASES_MAX = 100
CHANGES_MAX = 100


def newest_cases(database: StateDatabase, fingerprints: Iterable[str]) -> dict[tuple[str, str], tuple[int, str]]:
    """By system and fingerprint, the newest case's number and how it stands: its verdict, or its state before that."""
    chosen = tuple(dict.fromkeys(fingerprints))[:SHAPES_MAX]
    rows = database.rows(
        f"SELECT system, fingerprint, max(id) AS id, {STANDING} AS standing FROM cases"
        f" WHERE fingerprint IN ({', '.join('?' * len(chosen))}) GROUP BY system, fingerprint LIMIT {SHAPES_MAX}",
        chosen,
    )
    return {(row["system"], row["fingerprint"]): (int(row["id"]), str(row["standing"])) for row in rows}


def cases_of_shape(database: StateDatabase, system: str, fingerprint: str) -> tuple[Case, ...]:
    """The newest cases of one shape, newest first."""
    rows = database.rows(
        f"SELECT {CASE_COLUMNS} FROM cases WHERE system = ? AND fingerprint = ? ORDER BY id DESC LIMIT {CASES_MAX}",
        (system, fingerprint),
    )
    return tuple(case_of(row) for row in rows)


def changes_near_shape(
    database: StateDatabase, system: str, fingerprint: str, tables: Sequence[str]
) -> tuple[Change, ...]:
    """Changes made for a shape, or to one of its tables, newest first; also those that were only proposed."""
    columns = ", ".join(f"changes.{name}" for name in CHANGE_COLUMNS.split(", "))
    among = ", ".join("?" * len(tables))
    rows = database.rows(
        f"SELECT {columns} FROM changes WHERE system = ? AND (json_extract(proposal, '$.fingerprint') = ? OR EXISTS"
        f" (SELECT 1 FROM json_each(json_extract(proposal, '$.tables')) WHERE value IN ({among})))"
        f" ORDER BY created_at_ms DESC, rowid DESC LIMIT {CHANGES_MAX}",
        (system, fingerprint, *tables),
    )
    return tuple(change_of(row) for row in rows)


def changes_between(database: StateDatabase, systems: Sequence[str], start_ms: int, end_ms: int) -> tuple[Change, ...]:
    """Changes of these systems that were on their target in `[start_ms, end_ms)`: begun before its end, and not
    finished before its start."""
    among = ", ".join("?" * len(systems))
    rows = database.rows(
        f"SELECT {CHANGE_COLUMNS} FROM changes WHERE system IN ({among}) AND apply_started_at_ms < ?"
        f" AND coalesce(finished_at_ms, ?) >= ? ORDER BY apply_started_at_ms DESC LIMIT {CHANGES_MAX}",
        (*systems, end_ms, end_ms, start_ms),
    )
    return tuple(change_of(row) for row in rows)


def cases_between(database: StateDatabase, systems: Sequence[str], start_ms: int, end_ms: int) -> tuple[Case, ...]:
    """Cases of these systems that were opened in `[start_ms, end_ms)`, newest first."""
    among = ", ".join("?" * len(systems))
    rows = database.rows(
        f"SELECT {CASE_COLUMNS} FROM cases WHERE system IN ({among}) AND opened_at_ms >= ? AND opened_at_ms < ?"
        f" ORDER BY id DESC LIMIT {CASES_MAX}",
        (*systems, start_ms, end_ms),
    )
    return tuple(case_of(row) for row in rows)
