"""`/forecasts`: issues before they happen, soonest first, and every series that is forecast with its record."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from trimtab.app.forecasting.alerts import share_text
from trimtab.app.forecasting.answers import SORTS, forecast_issues, forecasts, kinds, row_of
from trimtab.app.reading.ranges import parse_range
from trimtab.model.errors import InputError, NotFound
from trimtab.web import render
from trimtab.web.format import bytes_text, number_text
from trimtab.web.pages.analysis.address import in_address
from trimtab.web.pages.frame import FRAME, Asked
from trimtab.web.view import RangeView

ROWS = 50
ISSUES_SHOWN = 20
ENDED_SHOWN = 10
PAGE_MAX = 10_000
SEARCH_CHARS_MAX = 200
HOME_FROM = "now-3d"
KIND_WORDS = {
    "host": "Machines",
    "postgres": "Databases",
    "query": "Queries",
    "service": "Services",
    "objective": "Objectives",
    "rule": "Rules",
    "named": "Named by you",
}
WHY_ENDED = {"here": ("bad", "it came true: the limit is crossed"), "": ("quiet", "not foreseen any more")}
FRAGMENTS = ("issues", "results")


def forecasts_page(asked: Asked) -> Response:
    """The page, or a part of it."""
    fragment = asked.fragment
    if fragment == FRAME:
        return asked.page("forecasts.html", "analysis", {})
    if fragment is not None and fragment not in FRAGMENTS:
        raise NotFound(f"this page has no part {fragment[:50]!r}", field="fragment")
    view = asked.view("analysis", path="/forecasts")
    home = RangeView(HOME_FROM, "now", parse_range(HOME_FROM, "now", asked.service.now_ms()))
    if not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    context = {"title": "Forecasts", "home": home, "charts": True, **_context(asked)}
    return in_address(asked, render.html(render.page("forecasts.html", view, context, fragment)))


def _context(asked: Asked) -> dict[str, object]:
    forecasting = asked.service.forecasts
    now = forecasting.now
    number, sort, kind = _page(asked), asked.query("sort") or "name", asked.query("kind") or None
    if sort not in SORTS:
        raise InputError(f"sort: one of {', '.join(SORTS)}, found {sort[:30]!r}", field="sort")
    search = asked.query("q").strip()[:SEARCH_CHARS_MAX]
    found = forecasts(forecasting, search=search, kind=kind, sort=sort, limit=ROWS, offset=(number - 1) * ROWS)
    if (last := max(1, -(-found.total // ROWS))) < number:
        number = last
        found = forecasts(forecasting, search=search, kind=kind, sort=sort, limit=ROWS, offset=(number - 1) * ROWS)
    issues = forecast_issues(forecasting)
    series = asked.query("series") or None
    one = now.series.get(series) if series is not None else None
    counts = dict.fromkeys(kinds(), 0)
    for each in now.series.values():
        counts[each.subject.family.kind] += 1
    return {
        "at_ms": now.at_ms,
        "is_enabled": forecasting.is_enabled,
        "policy": asked.service.config.forecast,
        "issues": issues.issues[:ISSUES_SHOWN],
        "issues_count": len(issues.issues),
        "ended": [(one, *_why(one.why)) for one in issues.ended[:ENDED_SHOWN]],
        "found": found,
        "one": None if one is None else row_of(one),
        "asked_for": series,
        "kinds": [(name, KIND_WORDS[name], count) for name, count in counts.items() if count],
        "kind": kind,
        "sort": sort,
        "search": search,
        "all_count": len(now.series),
        "young_count": sum(family.young for family in now.families),
        "problems": [(family.title, family.problem) for family in now.families if family.problem],
        "value": value_text,
        "share": share_text,
        "first": (number - 1) * ROWS + 1,
        "last": min(number * ROWS, found.total),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number * ROWS < found.total else None,
    }


def _why(why: str) -> tuple[str, str]:
    return WHY_ENDED.get(why, (WHY_ENDED[""][0], why))


def value_text(value: float | None, unit: str) -> str:
    """A value with its unit.

    >>> value_text(81.234, "%"), value_text(2_000_000.0, "bytes"), value_text(None, "s")
    ('81.2 %', '1.91 MiB', '–')
    """
    if value is None:
        return "–"
    if unit in ("bytes", "bytes/s"):
        return f"{bytes_text(value)}{unit.removeprefix('bytes')}"
    return f"{number_text(value)} {unit}".strip()


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    return int(text)
