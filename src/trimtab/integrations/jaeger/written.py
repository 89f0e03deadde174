"""What a receiver of OTLP answers to spans that it took: all of them, or that it left some out."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

REASON_CHARS_MAX = 300


def refused_of(answer: bytes, kind: str) -> tuple[int, str]:
    """How many spans were refused, and why; ValueError where the answer is none. `kind` is its type: some answer
    protobuf with JSON.

    >>> refused_of(b"", "application/x-protobuf"), refused_of(b"{}", "application/json")
    ((0, ''), (0, ''))
    >>> refused_of(b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}', "application/json")
    (2, 'too old')
    """
    if kind.partition(";")[0].strip() == "application/json":
        found = json.loads(answer or b"{}")
        told = (found.get("partialSuccess") or {}) if isinstance(found, dict) else None
        if not isinstance(told, dict):
            raise ValueError("no object of JSON")
        return int(str(told.get("rejectedSpans", 0))), str(told.get("errorMessage", ""))[:REASON_CHARS_MAX]
    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return partial.rejected_spans, partial.error_message[:REASON_CHARS_MAX]
