"""`/alerts/NUMBER`: one alert of the history: what was wrong, since when, for how long, and how often that was so."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.web.pages.alerts.listing import WORDS
from trimtab.web.pages.frame import Asked


def one(asked: Asked) -> Response:
    """The page."""
    number = asked.number("alert_id")
    past, times_count, times = asked.service.notify.past(number)
    context = {
        "title": past.name or "Alert",
        "past": past,
        "times_count": times_count,
        "times": times,
        "alert": WORDS,
    }
    return asked.page("alert.html", "alerts", context, fragments=("article",), ranged=False)
