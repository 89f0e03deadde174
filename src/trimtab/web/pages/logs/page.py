"""The logs page: the search, and of what it finds lines, patterns or fields. What is wrong is said at its place."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.responses import Response

from trimtab.app.exploring.answers import Trouble
from trimtab.model.errors import InputError, StoreError
from trimtab.store.effort import PAGE_MS
from trimtab.store.logs.language import TEXT_CHARS_MAX, LogQueryError, parse
from trimtab.store.logs.ranges import LogQueryTooLong
from trimtab.web import render
from trimtab.web.pages.explore.places import place_of
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.logs.counts import LATE_S, Counts, begin_counts
from trimtab.web.pages.logs.download import LINES_MAX
from trimtab.web.pages.logs.elsewhere import found_elsewhere, stores_of
from trimtab.web.pages.logs.facts import levels_in_explorer
from trimtab.web.pages.logs.groups import FIELDS_MAX, PATTERNS_MAX, fields_of, patterns_of
from trimtab.web.pages.logs.histogram import key_of
from trimtab.web.pages.logs.lines import lines_of
from trimtab.web.pages.logs.wish import Wish, cursor_of, wish_of

FRAGMENTS = ("results", "rows", "counts")
PAGES_BY_THEMSELVES_MAX = 20
"""So many pages of lines are fetched as one scrolls; then one has to ask."""


def logs(asked: Asked) -> Response:
    """The page, or a part of it."""
    wish = wish_of(asked.request.query_params)
    if asked.fragment == "counts":
        counts = begin_counts(asked.service.logs, wish, asked.within).within(LATE_S)
        counts = counts or Counts((), (), 0, trouble=f"they were not counted within {LATE_S:g} s")
        return asked.page("logs.html", "logs", {"title": "", "wish": wish, "counts": counts}, fragments=FRAGMENTS)
    is_counted = asked.fragment is None and not wish.source
    counting = begin_counts(asked.service.logs, wish, asked.within) if is_counted else None
    found, trouble = _found(asked, wish)
    context = {
        "title": "Logs",
        "charts": True,
        "scripts": ("js/logs.js",),
        "wish": wish,
        "chart_key": key_of(wish),
        "tail_href": tail_of(wish).address(),
        "levels_href": with_kept(levels_in_explorer(wish.services), wish),
        "query_chars_max": TEXT_CHARS_MAX,
        "download_lines_max": LINES_MAX,
        "server_url": asked.service.url,
        "at_ms": asked.within.to_ms,
        "is_part": asked.fragment is not None,
        "stores": stores_of(asked.service.sources.names("logs"), wish.source, lambda name: store_address(wish, name)),
        "trouble": trouble,
        "place": place_of(wish.text, trouble) if trouble else None,
        "counts": None,
        "page_number": _page_number(asked),
        "pages_max": PAGES_BY_THEMSELVES_MAX,
        **found,
    }
    if trouble is not None and asked.fragment is not None:
        # what was found before stays while somebody writes on
        answer: Response = render.html(render.page("logs.html", asked.view("logs"), context, "trouble"))
        answer.headers["HX-Retarget"] = "#trouble"
        answer.headers["HX-Reswap"] = "outerMorph"
        answer.headers["HX-Reselect"] = "#trouble"
    else:
        if counting is not None and trouble is None:
            context["counts"] = counting.within()
        answer = asked.page("logs.html", "logs", context, fragments=FRAGMENTS)
    _tell_address(asked, wish, answer)
    return answer


def store_address(wish: Wish, name: str) -> str:
    """The same search in another store.

    >>> store_address(Wish("x", tab="fields"), "old"), store_address(Wish("x", source="old"), "")
    ('/logs?q=x&source=old', '/logs?q=x')
    """
    return wish.but(source=name, tab="lines", is_tail=False).address()


def with_kept(address: str, wish: Wish) -> str:
    """An address with the range and the zone of this page."""
    return address + "".join(f"&{name}={value}" for name, value in wish.kept)


def tail_of(wish: Wish) -> Wish:
    """The same, followed: newest first, up to now.

    >>> tail_of(Wish("x", order="oldest", kept=(("from", "1"), ("to", "2")))).address()
    '/logs?q=x&tail=1&from=now-15m&to=now'
    """
    kept = dict(wish.kept)
    if kept.get("to", "now") != "now":
        kept |= {"from": "now-15m", "to": "now"}
    return wish.but(is_tail=True, order="newest", tab="lines", kept=tuple(kept.items()))


def _found(asked: Asked, wish: Wish) -> tuple[dict[str, object], Trouble | None]:
    """What the tab shows, or what is wrong."""
    nothing: dict[str, object] = {"lines": (), "next_cursor": None, "patterns": None, "fields": None, "missing": ()}
    nothing |= {"is_cut": False, "looked_to_ms": None}
    logs, within = asked.service.logs, asked.within
    shown: dict[str, object]
    try:
        if wish.source:
            others = found_elsewhere(asked.service, wish, within, cursor_of(asked.request.query_params))
            shown = {"lines": others.lines, "next_cursor": others.next_cursor, "missing": others.missing}
            return nothing | shown | {"is_cut": others.is_cut}, None
        if wish.tab == "patterns":
            patterns = logs.patterns(replace(wish.query(within), effort_ms=PAGE_MS), PATTERNS_MAX)
            shown = {"patterns": patterns_of(patterns, wish), "missing": patterns.missing}
            return nothing | shown | {"looked_to_ms": patterns.looked_from_ms}, None
        if wish.tab == "fields":
            fields = logs.fields(replace(wish.query(within), effort_ms=PAGE_MS), FIELDS_MAX)
            shown = {"fields": fields_of(fields, wish), "missing": fields.missing}
            return nothing | shown | {"looked_to_ms": fields.looked_from_ms}, None
        query = wish.query(within, cursor=cursor_of(asked.request.query_params))
        page = logs.search(replace(query, effort_ms=PAGE_MS))
    except (LogQueryError, LogQueryTooLong, StoreError) as error:
        return nothing, trouble_of(wish.text, error)
    except InputError as error:
        if not wish.source:
            raise
        return nothing, Trouble(error.message)  # what another store cannot be asked
    shown = {"lines": lines_of(page.records, wish), "next_cursor": page.next_cursor, "missing": page.missing}
    return nothing | shown | {"looked_to_ms": page.looked_to_ms}, None


def trouble_of(text: str, error: Exception) -> Trouble:
    """An error as the page tells it; with its place where the text itself is to blame.

    >>> trouble_of("a (b", LogQueryError("this ( is not closed", 3))
    Trouble(message='this ( is not closed', offset=2, line=1, column=3)
    """
    message = error.message if isinstance(error, InputError | StoreError) else str(error)
    if not isinstance(error, LogQueryError):
        return Trouble(message)
    try:
        parse(text)
    except LogQueryError as own:
        column = int(str(own.facts["column"]))
        before = text[: column - 1]
        said = own.message.removeprefix(f"column {column}: ")
        line, within = before.count("\n") + 1, column - 1 - (before.rfind("\n") + 1)
        return Trouble(said, column - 1, line, within + 1)
    return Trouble(message.partition(": ")[2] or message)


def _page_number(asked: Asked) -> int:
    text = asked.query("n") or "1"
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise InputError(f"n: a whole number, found {text[:20]!r}", field="n")
    return int(text)


def _tell_address(asked: Asked, wish: Wish, answer: Response) -> None:
    """While one writes, the address follows; when something is chosen or run, Back leads to what was before."""
    headers = asked.request.headers
    if asked.fragment == "results" and headers.get("hx-source", "").startswith("input"):
        answer.headers["HX-Replace-Url"] = wish.address()
    elif asked.fragment is None and headers.get("hx-request") == "true" and wish != _shown(asked):
        answer.headers["HX-Push-Url"] = wish.address()


def _shown(asked: Asked) -> Wish | None:
    """What the visitor's address says already."""
    try:
        return wish_of(QueryParams(urlsplit(asked.request.headers.get("hx-current-url", "")).query))
    except (InputError, ValueError):
        return None
