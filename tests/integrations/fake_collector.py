"""A receiver of OTLP/HTTP, as Jaeger's collector has one: keeps what it takes, and says what a test tells it to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Collector:
    """`status` is what it answers; `refused_count` of the spans of a request it leaves out, and says so."""

    status: int = 200
    refused_count: int = 0
    asked_count: int = 0
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    @property
    def spans(self) -> list[Span]:
        """All that it took."""
        return [
            span
            for request in list(self.requests)
            for one in request.resource_spans
            for scoped in one.scope_spans
            for span in scoped.spans
        ]

    @property
    def app(self) -> Starlette:
        """What to serve."""
        return Starlette(routes=[Route("/v1/traces", self._traces, methods=["POST"])])

    async def _traces(self, request: Request) -> Response:
        body = await request.body()
        self.asked_count += 1
        self.asked.set()
        if self.status != 200:
            return Response("not now", self.status)
        self.requests.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse()
        if self.refused_count:
            answer.partial_success.rejected_spans = self.refused_count
            answer.partial_success.error_message = "too old"
        return Response(answer.SerializeToString(), media_type="application/x-protobuf")
