"""Rows of the table `spans` as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.store.traces.answers import Scope, SpanEvent, SpanLink, StoredSpan, Value
from trimtab.store.traces.typed_json import plain_of, value_of, values_of

COLUMNS = (
    "trace_id, span_id, parent_span_id, toString(service_name) AS service, toString(name) AS span_name,"
    " toString(kind) AS span_kind, started_at_ns, duration_ms, toString(status) AS how,"
    " toString(status_message) AS message, toString(trace_state) AS state, flags, attributes,"
    " toString(attribute_kinds) AS kinds, resource_attributes, toString(resource) AS resource_json,"
    " toString(scope) AS scope_json, events, links, dropped_attributes_count, dropped_events_count,"
    " dropped_links_count, toString(db_query_text) AS statement, toString(db_query_fingerprint) AS fingerprint,"
    " sample_weight"
)
"""What `span_of` reads, as SQL."""


def span_of(row: Mapping[str, Any]) -> StoredSpan:
    """One row as a span."""
    return StoredSpan(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_span_id=row["parent_span_id"],
        service_name=row["service"],
        name=row["span_name"],
        kind=row["span_kind"],
        started_at_ns=row["started_at_ns"],
        duration_ms=row["duration_ms"],
        status=row["how"],
        status_message=row["message"],
        trace_state=row["state"],
        flags=row["flags"],
        attributes=_attributes(row["attributes"], row["kinds"]),
        resource_attributes=dict(values_of(row["resource_json"]) or row["resource_attributes"]),
        scope=_scope(row["scope_json"]),
        events=_events(row["events"]),
        links=_links(row["links"]),
        dropped_attributes_count=row["dropped_attributes_count"],
        dropped_events_count=row["dropped_events_count"],
        dropped_links_count=row["dropped_links_count"],
        db_query_text=row["statement"],
        db_query_fingerprint=row["fingerprint"],
        sample_weight=row["sample_weight"],
    )


def _attributes(pairs: list[tuple[str, str]], kinds: str) -> dict[str, Value]:
    if not kinds:
        return dict(pairs)
    return {key: value_of(kind, text) for (key, text), kind in zip(pairs, kinds, strict=False)}


def _scope(text: str) -> Scope:
    told = values_of(text)
    return Scope(_text(told.get("name")), _text(told.get("version")), _pairs(told.get("attributes")))


def _events(text: str) -> tuple[SpanEvent, ...]:
    return tuple(
        SpanEvent(
            _number(one.get("at_ns")),
            _text(one.get("name")),
            _pairs(one.get("attributes")),
            _number(one.get("dropped_attributes_count")),
        )
        for one in _items(text)
    )


def _links(text: str) -> tuple[SpanLink, ...]:
    return tuple(
        SpanLink(
            _text(one.get("trace_id")),
            _text(one.get("span_id")),
            _text(one.get("trace_state")),
            _pairs(one.get("attributes")),
            _number(one.get("dropped_attributes_count")),
            _number(one.get("flags")),
        )
        for one in _items(text)
    )


def _items(text: str) -> list[dict[str, Value]]:
    found = plain_of(text) if text else ()
    return [item for item in found if isinstance(item, dict)] if isinstance(found, tuple) else []


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _pairs(value: Value) -> dict[str, Value]:
    return dict(value) if isinstance(value, dict) else {}
