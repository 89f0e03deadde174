"""What is found how soon: shifts of ten minutes in noise (steps of 10 s), found where 200 series have one false episode
a day. Numbers: share found of 40, and the median delay in seconds of those that were."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings

STEP_MS = 10_000
SAMPLES = 6000
AT = 5500
LONG = 60
RUNS = 40
SIZES = (3.0, 5.0, 7.0, 10.0, 20.0)
P_MAX = STEP_MS / 86_400_000 / 200


def main() -> None:
    """Print a line for each kind of noise."""
    sizes = "".join(f"{size:>8.0f} sd    " for size in SIZES)
    sys.stdout.write(f"{'p at most':24} {P_MAX:.1g}\n{'':24}{sizes}\n")
    for kind, noise in NOISES.items():
        cells = []
        for size in SIZES:
            rng = np.random.default_rng(1)
            values = noise(rng, SAMPLES, RUNS)
            values[AT : AT + LONG] += size * values[:5000].std(axis=0)
            detector = Detector(DetectSettings())
            slots = np.tile(detector.add(RUNS, STEP_MS), SAMPLES)
            times = np.repeat(np.arange(SAMPLES, dtype=np.int64) * STEP_MS, RUNS)
            odd = detector.update(slots, times, values.ravel()).p.reshape(values.shape)[AT : AT + LONG] <= P_MAX
            found = odd.any(axis=0)
            delay_s = float(np.median(odd.argmax(axis=0)[found])) * STEP_MS / 1000 if found.any() else float("nan")
            cells.append(f"{100 * found.mean():4.0f} %{delay_s:5.0f} s ")
        sys.stdout.write(f"{kind:24} {' '.join(cells)}\n")
        sys.stdout.flush()
