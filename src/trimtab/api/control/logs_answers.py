"""What the API says of logs: written down for the OpenAPI document, never built. See `store.logs.answers`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Attributes = dict[str, Any]
"""Values as they were sent; bytes are base64."""
Level = Literal["unknown", "trace", "debug", "info", "warn", "error", "fatal"]


class RecordAnswer(msgspec.Struct):
    """A log record whole. `id` finds it again and is a cursor; `body_text` is the body as a line."""

    id: str
    at_ns: int
    observed_at_ns: int
    level: Level
    severity_number: int
    severity_text: str
    service_name: str
    body: Any
    body_text: str
    attributes: Attributes
    resource: Attributes
    scope_name: str
    scope_version: str
    scope_attributes: Attributes
    trace_id: str
    span_id: str
    event_name: str
    flags: int
    dropped_attributes_count: int
    pattern_id: str
    source: str


class PageAnswer(msgspec.Struct):
    """Records in the order asked for. `next_cursor` is null at the end; `missing`: shards that did not answer, why.
    `looked_to_ms` is null, or: `effort_ms` was over when it had looked up to there (with the newest first: back to
    there); `next_cursor` goes on."""

    records: list[RecordAnswer]
    next_cursor: str | None
    missing: list[str]
    looked_to_ms: int | None


class ContextAnswer(msgspec.Struct):
    """A record (null: it is not kept any more), and what was logged before and after it, oldest first."""

    record: RecordAnswer | None
    before: list[RecordAnswer]
    after: list[RecordAnswer]
    missing: list[str]


class PatternAnswer(msgspec.Struct):
    """Similar lines. `query` finds them; `counts` are of equal parts of the range."""

    id: str
    template: str
    count: int
    first_ns: int
    last_ns: int
    by_level: dict[Level, int]
    services: list[str]
    example: RecordAnswer | None
    query: str
    counts: list[int]


class PatternsAnswer(msgspec.Struct):
    """The most frequent first; `lines_count` of `total_count` lines were grouped. `looked_from_ms` is null, or:
    `effort_ms` was over when it had looked back to there."""

    patterns: list[PatternAnswer]
    lines_count: int
    total_count: int
    missing: list[str]
    looked_from_ms: int | None
