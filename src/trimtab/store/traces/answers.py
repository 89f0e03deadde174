"""What is asked of traces, and what is answered: values, whichever store has the spans.

Times of spans are Unix nanoseconds (`*_at_ns`), ranges of questions Unix milliseconds, `[from_ms, to_ms)`. Ids are
lower-case hex. `missing` names each shard that did not answer, with the reason: where it is not empty, the answer is
partial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Value: TypeAlias = "str | bool | int | float | bytes | tuple[Value, ...] | dict[str, Value] | None"
"""An attribute as it was sent: OTLP's string, bool, int, double, bytes, array, kvlist, or nothing at all."""

Order = Literal["newest", "slowest"]
SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""By OTLP's numbers."""
SPAN_STATUSES = ("unset", "ok", "error")
"""By OTLP's numbers."""


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Traces that have a span for which all of this holds. '' and None ask for nothing.

    `attributes` are compared with the text of the value (`200`, `true`, `0.25`), of the span or of its resource; with
    `attributes_anywhere` also of its events, its links and its scope, each attribute wherever it is found, and a whole
    value that the text matches as a regular expression counts, too (Jaeger's searches are like that).
    `service` is exact, `operation` is the span's exact name. Durations are the span's, both included.
    """

    from_ms: int
    to_ms: int
    service: str = ""
    operation: str = ""
    kind: str = ""
    status: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    attributes_anywhere: bool = False
    duration_min_ms: float | None = None
    duration_max_ms: float | None = None
    fingerprint: str = ""
    """The fingerprint of a database statement."""
    caller: str = ""
    """The service of the span's parent."""
    limit: int = 20
    order: Order = "newest"
    """By when the span that was found began, or by how long it took."""
    effort_ms: float | None = None
    """So long it may be looked: then what was found is answered, and how far back that is. None: to the end."""


@dataclass(frozen=True, slots=True)
class ServiceShare:
    """What one service did in a trace."""

    service: str
    spans_count: int
    errors_count: int


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace in a list. The root is the span without parent, else the one that began first."""

    trace_id: str
    root_service: str
    root_name: str
    started_at_ns: int
    duration_ms: float
    """From the first beginning to the last end."""
    spans_count: int
    errors_count: int
    services: tuple[ServiceShare, ...]
    """Sorted by name."""
    source: str = ""
    """The store that has it; '' for the own one."""


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """Traces in the order asked for, and from when on was looked: `newest` stops when it has enough. `is_cut`: the time
    for the search was over before; whoever wants more searches in what lies before `looked_from_ms`."""

    traces: tuple[TraceSummary, ...]
    looked_from_ms: int
    missing: tuple[str, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened in a span."""

    at_ns: int
    name: str
    attributes: dict[str, Value]
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class SpanLink:
    """Another span that a span says it belongs to."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: dict[str, Value]
    dropped_attributes_count: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """The instrumentation that made a span."""

    name: str = ""
    version: str = ""
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """A span whole. Of a statement there is what was stored in its place: `db_query_text`, without literals."""

    trace_id: str
    span_id: str
    parent_span_id: str
    """'' for a root."""
    service_name: str
    name: str
    kind: str
    """One of `SPAN_KINDS`."""
    started_at_ns: int
    duration_ms: float
    status: str
    """One of `SPAN_STATUSES`."""
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    attributes: dict[str, Value] = field(default_factory=dict)
    resource_attributes: dict[str, Value] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0
    db_query_text: str = ""
    db_query_fingerprint: str = ""
    sample_weight: float = 1.0
    """For how many spans this one stands, where traces were sampled; else 1."""

    @property
    def duration_ns(self) -> int:
        """In nanoseconds, as it was sent (exact up to 100 days).

        >>> StoredSpan("a", "b", "", "shop", "GET", "server", 5, 2.500001, "ok").duration_ns
        2500001
        """
        return round(self.duration_ms * 1e6)

    @property
    def ended_at_ns(self) -> int:
        """When it ended."""
        return self.started_at_ns + self.duration_ns


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace: its spans in the order in which they began.

    `spans_count` is how many there are; `spans` are the first of them where it has more than was asked for.
    """

    trace_id: str
    spans: tuple[StoredSpan, ...]
    spans_count: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that a service does: spans of one name and kind."""

    service: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Services:
    """Services that sent spans in a range, sorted."""

    names: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations of services in a range, sorted by service, name and kind."""

    operations: tuple[Operation, ...]
    missing: tuple[str, ...] = ()


NodeKind = Literal["service", "database", "messaging", "external"]


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """Something that is called or calls. `database`, `messaging` and `external` sent no spans themselves: others'
    spans name them. Numbers are of the calls that came in (0 and None for who only calls)."""

    name: str
    kind: NodeKind
    calls: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class ServiceEdge:
    """Calls from one node to another; latency as the callee's span has it (the caller's, where the callee sent none).

    Quantiles are within 2 %.
    """

    caller: str
    callee: str
    calls: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """Who called whom in a range of whole minutes. `looked_from_ms`: where very many spans are not counted yet, only
    the newest were read."""

    nodes: tuple[ServiceNode, ...]
    edges: tuple[ServiceEdge, ...]
    from_ms: int
    to_ms: int
    looked_from_ms: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """A key or a value of attributes, and on how many of a sample of the newest spans it is: 0 where it was seen on the
    days of the range, but not in the sample."""

    text: str
    spans_count: int


@dataclass(frozen=True, slots=True)
class CountedTexts:
    """Keys or values, the most frequent first."""

    found: tuple[Counted, ...]
    missing: tuple[str, ...] = ()
