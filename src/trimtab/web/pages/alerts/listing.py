"""`/alerts`: what fires now, what fired, what is silenced, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.responses import Response

from trimtab.app.notify.answers import AlertNow
from trimtab.app.reading.ranges import parse_range
from trimtab.model.alerts import AlertState
from trimtab.model.errors import InputError, NotFound
from trimtab.store.alert_history import HistoryQuery
from trimtab.web import render
from trimtab.web.pages.alerts import silences, words
from trimtab.web.pages.cases.listing import in_address, page_of
from trimtab.web.pages.frame import FRAME, Asked
from trimtab.web.view import Message, RangeView

FIRING, HISTORY, SILENCES, TOLD = "firing", "history", "silences", "told"
TABS = (FIRING, HISTORY, SILENCES, TOLD)
PAGE_ROWS = 50
ROWS_MAX = 500
"""Alerts of one list: who has more looks for words in the history, or into the API."""
SEARCH_CHARS_MAX = 200
HOME_FROM = "now-7d"
NOTICES = {
    "silenced": Message("The silence is made."),
    "ended": Message("The silence is ended: alerts that fit are told again."),
}
WORDS = {
    "severity": words.severity_of,
    "summary": words.summary_of,
    "labels": words.labels_of,
    "links": words.links_of,
    "is_web": words.is_web,
    "matchers": words.matchers_text,
    "silence_text": words.silence_text,
    "silence_states": words.SILENCE_STATES,
    "outcomes": words.OUTCOMES,
}
"""What templates call of `words`."""


def alerts(asked: Asked) -> Response:
    """The page, in one of its tabs."""
    tab = asked.query("tab", FIRING)
    if tab not in TABS:
        raise InputError(f"tab: there is no {tab[:50]!r}", field="tab")
    return draw(asked, tab)


def draw(asked: Asked, tab: str, more: Mapping[str, object] | None = None, status: int = 200) -> Response:
    """The page, also after a form that did not work."""
    if asked.fragment == FRAME:
        return asked.page("alerts.html", "alerts", {}, ranged=tab == HISTORY)
    if asked.fragment not in (None, "listing"):
        raise NotFound(f"this page has no part {str(asked.fragment)[:50]!r}", field="fragment")
    notice = NOTICES.get(asked.query("notice"))
    view = asked.view("alerts", ranged=tab == HISTORY, messages=() if notice is None else (notice,), path="/alerts")
    home = RangeView(HOME_FROM, "now", parse_range(HOME_FROM, "now", asked.service.now_ms()))
    if tab == HISTORY and not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    counts = asked.service.notify.counts()
    context = {
        "title": "Alerts",
        "tab": tab,
        "home": home if tab == HISTORY else None,
        "firing_count": counts.get(AlertState.FIRING, 0),
        "silences_count": asked.service.notify.silences_count(),
        "alert": WORDS,
        **_CONTEXTS[tab](asked, view.range),
        **(more or {}),
    }
    answer = render.html(render.page("alerts.html", view, context, asked.fragment), status)
    return in_address(asked, answer)


def _firing(asked: Asked, _range: RangeView) -> dict[str, object]:
    found = asked.service.notify.alerts()
    firing = [one for one in found if one.state == AlertState.FIRING]
    loud = [one for one in firing if not _is_quiet(one)]
    quiet = [one for one in firing if _is_quiet(one)]
    pending = [one for one in found if one.state == AlertState.PENDING]
    status = asked.service.notify.status()
    return {
        "loud": loud[:ROWS_MAX],
        "quiet": quiet[:ROWS_MAX],
        "pending": pending[:ROWS_MAX],
        "loud_count": len(loud),
        "quiet_count": len(quiet),
        "pending_count": len(pending),
        "status": status,
        "is_nobody_told": not asked.service.notify.has_receivers,
        "lost_count": sum(one.lost_count for one in status.receivers)
        + sum(one.lost_count for one in status.alertmanagers),
        "stuck": [one for one in status.receivers if one.problem and one.waiting_count],
        "away": [one for one in status.alertmanagers if one.problem],
        "silences_by_id": asked.service.notify.silencing.own_by_id(),
    }


def _is_quiet(one: AlertNow) -> bool:
    return bool(one.silenced_by or one.inhibited_by)


def _history(asked: Asked, within: RangeView) -> dict[str, object]:
    search, severity = asked.query("q")[:SEARCH_CHARS_MAX], asked.query("severity")[:100]
    query = HistoryQuery(within.from_ms, within.to_ms, search=search, severity=severity, limit=PAGE_ROWS)
    counts = asked.service.notify.history_counts(replace(query, severity=""))
    total, _ = asked.service.notify.history(replace(query, limit=1))
    pages = max(1, -(-total // PAGE_ROWS))
    page = min(page_of(asked), pages)
    _, rows = asked.service.notify.history(replace(query, offset=(page - 1) * PAGE_ROWS))
    return {
        "rows": rows,
        "total": total,
        "search": search,
        "severity": severity,
        "counts": sorted(counts.items(), key=lambda pair: -pair[1]),
        "page": page,
        "pages": pages,
    }


def _silences(asked: Asked, _range: RangeView) -> dict[str, object]:
    return silences.context(asked)


def _told(asked: Asked, _range: RangeView) -> dict[str, object]:
    groups, missing = asked.service.notify.groups()
    return {"status": asked.service.notify.status(), "groups": groups, "missing": missing}


_CONTEXTS: Mapping[str, Callable[[Asked, RangeView], dict[str, object]]] = {
    FIRING: _firing,
    HISTORY: _history,
    SILENCES: _silences,
    TOLD: _told,
}
