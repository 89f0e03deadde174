"""Stores of logs and traces that somebody has already: what trimtab asks of them, and what they answer.

A source comes in by entry point (`trimtab.sources`, by the word in front of its URL) as a callable that takes an
`Address`. Times are Unix milliseconds in `*_ms` (ranges are `[from_ms, to_ms)`) and nanoseconds in `*_ns`. Every method
waits, may be called from any thread, and may raise `SourceError` (a StoreError) or InputError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trimtab.model.errors import StoreError

SOURCES = "trimtab.sources"
"""The group of entry points."""

Value = str | int | float | bool | bytes | None | tuple["Value", ...] | Mapping[str, "Value"]


class SourceError(StoreError):
    """A source did not answer, or not as its protocol says; `facts["source"]` is its name."""


class SourceRefused(StoreError):
    """A source will never take what was sent, however often it is tried; `facts["source"]` is its name."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is. `path` is what stands behind the host: for logs the indexes. `authorization` gives the value
    of the header, read anew each time ('': none); nothing else holds a secret."""

    name: str
    url: str
    path: str
    timeout_s: float
    ca_file: str = ""
    """Authorities (PEM) to believe for https://, beside the usual ones; '' for those alone."""
    authorization: Callable[[], str] = lambda: ""


# --- what to look for in logs


@dataclass(frozen=True, slots=True)
class Words:
    """Words that stand so in the line, whatever the case; `is_open_*`: the first or the last may go on there."""

    text: str
    is_open_left: bool = False
    is_open_right: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression."""

    text: str
    ignores_case: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A comparison (`=`, `!=`, `<`, `<=`, `>`, `>=`) with an attribute, or with one of `OWN_FIELDS`."""

    name: str
    operator: str
    value: Words | Pattern


@dataclass(frozen=True, slots=True)
class Not:
    """What is not so."""

    item: Node


@dataclass(frozen=True, slots=True)
class All:
    """All of them; of none, everything is found."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them at least."""

    items: tuple[Node, ...]


Node = Words | Pattern | Field | Not | All | AnyOf

OWN_FIELDS = ("service", "level", "severity_text", "trace_id", "span_id", "event", "body", "pattern")
"""Names that mean a place of a record, not an attribute. `level` is compared by its order."""


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """A page of records. `cursor` is what the page before ended with."""

    from_ms: int
    to_ms: int
    where: Node
    limit: int
    order: Literal["newest", "oldest"] = "newest"
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A record as the source has it. `attributes` have names with dots; `id` is the source's own."""

    id: str
    at_ns: int
    body: str
    severity_text: str = ""
    service_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """Records in the order asked for; `next_cursor` is '' at the end. `missing`: what did not answer, and why."""

    records: tuple[FoundLog, ...]
    next_cursor: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of records that were written: `refused` says why, each reason with a count."""

    taken_count: int
    refused: Mapping[str, int] = field(default_factory=dict)


class LogSource(Protocol):
    """A store of logs."""

    def search(self, question: LogQuestion) -> FoundLogs:
        """A page of records."""
        ...

    def write(self, records: Sequence[FoundLog]) -> Sent:
        """Write records; one whose `id` is there already is not written again. Asked where it is configured alone."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...


# --- traces


@dataclass(frozen=True, slots=True)
class TraceQuestion:
    """Traces that have a span as described; '' and None: whatever it is."""

    from_ms: int
    to_ms: int
    service: str = ""
    operation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    duration_min_ms: float | None = None
    duration_max_ms: float | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """Something that happened in a span."""

    at_ns: int
    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundLink:
    """Another span that a span says it belongs to."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """A span whole. `kind` and `status` are OTLP's numbers; ids are lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: int
    started_at_ns: int
    ended_at_ns: int
    status: int = 0
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    attributes: Mapping[str, Value] = field(default_factory=dict)
    resource: Mapping[str, Value] = field(default_factory=dict)
    scope_name: str = ""
    scope_version: str = ""
    events: tuple[FoundEvent, ...] = ()
    links: tuple[FoundLink, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """Something that a service does; `kind` is a word such as `server`."""

    name: str
    kind: str


class TraceSource(Protocol):
    """A store of traces."""

    def search(self, question: TraceQuestion) -> tuple[tuple[FoundSpan, ...], ...]:
        """Traces, each as its spans, newest first."""
        ...

    def trace(self, trace_id: str) -> tuple[FoundSpan, ...]:
        """One trace; nothing where it is not there."""
        ...

    def services(self) -> tuple[str, ...]:
        """Services that have spans, sorted."""
        ...

    def operations(self, service: str) -> tuple[FoundOperation, ...]:
        """What a service does."""
        ...

    def write(self, body: bytes, spans_count: int) -> Sent:
        """Write an ExportTraceServiceRequest (protobuf) with so many spans. SourceRefused where it is refused for good,
        SourceError where it may be tried again. Only asked where a user configured it."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...
