"""`/queries`: every query shape that ran in the range; searched, sorted and cut into pages by the server."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.app.reading.answers import ShapeSort
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked

ROWS = 50
PAGE_MAX = 20_000
HEADS: tuple[tuple[ShapeSort, str, str], ...] = (
    (ShapeSort.LOAD, "Load", "Execution time per second of time: 1,000 ms/s is one session that is busy all the time"),
    (ShapeSort.CALLS, "Calls", "Calls per second of observed time"),
    (ShapeSort.MEAN, "Mean", "Mean execution time of one call, as the server counts it"),
    (ShapeSort.P95, "p95", "19 of 20 calls were at least this fast, as callers saw it (needs spans)"),
    (ShapeSort.ROWS, "Rows", "Rows returned or changed by one call"),
)
"""Columns that can be sorted by, with what they mean."""


def queries(asked: Asked) -> Response:
    """The page, or its table alone."""
    service = asked.service
    sort, descending = _order(asked)
    number = _page(asked)
    system = asked.query("system") or None
    search = asked.query("q").strip()[:200]
    offset = (number - 1) * ROWS
    found = service.read.shapes(system, asked.within, search, sort, descending, ROWS, offset, fresh_s=asked.fresh_s)
    pages = max(1, -(-found.total // ROWS))
    context = {
        "title": "Queries",
        "found": found,
        "heads": HEADS,
        "sort": sort,
        "descending": descending,
        "search": search,
        "system": system,
        "systems": [known.name for known in service.state.systems()],
        "page_number": number,
        "first": (number - 1) * ROWS + 1,
        "last": min(number * ROWS, found.total),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < pages else None,
    }
    answer = asked.page("queries.html", "queries", context, fragments=("results",))
    if asked.fragment == "results" and asked.request.headers.get("hx-source", "").startswith(("input", "select")):
        answer.headers["HX-Replace-Url"] = _address(asked)
    return answer


def _address(asked: Asked) -> str:
    """The address of what is shown, without what only fragments need."""
    pairs = [(name, value) for name, value in asked.request.query_params.items() if value and name != "fragment"]
    return f"/queries?{urlencode(pairs)}" if pairs else "/queries"


def _order(asked: Asked) -> tuple[ShapeSort, bool]:
    text = asked.query("sort", ShapeSort.LOAD.value) or ShapeSort.LOAD.value
    try:
        sort = ShapeSort(text)
    except ValueError:
        raise InputError(f"sort: one of {', '.join(ShapeSort)}, found {text[:30]!r}", field="sort") from None
    return sort, asked.query("desc", "1") != "0"


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    return int(text)
