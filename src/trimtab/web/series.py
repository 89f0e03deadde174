"""`GET /series`: the numbers for all charts of a page in one answer. Never packed: that costs more than it saves."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trimtab.app.change_points.answers import CHANGE
from trimtab.app.change_points.lines import lines_of
from trimtab.app.exploring.answers import QUERY_CHARS_MAX
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.exploring.lines import QueryLine, QueryLines, query_lines
from trimtab.app.forecasting.bands import history_line
from trimtab.app.forecasting.subjects import FORECAST
from trimtab.app.reading.answers import Series, SeriesAnswer
from trimtab.model.access import Permission
from trimtab.model.errors import InputError
from trimtab.store.grid import Grid
from trimtab.web.access import require
from trimtab.web.pages.logs import histogram

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint

POINTS, POINTS_MIN, POINTS_MAX = 600, 2, 10_000
DIGITS = 6
"""Significant digits that a chart needs; more would only make the answer longer."""
PROMQL = "promql/"
"""How a key begins that is a query of the Explorer page; see `trimtab.app.reading.keys` for all others."""
NAMED = "named/"
"""How a key begins that is such a query with a name for its lines: `named/p95/QUERY`. `{LABEL}` in the name stands for
the value of a label of the line: `named/{device} {direction}/QUERY`."""
RANKED = "ranked/"
"""The same, and the lines come by how high they are on average, not by name."""
QUERIES_MAX = 8
CHANGES_MAX = 20
"""Charts of changes of level in one answer."""
_LABEL = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}")


def endpoint(service: Service) -> Endpoint:
    """The endpoint: `key` (once for each line), `from`, `to`, `points`."""

    async def series(request: Request) -> Response:
        require(request, Permission.LOOK)
        gone = threading.Event()
        watch = asyncio.create_task(_gone(request, gone))
        try:
            return await run_in_threadpool(_answer, service, request, gone.is_set)
        finally:
            watch.cancel()

    return series


async def _gone(request: Request, gone: threading.Event) -> None:
    """Set it when the other side has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _answer(service: Service, request: Request, gone: Callable[[], bool]) -> Response:
    keys = request.query_params.getlist("key")
    if not keys:
        raise InputError("key: name at least one series", field="key")
    within = service.read.range(request.query_params.get("from"), request.query_params.get("to"))
    if any(key.startswith(histogram.PREFIX) for key in keys):
        if len(keys) > 1:
            raise InputError(f"key: one that begins with {histogram.PREFIX} stands alone", field="key")
        body = histogram.answer(service, keys[0], within, _points(request.query_params.get("points")))
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
    asked = {key: query for key in dict.fromkeys(keys) if (query := query_of(key)) is not None}
    queries = _queries(asked.values())
    foreseen = [key for key in dict.fromkeys(keys) if key.startswith(FORECAST)]
    changes = [key for key in dict.fromkeys(keys) if key.startswith(CHANGE)]
    others = [key for key in keys if key not in asked and not key.startswith((FORECAST, CHANGE))]
    found = service.read.series(others, within, _points(request.query_params.get("points")))
    grid = Grid(found.from_ms, found.step_ms, (found.to_ms - found.from_ms) // found.step_ms)
    explorer = Explorer(service.querying, lambda: service.upstream)
    lines = query_lines(explorer, queries, grid, gone) if queries else ()
    if foreseen:
        found = replace(found, series=(*found.series, *_histories(service, foreseen, grid)))
    if changes:
        drawn = [line for key in changes[:CHANGES_MAX] for line in lines_of(service.change_points.state, key, grid)]
        found = replace(found, series=(*found.series, *drawn))
    if (asked or foreseen or changes) and not others:
        found = replace(found, marks=service.read.marks(within))
    by_query = dict(zip(queries, lines, strict=True))
    body = encode(found, ((key, by_query[query]) for key, query in asked.items()))
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _histories(service: Service, keys: Iterable[str], grid: Grid) -> Iterable[Series]:
    """What forecasts were made from, as it is in memory; nothing for a series that is not forecast (any more)."""
    series = service.forecasts.now.series
    for key in keys:
        one = series.get(key.removeprefix(FORECAST))
        if one is not None:
            yield Series(key, one.subject.name, one.subject.unit, history_line(one, grid))


def query_of(key: str) -> str | None:
    """The query that a key is, None where it is another one.

    >>> query_of("promql/up"), query_of("named/p95/a / b"), query_of("ranked/{job}/up"), query_of("self/x")
    ('up', 'a / b', 'up', None)
    """
    if key.startswith(PROMQL):
        return key.removeprefix(PROMQL)
    return key.split("/", 2)[-1] if key.startswith((NAMED, RANKED)) else None


def name_of(key: str, labels: Mapping[str, str]) -> str:
    """The name that a key gives to a line with these labels, '' where it gives none.

    >>> name_of("named/{device} {way}/up", {"device": "eth0", "way": "in"}), name_of("promql/up", {})
    ('eth0 in', '')
    >>> name_of("named/a {b}/up", {})  # what is no label of the line stays as it is
    'a {b}'
    """
    if not key.startswith((NAMED, RANKED)):
        return ""
    return _LABEL.sub(lambda found: labels.get(found[1], found[0]), key.split("/", 2)[1])


def _ordered(key: str, lines: Sequence[QueryLine]) -> Sequence[QueryLine]:
    """Lines as a key wants them to stand; a chart draws a few, so that this is no loop over much."""
    return sorted(lines, key=_mean, reverse=True) if key.startswith(RANKED) else lines


def _mean(line: QueryLine) -> float:
    values = np.array(line.values, np.float64)
    known = np.isfinite(values)
    return float(values[known].mean()) if known.any() else -math.inf


def _queries(asked: Iterable[str]) -> list[str]:
    """The different queries, as many as are allowed."""
    found = list(dict.fromkeys(asked))
    if len(found) > QUERIES_MAX:
        raise InputError(f"key: at most {QUERIES_MAX} queries, found {len(found)}", field="key", limit=QUERIES_MAX)
    for query in found:
        if not query.strip() or len(query) > QUERY_CHARS_MAX:
            raise InputError(f"key: after {PROMQL} stand 1 to {QUERY_CHARS_MAX:,} characters of a query", field="key")
    return found


def _points(text: str | None) -> int:
    if text is None:
        return POINTS
    if not text.isascii() or not text.isdigit() or not POINTS_MIN <= int(text[:9]) <= POINTS_MAX:
        raise InputError(f"points: from {POINTS_MIN} to {POINTS_MAX}, found {text[:20]!r}", field="points")
    return int(text)


def encode(answer: SeriesAnswer, queries: Iterable[tuple[str, QueryLines]] = ()) -> bytes:
    """As JSON, every value with six significant digits.

    >>> from trimtab.app.reading.answers import Series
    >>> line = Series("self/x", "x", "ms", [1.23456789, None, 0.0, 123456789.0])
    >>> encode(SeriesAnswer(0, 4000, 1000, (line,), ()))
    b'{"from_ms":0,"to_ms":4000,"step_ms":1000,"series":[{"key":"self/x","name":"x","unit":"ms","values":[1.23457,null,0.0,123457000.0]}],"marks":[]}'
    """
    lines: list[dict[str, object]] = [
        {"key": one.key, "name": one.name, "unit": one.unit, "values": rounded(one.values)} for one in answer.series
    ]
    told: dict[str, object] = {
        "from_ms": answer.from_ms,
        "to_ms": answer.to_ms,
        "step_ms": answer.step_ms,
        "series": lines,
        "marks": answer.marks,
    }
    notes: dict[str, object] = {}
    for key, found in queries:
        notes[key] = {"error": found.error, "texts": found.notes}
        lines += [
            {
                "key": key,
                "name": name_of(key, one.labels) or one.name,
                "unit": "",
                "about": one.about,
                "values": rounded(one.values),
            }
            for one in _ordered(key, found.lines)
        ]
    return msgspec.json.encode({**told, "notes": notes} if notes else told)


def rounded(values: list[float | None]) -> list[float | None]:
    """With as many digits as a chart needs; what is no number is None."""
    numbers = np.array(values, np.float64)
    known = np.isfinite(numbers)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = DIGITS - 1 - np.floor(np.log10(np.abs(numbers)))
    places = np.where(np.isfinite(places), places, 0.0)
    scale = np.power(10.0, np.abs(places))
    rounded = np.where(places >= 0, np.round(numbers * scale) / scale, np.round(numbers / scale) * scale)
    made: list[float | None] = rounded.tolist()
    if known.all():
        return made
    return [value if is_known else None for value, is_known in zip(made, known.tolist(), strict=True)]
