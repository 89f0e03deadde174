"""`/alerts/NUMBER`: one alert of the history: what was wrong, since when, what happened around it, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from trimtab.app.notify.answers import AlertPast
from trimtab.app.reading.answers import Mark
from trimtab.app.reading.ranges import RANGE_MS_MAX, Range
from trimtab.store.alert_history import HistoryQuery
from trimtab.web.pages.alerts.listing import WORDS
from trimtab.web.pages.frame import Asked
from trimtab.web.words import Word

BEFORE_MS = 3_600_000
"""What happened so long before an alert may have to do with it."""
AFTER_MS = 600_000
AROUND_MAX = 20
MARKS: Mapping[str, Word] = {
    "change": Word("change", "live", "A change was begun on a target."),
    "verdict": Word("verdict", "info", "A change was judged."),
    "finding": Word("finding", "warn", "A query was found to be slow."),
    "event": Word("server", "quiet", "Something befell the server."),
}


def one(asked: Asked) -> Response:
    """The page."""
    number = asked.number("alert_id")
    past, times_count, times = asked.service.notify.past(number)
    around = around_of(past, asked.service.now_ms())
    context = {
        "title": past.name or "Alert",
        "past": past,
        "times_count": times_count,
        "times": times,
        "alert": WORDS,
        "around": around,
        "marks": _marks(asked, around),
        "mark_words": MARKS,
        "others": _others(asked, past, around),
        "service": past.labels.get("service") or past.labels.get("job") or "",
    }
    return asked.page("alert.html", "alerts", context, fragments=("article",), ranged=False)


def around_of(past: AlertPast, now_ms: int) -> Range:
    """From an hour before it fired until shortly after its end."""
    to_ms = min((past.resolved_at_ms or now_ms) + AFTER_MS, max(now_ms, past.fired_at_ms + AFTER_MS))
    from_ms = max(past.fired_at_ms - BEFORE_MS, 0)
    return Range(from_ms, min(to_ms, from_ms + RANGE_MS_MAX))


def _marks(asked: Asked, around: Range) -> Sequence[Mark]:
    """The newest first."""
    return tuple(reversed(asked.service.read.marks(around)))[:AROUND_MAX]


def _others(asked: Asked, past: AlertPast, around: Range) -> Sequence[AlertPast]:
    """Other alerts that fired then."""
    query = HistoryQuery(around.from_ms, around.to_ms, limit=AROUND_MAX + 1)
    _, rows = asked.service.notify.history(query)
    key = (past.origin, past.fingerprint)
    return tuple(row for row in rows if (row.origin, row.fingerprint) != key)[:AROUND_MAX]
