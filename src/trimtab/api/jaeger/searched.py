"""What a search looks for: the fields of both APIs, and how attributes of Jaeger become ours.

In Jaeger a span's kind, its error and its status are tags among the others; people search for `error=true`. Here they
are fields of the span, so these tags ask for the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.api.jaeger.limits import (
    AHEAD_MS,
    ATTRIBUTES_MAX,
    RANGE_MS_MAX,
    TEXT_CHARS_MAX,
    TRACES_DEFAULT,
    TRACES_MAX,
)
from trimtab.api.jaeger.words import Malformed
from trimtab.store.traces.answers import SPAN_KINDS, TraceQuery


@dataclass(frozen=True, slots=True)
class Searched:
    """A search as it was asked for. The range is Unix microseconds, both ends included."""

    start_us: int
    end_us: int
    service: str = ""
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    duration_min_ms: float | None = None
    duration_max_ms: float | None = None
    limit: int = TRACES_DEFAULT

    def query(self, now_ms: int) -> TraceQuery:
        """As the store is asked; Malformed where there is too much of something.

        Nothing is later than a little after now: whoever asks for all time is asked no less.
        """
        kind, status, attributes = fields_of(self.tags)
        for name, text in (("service", self.service), ("operation", self.operation)):
            _check_length(name, text)
        if not 1 <= self.limit <= TRACES_MAX:
            raise Malformed(
                f"a search may ask for 1 to {TRACES_MAX} traces, found {self.limit}",
                limit=TRACES_MAX,
                observed=self.limit,
            )
        to_ms = min(self.end_us // 1000, now_ms + AHEAD_MS) + 1
        from_ms = max(self.start_us // 1000, to_ms - RANGE_MS_MAX)
        return TraceQuery(
            from_ms=from_ms,
            to_ms=max(to_ms, from_ms + 1),
            service=self.service,
            operation=self.operation,
            kind=kind,
            status=status,
            attributes=attributes,
            attributes_anywhere=True,
            duration_min_ms=self.duration_min_ms or None,
            duration_max_ms=self.duration_max_ms or None,
            limit=self.limit,
        )


def fields_of(tags: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Kind, status and the attributes that are left.

    >>> fields_of({"error": "true", "span.kind": "client", "http.method": "GET"})
    ('client', 'error', {'http.method': 'GET'})
    """
    if len(tags) > ATTRIBUTES_MAX:
        raise Malformed(
            f"a search may have {ATTRIBUTES_MAX} tags, found {len(tags)}", limit=ATTRIBUTES_MAX, observed=len(tags)
        )
    kind, status, attributes = "", "", {}
    for key, value in tags.items():
        _check_length("tag", key)
        _check_length(key, value)
        if key == "error" and value == "true":
            status = "error"
        elif key == "otel.status_code" and value.lower() in ("ok", "error"):
            status = value.lower()
        elif key == "span.kind" and value in SPAN_KINDS:
            kind = value
        else:
            attributes[key] = value
    return kind, status, attributes


def _check_length(name: str, text: str) -> None:
    if len(text) > TEXT_CHARS_MAX:
        raise Malformed(
            f"{name[:50]} may have {TEXT_CHARS_MAX} characters, found {len(text)}",
            limit=TEXT_CHARS_MAX,
            observed=len(text),
        )
