"""Is it a trace request, and how large: asked before anything is acknowledged."""

from __future__ import annotations

from trimtab.model.errors import InputError


def spans_count(body: bytes, spans_max: int) -> int:
    """How many spans an ExportTraceServiceRequest (protobuf) holds; InputError where it is none or holds too many.

    >>> spans_count(b"", 10)
    0
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InputError(f"the body is not an ExportTraceServiceRequest: {error}") from error
    count = sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
    if count > spans_max:
        raise InputError(
            f"a request may hold {spans_max} spans; this one holds {count}", limit=spans_max, observed=count
        )
    return count
