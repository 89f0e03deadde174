"""Where a trace leads on: its logs, its statement's page, others like it. Each keeps the moment it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from trimtab.store.traces.answers import StoredSpan, TraceSummary, Value
from trimtab.store.traces.typed_json import text_of
from trimtab.web.view import View, segment

AROUND_MS = 300_000
"""Logs are looked for so long before and after a trace: clocks differ, and records are written late."""


def trace_path(trace_id: str, at_ms: int | None, span_id: str = "") -> str:
    """The path of a trace's page, without what a view keeps.

    >>> trace_path("ab", 5, "cd")
    '/traces/ab?at=5&span=cd'
    """
    told = {"at": str(at_ms) if at_ms is not None else "", "span": span_id}
    pairs = urlencode({name: value for name, value in told.items() if value})
    return f"/traces/{segment(trace_id)}" + (f"?{pairs}" if pairs else "")


def trace_links(view: View, traces: Iterable[TraceSummary]) -> list[str]:
    """The address of each trace's page, with what the view keeps: of hundreds, so what is the same is made once."""
    kept = view.link("").removeprefix("?")
    found = []
    for one in traces:
        at = f"at={at_ms_of(one)}" + (f"&source={quote(one.source, safe='')}" if one.source else "")
        found.append(
            f"/traces/{segment(one.trace_id)}?{kept}&{at}" if kept else f"/traces/{segment(one.trace_id)}?{at}"
        )
    return found


def at_ms_of(trace: TraceSummary) -> int:
    """The moment by which a trace is found quickly."""
    return trace.started_at_ns // 1_000_000


def logs_path(trace_id: str, from_ns: int, to_ns: int, span_id: str = "") -> str:
    """Log records of a trace, or of one span of it, at its time.

    >>> logs_path("ab", 10**15, 2 * 10**15)
    '/logs?trace_id=ab&from=999700000&to=2000300000'
    """
    told = {
        "trace_id": trace_id,
        "span_id": span_id,
        "from": str(from_ns // 1_000_000 - AROUND_MS),
        "to": str(to_ns // 1_000_000 + AROUND_MS),
    }
    return f"/logs?{urlencode({name: value for name, value in told.items() if value}, quote_via=quote)}"


def type_of(value: Value) -> str:
    """The type of an attribute, as OTLP calls it; '' for a text, which most are."""
    names: Mapping[type, str] = {bool: "bool", int: "int", float: "double", bytes: "bytes", tuple: "array", dict: "map"}
    return "" if isinstance(value, str) else names.get(type(value), "none")


def rows_of(attributes: Mapping[str, Value]) -> list[tuple[str, str, str]]:
    """(key, text, type), sorted by key.

    >>> rows_of({"b": 2, "a": "x"})
    [('a', 'x', ''), ('b', '2', 'int')]
    """
    return [(key, text_of(attributes[key]), type_of(attributes[key])) for key in sorted(attributes)]


def is_searchable(text: str) -> bool:
    """Whether a value can stand in an address."""
    return 0 < len(text) <= 500 and text.isprintable()


def more_attributes(span: StoredSpan) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """What belongs to a span beside its own attributes."""
    found = [("Resource", rows_of(span.resource_attributes))]
    scope: dict[str, Value] = {**span.scope.attributes}
    if span.scope.name:
        scope = {"name": span.scope.name, "version": span.scope.version, **scope}
    found.append(("Instrumentation", rows_of({key: value for key, value in scope.items() if value != ""})))
    return [(title, rows) for title, rows in found if rows]
