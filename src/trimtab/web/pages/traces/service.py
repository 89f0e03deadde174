"""`/traces/services/{service}`: rate, errors and durations of a service and of each of its operations.

The numbers are the series that are counted as spans arrive, before any is left out by sampling; they are PromQL, as
anybody could ask it on the Explorer page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from trimtab.app.exploring.answers import Instant, Trouble
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.reading.ranges import Range
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.traces.colours import colours_of
from trimtab.web.series import NAMED
from trimtab.web.view import segment

CALLS = "traces_span_metrics_calls_total"
BUCKETS = "traces_span_metrics_duration_seconds_bucket"
ENTRY_KINDS = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
PATIENCE_S = 0.1
"""How long the page waits for its table; what takes longer comes by itself when the page is there."""
TABLE_PATIENCE_S = 18.0
"""How long the table may take then: a little less than what the page's script waits."""
OPERATIONS_MAX = 100
SORTS = ("rate", "errors", "p95", "name")
STEP_S_MIN = 60


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. None: nothing is known in this range."""

    name: str
    kind: str
    per_s: float
    errors_share: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its lines are queries."""

    id: str
    title: str
    unit: str
    keys: tuple[str, ...]
    note: str
    explore: str


def service(asked: Asked) -> Response:
    """The page, or the table of operations alone."""
    name = asked.path("service")
    operation, within = asked.query("operation"), asked.within
    explorer = Explorer(asked.service.querying, lambda: asked.service.upstream)
    is_alone = asked.fragment == "operations"
    found, trouble, is_late = _operations(explorer, name, within, TABLE_PATIENCE_S if is_alone else PATIENCE_S)
    sort = asked.query("sort") if asked.query("sort") in SORTS else SORTS[0]
    context = {
        "title": name,
        "charts": True,
        "name": name,
        "operation": operation,
        "operations": _sorted(found, sort)[:OPERATIONS_MAX],
        "count": len(found),
        "sort": sort,
        "wishes": charts(name, operation, within),
        "trouble": trouble,
        "is_late": is_late and not is_alone,
        "colour": colours_of([name])[name],
        "path": f"/traces/services/{segment(name)}",
        "window": window_text(within),
    }
    return asked.page(
        "trace_service.html",
        "traces",
        context,
        fragments=("operations",),
        path=f"/traces/services/{segment(name)}",
    )


def charts(service: str, operation: str, within: Range) -> Sequence[Chart]:
    """Rate, errors and durations, of one operation or of what comes in."""
    selector = f"service_name={quoted(service)}"
    chosen = f"{selector},span_name={quoted(operation)}" if operation else f"{selector},{ENTRY_KINDS}"
    window = window_text(within)
    calls = f"sum(rate({CALLS}{{{chosen}}}[{window}]))"
    failed = f'sum(rate({CALLS}{{{chosen},status_code="STATUS_CODE_ERROR"}}[{window}]))'
    share = f"({failed} or 0 * {calls}) / {calls}"
    quantiles = {
        name: f"1000 * histogram_quantile({level}, sum by (le) (rate({BUCKETS}{{{chosen}}}[{window}])))"
        for name, level in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99"))
    }
    told = "calls of this operation" if operation else "what came in: spans of servers and consumers"
    return (
        _chart("duration", "Duration", "ms", quantiles, f"p50, p95 and p99 of {told}"),
        _chart("rate", "Rate", "/s", {"calls": calls}, told),
        _chart("errors", "Errors", "share", {"failed": share}, "share of calls that failed"),
    )


def _chart(id_: str, title: str, unit: str, queries: Mapping[str, str], note: str) -> Chart:
    explore = "/explore?" + "&".join(f"q={quote(query, safe='')}" for query in queries.values())
    keys = tuple(f"{NAMED}{name}/{query}" for name, query in queries.items())
    return Chart(id_, title, unit, keys, note, explore)


def quoted(text: str) -> str:
    """A text in PromQL.

    >>> quoted('a"b')
    '"a\\\\"b"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def window_text(within: Range) -> str:
    """Over how long rates are taken: a fiftieth of the range, at least two minutes.

    >>> window_text(Range(0, 3_600_000)), window_text(Range(0, 86_400_000))
    ('2m', '29m')
    """
    return f"{max(2, round(within.length_s / 50 / 60))}m"


def _operations(explorer: Explorer, name: str, within: Range, patience_s: float) -> tuple[list[Operation], str, bool]:
    """The rows, what is wrong with them, and whether they were not ready in time."""
    selector = f"service_name={quoted(name)}"
    window = f"{max(STEP_S_MIN, round(within.length_s))}s"
    by = "sum by (span_name, span_kind)"
    queries = (
        f"{by} (rate({CALLS}{{{selector}}}[{window}]))",
        f'{by} (rate({CALLS}{{{selector},status_code="STATUS_CODE_ERROR"}}[{window}]))',
        f"1000 * histogram_quantile(0.95, sum by (span_name, span_kind, le) (rate({BUCKETS}{{{selector}}}[{window}])))",
    )
    answers = explorer.instants(queries, within.to_ms, patience_s)
    trouble = next((one.message for one in answers if isinstance(one, Trouble)), "")
    is_late = any(one is None for one in answers)
    if is_late:
        trouble = f"no answer within {patience_s:g} s: take a shorter range"
    calls, errors, p95 = (_by_operation(one) for one in answers)
    found = [
        Operation(
            span,
            kind.removeprefix("SPAN_KIND_").lower(),
            per_s,
            errors.get((span, kind), 0.0) / per_s if per_s > 0 else None,
            p95.get((span, kind)),
        )
        for (span, kind), per_s in calls.items()
        if per_s > 0
    ]
    return found, trouble, is_late


def _by_operation(answer: Instant | Trouble | None) -> Mapping[tuple[str, str], float]:
    if not isinstance(answer, Instant):
        return {}
    found: dict[tuple[str, str], float] = {}
    for row in answer.rows:
        labels = dict(row.labels)
        if row.value is not None and math.isfinite(row.value):
            found[labels.get("span_name", ""), labels.get("span_kind", "")] = row.value
    return found


def _sorted(found: Sequence[Operation], sort: str) -> list[Operation]:
    if sort == "name":
        return sorted(found, key=lambda one: (one.name, one.kind))
    return sorted(found, key=lambda one: (-_value(one, sort), one.name))


def _value(one: Operation, sort: str) -> float:
    if sort == "rate":
        return one.per_s
    return (one.errors_share if sort == "errors" else one.p95_ms) or 0.0
