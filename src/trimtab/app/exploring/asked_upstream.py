"""The same questions to another Prometheus-compatible server: its JSON, as the Explorer page wants it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from trimtab.app.exploring.answers import SAMPLES_SHOWN, Histogram, Instant, Line, Ranged, Row
from trimtab.app.exploring.choosing import highest
from trimtab.app.upstream import Upstream
from trimtab.model.errors import InputError, ServerUnreachable
from trimtab.store.grid import Grid
from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.errors import QueryError

Json = Any
T = TypeVar("T")
_PLACE = re.compile(r"(?:^|: )(\d+):(\d+): (.*)$", re.DOTALL)
_ENDS: Sequence[tuple[str, str]] = (("(", "]"), ("[", ")"), ("(", ")"), ("[", "]"))
"""Which bounds of a bucket belong to it, by the numbers of the API."""


class UpstreamMetrics:
    """Asks an `Upstream`; runs on the caller's thread."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def instant(self, query: str, at_ms: int, timeout_s: float, _cancelled: Callable[[], bool]) -> Instant:
        """One moment."""
        wanted = {"query": query, "time": _seconds(at_ms), "timeout": f"{timeout_s:g}s"}
        return self._read(instant_of, self._ask("query", wanted, timeout_s, query))

    def ranged(self, query: str, grid: Grid, timeout_s: float, _cancelled: Callable[[], bool]) -> Ranged:
        """Every step of a grid."""
        wanted = {
            "query": query,
            "start": _seconds(grid.start_ms),
            "end": _seconds(grid.end_ms - grid.step_ms),
            "step": _seconds(grid.step_ms),
            "timeout": f"{timeout_s:g}s",
        }
        told = self._ask("query_range", wanted, timeout_s, query)
        return self._read(lambda answer: ranged_of(answer, grid), told)

    def metric_names(self, limit: int) -> Sequence[str]:
        """Names of metrics, sorted."""
        data = self._ask(f"label/{METRIC_NAME}/values", {"limit": str(limit)}, 10.0, "", method="GET")["data"]
        return [str(name) for name in data or ()][:limit]

    def unit_of(self, metric: str) -> str:
        """The unit of a metric as its sender tells it, or ''."""
        data = self._ask("metadata", {"metric": metric, "limit": "1"}, 1.0, "", method="GET")["data"]
        return next((str(one.get("unit", "")) for one in (data or {}).get(metric, ())), "")

    def _ask(self, what: str, wanted: Mapping[str, str], timeout_s: float, query: str, method: str = "POST") -> Json:
        status, body = self._upstream.ask_now(method, f"/api/v1/{what}", wanted, timeout_s)
        try:
            told = msgspec.json.decode(body)
            if told["status"] == "success":
                return told
            message = str(told["error"])
        except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
            raise self._odd(f" ({status})") from None
        raise trouble_of(message, query)

    def _read(self, read: Callable[[Json], T], told: Json) -> T:
        try:
            return read(told)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise self._odd() from None

    def _odd(self, more: str = "") -> ServerUnreachable:
        return ServerUnreachable(
            f"the metrics server {self._upstream.url} answered{more} with something that is no Prometheus' JSON"
        )


def trouble_of(message: str, query: str) -> InputError:
    """The error of a server, with the place in the query where it names one.

    >>> trouble_of('invalid parameter "query": 2:3: parse error: no', "sum(\\n  x(y))").facts
    {'offset': 7, 'line': 2, 'column': 3}
    """
    found = _PLACE.search(message)
    if found is None:
        return InputError(message)
    line, column = int(found[1]), int(found[2])
    lines = query.split("\n")
    if not 1 <= line <= len(lines):
        return InputError(message)
    inside = len(lines[line - 1].encode()[: column - 1].decode(errors="ignore"))
    offset = sum(len(one) + 1 for one in lines[: line - 1]) + inside
    return QueryError(f"{line}:{column}: {found[3]}", offset=offset, line=line, column=column)


def ranged_of(told: Json, grid: Grid) -> Ranged:
    """The lines of an answer, each value at its step."""
    series = told["data"]["result"] or []
    values = np.full((len(series), grid.count), np.nan)
    filled = np.zeros(len(series), bool)
    for number, one in enumerate(series):
        for at_s, text in one.get("values", ()):
            step = round((float(at_s) * 1000 - grid.start_ms) / grid.step_ms)
            if 0 <= step < grid.count:
                values[number, step] = float(text)
                filled[number] = True
    values[~np.isfinite(values)] = np.nan
    places = np.flatnonzero(filled)
    drawn = [Line(_labels(series[number]["metric"]), values[number]) for number in places[highest(values[places])]]
    histograms = sum(1 for one in series if one.get("histograms"))
    return Ranged(drawn, len(places), histograms, _texts(told, "warnings"), _texts(told, "infos"))


def instant_of(told: Json) -> Instant:
    """The rows of an answer."""
    kind, result = str(told["data"]["resultType"]), told["data"]["result"] or []
    if kind == "string":
        return _instant(kind, [Row((), text=str(result[1]))], told)
    if kind == "scalar":
        return _instant(kind, [Row((), float(result[1]), str(result[1]))], told)
    rows = []
    for one in result:
        labels = _labels(one["metric"])
        if "value" in one:
            rows.append(Row(labels, float(one["value"][1]), str(one["value"][1])))
        elif "histogram" in one:
            rows.append(Row(labels, histogram=_histogram(one["histogram"][1])))
        else:
            rows.append(_samples(labels, one))
    return _instant(kind, rows, told)


def _samples(labels: Labels, one: Json) -> Row:
    samples = [(round(float(at_s) * 1000), str(text)) for at_s, text in one.get("values", ())]
    for at_s, cell in one.get("histograms", ()):
        samples.append((round(float(at_s) * 1000), f"count {cell['count']}, sum {cell['sum']}"))
    samples.sort(reverse=True)
    return Row(labels, samples=samples[:SAMPLES_SHOWN], samples_count=len(samples))


def _histogram(cell: Json) -> Histogram:
    buckets = []
    for ends, low, high, count in cell.get("buckets", ()):
        left, right = _ENDS[int(ends) % len(_ENDS)]
        buckets.append(f"{left}{low}, {high}{right}: {count}")
    return Histogram(str(cell["count"]), str(cell["sum"]), buckets)


def _labels(metric: Mapping[str, str]) -> Labels:
    return tuple(sorted((str(name), str(value)) for name, value in metric.items()))


def _instant(kind: str, rows: Sequence[Row], told: Json) -> Instant:
    return Instant(kind, rows, kind == "vector", _texts(told, "warnings"), _texts(told, "infos"))


def _texts(told: Json, name: str) -> tuple[str, ...]:
    return tuple(map(str, told.get(name, ())))


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"
