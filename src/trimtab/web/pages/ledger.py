"""`/ledger`: everything that was ever applied, with its measured effect and its undo; or the entries themselves."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.reading.answers import Undo
from trimtab.app.reading.rows import change_row
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import InputError
from trimtab.store.change_search import Wanted, count_changes, find_changes
from trimtab.web.pages.cases.consequences import statement_of
from trimtab.web.pages.cases.listing import SEARCH_CHARS_MAX, in_address, page_of
from trimtab.web.pages.frame import Asked
from trimtab.web.words import CHANGE_STATES, ENDS, EVENTS, Word, word

PAGE_ROWS = 50
CHANGES_ROWS = 25
"""Changes are tall rows, each with its statement: more only delay the first paint."""
CHANGES, ENTRIES = "changes", "entries"
STATES = tuple(state.value for state in ChangeState)


@dataclass(frozen=True, slots=True)
class Applied:
    """One change that was begun on a target: what ran, what it did, how it is taken back."""

    change: Change
    statement: str
    undo: Undo
    word: Word


def ledger(asked: Asked) -> Response:
    """The page, in one of its two views."""
    tab = asked.query("tab", CHANGES)
    if tab not in (CHANGES, ENTRIES):
        raise InputError(f"tab: there is no {tab[:50]!r}", field="tab")
    context = _changes(asked) if tab == CHANGES else _entries(asked)
    answer = asked.page(
        "ledger.html",
        "ledger",
        {"title": "Ledger", "tab": tab, "chain": asked.service.chain(), **context},
        fragments=("listing",),
        ranged=False,
    )
    return in_address(asked, answer)


def _changes(asked: Asked) -> dict[str, object]:
    service, database = asked.service, asked.service.state.database
    system, state = asked.query("system") or None, asked.query("state") or None
    search = asked.query("q")[:SEARCH_CHARS_MAX]
    if state is not None and state not in STATES:
        raise InputError(f"state: there is no {state[:50]!r}", field="state")
    counts = count_changes(database, Wanted(system=system, search=search))
    fitting = sum(counts.values()) if state is None else counts.get(state, 0)
    pages = max(1, -(-fitting // CHANGES_ROWS))
    page = min(page_of(asked), pages)
    wanted = Wanted(system=system, states=None if state is None else (state,), search=search)
    rows = tuple(
        Applied(
            change,
            statement_of(change.proposal, change),
            change_row(service.state, change).undo,
            word(CHANGE_STATES, change.state),
        )
        for change in find_changes(database, wanted, limit=CHANGES_ROWS, offset=(page - 1) * CHANGES_ROWS)
    )
    return {
        "rows": rows,
        "counts": counts,
        "total": sum(counts.values()),
        "fitting": fitting,
        "standings": [(end.value, CHANGE_STATES[end]) for end in ENDS if counts.get(end.value)],
        "system": system,
        "state": state,
        "search": search,
        "systems": sorted({known.name for known in service.state.systems()} | ({system} if system else set())),
        "page": page,
        "pages": pages,
    }


def _entries(asked: Asked) -> dict[str, object]:
    text = asked.query("before")
    if text and (not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) < 1):
        raise InputError(f"before: a number of an entry is expected, found {text[:50]!r}", field="before")
    found = asked.service.read.ledger(PAGE_ROWS, int(text) if text else None)
    return {
        "entries": tuple(row.entry for row in found.rows),
        "entries_count": found.entries_count,
        "before": found.before_seq,
        "is_newest": not text,
        "event_words": lambda name: word(EVENTS, name),
    }
