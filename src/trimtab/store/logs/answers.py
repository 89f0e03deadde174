"""What is asked of logs, and what is answered. Plain data: pages, API, command line and importers meet here.

Times are Unix milliseconds in `*_ms` (ranges are `[from_ms, to_ms)`) and nanoseconds in `*_ns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | float | bool | bytes | None | tuple["Value", ...] | Mapping[str, "Value"]
"""A value as it was sent; of what is nested, bytes are base64 text."""

Attributes = Mapping[str, Value]
Order = Literal["newest", "oldest"]

LEVELS = ("unknown", "trace", "debug", "info", "warn", "error", "fatal")
"""From the least to the most severe; `unknown` is what says no severity that we know."""

LIMIT_MAX = 5000
"""Records of one page."""


def level_of(severity_number: int) -> str:
    """The level of OTLP's severity number (1 to 24).

    >>> level_of(17), level_of(0)
    ('error', 'unknown')
    """
    return LEVELS[(severity_number + 3) // 4] if 1 <= severity_number <= 24 else LEVELS[0]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What to look for. `text` is in the language of docs/reference/log-search.md; all other fields are AND'd to it.

    `attributes` are compared as text with a record's attributes and, where it has none of that name, with those of its
    resource. `severity_min` is one of LEVELS. `cursor` is `LogPage.next_cursor`, or any record's id: the page goes on
    behind it, in the same order.
    """

    from_ms: int
    to_ms: int
    text: str = ""
    service: str | None = None
    severity_min: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    limit: int = 100
    order: Order = "newest"
    cursor: str | None = None
    effort_ms: float | None = None
    """So long may be looked where lines have to be compared; None: to the end of the range."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log record to write that did not come as OTLP: an importer makes them, `LogStore.append_rows` keeps them.

    `at_ns` 0: the time at which it was observed; `observed_at_ns` 0, too: now. Ids are lower-case hex or ''. Values may
    be nested. `resource` says who speaks (`service.name`, `host.name`, ...): records of the same one share it.
    """

    body: Value
    at_ns: int = 0
    observed_at_ns: int = 0
    severity_number: int = 0
    severity_text: str = ""
    attributes: Attributes = field(default_factory=dict)
    resource: Attributes = field(default_factory=dict)
    scope_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class LogsWritten:
    """Acknowledged: `stored_count` records are on disk. `refused` says how many were left out, by reason; for rows,
    `refused_rows` says which, by their places: too_old, too_new, or full (those behind the last one that had room)."""

    stored_count: int
    refused: Mapping[str, int] = field(default_factory=dict)
    refused_rows: Mapping[int, str] = field(default_factory=dict)

    @property
    def refused_count(self) -> int:
        """All that were left out."""
        return sum(self.refused.values())

    @property
    def text(self) -> str:
        """What a sender is told; '' where nothing was left out.

        >>> LogsWritten(3, {"too_old": 2}).text
        '2 of 5 log records were left out: 2 too_old'
        """
        if not self.refused_count:
            return ""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.refused.items() if count)
        sent_count = self.stored_count + self.refused_count
        return f"{self.refused_count} of {sent_count} log records were left out: {reasons}"


@dataclass(frozen=True, slots=True)
class LogCounts:
    """What came in since the process began: records that were stored, those that were not by reason, and bodies of
    which nothing was."""

    stored_count: int
    refused: Mapping[str, int]
    refused_bodies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One stored record, all of it. `id` finds it again (`around`) and is a cursor.

    `level` is one of LEVELS: by the number, else by the text that was sent. `body_text` is the body as a line; `body`
    is it as it was sent. `pattern_id` groups it with similar lines ('' where there is no text). `source` is the store
    that has it, '' the own one.
    """

    id: str
    at_ns: int
    observed_at_ns: int
    level: str
    severity_number: int
    severity_text: str
    service_name: str
    body: Value
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
    source: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Records in the order asked for. `next_cursor` is None at the end. `missing`: shards that did not answer, why.

    `looked_to_ms` is None, or: the time for the search was over before the page was full, when it had looked up to
    there (with the newest first: back to there). `next_cursor` goes on from there.
    """

    records: tuple[LogRecord, ...]
    next_cursor: str | None
    missing: tuple[str, ...] = ()
    looked_to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LogContext:
    """Records of one service around one of them, oldest first; `record` is None where it is not kept any more."""

    record: LogRecord | None
    before: tuple[LogRecord, ...]
    after: tuple[LogRecord, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Counts by level: `counts[level][i]` is of `[starts_ms[i], starts_ms[i] + step_ms)`; levels without any are left
    out. The first and the last one count only what lies in the range that was asked for; `looked_from_ms` is None, or:
    the time for the search was over when it had counted back to there."""

    starts_ms: tuple[int, ...]
    step_ms: int
    counts: Mapping[str, tuple[int, ...]]
    total_count: int
    missing: tuple[str, ...] = ()
    looked_from_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Similar lines. In `template`, `<*>` stands for what differs. `query` finds them (in the language of `LogQuery`).

    `counts[i]` is of the i-th of equal parts of the range, for a spark line.
    """

    id: str
    template: str
    count: int
    first_ns: int
    last_ns: int
    by_level: Mapping[str, int]
    services: tuple[str, ...]
    example: LogRecord | None
    query: str
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPatterns:
    """Most frequent first. `lines_count` of `total_count` lines were grouped. `looked_from_ms` is None, or: the time
    was over when it had looked back to there."""

    patterns: tuple[LogPattern, ...]
    lines_count: int
    total_count: int
    missing: tuple[str, ...] = ()
    looked_from_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LogField:
    """An attribute that records have. `place` is attribute or resource; `share` of the records looked at have it."""

    name: str
    place: Literal["attribute", "resource"]
    share: float
    values_count: int
    top_values: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class LogFields:
    """Most frequent first, found in the newest `records_count` records of the search. `looked_from_ms` is None, or: the
    time was over before there were as many as usual, when it had looked back to there."""

    fields: tuple[LogField, ...]
    records_count: int
    missing: tuple[str, ...] = ()
    looked_from_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CountedValues:
    """Values (of an attribute, a field) with how many records have them, most frequent first."""

    values: tuple[tuple[str, int], ...]
    missing: tuple[str, ...] = ()
