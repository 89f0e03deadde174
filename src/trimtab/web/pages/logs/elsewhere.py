"""Lines of other stores, alone or beside the own ones: each says whose it is, and who does not answer is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.app.sources.beside import ALL, OWN, shown_name
from trimtab.app.sources.together import search_logs
from trimtab.web.pages.logs.lines import Line, lines_elsewhere, lines_of

if TYPE_CHECKING:
    from trimtab.app.reading.ranges import Range
    from trimtab.app.service import Service
    from trimtab.store.logs.answers import LogRecord
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
    page = search_logs(service, wish.source, wish.query(within, cursor=None if wish.source == ALL else cursor))
    if wish.source != ALL:
        return Elsewhere(lines_elsewhere(page.records, wish, wish.source), page.next_cursor, page.missing)
    lines = [_line(record, wish) for record in page.records]
    return Elsewhere(lines, None, page.missing, page.looked_to_ms is not None)


def _line(record: LogRecord, wish: Wish) -> Line:
    if record.source == OWN:
        return replace(lines_of([record], wish.but(source=OWN))[0], store=shown_name(OWN))
    return lines_elsewhere([record], wish, record.source)[0]
