"""False episodes over a whole fleet: what is allowed a day, and what noise opens, with 1,000 and with 10,000 series."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings, EpisodeBook, Opened

STEP_MS = 10_000
TICKS = 4000
WARM = 1000
KINDS = ("normal", "log-normal", "autocorrelated, 0.95", "counts, Poisson 0.5", "bursts")


def _opened(series: int, allowed_a_day: float, seed: int) -> int:
    rng = np.random.default_rng(seed)
    settings = DetectSettings(false_per_day=allowed_a_day)
    detector, book = Detector(settings), EpisodeBook(settings)
    slots = detector.add(series, STEP_MS)
    values = np.concatenate([NOISES[kind](rng, TICKS, series // len(KINDS)) for kind in KINDS], axis=1)
    opened = 0
    for tick in range(TICKS):
        scores = detector.update(slots, tick * STEP_MS, values[tick])
        if tick >= WARM:
            opened += sum(isinstance(event, Opened) for event in book.step(tick * STEP_MS, slots, scores))
    return opened


def main() -> None:
    """Print a line for each size of the fleet."""
    days = (TICKS - WARM) * STEP_MS / 86_400_000
    allowed_a_day = 30.0
    for series, seeds in ((100, range(10)), (1000, range(3)), (10_000, range(1))):
        opened = [_opened(series, allowed_a_day, seed) for seed in seeds]
        sys.stdout.write(
            f"{series:6} series, {days:.2f} days: {allowed_a_day * days:.1f} false episodes allowed, opened {opened},"
            f" {np.mean(opened) / days / series:.4f} a series and day\n"
        )
        sys.stdout.flush()
