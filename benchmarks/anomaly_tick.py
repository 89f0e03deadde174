"""What looking at all series for anomalies costs: processor time of a tick over series in a real store, new ones first.

    python -m benchmarks.anomaly_tick [SERIES]

A third are counters, the others gauges, one sample each 15 s. First the history of all is read, tick by tick; then 20
ticks with one new sample of each are measured, and the detector alone beside them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trimtab.analyze.detect import Detector, DetectSettings
from trimtab.app.detecting.keeper import Anomalies
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.store.anomaly_state import AnomalyState
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.state_database import StateDatabase
from trimtab.store.telemetry import EmbeddedTelemetry

STEP_MS = 15_000
HISTORY = 100
TICKS = 20


def main(series_count: int) -> None:
    """Measure, and print one line for each thing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        limits = MetricLimits(series_max=2 * series_count, series_of_a_metric_max=2 * series_count)
        with EmbeddedTelemetry.open(path / "data", metric_limits=limits) as store:
            _measure(store, path, series_count)


def _measure(store: EmbeddedTelemetry, path: Path, series_count: int) -> None:
    metrics, random = store.metrics, np.random.default_rng(1)
    names = [
        (("__name__", "requests_total" if number % 3 == 0 else "queue_length"), ("series", f"{number:07d}"))
        for number in range(series_count)
    ]
    slots = metrics.register(names).slots
    is_counter = np.arange(series_count) % 3 == 0
    counted = np.zeros(series_count)
    now_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS - TICKS * STEP_MS

    def write(at_ms: int) -> None:
        nonlocal counted
        level = random.normal(100, 5, series_count)
        counted = counted + level * 15
        metrics.append(Samples(slots, np.full(series_count, at_ms), np.where(is_counter, counted, level)))

    for back in range(HISTORY, 0, -1):
        write(now_ms - back * STEP_MS)
    clock = [now_ms]
    policy = AnomaliesPolicy(series_max=max(series_count, 100), leave_out=())
    database = StateDatabase(path / "state.db")
    keeper = Anomalies(
        lambda: policy, lambda: metrics, AnomalyState(database), lambda: clock[0], path / "anomalies.state"
    )
    began_s, ticks = time.thread_time(), 0
    while ticks < 200 and keeper.now.metrics_count < series_count:
        keeper.tick(clock[0])
        ticks += 1
    took_s = time.thread_time() - began_s
    rows = HISTORY * series_count
    print(f"history: {rows:,} samples of {series_count:,} series in {ticks} ticks, {took_s:.2f} s of CPU,", end=" ")
    print(f"{took_s / rows * 1e6:.2f} us a sample, looking up names among it")
    taken, alone = [], []
    detector = Detector(DetectSettings(series_max=max(series_count, 100)))
    places = detector.add(series_count, STEP_MS)
    for back in range(HISTORY, 0, -1):
        detector.update(places, now_ms - back * STEP_MS, random.normal(100, 5, series_count))
    for _ in range(TICKS):
        clock[0] += STEP_MS
        write(clock[0])
        began_s = time.thread_time()
        keeper.tick(clock[0])
        taken.append(time.thread_time() - began_s)
        numbers, began_s = random.normal(100, 5, series_count), time.thread_time()
        detector.update(places, clock[0], numbers)
        alone.append(time.thread_time() - began_s)
    median, most = float(np.median(taken)), max(taken)
    print(f"a tick: median {median * 1e3:.1f} ms of CPU, longest {most * 1e3:.1f} ms,", end=" ")
    print(
        f"{median / series_count * 1e9:.0f} ns a series; the detector alone {np.median(alone) * 1e3:.1f} ms;", end=" "
    )
    print(f"that is {median / 15:.2%} of a core at 15 s; {keeper.opened_count} episodes opened by noise")
    began_s = time.thread_time()
    keeper.save()
    took_s = time.thread_time() - began_s
    print(
        f"its file: {keeper.file_bytes / 1e6:.1f} MB, {keeper.file_bytes / series_count:.0f} bytes a series,", end=" "
    )
    print(f"{took_s * 1e3:.0f} ms of CPU")
    database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
