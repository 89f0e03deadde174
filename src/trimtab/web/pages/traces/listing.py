"""`/traces`: search by service, operation, status, duration, attributes; a picture of what was found, and the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.responses import Response

from trimtab.app.reading.ranges import Range
from trimtab.app.sources.together import search_traces
from trimtab.model.errors import InputError, TrimtabError
from trimtab.store.effort import PAGE_MS
from trimtab.store.traces.answers import SPAN_KINDS, FoundTraces, TraceSummary
from trimtab.web.errors import describe
from trimtab.web.pages import first_paint
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.logs.elsewhere import stores_of
from trimtab.web.pages.traces.colours import colours_of
from trimtab.web.pages.traces.links import trace_links
from trimtab.web.pages.traces.scatter import Scatter, scatter
from trimtab.web.pages.traces.wish import ATTRIBUTES_MAX, LIMITS, Wish, wish_of
from trimtab.web.words import sentence

if TYPE_CHECKING:
    from trimtab.app.service import Service

SERVICES_SHOWN = 6
"""Of one trace in the list."""
NOTHING = FoundTraces((), 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found. `looked_from_ms` is None where the whole range was looked through, else `is_cut` says whether
    that was for want of time; `trouble` says why nothing could be found. `is_coming`: it will be, when the page is
    there."""

    traces: Sequence[TraceSummary]
    looked_from_ms: int | None
    missing: Sequence[str]
    picture: Scatter | None
    trouble: str = ""
    hidden_count: int = 0
    is_cut: bool = False
    is_coming: bool = False

    @property
    def longest_ms(self) -> float:
        """Of all that are shown."""
        return max((one.duration_ms for one in self.traces), default=0.0)


COMING = Shown((), None, (), None, is_coming=True)
_BEGUN: first_paint.Begun[Shown] = first_paint.begun()


def traces(asked: Asked) -> Response:
    """The page, or what was found alone."""
    within = asked.within
    status = 200
    try:
        wish = wish_of(asked.request.query_params)
        shown = _in_time(asked, wish, within)
    except InputError as error:
        status = 400
        wish = _readable(asked)
        shown = Shown((), None, (), None, sentence(error.message))
    except TrimtabError as error:
        status, _, _, message = describe(error)
        shown = Shown((), None, (), None, sentence(message))
    if first_paint.is_late(asked):
        status = 200  # what a page asks for once it is there takes the place of what waits there, also where it failed
    has_more = first_paint.is_drawn_anew(asked) and len(shown.traces) > first_paint.ROWS
    context = {
        "title": "Traces",
        "scripts": ("js/traces.js",),
        "wish": wish,
        "shown": shown,
        "colours": colours_of(share.service for one in shown.traces for share in one.services),
        "links_of": trace_links,
        "rows_count": first_paint.ROWS if has_more else len(shown.traces),
        "has_more": has_more or shown.is_coming,
        "older": _older(wish, within, shown),
        "kinds": SPAN_KINDS,
        "limits": LIMITS,
        "services_shown": SERVICES_SHOWN,
        "has_room": len(wish.attributes) < ATTRIBUTES_MAX,
        "server_url": asked.service.url,
        "stores": stores_of(asked.service.sources.names("traces"), wish.source, lambda name: wish.address(source=name)),
    }
    answer = asked.page("traces.html", "traces", context, fragments=("results",), status=status, path="/traces")
    by_script = asked.request.headers.get("hx-request") == "true"
    if by_script and asked.fragment is None and wish != _address_shown(asked):
        answer.headers["HX-Push-Url"] = wish.address()
    return answer


def _in_time(asked: Asked, wish: Wish, within: Range) -> Shown:
    key = (id(asked.service), wish, within.from_ms, within.to_ms)
    return first_paint.in_time(asked, _BEGUN, key, lambda: _found(asked.service, wish, within)) or COMING


def _found(service: Service, wish: Wish, within: Range) -> Shown:
    found = NOTHING
    for query in wish.queries(within.from_ms, within.to_ms):
        found = search_traces(service, wish.source, replace(query, effort_ms=PAGE_MS))
        if found.traces:
            break
    fitting = [one for one in found.traces if not wish.beside or _has(one, wish.beside)]
    listed = fitting[: wish.limit]
    is_whole = found.looked_from_ms <= within.from_ms
    looked_from_ms = None if is_whole else found.looked_from_ms
    picture = scatter(listed, *_ends(listed, within, is_whole=is_whole))
    return Shown(listed, looked_from_ms, found.missing, picture, "", len(fitting) - len(listed), found.is_cut)


def _older(wish: Wish, within: Range, shown: Shown) -> str:
    """Where the same is looked for in what the search had no time for; '' where there is nothing."""
    if not shown.is_cut or shown.looked_from_ms is None:
        return ""
    zone = tuple((name, value) for name, value in wish.kept if name not in {"from", "to"})
    return wish.address(kept=(("from", str(within.from_ms)), ("to", str(shown.looked_from_ms)), *zone))


def _ends(listed: Sequence[TraceSummary], within: Range, *, is_whole: bool) -> tuple[int, int]:
    """The time of the picture: the range, or that of the newest traces, which may be a few seconds of it."""
    if is_whole or not listed:
        return within.from_ms, within.to_ms
    began_ms = [one.started_at_ns // 1_000_000 for one in listed]
    return min(began_ms), max(*began_ms, min(began_ms) + 1)


def _has(trace: TraceSummary, service: str) -> bool:
    return any(share.service == service for share in trace.services)


def _readable(asked: Asked) -> Wish:
    """As much of a wrong address as can be shown again."""
    given = asked.request.query_params
    for names in (
        ("service", "operation", "attribute", "min", "max", "source", "from", "to", "tz"),
        ("from", "to", "tz"),
    ):
        pairs = [(name, value[:200]) for name, value in given.multi_items() if name in names]
        try:
            return wish_of(QueryParams(pairs))
        except InputError:
            continue
    return Wish()


def _address_shown(asked: Asked) -> Wish | None:
    """What the visitor's address says already: searching again is no step that Back should undo."""
    try:
        return wish_of(QueryParams(urlsplit(asked.request.headers.get("hx-current-url", "")).query))
    except (InputError, ValueError):
        return None
