"""Looking for cases: by system, by how they stand, by words; counted, and in pages.

`State.cases` answers the loop, which wants what is open. A person wants the third page of what was rolled back last
month: that is asked here, and answered by SQLite instead of in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.model.case import Case
from trimtab.model.change import Change
from trimtab.store.state_codec import CASE_COLUMNS, CHANGE_COLUMNS, STANDING, case_of, change_of
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 1000
WORDS_MAX = 8
"""Of a search, the first so many words count."""

_TEXT = (
    "lower(query_text || ' ' || system || ' ' || fingerprint || ' ' || kind || ' ' || coalesce(reason, '') || ' '"
    " || coalesce(json_extract(finding, '$.title'), '') || ' '"
    " || coalesce(json_extract(proposals, '$[0].summary'), ''))"
)


@dataclass(frozen=True, slots=True)
class CasesWanted:
    """What is looked for; None means any.

    `standings` are verdicts, or states where there is no verdict yet. Every word of `search` has to be in the query,
    the finding, the proposal, the reason or a name, whatever its case; a number also finds the case of that number.
    """

    system: str | None = None
    standings: tuple[str, ...] | None = None
    search: str = ""


def find_cases(database: StateDatabase, wanted: CasesWanted, *, limit: int, offset: int = 0) -> tuple[Case, ...]:
    """Cases, the newest number first."""
    where, values = _terms(wanted)
    rows = database.rows(
        f"SELECT {CASE_COLUMNS} FROM cases WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
        (*values, min(limit, ROWS_MAX), max(offset, 0)),
    )
    return tuple(case_of(row) for row in rows)


def count_cases(database: StateDatabase, wanted: CasesWanted) -> dict[str, int]:
    """How many cases stand how: by verdict, or by state where there is no verdict yet."""
    where, values = _terms(wanted)
    rows = database.rows(
        f"SELECT {STANDING} AS standing, count(*) AS n FROM cases WHERE {where} GROUP BY 1 LIMIT ?",
        (*values, ROWS_MAX),
    )
    return {str(row["standing"]): int(row["n"]) for row in rows}


def open_cases_by_system(database: StateDatabase) -> dict[str, int]:
    """How many cases are not closed, by system; those that are no longer watched count too."""
    rows = database.rows(f"SELECT system, count(*) AS n FROM cases WHERE state <> 'closed' GROUP BY 1 LIMIT {ROWS_MAX}")
    return {str(row["system"]): int(row["n"]) for row in rows}


def changes_by_id(database: StateDatabase, ids: Iterable[str]) -> dict[str, Change]:
    """These changes, by id; at most `ROWS_MAX`."""
    chosen = tuple(dict.fromkeys(ids))[:ROWS_MAX]
    marks = ", ".join("?" * len(chosen))
    rows = database.rows(f"SELECT {CHANGE_COLUMNS} FROM changes WHERE id IN ({marks}) LIMIT {ROWS_MAX}", chosen)
    return {change.id: change for change in map(change_of, rows)}


def _terms(wanted: CasesWanted) -> tuple[str, tuple[object, ...]]:
    terms: list[str] = ["1"]
    values: list[object] = []
    if wanted.system is not None:
        terms.append("system = ?")
        values.append(wanted.system)
    if wanted.standings is not None:
        terms.append(f"{STANDING} IN ({', '.join('?' * len(wanted.standings))})")
        values.extend(wanted.standings)
    for word in _small(wanted.search).split()[:WORDS_MAX]:
        number = word.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 16:
            terms.append(f"(id = ? OR instr({_TEXT}, ?) > 0)")
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
