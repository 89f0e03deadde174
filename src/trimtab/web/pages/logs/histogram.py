"""Lines over time by level, for the chart of the logs page: one more kind of key of `/series`.

A key is `logs/` and the part of the page's address that says which lines; the answer has a series for each level.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec
from starlette.datastructures import QueryParams

from trimtab.app.reading.marks import marks_of
from trimtab.store.effort import PAGE_MS
from trimtab.store.logs.answers import LEVELS
from trimtab.store.logs.language import LogQueryError
from trimtab.web.pages.logs.wish import Wish, wish_of

if TYPE_CHECKING:
    from trimtab.app.reading.ranges import Range
    from trimtab.app.service import Service

PREFIX = "logs/"
BARS_MIN, BARS_MAX = 30, 240
POINTS_A_BAR = 10
"""A chart asks for a point for each pixel, about; a bar needs some."""
SLOTS = {name: number for number, name in enumerate(reversed(LEVELS), 1)}
"""Which of the seven colours of a chart a level has."""


def key_of(wish: Wish) -> str:
    """The key of what a page shows.

    >>> key_of(Wish("a b", levels=("error",), tab="fields"))
    'logs/q=a%20b&level=error'
    """
    return PREFIX + urlencode(wish.search_pairs, quote_via=quote)


def answer(service: Service, key: str, within: Range, points: int) -> bytes:
    """What `/series` says of one key; where its text is wrong, that is said instead of lines."""
    wish = wish_of(QueryParams(key.removeprefix(PREFIX)))
    bars = min(max(points // POINTS_A_BAR, BARS_MIN), BARS_MAX)
    try:
        query = wish.query(within)
    except LogQueryError as error:
        return _nothing(key, within, error.message)
    found = service.logs.histogram(replace(query, effort_ms=PAGE_MS), bars)
    start_ms = found.starts_ms[0]
    systems = [one.name for one in service.state.systems()]
    series = [
        {"key": key, "name": name, "unit": "", "values": values, "slot": SLOTS[name], "total": sum(values)}
        for name in LEVELS
        if (values := found.counts.get(name)) is not None
    ]
    said = [f"{one}: the picture is partial." for one in found.missing]
    if found.looked_from_ms is not None:
        at = datetime.fromtimestamp(found.looked_from_ms / 1000, UTC)
        said.append(f"Counted back to {at:%Y-%m-%d %H:%M:%S} UTC, in the time that a search has.")
    return msgspec.json.encode(
        {
            "from_ms": start_ms,
            "to_ms": start_ms + found.step_ms * len(found.starts_ms),
            "step_ms": found.step_ms,
            "series": series,
            "marks": marks_of(service.telemetry, service.state, systems, within),
            **({"notes": {key: {"error": "", "texts": said}}} if said else {}),
        }
    )


def _nothing(key: str, within: Range, message: str) -> bytes:
    told = {"from_ms": within.from_ms, "to_ms": within.to_ms, "step_ms": 1000, "series": (), "marks": ()}
    return msgspec.json.encode({**told, "notes": {key: {"error": "", "texts": [message]}}})
