"""Lines of other stores, alone or beside the own ones: each says whose it is, and who does not answer is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from trimtab.app.sources.beside import ALL, OWN, Beside, ask_beside, shown_name
from trimtab.model.errors import StoreError
from trimtab.web.pages.logs.lines import Line, lines_elsewhere, lines_of

if TYPE_CHECKING:
    from trimtab.app.reading.ranges import Range
    from trimtab.app.service import Service
    from trimtab.store.logs.answers import LogPage, LogQuery
    from trimtab.web.pages.logs.wish import Wish


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """A store that can be asked."""

    label: str
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Lines in the order asked for. `is_cut`: a store has more, and older ones of the others are not shown either."""

    lines: Sequence[Line]
    next_cursor: str | None
    missing: Sequence[str]
    is_cut: bool = False


def stores_of(names: Sequence[str], chosen: str, address: Callable[[str], str]) -> Sequence[StoreChoice]:
    """What there is to choose; nothing where there is only the own store."""
    if not names:
        return ()
    return [StoreChoice(shown_name(name), address(name), name == chosen) for name in (OWN, *names, ALL)]


def found_elsewhere(service: Service, wish: Wish, within: Range, cursor: str | None) -> Elsewhere:
    """What the store that the wish names has, or all of them. StoreError where it does not answer, or nobody does."""
    query = wish.query(within, cursor=cursor)
    if wish.source != ALL:
        page = service.sources.search_logs(wish.source, query)
        return Elsewhere(lines_elsewhere(page.records, wish, wish.source), page.next_cursor, page.missing)
    found = _all(service, replace(query, cursor=None))
    if not found.answers:
        raise StoreError("; ".join(found.missing))
    missing = [told for page in found.answers.values() for told in page.missing]
    is_newest = wish.order == "newest"
    ends_ns = [page.records[-1].at_ns for page in found.answers.values() if page.next_cursor and page.records]
    end_ns = (max(ends_ns) if is_newest else min(ends_ns)) if ends_ns else None
    merged: list[tuple[int, Line]] = []
    for name, page in found.answers.items():
        if name == OWN:
            lines = [replace(line, store=shown_name(OWN)) for line in lines_of(page.records, wish.but(source=OWN))]
        else:
            lines = lines_elsewhere(page.records, wish, name)
        merged += zip((record.at_ns for record in page.records), lines, strict=True)
    merged.sort(key=lambda one: one[0], reverse=is_newest)
    shown = [line for at_ns, line in merged if end_ns is None or (at_ns >= end_ns if is_newest else at_ns <= end_ns)]
    return Elsewhere(shown, None, [*found.missing, *missing], end_ns is not None)


def _all(service: Service, query: LogQuery) -> Beside[LogPage]:
    questions: dict[str, Callable[[], LogPage]] = {OWN: partial(service.logs.search, query)}
    for name in service.sources.names("logs"):
        questions[name] = partial(service.sources.search_logs, name, query)
    return ask_beside(questions)
