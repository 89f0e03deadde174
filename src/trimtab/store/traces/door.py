"""What is asked of a trace request before anything is acknowledged: is it one, and which of its spans can be kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.model.errors import InputError
from trimtab.store.limits import TelemetryLimits
from trimtab.store.retention import DAY_MS

REASONS = ("", "bad_trace_id", "bad_span_id", "too_old", "too_new")
"""Why a span is not taken, by the numbers of `door_kernels`."""
_MEANINGS = {
    "bad_trace_id": "trace_id is not 16 bytes, or all zero",
    "bad_span_id": "span_id or parent_span_id is not 8 bytes, or span_id is all zero",
    "too_old": "began before the {days} days that spans are kept",
    "too_new": "begins more than {ahead_s:g} s in the future",
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The request as it is stored: without the spans that are refused, which are counted by reason."""

    body: bytes | bytearray
    spans_count: int
    refused: Mapping[str, int] = field(default_factory=dict)


class Door:
    """Looks at requests. `days` is how long spans are kept."""

    def __init__(self, limits: TelemetryLimits, days: int) -> None:
        self._limits = limits
        self._days = days
        self._counting = threading.Lock()
        self.refused: dict[str, int] = {}

    def count(self, refused: Mapping[str, int]) -> None:
        """Remember what was refused."""
        if refused:
            with self._counting:
                self.refused = {
                    reason: self.refused.get(reason, 0) + refused.get(reason, 0)
                    for reason in {**self.refused, **refused}
                }

    @property
    def outdated_count(self) -> int:
        """Spans out of time."""
        return self.refused.get("too_old", 0) + self.refused.get("too_new", 0)

    def admit(self, body: bytes | bytearray) -> Admitted:
        """InputError where it is no ExportTraceServiceRequest, or holds too much.

        >>> Door(TelemetryLimits(), 7).admit(b"")
        Admitted(body=b'', spans_count=0, refused={})
        """
        import numpy as np

        from trimtab.store.traces.door_kernels import FAULTS_COUNT, GOOD, survey
        from trimtab.store.traces.otlp_schema import TABLE

        limits = self._limits
        now_ns = time.time_ns()
        data = np.frombuffer(body if isinstance(body, bytearray) else bytearray(body), np.uint8)
        counts, faults = np.zeros(FAULTS_COUNT, np.int64), np.empty(limits.message_spans_max, np.uint8)
        first_ns = now_ns - self._days * DAY_MS * 1_000_000
        at = survey(data, TABLE, first_ns, now_ns + int(limits.span_ahead_s_max * 1e9), counts, faults)
        if at >= 0:
            raise InputError(
                f"the body is not an ExportTraceServiceRequest: the field at byte {at} is broken, or its text is not "
                "UTF-8, or it is nested too deeply",
                at=int(at),
            )
        count = int(counts.sum())
        if count > limits.message_spans_max:
            raise InputError(
                f"a request may hold {limits.message_spans_max} spans; this one holds {count}",
                limit=limits.message_spans_max,
                observed=count,
            )
        good = int(counts[GOOD])
        refused = {REASONS[fault]: int(counts[fault]) for fault in range(1, FAULTS_COUNT) if counts[fault]}
        if refused and good:
            body = _without(bytes(body), faults[:count].tolist())
        return Admitted(body, good, refused)

    def told(self, refused: Mapping[str, int]) -> str:
        """For the sender: how many were refused, and why.

        >>> Door(TelemetryLimits(), 7).told({"too_old": 2})
        '2 spans refused: 2 began before the 7 days that spans are kept'
        """
        facts = {"days": self._days, "ahead_s": self._limits.span_ahead_s_max}
        reasons = [f"{count} {_MEANINGS[reason].format(**facts)}" for reason, count in refused.items()]
        return f"{sum(refused.values())} spans refused: {'; '.join(reasons)}" if reasons else ""


def _without(body: bytes, faults: list[int]) -> bytes:
    """The request without its bad spans. Few requests have such, so these are parsed.

    protobuf is stricter about what nobody reads than our own look is: what it cannot parse is refused whole.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise InputError("the body is not an ExportTraceServiceRequest: protobuf cannot read all of it") from error
    number = 0
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            kept = [span for place, span in enumerate(scope.spans) if not faults[number + place]]
            number += len(scope.spans)
            if len(kept) < len(scope.spans):
                copies = [type(span).FromString(span.SerializeToString()) for span in kept]
                del scope.spans[:]
                scope.spans.extend(copies)
    return request.SerializeToString()
