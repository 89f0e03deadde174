"""Traces, metrics and logs of OTLP, whichever way they came: checked, stored, and answered with what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.observe.metrics.receivers import OTLP, MetricsIn
from trimtab.observe.room import Room
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import TelemetryStore

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse


class Signals:
    """For worker threads: every method waits for the disk. They raise what `otlp_answers.EXPECTED` names."""

    def __init__(self, telemetry: TelemetryStore, limits: TelemetryLimits, metrics: MetricsIn) -> None:
        self.metrics_in = metrics
        self.traces_limits = limits
        self.traces_room = Room(limits.inflight_bytes_max)
        self.logs_room = Room(limits.inflight_bytes_max)
        self._telemetry = telemetry

    def traces(self, body: bytes | bytearray) -> ExportTraceServiceResponse:
        """Store an ExportTraceServiceRequest (unpacked); what was not taken of it is told in `partial_success`."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTracePartialSuccess,
            ExportTraceServiceResponse,
        )

        taken = self._telemetry.append_otlp_traces(body)
        if not taken.refused:
            return ExportTraceServiceResponse()
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(
                rejected_spans=sum(taken.refused.values()), error_message=taken.told
            )
        )

    def metrics(self, body: bytearray, sender: str) -> ExportMetricsServiceResponse:
        """Store an ExportMetricsServiceRequest; what was not taken of it is told in `partial_success`."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
            ExportMetricsPartialSuccess,
            ExportMetricsServiceResponse,
        )

        written = self.metrics_in.otlp.write(body, sender)
        self.metrics_in.counts.stored(OTLP, written.stored_count, written.refusals.counts)
        if not written.refusals.count:
            return ExportMetricsServiceResponse()
        rejected = min(written.refusals.count, written.sent_count)
        return ExportMetricsServiceResponse(
            partial_success=ExportMetricsPartialSuccess(
                rejected_data_points=rejected, error_message=written.refusals.text(written.sent_count)
            )
        )

    def logs(self, body: bytes | bytearray) -> ExportLogsServiceResponse:
        """Store an ExportLogsServiceRequest; what was not taken of it is told in `partial_success`."""
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
            ExportLogsPartialSuccess,
            ExportLogsServiceResponse,
        )

        written = self._telemetry.logs.append_otlp(body)
        if not written.refused_count:
            return ExportLogsServiceResponse()
        return ExportLogsServiceResponse(
            partial_success=ExportLogsPartialSuccess(
                rejected_log_records=written.refused_count, error_message=written.text
            )
        )

    def refused_logs_body(self, reason: str) -> None:
        """Count a request that was refused as a whole."""
        self._telemetry.logs.refuse_body(reason)
