"""`RealTimePerformanceTracker`: each execution of a query is compared at once with what is usual for it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from trimtab.model.errors import InputError, TrimtabError
from trimtab.sdk.performance_alerts import TOKEN_VARIABLE, PerformanceAlerts
from trimtab.sdk.tracking.detecting import FALSE_SHARE, TEMPLATES_MAX, Anomaly, ExecutionDetector
from trimtab.sdk.tracking.executions import QueryExecution, metrics_of, template_of
from trimtab.sdk.tracking.hints import OptimizationHint, hints_of
from trimtab.sdk.tracking.streaming import StreamingMetrics, Told

__all__ = [
    "Anomaly",
    "OptimizationHint",
    "PerformanceProfile",
    "QueryExecution",
    "RealTimePerformanceTracker",
]

KEPT_MAX = 10_000
ALERT_EVERY_S = 60.0
log = structlog.get_logger()
Alert = Callable[[tuple[Anomaly, ...], object], None]


@dataclass(frozen=True, slots=True)
class PerformanceProfile:
    """One execution: its numbers (times in seconds, sizes in bytes, None: not measured), what is not as usual for its
    template, and what is worth a look."""

    metrics: Mapping[str, float | None]
    anomalies: tuple[Anomaly, ...]
    recommendations: tuple[OptimizationHint, ...]


class RealTimePerformanceTracker:
    """Tracks executions in this process; with `server`, they are stored and alerted on there, too.

    A template is what executions of one query share (`QueryExecution.template` or `fingerprint`, else its text without
    literals). What is usual is learnt for each by itself; while one is new, all others are what it is compared with.
    `on_alert` is called, on the caller's thread, with anomalies and the execution, at most once in `alert_every_s` for
    a template. `false_share` is how many executions may be called odd where all is as always.

    With `server` each execution goes to its OTLP door as a span of `service`, in the background: the queue is bounded,
    requests have a time-out (`timeout_s`), what could not be sent is counted. `token` as in `PerformanceAlerts`.

    Making one loads machine code, once for a process; after that a call takes less than a millisecond. Thread-safe.

    >>> tracker = RealTimePerformanceTracker()
    >>> for number in range(200):
    ...     profile = tracker.track_query_performance({"query": "SELECT 1", "duration": 0.010 + number % 7 / 1000})
    >>> profile.anomalies, profile.metrics["execution_time"]
    ((), 0.013)
    >>> slow = tracker.track_query_performance({"query": "SELECT 1", "duration": 3.0})
    >>> [(one.metric, round(one.expected, 3)) for one in slow.anomalies]
    [('execution_time', 0.013)]
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        service: str = "application",
        token: str | None = None,
        timeout_s: float = 5.0,
        on_alert: Alert | None = None,
        alert_every_s: float = ALERT_EVERY_S,
        false_share: float = FALSE_SHARE,
        templates_max: int = TEMPLATES_MAX,
    ) -> None:
        """InputError for what is outside its limits."""
        if not 0 <= alert_every_s <= 86_400:
            raise InputError(
                f"alert_every_s is from 0 to 86,400 seconds, found {alert_every_s!r}", field="alert_every_s"
            )
        self.anomaly_detector = ExecutionDetector(templates_max, false_share)
        self.streaming_metrics: StreamingMetrics | None = None
        self._history: deque[tuple[str, Mapping[str, float | None]]] = deque(maxlen=KEPT_MAX)
        self._on_alert, self._alert_every_s = on_alert, alert_every_s
        self._alerted: dict[str, float] = {}
        self._templates_max = templates_max
        self._lock = threading.Lock()
        self.alerts_count = 0
        if server is not None:
            self._alerts = PerformanceAlerts(server, token=token, timeout_s=timeout_s)
            sent_as = token or os.environ.get(TOKEN_VARIABLE) or None
            self.streaming_metrics = StreamingMetrics(server, service, sent_as, timeout_s, self._tell)

    def track_query_performance(self, query_execution: object) -> PerformanceProfile:
        """Compare one execution with what is usual; an object or a mapping with `duration` (seconds, or a timedelta),
        and as far as they are known `row_count`, `bytes_scanned`, `cpu_time`, `peak_memory`, `io_ops`.

        Raises InputError where the duration is missing, or a number is none.
        """
        performance_data = metrics_of(query_execution)
        template = template_of(query_execution)
        anomalies = self.anomaly_detector.detect(template, performance_data)
        if self.streaming_metrics is not None:
            self.streaming_metrics.emit(Told(query_execution, performance_data, anomalies, time.time_ns()))
        if anomalies:
            self.trigger_performance_alert(anomalies, query_execution)
        self._history.append((template, performance_data))
        odd = {one.metric for one in anomalies}
        return PerformanceProfile(performance_data, anomalies, self.generate_optimization_hints(performance_data, odd))

    def trigger_performance_alert(self, anomalies: Sequence[Anomaly], query_execution: object = None) -> bool:
        """Tell `on_alert`, and the server, unless this template was told of less than `alert_every_s` ago.

        Answers whether it was told. Never waits for the network.
        """
        told = tuple(anomalies)
        if not told:
            return False
        template, now_s = told[0].template, time.monotonic()
        with self._lock:
            if now_s - self._alerted.get(template, float("-inf")) < self._alert_every_s:
                return False
            if len(self._alerted) >= self._templates_max:
                self._alerted.clear()
            self._alerted[template] = now_s
            self.alerts_count += 1
        if self._on_alert is not None:
            self._on_alert(told, query_execution)
        if self.streaming_metrics is not None:
            self.streaming_metrics.alert(told, query_execution)
        return True

    @staticmethod
    def generate_optimization_hints(
        performance_data: Mapping[str, float | None], odd: Collection[str] = ()
    ) -> tuple[OptimizationHint, ...]:
        """What the numbers of an execution say; `odd` are the metrics that are not as usual."""
        return hints_of(performance_data, odd)

    def history(self, template: str | None = None) -> list[Mapping[str, float | None]]:
        """The newest executions, oldest first, at most 10,000: of one template, or of all."""
        return [numbers for name, numbers in list(self._history) if template in (None, name)]

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what waits, for so long at most, and end."""
        if self.streaming_metrics is not None:
            self.streaming_metrics.close(timeout_s)

    def _tell(self, anomalies: tuple[Anomaly, ...], execution: object) -> None:
        """On the thread that sends."""
        try:
            self._alerts.trigger_performance_alert(anomalies, execution)
        except TrimtabError as error:
            if self.streaming_metrics is not None:
                self.streaming_metrics.alerts_lost_count += 1
            log.warning("performance_alert_not_triggered", reason=error.message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
