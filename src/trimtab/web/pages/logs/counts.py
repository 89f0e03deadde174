"""How many lines there are of each level and service: beside the lines, and never in their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.app.sources.kept import Kept
from trimtab.model.errors import TrimtabError
from trimtab.store.logs.answers import LEVELS
from trimtab.web.pages.logs.wish import Wish
from trimtab.web.pages.meanwhile import Meanwhile

if TYPE_CHECKING:
    from trimtab.app.log_search.logs import Logs
    from trimtab.app.reading.ranges import Range

LATE_S = 20.0
"""How long counts may take that come when the page is there."""
_BEGUN = Kept[tuple[object, ...], Meanwhile["Counts"]](32, 2.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """A level or a service, with its count where that is known; `href` chooses it, or leaves it again."""

    value: str
    count: int | None
    is_chosen: bool
    href: str


@dataclass(frozen=True, slots=True)
class Counts:
    """`total_count` is of the lines that are shown: with what is chosen."""

    levels: Sequence[Choice]
    services: Sequence[Choice]
    total_count: int
    missing: Sequence[str] = ()
    trouble: str = ""


def counts_of(logs: Logs, wish: Wish, within: Range) -> Counts:
    """Ask for them; what goes wrong is in `trouble`."""
    try:
        # without what is chosen of the same kind: one wants to see what else could be
        levels = logs.attribute_values(wish.query(within, without="levels"), "level")
        services = logs.attribute_values(wish.query(within, without="services"), "service")
    except TrimtabError as error:
        return Counts((), (), 0, trouble=error.message)
    by_level, by_service = dict(levels.values), dict(services.values)
    chosen = by_level if not wish.levels else {name: by_level.get(name, 0) for name in wish.levels}
    names = [name for name in reversed(LEVELS) if name in by_level or name in wish.levels]
    whose = list(dict.fromkeys([*by_service, *wish.services]))
    return Counts(
        [_choice(wish, "levels", name, by_level.get(name, 0)) for name in names],
        [_choice(wish, "services", name, by_service.get(name, 0)) for name in whose],
        sum(chosen.values()),
        tuple(dict.fromkeys((*levels.missing, *services.missing))),
    )


def _choice(wish: Wish, kind: str, value: str, count: int) -> Choice:
    return Choice(value, count, value in getattr(wish, kind), wish.toggled(kind, value).address())


def begin_counts(logs: Logs, wish: Wish, within: Range) -> Meanwhile[Counts]:
    """Ask for them meanwhile. Who asks for the same a moment later, as a page does that was drawn without them, waits
    for the same."""
    key = (id(logs), *wish.search_pairs, *wish.pairs, within.from_ms, within.to_ms)
    return _BEGUN.get(key, lambda: Meanwhile(lambda: counts_of(logs, wish, within)))
