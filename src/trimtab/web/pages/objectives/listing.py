"""`/objectives`: all of them, the worst first; searched, filtered and cut into pages by the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.objectives.listing import SORTS, listed
from trimtab.model.errors import InputError
from trimtab.model.objectives import BudgetState
from trimtab.web.pages.frame import Asked
from trimtab.web.words import BUDGET_STATES, Word

ROWS = 50
HEADS: tuple[tuple[str, str, str], ...] = (
    ("state", "State", "Burning and spent first, then by what is left"),
    ("left", "Error budget left", "1 minus bad events divided by those that may be bad in the window"),
    (
        "burn",
        "Burn rate",
        "How many times as fast as allowed the budget is spent now; at 1 it lasts exactly the window",
    ),
    ("end", "Ends", "When the budget ends if errors go on as they do now"),
    ("coverage", "Measured", "How much of the window is known; what is not measured is neither good nor bad"),
)
"""Columns that can be sorted by, with what they mean."""


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many objectives stand so."""

    state: str
    word: Word
    count: int


def objectives(asked: Asked) -> Response:
    """The page, or its table alone."""
    is_behind, standing = asked.service.objectives.is_behind, asked.service.objectives.standing
    state, sort = _state(asked), _sort(asked)
    descending = asked.query("desc") == "1"
    service, search = asked.query("service") or None, asked.query("q").strip()[:200]
    counts = Counter(now.budget.state.value for now in standing.objectives.values())
    found = listed(standing, search, state, service, sort, descending=descending).objectives
    pages = max(1, -(-len(found) // ROWS))
    number = min(_page(asked), pages)
    first = (number - 1) * ROWS
    context = {
        "title": "Objectives",
        "rows": found[first : first + ROWS],
        "total": len(found),
        "all_count": len(standing.objectives),
        "states": [StateCount(name, BUDGET_STATES[name], counts[name]) for name in BUDGET_STATES],
        "words": BUDGET_STATES,
        "services": sorted({now.objective.service for now in standing.objectives.values() if now.objective.service}),
        "state": state,
        "service": service,
        "search": search,
        "heads": HEADS,
        "sort": sort,
        "descending": descending,
        "files": standing.files,
        "wrong_files": [file for file in standing.files if file.problems],
        "error": standing.error,
        "is_behind": is_behind,
        "at_ms": standing.at_ms,
        "first": first + 1,
        "last": min(first + ROWS, len(found)),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < pages else None,
    }
    return asked.page("objectives.html", "objectives", context, fragments=("results",), ranged=False)


def _state(asked: Asked) -> str | None:
    text = asked.query("state")
    if text and text not in BUDGET_STATES:
        known = ", ".join(state.value for state in BudgetState)
        raise InputError(f"state: one of {known}, found {text[:30]!r}", field="state")
    return text or None


def _sort(asked: Asked) -> str:
    text = asked.query("sort") or "state"
    if text != "name" and text not in SORTS:
        raise InputError(f"sort: one of name, {', '.join(SORTS)}, found {text[:30]!r}", field="sort")
    return text


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 100_000:
        raise InputError(f"page: from 1 to 100000, found {text[:20]!r}", field="page")
    return int(text)
