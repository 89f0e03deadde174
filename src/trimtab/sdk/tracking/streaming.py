"""Executions on their way to a server, as OTLP spans, on a thread of its own: the caller never waits for the network.

The queue is bounded: what does not fit is left out, and counted. A batch that is not taken is tried once more.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2

from trimtab.sdk.tracking.detecting import Anomaly
from trimtab.sdk.tracking.executions import part, text_of

QUEUE_MAX = 10_000
BATCH_MAX = 500
BATCH_S = 0.5
"""So long the first of a batch waits for more."""
TRIES = 2
PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """One execution, and what was odd about it."""

    execution: object
    metrics: Mapping[str, float | None]
    anomalies: tuple[Anomaly, ...]
    ended_ns: int


class StreamingMetrics:
    """Sends what `emit` is given. `alert` is called on the same thread, with anomalies and the execution."""

    def __init__(
        self,
        server: str,
        service: str,
        token: str | None,
        timeout_s: float,
        alert: Callable[[tuple[Anomaly, ...], object], None],
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._url, self._service, self._alert = f"{server.rstrip('/')}/v1/traces", service, alert
        self._headers = {"Content-Type": "application/x-protobuf"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_s = timeout_s
        self._queue: queue.Queue[Told] = queue.Queue(queue_max)
        self._alerts: queue.Queue[tuple[tuple[Anomaly, ...], object]] = queue.Queue(100)
        self._stop = threading.Event()
        self.sent_count = 0
        self.left_out_count = 0
        """Executions that did not fit into the queue."""
        self.lost_count = 0
        """Executions that the server did not take."""
        self.alerts_lost_count = 0
        self.problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="trimtab-tracker", daemon=True)
        self._thread.start()

    def emit(self, told: Told) -> None:
        """Put it on its way; never waits."""
        try:
            self._queue.put_nowait(told)
        except queue.Full:
            self.left_out_count += 1

    def alert(self, anomalies: tuple[Anomaly, ...], execution: object) -> None:
        """Trigger an alert; never waits."""
        try:
            self._alerts.put_nowait((anomalies, execution))
        except queue.Full:
            self.alerts_lost_count += 1

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what waits, for so long at most, and end."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        with httpx2.Client(timeout=self._timeout_s, headers=self._headers, trust_env=False) as client:
            while not (self._stop.is_set() and self._queue.empty() and self._alerts.empty()):
                batch = self._batch()
                if batch:
                    self._send(client, batch)
                self._send_alerts()

    def _batch(self) -> list[Told]:
        try:
            batch = [self._queue.get(timeout=0.05 if self._stop.is_set() else BATCH_S)]
        except queue.Empty:
            return []
        until_s = time.monotonic() + BATCH_S
        while len(batch) < BATCH_MAX and (left_s := until_s - time.monotonic()) > 0:
            try:
                batch.append(self._queue.get(timeout=0.001 if self._stop.is_set() else left_s))
            except queue.Empty:
                break
        return batch

    def _send(self, client: httpx2.Client, batch: list[Told]) -> None:
        body = request_of(batch, self._service)
        for number in range(TRIES):
            try:
                answer = client.post(self._url, content=body)
            except httpx2.HTTPError as error:
                self.problem = f"could not send to {self._url}: {type(error).__name__}"
            else:
                if answer.is_success:
                    self.sent_count += len(batch)
                    self.problem = None
                    return
                self.problem = f"{self._url} answered {answer.status_code}"
                if answer.status_code < 500 and answer.status_code != 429:
                    break
            if number + 1 < TRIES and self._stop.wait(PAUSE_S):
                continue
        self.lost_count += len(batch)

    def _send_alerts(self) -> None:
        while True:
            try:
                anomalies, execution = self._alerts.get_nowait()
            except queue.Empty:
                return
            self._alert(anomalies, execution)


def request_of(batch: list[Told], service: str) -> bytes:
    """An OTLP request of spans. The server stores statements without their literals."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

    def text(key: str, value: object) -> KeyValue:
        return KeyValue(key=key, value=AnyValue(string_value=str(value)))

    def number(key: str, value: float) -> KeyValue:
        return KeyValue(key=key, value=AnyValue(double_value=value))

    ids = _ids(len(batch))
    spans = []
    for place, told in enumerate(batch):
        statement = text_of(told.execution)
        attributes = [text("db.query.text", statement)] if statement else []
        for key, name in (("db.namespace", "database"), ("trimtab.system", "system")):
            if said := part(told.execution, name):
                attributes.append(text(key, said))
        attributes += [number(f"trimtab.{name}", value) for name, value in told.metrics.items() if value is not None]
        attributes += [number(f"trimtab.anomaly.{one.metric}", one.score) for one in told.anomalies]
        spans.append(
            Span(
                trace_id=ids[24 * place : 24 * place + 16],
                span_id=ids[24 * place + 16 : 24 * place + 24],
                name=(statement.split(None, 1) or ["query"])[0].upper()[:40],
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=told.ended_ns - round((told.metrics["execution_time"] or 0.0) * 1e9),
                end_time_unix_nano=told.ended_ns,
                attributes=attributes,
            )
        )
    resource = Resource(attributes=[text("service.name", service)])
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    )
    return request.SerializeToString()


def _ids(count: int) -> bytes:
    import os

    return os.urandom(24 * count)
