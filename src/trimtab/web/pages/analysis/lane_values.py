"""The numbers that lanes draw: all series of a page at once, waited for a moment, left out where they are late."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trimtab.app.detecting.answers import EpisodeRow
from trimtab.app.detecting.words import MEASURES
from trimtab.app.exploring.answers import Trouble
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.reading.ranges import Range
from trimtab.app.service import Service
from trimtab.model.anomalies import SeriesMeasure
from trimtab.model.errors import TrimtabError
from trimtab.store.grid import grid_of
from trimtab.web.pages.analysis.lanes import POINTS
from trimtab.web.pages.meanwhile import Meanwhile

SERIES_MAX = 40
"""So many different series of a page are drawn; further lanes have no line."""
PATIENT_S = 3.0
"""How long a part of the page that is asked for by itself waits; the page waits as all do."""
Values = Mapping[str, Sequence[float | None]]


def values_of(
    service: Service, rows: Sequence[EpisodeRow], within: Range, *, is_patient: bool = False
) -> Values | None:
    """By the key of the series; what cannot be asked is left out. None where it is not there in time."""
    if not rows:
        return {}
    series = {row.series_key: row for row in rows}
    some = list(series.values())[:SERIES_MAX]
    asked = Meanwhile(lambda: _metrics(service, [row for row in some if row.query], within))
    shapes = Meanwhile(lambda: _shapes(service, [row for row in some if not row.query], within))
    patience_s = PATIENT_S if is_patient else None
    of_metrics, of_shapes = asked.within(patience_s), shapes.within(patience_s)
    if of_metrics is None and of_shapes is None:
        return None
    values = {**(of_metrics or {}), **(of_shapes or {})}
    is_late = of_metrics is None or of_shapes is None
    return None if is_late and not is_patient else values


def _metrics(service: Service, rows: Sequence[EpisodeRow], within: Range) -> Values:
    if not rows:
        return {}
    explorer = Explorer(service.querying, lambda: service.upstream)
    grid = grid_of(within.from_ms, within.to_ms, POINTS, 1000)
    queries = [row.query or "" for row in rows]
    try:
        answers = explorer.ranges(queries, grid, lambda: False)
    except TrimtabError:
        return {}
    found = {}
    for row, answer in zip(rows, answers, strict=True):
        if not isinstance(answer, Trouble) and answer.lines:
            values = answer.lines[0].values.tolist()
            found[row.series_key] = [value if math.isfinite(value) else None for value in values]
    return found


def _shapes(service: Service, rows: Sequence[EpisodeRow], within: Range) -> Values:
    if not rows:
        return {}
    keys = {
        f"shape/{row.labels['system']}/{row.labels['fingerprint']}/{row.measure}": row.series_key
        for row in rows
        if SeriesMeasure(row.measure) in MEASURES
    }
    try:
        answer = service.read.series(list(keys), within, POINTS)
    except TrimtabError:
        return {}
    return {keys[line.key]: line.values for line in answer.series if line.key in keys}
