"""Cases: lists of them, and one from the finding to the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from trimtab.app.reading.answers import CasesPage, CaseStory, ChangesPage, LedgerPage, LedgerRow, Link
from trimtab.app.reading.rows import case_row, case_rows, change_row
from trimtab.app.reading.timeline import timeline_of, title_of
from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.change import Change, CheckResult, Judgement, LedgerEntry
from trimtab.model.errors import InputError
from trimtab.model.finding import Evidence
from trimtab.store.case_search import CasesWanted, changes_by_id, count_cases, find_cases
from trimtab.store.change_search import Wanted, count_changes, find_changes
from trimtab.store.state import State

ENTRIES_PER_CASE_MAX = 500
AROUND_MS = 10 * 60_000
"""Evidence is shown with this much before and after."""
STANDINGS = (*(state.value for state in CaseState), *(verdict.value for verdict in Verdict))

T = TypeVar("T")


def find(
    state: State, *, states: Sequence[str], system: str | None, search: str, limit: int, offset: int
) -> tuple[int, tuple[Case, ...]]:
    """How many cases fit, and a page of them, newest first. `states` are states and verdicts; none means any."""
    for name in states:
        if name not in STANDINGS:
            raise InputError(
                f"state must be one of {', '.join(STANDINGS)}, found {name[:50]!r}", field="state", observed=name[:50]
            )
    wanted = CasesWanted(system, _standings(states), search)
    total = sum(count_cases(state.database, wanted).values())
    return total, find_cases(state.database, wanted, limit=limit, offset=offset)


def cases_page(
    state: State, *, states: Sequence[str], system: str | None, search: str, limit: int, offset: int
) -> CasesPage:
    """See `Reader.cases`."""
    total, found = find(state, states=states, system=system, search=search, limit=limit, offset=offset)
    return CasesPage(total, case_rows(state, found))


def _standings(states: Sequence[str]) -> tuple[str, ...] | None:
    """`closed` stands for every verdict.

    >>> _standings(["open"]), _standings([])
    (('open',), None)
    """
    if not states:
        return None
    found = set(states)
    if CaseState.CLOSED.value in found:
        found |= {verdict.value for verdict in Verdict}
    return tuple(sorted(found))


def case_story(
    state: State,
    case_id: int,
    waits_for: Callable[[Case], str | None],
    latest: Callable[[str], Judgement | None],
) -> CaseStory:
    """See `Reader.case`."""
    case = state.case(case_id)
    change = None if case.change_id is None else state.change(case.change_id)
    entries = () if change is None else state.ledger(change_id=change.id, limit=ENTRIES_PER_CASE_MAX)
    row = None if change is None else change_row(state, change)
    checks, checked_at_ms = _last(entries, "checks", tuple[CheckResult, ...])
    judgement, judged_at_ms = _last(entries, "judgement", Judgement)
    if change is not None and not change.state.is_final:
        live = latest(change.id)
        judgement, judged_at_ms = (live, None) if live is not None else (judgement, judged_at_ms)
    return CaseStory(
        case=case,
        row=case_row(case, row),
        change=change,
        waits_for=waits_for(case),
        timeline=timeline_of(case, entries),
        checks=checks or (),
        checked_at_ms=checked_at_ms,
        judgement=judgement,
        judged_at_ms=judged_at_ms,
        undo=None if row is None else row.undo,
        evidence=_evidence(case, change),
        ledger=entries,
    )


def ledger_page(state: State, limit: int, before_seq: int | None) -> LedgerPage:
    """See `Reader.ledger`."""
    entries = state.newest_entries(limit, before_seq=before_seq)
    changes = changes_by_id(state.database, {entry.change_id for entry in entries})
    rows = []
    for entry in entries:
        change = changes.get(entry.change_id)
        rows.append(
            LedgerRow(
                entry=entry,
                system="" if change is None else change.system,
                summary="" if change is None else change.proposal.summary,
                title=title_of(entry),
            )
        )
    newest = state.newest_entries(1)
    last_seq = entries[-1].seq if entries else 1
    return LedgerPage(newest[0].seq if newest else 0, tuple(rows), last_seq if last_seq > 1 else None)


def changes_page(state: State, limit: int, offset: int) -> ChangesPage:
    """See `Reader.changes_ever`."""
    wanted = Wanted()
    total = sum(count_changes(state.database, wanted).values())
    found = find_changes(state.database, wanted, limit=limit, offset=offset)
    return ChangesPage(total, tuple(change_row(state, change) for change in found))


def open_cases(state: State, limit: int) -> tuple[Case, ...]:
    """Cases that are not closed."""
    return state.cases(states=[s for s in CaseState if s is not CaseState.CLOSED], limit=limit)


def page_of_query(system: str, fingerprint: str, from_ms: int, to_ms: int) -> str:
    """Where the page of a shape is, at a range.

    >>> page_of_query("db/shop", "q1", 1, 2)
    '/queries/db%2Fshop/q1?from=1&to=2'
    """
    return f"/queries/{quote(system, safe='')}/{quote(fingerprint, safe='')}?from={from_ms}&to={to_ms}"


def _evidence(case: Case, change: Change | None) -> tuple[Link, ...]:
    links: list[Link] = []

    def link(label: str, start_ms: int, end_ms: int) -> None:
        href = page_of_query(case.system, case.fingerprint, start_ms - AROUND_MS, end_ms + AROUND_MS)
        if all(known.href != href for known in links):
            links.append(Link(label, href))

    if case.finding.evidence:
        seen: Evidence = case.finding.evidence[0]
        link("The query when it was noticed", seen.window_start_ms, seen.window_end_ms)
    if change is not None and change.effect is not None:
        effect = change.effect
        link("The query before and after the change", effect.before_start_ms, effect.after_end_ms)
    elif change is not None and change.apply_started_at_ms is not None:
        link("The query since the change began", change.apply_started_at_ms, change.updated_at_ms)
    if not links:
        link("The query when the case was opened", case.opened_at_ms, case.opened_at_ms)
    return tuple(links)


def _last(entries: Sequence[LedgerEntry], name: str, kind: type[T]) -> tuple[T | None, int | None]:
    """What the newest entry says that has this in its detail, and when; what cannot be read is left out."""
    for entry in reversed(entries):
        if name in entry.detail:
            try:
                return msgspec.convert(entry.detail[name], kind), entry.at_ms
            except msgspec.ValidationError:  # a number that JSON could not hold was written as null
                return None, entry.at_ms
    return None, None
