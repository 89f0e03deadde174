"""`/change-points`: when series moved to another level, newest first, with what stands beside each."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from trimtab.app.reading.ranges import parse_range
from trimtab.model.errors import InputError, NotFound
from trimtab.store.change_point_state import Wanted
from trimtab.web import render
from trimtab.web.pages.analysis.address import in_address
from trimtab.web.pages.analysis.change_point_words import BESIDE_WORDS, TONES, away, told
from trimtab.web.pages.frame import FRAME, Asked
from trimtab.web.view import Message, RangeView

ROWS = 25
PAGE_MAX = 10_000
SEARCH_CHARS_MAX = 200
HOME_FROM = "now-7d"
SHOWN = {"": False, "dismissed": True}
NOTICES = {
    "not-a-change": Message("Kept: that is no change, and it is not shown with the others any more."),
    "taken-back": Message("Taken back: it is shown with the others again."),
}


def change_points(asked: Asked) -> Response:
    """The page, or its results alone."""
    fragment = asked.fragment
    if fragment == FRAME:
        return asked.page("change_points.html", "analysis", {})
    if fragment not in (None, "results"):
        raise NotFound(f"this page has no part {fragment[:50]!r}", field="fragment")
    notice = NOTICES.get(asked.query("notice"))
    view = asked.view("analysis", messages=[] if notice is None else [notice], path="/change-points")
    home = RangeView(HOME_FROM, "now", parse_range(HOME_FROM, "now", asked.service.now_ms()))
    if not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    within = view.range.range
    context = {"title": "Change points", "home": home, **_context(asked, within.from_ms, within.to_ms)}
    return in_address(asked, render.html(render.page("change_points.html", view, context, fragment)))


def _context(asked: Asked, from_ms: int, to_ms: int) -> dict[str, object]:
    keeper = asked.service.change_points
    show = asked.query("show")
    if show not in SHOWN:
        raise InputError(f"show: nothing or dismissed, found {show[:30]!r}", field="show")
    number, search = _page(asked), asked.query("q").strip()[:SEARCH_CHARS_MAX]
    wanted = Wanted(from_ms, to_ms, search, is_dismissed=SHOWN[show])
    total, _ = keeper.state.find(wanted, 1)
    pages = max(1, -(-total // ROWS))
    number = min(number, pages)
    first = (number - 1) * ROWS
    found = keeper.state.find(wanted, ROWS, first)[1]
    others = keeper.state.find(replace(wanted, is_dismissed=not SHOWN[show]), 1)[0]
    return {
        "rows": [told(one) for one in found],
        "total": total,
        "here_count": others if SHOWN[show] else total,
        "dismissed_count": total if SHOWN[show] else others,
        "show": show,
        "search": search,
        "looked": keeper.looked,
        "is_enabled": keeper.is_enabled,
        "policy": asked.service.config.change_points,
        "words": BESIDE_WORDS,
        "tones": TONES,
        "away": away,
        "first": first + 1,
        "last": first + len(found),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < pages else None,
    }


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    return int(text)
