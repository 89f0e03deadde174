"""Looking for changes that were ever begun on a target: by system, by state, by words; counted, and in pages.

`State.changes` answers the loop, which wants what is alive. A person wants the third page of what was rolled back last
month on one system: that is asked here, and answered by SQLite instead of in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.model.change import Change, ChangeState
from trimtab.store.state_codec import CHANGE_COLUMNS, change_of
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 1000
WORDS_MAX = 8
"""Of a search, the first so many words count."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; None means any.

    Every word of `search` has to be in the query, the proposal, the statement, the reason or a name, whatever its case;
    a number also finds the case of that number.
    """

    system: str | None = None
    states: tuple[str, ...] | None = None
    search: str = ""


_TEXT = (
    "lower(changes.id || ' ' || changes.system || ' ' || coalesce(changes.reason, '') || ' '"
    " || coalesce(changes.approved_by, '') || ' ' || coalesce(json_extract(changes.proposal, '$.summary'), '') || ' '"
    " || coalesce(json_extract(changes.proposal, '$.target'), '') || ' '"
    " || coalesce(json_extract(changes.undo, '$.statement'), '') || ' ' || cases.query_text)"
)
_TOUCHED = "changes.apply_started_at_ms IS NOT NULL"
"""The changes that were ever begun on a target."""


def find_changes(database: StateDatabase, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[Change, ...]:
    """Changes that were ever begun on a target, the newest begun first."""
    where, values = _terms(wanted)
    columns = ", ".join(f"changes.{name}" for name in CHANGE_COLUMNS.split(", "))
    rows = database.rows(
        f"SELECT {columns} FROM changes JOIN cases ON cases.id = changes.case_id WHERE {where}"
        " ORDER BY changes.apply_started_at_ms DESC, changes.id LIMIT ? OFFSET ?",
        (*values, min(limit, ROWS_MAX), max(offset, 0)),
    )
    return tuple(change_of(row) for row in rows)


def ended_with_hash(
    database: StateDatabase, system: str, content_hash: str, states: Iterable[ChangeState]
) -> tuple[Change, ...]:
    """Changes of one system with exactly this content that ended in one of `states`, newest end first."""
    wanted = [state.value for state in states]
    rows = database.rows(
        f"SELECT {CHANGE_COLUMNS} FROM changes WHERE system = ? AND state IN ({', '.join('?' * len(wanted))})"
        " AND instr(proposal, ?) > 0 AND json_extract(proposal, '$.content_hash') = ?"
        " ORDER BY finished_at_ms DESC, id LIMIT ?",
        (system, *wanted, content_hash, content_hash, ROWS_MAX),
    )
    return tuple(change_of(row) for row in rows)


def count_changes(database: StateDatabase, wanted: Wanted) -> dict[str, int]:
    """How many of the changes that were ever begun are in which state."""
    where, values = _terms(wanted)
    rows = database.rows(
        f"SELECT changes.state AS state, count(*) AS n FROM changes JOIN cases ON cases.id = changes.case_id"
        f" WHERE {where} GROUP BY 1 LIMIT ?",
        (*values, ROWS_MAX),
    )
    return {str(row["state"]): int(row["n"]) for row in rows}


def _terms(wanted: Wanted) -> tuple[str, tuple[object, ...]]:
    terms: list[str] = [_TOUCHED]
    values: list[object] = []
    if wanted.system is not None:
        terms.append("changes.system = ?")
        values.append(wanted.system)
    if wanted.states is not None:
        terms.append(f"changes.state IN ({', '.join('?' * len(wanted.states))})")
        values.extend(wanted.states)
    for word in _small(wanted.search).split()[:WORDS_MAX]:
        number = word.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 16:
            terms.append(f"(cases.id = ? OR instr({_TEXT}, ?) > 0)")
            values.extend((int(number), word))
        else:
            terms.append(f"instr({_TEXT}, ?) > 0")
            values.append(word)
    return " AND ".join(terms), tuple(values)


def _small(text: str) -> str:
    """As SQLite's lower(), which knows ASCII only.

    >>> _small("ORDERS Ärger")
    'orders Ärger'
    """
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
