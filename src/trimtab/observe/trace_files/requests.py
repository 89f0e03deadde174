"""Spans into requests of a size that every door takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from trimtab.observe.trace_files.jaeger_spans import Placed
from trimtab.observe.trace_files.places import bad

REQUEST_BYTES = 2 * 1024 * 1024
"""A request is sent when it has about so much."""
REQUEST_SPANS = 5_000
SPAN_BYTES_MAX = 4 * 1024 * 1024
"""One span: with a request's size it stays below what the store takes in one request."""


def requests_of(spans: Iterable[Placed]) -> Iterator[tuple[bytes, int]]:
    """Requests (protobuf) and how many spans are in each, in the order of the spans."""
    request, scopes, count, size_bytes = ExportTraceServiceRequest(), dict[tuple[bytes, bytes], ScopeSpans](), 0, 0
    for resource, scope, span in spans:
        span_bytes = span.ByteSize()
        if span_bytes > SPAN_BYTES_MAX:
            raise bad(
                f"the span {span.span_id.hex()} of the trace {span.trace_id.hex()}",
                f"a span may have {SPAN_BYTES_MAX} bytes, this one has {span_bytes}",
            )
        if count and (count >= REQUEST_SPANS or size_bytes + span_bytes > REQUEST_BYTES):
            yield request.SerializeToString(), count
            request, scopes, count, size_bytes = ExportTraceServiceRequest(), {}, 0, 0
        key = resource.SerializeToString(deterministic=True), scope.SerializeToString(deterministic=True)
        holder = scopes.get(key)
        if holder is None:
            size_bytes += len(key[0]) + len(key[1])
            holder = scopes[key] = request.resource_spans.add(resource=resource).scope_spans.add(scope=scope)
        holder.spans.append(span)
        count += 1
        size_bytes += span_bytes
    if count:
        yield request.SerializeToString(), count
