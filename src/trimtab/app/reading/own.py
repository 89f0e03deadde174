"""trimtab about itself: its numbers as they are and over time, its last log lines, its last spans."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.app.own.catalogue import BY_NAME, METRICS, Kind
from trimtab.app.own.logs import LogLine
from trimtab.app.own.traces import SERVICE_NAME
from trimtab.app.reading.answers import Series
from trimtab.model.errors import InputError
from trimtab.store.engine import Merge

if TYPE_CHECKING:
    from trimtab.app.own.keeper import Own
    from trimtab.app.own.metrics import Number
    from trimtab.store.grid import Grid
    from trimtab.store.telemetry import TelemetryStore

LINES_MAX = 200
SPANS_MAX = 100
SPANS_AGE_MS = 6 * 3_600_000
LINES_AGE_MS = 7 * 86_400_000
WIDTH_MAX = 60
"""Steps that one sample may stand for."""
LINES_OF_SERIES_MAX = 100
"""Lines of one number: one for each set of labels."""

_SPANS = (
    "SELECT trace_id, span_id, parent_span_id, name, kind, intDiv(started_at_ns, 1000000) AS started_at_ms,"
    " duration_ms, status, attributes FROM spans WHERE db_query_fingerprint = '' AND service_name = {service:String}"
    " AND started_at_ns >= {since:Int64} * 1000000 ORDER BY started_at_ns DESC LIMIT {limit:Int64}"
)
_LINES = (
    "SELECT logged_at_ms, toString(level) AS level, toString(event) AS event, detail FROM own_logs"
    " WHERE logged_at_ms >= {since:Int64} AND logged_at_ms < {before:Int64}"
    " ORDER BY logged_at_ms DESC LIMIT {limit:Int64}"
)
_SERIES = (
    "SELECT labels, intDiv(sampled_at_ms - {origin:Int64}, {step:Int64}) AS place, sum(value) AS value_,"
    " count() AS samples_, sum(observations_count) AS observations_, sum(span_ms) AS span_ FROM own_metrics"
    " WHERE name = {name:String} AND sampled_at_ms >= {origin:Int64} AND sampled_at_ms < {end:Int64}"
    " GROUP BY labels, place"
)


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number as it is now. Of a histogram, `value` is the mean and `observations_count` says of how many."""

    name: str
    kind: str
    unit: str
    help: str
    labels: Mapping[str, str]
    value: float
    observations_count: int | None


@dataclass(frozen=True, slots=True)
class OwnSpanRow:
    """One of trimtab's own spans. Everyday traces are kept in part: see `app.own.traces`."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    started_at_ms: int
    duration_ms: float
    status: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnStory:
    """What trimtab tells about itself. `problem` says why some of it could not be told or stored."""

    numbers: tuple[OwnNumber, ...]
    log_lines: tuple[LogLine, ...]
    spans: tuple[OwnSpanRow, ...]
    problem: str | None


def own_story(own: Own, telemetry: TelemetryStore, now_ms: int) -> OwnStory:
    """Numbers by name, log lines and spans newest first."""
    parameters = {"service": SERVICE_NAME, "since": now_ms - SPANS_AGE_MS, "limit": SPANS_MAX}
    newest = Merge((("started_at_ms", "descending"),), SPANS_MAX)
    rows = telemetry.gather(_SPANS, parameters, newest).table.to_pylist()
    spans = tuple(OwnSpanRow(**{**row, "attributes": dict(row["attributes"])}) for row in rows)
    return OwnStory(_numbers(own.metrics.now()), _newest_lines(own, telemetry, now_ms), spans, own.problem)


def _newest_lines(own: Own, telemetry: TelemetryStore, now_ms: int) -> tuple[LogLine, ...]:
    """The newest lines of this process, and before them those that earlier ones stored; newest first."""
    lines = own.ring.newest(LINES_MAX)
    if len(lines) >= LINES_MAX:
        return lines
    before_ms = lines[-1].logged_at_ms if lines else now_ms + 1
    parameters = {"since": now_ms - LINES_AGE_MS, "before": before_ms, "limit": LINES_MAX - len(lines)}
    stored = telemetry.query(_LINES, parameters).to_pylist()
    return (*lines, *(LogLine(**{**row, "detail": dict(row["detail"])}) for row in stored))


def own_lines(telemetry: TelemetryStore, key: str, name: str, grid: Grid) -> tuple[Series, ...]:
    """A declared number over time, one line for each set of labels; a counter as its rate, the others as their mean.

    A sample stands for the time since the one before, also where steps are shorter. InputError where there is no such
    number.
    """
    metric = BY_NAME.get(name)
    if metric is None:
        known = ", ".join(sorted(BY_NAME))
        raise InputError(f"key: trimtab tells no number {name!r} of itself; there are {known}", field="key")
    parameters = {"name": name, "origin": grid.start_ms, "end": grid.end_ms, "step": grid.step_ms}
    found = telemetry.query(_SERIES, parameters)
    labels = found["labels"].to_pylist()
    places = np.asarray(found["place"].to_numpy(), np.int64)
    divisors = {Kind.GAUGE: "samples_", Kind.COUNTER: "span_", Kind.HISTOGRAM: "observations_"}
    divisor = np.asarray(found[divisors[metric.kind]].to_numpy(), np.float64)
    if metric.kind is Kind.COUNTER:
        divisor = divisor / 1000
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(divisor > 0, np.asarray(found["value_"].to_numpy(), np.float64) / divisor, np.nan)
    each_ms = np.asarray(found["span_"].to_numpy(), np.float64) / np.asarray(found["samples_"].to_numpy(), np.float64)
    widths = np.clip(np.ceil(each_ms / grid.step_ms), 1, WIDTH_MAX).astype(np.int64)
    lines: dict[str, list[float | None]] = {}
    for label, place, value, width in zip(labels, places.tolist(), values.tolist(), widths.tolist(), strict=True):
        line = lines.setdefault(label, [None] * grid.count)
        if not math.isnan(value):
            line[place] = value
            for before in range(max(0, place - width + 1), place):
                line[before] = value if line[before] is None else line[before]
    unit = f"{metric.unit}/s" if metric.kind is Kind.COUNTER else metric.unit
    if not lines:
        return (Series(key, name, unit, [None] * grid.count),)
    return tuple(
        Series(f"{key}{{{label}}}" if label else key, label or name, unit, lines[label])
        for label in sorted(lines)[:LINES_OF_SERIES_MAX]
    )


def _numbers(numbers: list[Number]) -> tuple[OwnNumber, ...]:
    """In the table's order; a histogram's sum and count become one."""
    by_name: dict[str, list[Number]] = {}
    for number in numbers:
        by_name.setdefault(number.name, []).append(number)
    found: list[OwnNumber] = []
    for metric in METRICS:
        facts = (metric.name, metric.kind.value, metric.unit, metric.help)
        if metric.kind is not Kind.HISTOGRAM:
            found += [OwnNumber(*facts, n.labels, float(n.value), None) for n in by_name.get(metric.name, ())]
            continue
        counts = {_key(n): n.value for n in by_name.get(f"{metric.name}_count", ())}
        for total in by_name.get(f"{metric.name}_sum", ()):
            count = counts.get(_key(total), 0.0)
            if count:
                found.append(OwnNumber(*facts, total.labels, total.value / count, int(count)))
    return tuple(found)


def _key(number: Number) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(number.labels.items()))
