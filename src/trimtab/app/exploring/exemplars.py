"""Single measurements that lead from a chart to a trace: of the series that a query reads, the highest of each part of
the range."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.app.querying import Querying
from trimtab.store.promql.syntax import Binary, Call, Node, Number, Selector

if TYPE_CHECKING:
    from trimtab.store.metrics.contract import Exemplar

DOTS_MAX = 40
"""Of one query: more would hide the line."""
_TRACE_LABELS = ("trace_id", "traceID", "traceId", "TraceID", "trace.id")
_SPAN_LABELS = ("span_id", "spanID", "spanId", "SpanID", "span.id")
_TRACE = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")
_QUANTILE = "histogram_quantile"


@dataclass(frozen=True, slots=True)
class Dot:
    """`value` is in the unit of the chart; None where the chart shows something else than what was measured."""

    at_ms: int
    value: float | None
    measured: float
    trace_id: str
    span_id: str = ""


def dots_of(querying: Querying, query: str, from_ms: int, to_ms: int, count_max: int = DOTS_MAX) -> Sequence[Dot]:
    """What a chart of a query shows beside its lines. QueryError where it cannot be read."""
    tree = querying.parse(query)
    wanted = [list(one) for selector in selectors_of(tree) for one in selector.alternatives]
    if not wanted or from_ms >= to_ms:
        return ()
    factor = factor_of(tree)
    found = [one for series in querying.store.exemplars(wanted, from_ms, to_ms) for one in series.exemplars]
    return [
        Dot(one.at_ms, None if factor is None else one.value * factor, one.value, trace_id, _label(one, _SPAN_LABELS))
        for one in highest(found, from_ms, to_ms, count_max)
        if (trace_id := _label(one, _TRACE_LABELS)) and _TRACE.fullmatch(trace_id)
    ]


def highest(found: Iterable[Exemplar], from_ms: int, to_ms: int, count_max: int) -> list[Exemplar]:
    """The highest of each of `count_max` equal parts of the range, in order of time.

    >>> from trimtab.store.metrics.contract import Exemplar
    >>> some = [Exemplar(0, (), value, at_ms) for at_ms, value in ((1, 5.0), (3, 9.0), (60, 2.0))]
    >>> [(one.at_ms, one.value) for one in highest(some, 0, 100, 2)]
    [(3, 9.0), (60, 2.0)]
    """
    best: dict[int, Exemplar] = {}
    for one in found:
        part = (one.at_ms - from_ms) * count_max // max(to_ms - from_ms, 1)
        if part not in best or one.value > best[part].value:
            best[part] = one
    return [best[part] for part in sorted(best)]


def selectors_of(tree: Node) -> Sequence[Selector]:
    """All that a query reads.

    >>> from trimtab.store.promql.parse import parse
    >>> len(selectors_of(parse("rate(a[5m]) / b")))
    2
    """
    found: list[Selector] = []
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Selector):
            found.append(one)
        waiting.extend(one.children())
    return found


def factor_of(tree: Node) -> float | None:
    """By what a measurement is multiplied in a chart of quantiles; None for any other chart.

    >>> from trimtab.store.promql.parse import parse
    >>> [factor_of(parse(text)) for text in ("1000 * histogram_quantile(0.9, a_bucket)", "rate(a_bucket[5m])")]
    [1000.0, None]
    """
    match tree:
        case Call(name=name) if name == _QUANTILE:
            return 1.0
        case Binary(operator="*", left=Number(value=number), right=Call(name=name)) if name == _QUANTILE:
            return number
        case Binary(operator="*", left=Call(name=name), right=Number(value=number)) if name == _QUANTILE:
            return number
        case Binary(operator="/", left=Call(name=name), right=Number(value=number)) if name == _QUANTILE and number:
            return 1 / number
        case _:
            return None


def _label(one: Exemplar, names: Sequence[str]) -> str:
    told = dict(one.labels)
    return next((told[name] for name in names if told.get(name)), "")
