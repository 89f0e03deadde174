"""trimtab's own spans: what a request, a step of the loop, an advice or a change took, in its own store.

Whole traces are kept or left out, and that is decided when the root has ended: errors, slow ones and whatever a
person cares about are kept, of the everyday ones a share. Storing goes straight to the store, by no way that makes
spans. The SDK is loaded by `open`, behind the start of the server; spans before it are not made.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.trace import Span, Tracer

SERVICE_NAME = "trimtab"
WAITING_MAX = 2_000
"""Spans that may wait to be stored."""
TRACES_OPEN_MAX = 500
SPANS_OF_TRACE_MAX = 200
SLOW_S = 1.0
"""A trace whose root took longer is kept."""

KEPT_SHARE: Mapping[str, float] = {
    "loop think": 0.05,
    "loop act": 0.02,
    "POST /v1/traces": 0.01,
    "POST /v1/metrics": 0.01,
    "POST /v1/logs": 0.01,
    "POST /api/v1/write": 0.01,
    "GET": 0.1,
}
"""Which part of everyday traces is kept, by the root's name or, for requests, its method; 1 for all others."""

WORTH_KEEPING = "trimtab.keep"
"""An attribute: the trace is kept, whatever its root."""

Attribute = str | int | float | bool


class OwnSpan:
    """A span that is under way, or nothing at all."""

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def set(self, **attributes: Attribute) -> None:
        """Say more about it: names and numbers, never a user's data."""
        self.set_all(attributes)

    def set_all(self, attributes: Mapping[str, Attribute]) -> None:
        """The same for names with dots."""
        if self._span is not None:
            for name, value in attributes.items():
                self._span.set_attribute(name, value)

    def keep(self) -> None:
        """Something happened: the trace is to be kept."""
        if self._span is not None:
            self._span.set_attribute(WORTH_KEEPING, True)

    def fail(self, reason: str) -> None:
        """It did not work."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, reason[:200]))

    def rename(self, name: str) -> None:
        """A name that was not known at its beginning."""
        if self._span is not None:
            self._span.update_name(name)


class OwnTraces:
    """Makes spans and holds those that are to be stored. Thread-safe."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        self._keeper = TraceKeeper()
        self._opening = threading.Lock()
        self._numbers = itertools.count()

    def open(self, version: str) -> None:
        """Begin to make spans; again is no error."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        keeper = self._keeper

        class Processor(SpanProcessor):
            """Hands spans that ended to the keeper."""

            def on_end(self, span: ReadableSpan) -> None:
                keeper.ended(span)

        with self._opening:
            if self._tracer is None:
                resource = Resource({"service.name": SERVICE_NAME, "service.version": version})
                self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
                self._provider.add_span_processor(Processor())
                self._tracer = self._provider.get_tracer(SERVICE_NAME)

    @contextmanager
    def span(self, name: str, *, is_server: bool = False, **attributes: Attribute) -> Iterator[OwnSpan]:
        """A span around what is done; of an error only the kind is written down, and our own errors' message."""
        tracer = self._tracer
        if tracer is None:
            yield OwnSpan(None)
            return
        from opentelemetry.trace import SpanKind

        kind = SpanKind.SERVER if is_server else SpanKind.INTERNAL
        with tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            own = OwnSpan(span)
            own.set(**attributes)
            try:
                yield own
            except TrimtabError as error:
                own.fail(error.message)
                raise
            except BaseException as error:
                own.fail(type(error).__name__)
                raise

    def past(self, name: str, begun_ns: int, attributes: Mapping[str, Attribute], failure: str | None = None) -> None:
        """A request that is over, of a kind that comes all the time: only of the share that is kept there is a span,
        since making one costs about as much as all else about a small request."""
        tracer = self._tracer
        if tracer is None:
            return
        is_worth_it = failure is not None or time.time_ns() - begun_ns > SLOW_S * 1e9
        if not is_worth_it and next(self._numbers) % round(1 / KEPT_SHARE.get(name, 1.0)):
            self._keeper.leave_out()
            return
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        told = {**attributes, WORTH_KEEPING: True}
        span = tracer.start_span(name, Context(), SpanKind.SERVER, told, start_time=begun_ns)
        if failure is not None:
            OwnSpan(span).fail(failure)
        span.end()

    def drain(self) -> tuple[bytes, int] | None:
        """An OTLP request with the spans that wait, and how many they are; None where there are none."""
        spans = self._keeper.take()
        if not spans:
            return None
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        return encode_spans(spans).SerializeToString(), len(spans)

    @property
    def left_out_count(self) -> int:
        """Spans that sampling left out."""
        return self._keeper.left_out_count

    @property
    def dropped_count(self) -> int:
        """Spans that were too many."""
        return self._keeper.dropped_count


class TraceKeeper:
    """Collects the spans of each trace until its root has ended, then keeps or forgets all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[int, list[ReadableSpan]] = OrderedDict()
        self._waiting: deque[ReadableSpan] = deque()
        self.left_out_count = 0
        self.dropped_count = 0

    def ended(self, span: ReadableSpan) -> None:
        """One span more."""
        trace_id = span.context.trace_id
        with self._lock:
            spans = self._open.setdefault(trace_id, [])
            if len(spans) < SPANS_OF_TRACE_MAX or span.parent is None:
                spans.append(span)
            else:
                self.dropped_count += 1
            if span.parent is None:
                del self._open[trace_id]
                self._decide(span, spans)
            while len(self._open) > TRACES_OPEN_MAX:
                _, lost = self._open.popitem(last=False)
                self.dropped_count += len(lost)

    def leave_out(self) -> None:
        """A trace of one span that was not made."""
        with self._lock:
            self.left_out_count += 1

    def take(self) -> tuple[ReadableSpan, ...]:
        """What waits to be stored, oldest first."""
        with self._lock:
            found = tuple(self._waiting)
            self._waiting.clear()
            return found

    def _decide(self, root: ReadableSpan, spans: list[ReadableSpan]) -> None:
        if not is_kept(root, spans):
            self.left_out_count += len(spans)
            return
        self._waiting.extend(spans)
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self.dropped_count += 1


def is_kept(root: ReadableSpan, spans: list[ReadableSpan]) -> bool:
    """Whether a whole trace is kept. The draw is by the trace's own id, so that it is the same for whoever asks."""
    if any(not span.status.is_ok and not span.status.is_unset for span in spans):
        return True
    if any(WORTH_KEEPING in (span.attributes or {}) for span in spans):
        return True
    if ((root.end_time or 0) - (root.start_time or 0)) / 1e9 > SLOW_S:
        return True
    share = KEPT_SHARE.get(root.name, KEPT_SHARE.get(root.name.partition(" ")[0], 1.0))
    trace_id: int = root.context.trace_id
    return trace_id % 1_000_000 < share * 1_000_000
