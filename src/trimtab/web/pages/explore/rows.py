"""The table of one query: rows in the order that was asked for, values with their unit, no more than can be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.app.exploring.answers import QUERY_CHARS_MAX, ROWS_MAX, Histogram, Instant, Row
from trimtab.app.exploring.names import parts_of, series_text
from trimtab.store.traces.answers import SPAN_KINDS
from trimtab.web.units import value_text


@dataclass(frozen=True, slots=True)
class RowView:
    """One line. `name` and `pairs` are the series; `value` is with its unit, `raw` as Prometheus writes it."""

    name: str
    pairs: Sequence[tuple[str, str]]
    value: str
    raw: str
    histogram: Histogram | None
    samples: Sequence[tuple[int, str]]
    samples_count: int
    service: str = ""
    """Whose logs and traces belong to it, where its labels say so."""
    job: str = ""
    """Whose they are if a service is called so: metrics of OpenTelemetry have the name of their service as `job`."""
    traces: Mapping[str, str] = field(default_factory=dict)
    """Which of its traces, as far as its labels say: parameters of the page of traces."""
    selector: str = ""
    """The query of this series alone, where it has a name."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is shown, of `count` rows that there are."""

    kind: str
    rows: Sequence[RowView]
    count: int
    text: str = ""
    """Of a string."""


def table_of(answer: Instant, unit: str, sort: str, *, descending: bool) -> Table:
    """The table of an answer."""
    if answer.kind == "string":
        return Table("string", (), 0, answer.rows[0].text if answer.rows else "")
    shown = _ordered(answer, sort, descending)[:ROWS_MAX]
    return Table(answer.kind, [_view(row, unit) for row in shown], len(answer.rows))


def _ordered(answer: Instant, sort: str, descending: bool) -> list[Row]:
    if sort == "value":
        return sorted(answer.rows, key=lambda row: _rank(row, descending))
    if sort == "name" or not answer.is_ordered:
        return sorted(answer.rows, key=lambda row: series_text(row.labels), reverse=descending and sort == "name")
    return list(answer.rows)


def _rank(row: Row, descending: bool) -> tuple[bool, float]:
    """Numbers by their size; what is none stands at the end, whichever way."""
    if row.value is None or math.isnan(row.value):
        return True, 0.0
    return False, -row.value if descending else row.value


def _view(row: Row, unit: str) -> RowView:
    name, pairs = parts_of(row.labels)
    value = value_text(row.value, unit) if row.value is not None else ""
    labels = dict(row.labels)
    service = labels.get("service_name") or labels.get("service") or ""
    job = labels.get("job", "").rpartition("/")[2]
    selector = series_text(row.labels) if name else ""
    return RowView(
        name,
        pairs,
        value,
        row.text,
        row.histogram,
        row.samples,
        row.samples_count,
        service,
        job,
        traces_of(labels),
        selector if len(selector) <= QUERY_CHARS_MAX else "",
    )


def traces_of(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Which traces of its service a series counts.

    >>> traces_of({"service_name": "shop", "span_name": "GET /", "span_kind": "SPAN_KIND_SERVER"})
    {'operation': 'GET /', 'kind': 'server'}
    """
    kind = labels.get("span_kind", "").removeprefix("SPAN_KIND_").lower()
    told = {
        "operation": labels.get("span_name") or labels.get("operation") or "",
        "kind": kind if kind in SPAN_KINDS else "",
        "status": "error" if labels.get("status_code") == "STATUS_CODE_ERROR" else "",
    }
    return {name: value for name, value in told.items() if value}
