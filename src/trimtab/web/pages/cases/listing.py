"""`/cases`: what needs a person's yes, what is open, what has ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.app.reading.answers import CaseRow
from trimtab.app.service import Service
from trimtab.model.case import CaseState, Verdict
from trimtab.model.change import Autonomy, ChangeState
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked
from trimtab.web.words import CHANGE_STATES, KINDS, STANDINGS, Word, word

PAGE_ROWS = 50
OPEN_MAX = 1000
SEARCH_CHARS_MAX = 200
PAGE_MAX = 100_000

NEEDS_YES, OPEN, ENDED = "needs-yes", "open", "ended"
ALIVE = (CaseState.OPEN.value, CaseState.PROPOSED.value, CaseState.CHANGING.value)
VERDICTS = tuple(verdict.value for verdict in Verdict)


@dataclass(frozen=True, slots=True)
class Line:
    """One case in the list: what the reader says, the word for how it stands, and what comes next."""

    row: CaseRow
    standing: Word
    kind: Word
    next: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything on the page. `counts` hold for system and search, whatever group is shown; `fitting` counts
    the ended ones on all pages."""

    needs_yes: tuple[Line, ...]
    open: tuple[Line, ...]
    ended: tuple[Line, ...]
    counts: dict[str, int]
    fitting: int
    page: int
    pages: int

    @property
    def is_empty(self) -> bool:
        """Whether no case fits."""
        return not (self.needs_yes or self.open or self.ended)


def cases(asked: Asked) -> Response:
    """The page."""
    system = asked.query("system") or None
    state = asked.query("state") or None
    search = asked.query("q")[:SEARCH_CHARS_MAX]
    if state is not None and state not in (NEEDS_YES, OPEN, ENDED, *VERDICTS):
        raise InputError(f"state: there is no {state[:50]!r}", field="state")
    listing = find(asked.service, system=system, state=state, search=search, page=page_of(asked))
    context = {
        "title": "Cases",
        "listing": listing,
        "system": system,
        "state": state,
        "tab": "all" if state is None else ENDED if state in VERDICTS else state,
        "search": search,
        "systems": sorted({known.name for known in asked.service.state.systems()} | ({system} if system else set())),
        "verdicts": [(name, STANDINGS[name]) for name in VERDICTS if listing.counts[name]],
    }
    return in_address(asked, asked.page("cases.html", "cases", context, fragments=("listing",), ranged=False))


def in_address(asked: Asked, answer: Response) -> Response:
    """What was typed into a search, or chosen beside it, goes into the address."""
    source = asked.request.headers.get("hx-source", "")
    if asked.fragment == "listing" and source.startswith(("input", "select")):
        pairs = {name: value for name, value in asked.request.query_params.items() if value and name != "fragment"}
        path = asked.request.url.path
        answer.headers["HX-Replace-Url"] = f"{path}?{urlencode(pairs)}" if pairs else path
    return answer


def page_of(asked: Asked) -> int:
    """`?page=`, from 1; InputError where it is no such number."""
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: a number from 1 is expected, found {text[:50]!r}", field="page")
    return int(text[:9])


def find(service: Service, *, system: str | None, state: str | None, search: str, page: int) -> Listing:
    """The cases that fit, in their groups; `page` is of the ended ones."""
    read = service.read
    found = read.cases(states=ALIVE, system=system, search=search, limit=OPEN_MAX)
    alive = _lines(service, found.rows)
    needs_yes = tuple(line for line in alive if line.standing is NEEDS)
    still_open = tuple(line for line in alive if line.standing is not NEEDS)
    counts = {name: read.cases(states=(name,), system=system, search=search, limit=1).total for name in VERDICTS}
    counts |= {NEEDS_YES: len(needs_yes), OPEN: found.total - len(needs_yes), ENDED: sum(counts.values())}
    wanted = VERDICTS if state in (None, ENDED) else tuple(name for name in VERDICTS if name == state)
    fitting = sum(counts[name] for name in wanted)
    pages = max(1, -(-fitting // PAGE_ROWS))
    page = min(page, pages)
    ended: tuple[CaseRow, ...] = ()
    if wanted:
        offset = (page - 1) * PAGE_ROWS
        ended = read.cases(states=wanted, system=system, search=search, limit=PAGE_ROWS, offset=offset).rows
    return Listing(
        needs_yes=needs_yes if state in (None, NEEDS_YES) else (),
        open=still_open if state in (None, OPEN) else (),
        ended=_lines(service, ended),
        counts=counts,
        fitting=fitting,
        page=page,
        pages=pages,
    )


NEEDS = Word("waits for your yes", "warn", "A change is proposed, and only a person's yes is missing.")


def _lines(service: Service, rows: Iterable[CaseRow]) -> tuple[Line, ...]:
    can_change = {system.name: system.change_reference is not None for system in service.state.systems()}
    waiting = {one["change_id"] for one in service.needs_yes()}
    return tuple(_line(service, row, waiting, can_change=can_change.get(row.system, False)) for row in rows)


def _line(service: Service, row: CaseRow, waiting: Collection[str], *, can_change: bool) -> Line:
    change, kind = row.change, word(KINDS, row.kind)
    if row.verdict is not None:
        return Line(row, word(STANDINGS, row.verdict), kind, row.reason)
    if change is None:
        return Line(row, word(STANDINGS, row.state), kind, row.reason or "collects statements to ask for advice with")
    if change.state != ChangeState.PROPOSED:
        return Line(row, word(CHANGE_STATES, change.state), kind, change.reason)
    if change.id in waiting:
        return Line(row, NEEDS, kind, change.reason)
    autonomy = service.policy_of(row.system).create_index.autonomy
    proposed = word(CHANGE_STATES, change.state)
    if not can_change:
        return Line(row, proposed, kind, "no connection for changes was given: trimtab only proposes")
    if autonomy is Autonomy.OBSERVE:
        return Line(row, proposed, kind, "policy lets trimtab only look")
    if autonomy is Autonomy.AUTO:
        return Line(row, proposed, kind, change.reason or "begins as soon as the guards agree")
    return Line(row, Word("approved", "info"), kind, change.reason or f"approved by {change.approved_by}")
