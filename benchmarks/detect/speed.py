"""What a sample costs: CPU time of this process, one thread."""

from __future__ import annotations

import sys
import time

import numpy as np

from trimtab.analyze.detect import Detector, DetectSettings
from trimtab.analyze.detect.layout_kernels import BYTES

STEP_MS = 10_000
LEARNED = 5000


def _learned(series: int, distinct: int = 200) -> Detector:
    """A detector whose series have all seen LEARNED samples: those of `distinct` series, again and again."""
    rng = np.random.default_rng(1)
    detector = Detector(DetectSettings(series_max=max(series, distinct)))
    slots = detector.add(distinct, STEP_MS)
    for tick in range(LEARNED):
        detector.update(slots, tick * STEP_MS, rng.normal(0, 1, distinct))
    detector.add(series - distinct, STEP_MS)
    of = np.arange(series) % distinct
    for array in (detector._numbers, detector._floats, detector._ints):
        array[:series] = array[of]
    return detector


def main() -> None:
    """Print a line for each way of calling it."""
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 100_000)
    times = np.arange(values.size, dtype=np.int64) * STEP_MS
    for _ in range(2):  # the first time loads the kernels
        detector = Detector(DetectSettings())
        slots = np.repeat(detector.add(1, STEP_MS), values.size)
        began = time.process_time()
        detector.update(slots, times, values)
        took_s = time.process_time() - began
    sys.stdout.write(f"one series, a batch of 100,000 points: {1e6 * took_s / values.size:.2f} µs a point\n")
    detector = Detector(DetectSettings())
    slot = detector.add(1, STEP_MS)
    began = time.process_time()
    for row in range(50_000):
        detector.update(slot, times[row : row + 1], values[row : row + 1])
    took_us = 1e6 * (time.process_time() - began) / 50_000
    sys.stdout.write(f"one series, a call with arrays for each point: {took_us:.2f} µs a point\n")
    one, samples = int(slot[0]), list(zip(times[50_000:].tolist(), values[50_000:].tolist(), strict=True))
    began = time.process_time()
    for at_ms, value in samples:
        detector.update_one(one, at_ms, value)
    took_us = 1e6 * (time.process_time() - began) / len(samples)
    sys.stdout.write(f"one series, `update_one` for each point: {took_us:.2f} µs a point\n")
    for series, ticks in ((1000, 1000), (10_000, 200), (100_000, 40)):
        detector = _learned(series)
        slots = np.arange(series, dtype=np.int32)
        took = []
        for tick in range(ticks):
            now = rng.normal(0, 1, series)
            began = time.process_time()
            detector.update(slots, (LEARNED + tick) * STEP_MS, now)
            took.append(time.process_time() - began)
        rates = series / np.array(took) / 1e6
        sys.stdout.write(
            f"{series:7} series, a tick at a time: {np.median(rates):.1f} million points a second"
            f" (10 % of ticks below {np.quantile(rates, 0.1):.1f})\n"
        )
        sys.stdout.flush()
    detector = Detector(DetectSettings(series_max=100_000))
    slots = detector.add(100_000, STEP_MS)
    took = []
    for tick in range(150):
        now = rng.normal(0, 1, 100_000)
        began = time.process_time()
        detector.update(slots, tick * STEP_MS, now)
        took.append(time.process_time() - began)
    slowest = 0.1 / np.array(took)[60:].max()
    sys.stdout.write(f"100,000 new series, their first 150 ticks: {15 / sum(took):.1f} million points a second,")
    sys.stdout.write(f" the slowest tick {slowest:.1f}\n")
    began = time.process_time()
    data = detector.dump()
    dumped_s = time.process_time() - began
    began = time.process_time()
    Detector.load(data)
    loaded_s = time.process_time() - began
    sys.stdout.write(
        f"state: {BYTES} bytes a series; dump of 100,000: {len(data) / 1e6:.0f} MB, {dumped_s:.2f} s,"
        f" load {loaded_s:.2f} s\n"
    )
