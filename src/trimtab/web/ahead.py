"""`GET /series/ahead`: bands for the charts of a page, what is forecast of their lines; asked when they are wanted.

Lines that rounds forecast have what was told; those of other charts are forecast now, from the history of their key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from starlette.responses import Response

from trimtab.app.change_points.answers import CHANGE
from trimtab.app.exploring.answers import QUERY_CHARS_MAX
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.exploring.lines import lines_of
from trimtab.app.forecasting.bands import Band, BandedLine, banded
from trimtab.app.forecasting.sources import POINTS_READ_MIN
from trimtab.app.forecasting.subjects import FORECAST
from trimtab.app.forecasting.when_asked import Foreseen, HistoryLine
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import InputError, StoreError, TrimtabError
from trimtab.store.forecast_state import LINES
from trimtab.store.grid import Grid
from trimtab.web.pages.logs.histogram import PREFIX as LOGS
from trimtab.web.series import query_of, rounded

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Asked

KEYS_MAX = 100
NOW_MAX = 24
"""Charts that are forecast now in one answer."""
MANY = f"No forecast: a page has at most {NOW_MAX} at a time."
KEPT = "No forecast: it shows what was kept, which does not go on."


def ahead(asked: Asked) -> Response:
    """`key` (once for each line, as `/series` has them; `total` where the lines of a key lie on each other), `from`,
    `to`; `past=1` for forecasts of before, too."""
    parameters = asked.request.query_params
    keys, totals = parameters.getlist("key"), parameters.getlist("total")
    if len(keys) + len(totals) > KEYS_MAX:
        count = len(keys) + len(totals)
        raise InputError(f"key: at most {KEYS_MAX} keys, found {count}", field="key", limit=KEYS_MAX)
    with_past = past_of(asked.query("past"))
    forecasts = asked.service.forecasts
    within = asked.service.read.range(asked.query("from") or None, asked.query("to") or None)
    kept = banded(forecasts.now, forecasts.state, keys, within, with_past=with_past)
    lines = [_line(one) for one in kept]
    why: dict[str, str] = {}
    left = [key for key in dict.fromkeys(keys) if key not in {one.key for one in kept}]
    for number, (key, is_piled) in enumerate([*((key, False) for key in left), *((key, True) for key in totals)]):
        if number >= NOW_MAX:
            why[key] = MANY
            continue
        try:
            found = _foreseen(asked.service, key, within, is_piled=is_piled, with_past=with_past)
        except TrimtabError as error:
            why[key] = error.message
            continue
        lines += foreseen_json(found, key, with_past=with_past)
        if found.why:
            why[key] = found.why
    told = {"at_ms": forecasts.now.at_ms, "enabled": forecasts.is_enabled, "lines": lines, "why": why}
    return Response(msgspec.json.encode(told), media_type="application/json", headers={"Cache-Control": "no-store"})


def past_of(text: str | None) -> bool:
    """Whether forecasts of before are wanted; InputError for anything but 0 and 1."""
    if text not in (None, "", "0", "1"):
        raise InputError(f"past: 0 or 1, found {text[:20]!r}", field="past")
    return text == "1"


def _foreseen(service: Service, key: str, within: Range, *, is_piled: bool, with_past: bool) -> Foreseen:
    """Of a chart's key, made now."""
    if key.startswith((FORECAST, CHANGE, LOGS)):
        return Foreseen(why=KEPT)
    query = query_of(key)
    if query is not None and (not query.strip() or len(query) > QUERY_CHARS_MAX):
        raise InputError(f"key: 1 to {QUERY_CHARS_MAX:,} characters of a query", field="key")

    def read(grid: Grid) -> Sequence[HistoryLine]:
        return _of_key(service, key, grid, is_piled) if query is None else _of_query(service, query, grid, is_piled)

    return service.foreseen.foreseen((key, is_piled), within, read, with_past=with_past, of_steps=query is None)


def _of_query(service: Service, query: str, grid: Grid, is_piled: bool) -> Sequence[HistoryLine]:
    (found,) = Explorer(service.querying, lambda: service.upstream).ranges([query], grid, lambda: False)
    lines = lines_of(found)
    if lines.error:
        raise StoreError(lines.error)
    return [HistoryLine("", one.about, np.array(one.values, np.float64), is_piled) for one in lines.lines]


def _of_key(service: Service, key: str, grid: Grid, is_piled: bool) -> Sequence[HistoryLine]:
    """A point of the reader is of the step that begins at its moment."""
    points = max(grid.count, POINTS_READ_MIN)
    begin_ms = grid.end_ms - points * grid.step_ms
    answer = service.read.series([key], Range(begin_ms, grid.end_ms), points)
    if answer.step_ms != grid.step_ms or answer.from_ms != begin_ms:
        raise StoreError("No forecast: it is looked at less often than that takes.")
    rows = [(one.name if len(answer.series) > 1 else "", np.array(one.values, np.float64)) for one in answer.series]
    return [HistoryLine(name, "", row[points - grid.count : points], is_piled) for name, row in rows]


def foreseen_json(found: Foreseen, key: str, *, with_past: bool) -> list[dict[str, object]]:
    """Lines of a forecast that was made now, as a chart takes them. `again`: past forecasts were made again."""
    return [
        {
            "key": key,
            "name": one.name,
            "about": one.about,
            "model": one.model,
            "points": one.points,
            "inside_90": one.inside_90,
            "again": True,
            "total": one.is_total,
            "ahead": _band(one.ahead),
            "past": [_band(band) for band in one.past] if with_past else [],
        }
        for one in found.lines
    ]


def _line(one: BandedLine) -> dict[str, object]:
    record = one.now.record
    return {
        "key": one.key,
        "about": one.about,
        "series": one.now.subject.id,
        "model": one.now.model,
        "points": record.points,
        "inside_90": record.inside_90,
        "is_own": one.key.startswith(FORECAST),
        "ahead": _band(one.ahead),
        "past": [_band(band) for band in one.past],
    }


def _band(band: Band) -> dict[str, object]:
    values = {name: rounded(np.asarray(row, np.float64).tolist()) for name, row in zip(LINES, band.values, strict=True)}
    return {"start_ms": band.start_ms, "step_ms": band.step_ms, **values}
