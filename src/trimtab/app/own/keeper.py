"""Keeps what trimtab tells about itself: one thread takes its numbers every ten seconds, and stores them, log lines
and spans every thirty, because each write costs the engine 10 ms of CPU, however little it holds.

What cannot be stored now is said in `problem` and nowhere else: a line in the log about the log would never end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from trimtab.app.own.logs import RING, LogRing
from trimtab.app.own.metrics import Number, OwnMetrics
from trimtab.app.own.traces import OwnSpan, OwnTraces
from trimtab.model.errors import StoreError, TrimtabError

if TYPE_CHECKING:
    from trimtab.extend.contracts import Clock
    from trimtab.store.telemetry import TelemetryStore

EVERY_S = 10.0
SAMPLES_A_WRITE = 3
ROWS_WAITING_MAX = 5_000
"""Numbers that may wait to be stored; the oldest go."""
STOP_TIMEOUT_S = 5.0


class Own:
    """trimtab's view of itself. Until `start`, nothing is counted, traced or stored, and everything may be called."""

    def __init__(self, telemetry: TelemetryStore, clock: Clock, ring: LogRing = RING) -> None:
        self.metrics = OwnMetrics([self._numbers])
        self.traces = OwnTraces()
        self.ring = ring
        self.problem: str | None = None
        self._telemetry = telemetry
        self._clock = clock
        self._spans_count = 0
        self._rows: deque[dict[str, object]] = deque(maxlen=ROWS_WAITING_MAX)
        self._stop = threading.Event()
        self._storing = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in the background: the libraries are loaded there, so that the server answers first."""
        self._thread = threading.Thread(target=self._run, name="own", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Store what is left, and end. Before the stores are closed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)
            self.store()

    @contextmanager
    def step(self, name: str, metric: str, **labels: str) -> Iterator[OwnSpan]:
        """Measure what is done: a span with this name, and an observation of the histogram `metric`."""
        begun_s = time.perf_counter()
        try:
            with self.traces.span(name) as span:
                span.set_all(labels)
                yield span
        finally:
            self.metrics.observe(metric, time.perf_counter() - begun_s, **labels)

    def store(self) -> None:
        """Store everything that waits, and the numbers as they are now."""
        with self._storing:
            self._sample()
            try:
                self._store_numbers()
                self._store_lines()
                self._store_spans()
            except TrimtabError as error:
                self.problem = f"could not store what trimtab tells about itself: {error.message}"
            else:
                self.problem = self.metrics.problem

    def _run(self) -> None:
        self.metrics.open()
        self.traces.open(version("trimtab"))
        next_s = time.monotonic() + EVERY_S
        count = 0
        while not self._stop.wait(max(0.0, next_s - time.monotonic())):
            next_s = max(next_s + EVERY_S, time.monotonic())
            count += 1
            if count % SAMPLES_A_WRITE == 0:
                self.store()
            else:
                with self._storing:
                    self._sample()

    def _sample(self) -> None:
        now_ms = self._clock.now_ms()
        self._rows.extend(
            {
                "sampled_at_ms": now_ms,
                "name": sample.name,
                "labels": sample.label_text,
                "value": sample.value,
                "observations_count": sample.observations_count,
                "span_ms": sample.span_ms,
            }
            for sample in self.metrics.sample()
        )

    def _store_numbers(self) -> None:
        """What cannot be stored now waits, as far as there is room."""
        from trimtab.store.tables import table_of

        self._telemetry.write("own_metrics", table_of("own_metrics", self._rows))
        self._rows.clear()

    def _store_lines(self) -> None:
        from trimtab.store.tables import table_of

        lines = self.ring.drain()
        if not lines:
            return
        rows = [
            {
                "logged_at_ms": line.logged_at_ms,
                "level": line.level,
                "event": line.event,
                "detail": list(line.detail.items()),
            }
            for line in lines
        ]
        try:
            self._telemetry.write("own_logs", table_of("own_logs", rows))
        except StoreError:
            self.ring.put_back(lines)
            raise

    def _store_spans(self) -> None:
        """What cannot be stored now is lost: newer ones tell more."""
        drained = self.traces.drain()
        if drained is not None:
            body, count = drained
            self._telemetry.append_otlp_traces(body)
            self._spans_count += count

    def _numbers(self) -> Iterator[Number]:
        yield Number("trimtab_threads", threading.active_count())
        yield Number("trimtab_own_spans_total", self._spans_count)
        yield Number("trimtab_own_spans_left_out_total", self.traces.left_out_count)
        yield Number("trimtab_own_spans_dropped_total", self.traces.dropped_count)
        for level, count in list(self.ring.counts.items()):
            yield Number("trimtab_own_log_lines_total", count, {"level": level})
        yield Number("trimtab_own_log_lines_dropped_total", self.ring.dropped_count)
