"""Whether p is a probability: on series in which nothing happens, how often is p as small as it says it is?

Each number is a ratio: share of rows (or of beginnings of episodes) with p at most 1e-3 ... 1e-6 by that number. 1 is
calibrated, above 1 rings too often. Beside the product (each series' sum of nines, judged by its own tail) stand the
usual ways to combine the same five probabilities.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.detect.corpus import load
from benchmarks.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings

F64 = NDArray[np.float64]
LEVELS = (1e-3, 1e-4, 1e-5, 1e-6)
SAMPLES = 20_000
SERIES = 50
WARM = 1000
STEP_MS = 60_000


def _harmonic(parts: F64) -> F64:
    return np.asarray(1.0 / np.mean(1.0 / parts, axis=0))


def _cauchy(parts: F64) -> F64:
    """Liu and Xie (2020), with tan(pi (1/2 - p)) as 1 / (pi p) where p is small."""
    small = parts < 1e-12
    terms = np.where(small, 1.0 / (np.pi * parts), np.tan(np.pi * (0.5 - np.minimum(parts, 0.999999))))
    total = terms.mean(axis=0)
    return np.asarray(np.where(total > 1e12, 1.0 / (np.pi * total), 0.5 - np.arctan(total) / np.pi))


def _fisher(parts: F64) -> F64:
    total = -np.log(parts).sum(axis=0)
    terms = [total**power / math.factorial(power) for power in range(parts.shape[0])]
    return np.asarray(np.exp(-total) * np.sum(terms, axis=0))


WAYS: dict[str, Callable[[F64], F64]] = {
    "five times the least": lambda parts: np.minimum(1.0, 5.0 * parts.min(axis=0)),
    "harmonic mean": _harmonic,
    "Cauchy": _cauchy,
    "Fisher (as if independent)": _fisher,
}


def _ratios(p: F64) -> str:
    return " ".join(f"{float((p <= level).mean()) / level:7.2f}" for level in LEVELS)


def _beginnings(p: F64, repeat: int = 100) -> F64:
    """p of rows that are no repetition of one as odd in the last `repeat` rows; shape [samples, series]."""
    first = np.ones_like(p)
    for level in LEVELS:
        odd = p <= level
        seen = np.zeros(p.shape[1], np.int64) - 10**6
        for row in np.flatnonzero(odd.any(axis=1)):
            begins = odd[row] & (row - seen > repeat)
            first[row, begins] = p[row, begins]
            seen[odd[row]] = row
    return first


def _run(values: F64) -> tuple[F64, F64, float]:
    samples, series = values.shape
    detector = Detector(DetectSettings())
    slots = np.tile(detector.add(series, STEP_MS), samples)
    scores, parts = detector.parts(
        slots, np.repeat(np.arange(samples, dtype=np.int64) * STEP_MS, series), values.ravel()
    )
    inside = (scores.observed >= scores.low) & (scores.observed <= scores.high)
    kept = slice(WARM * series, None)
    p = scores.p.reshape(samples, series)[WARM:]
    return p, parts[:, kept], float(inside[kept].mean())


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(1)
    sys.stdout.write(f"{SERIES} series of {SAMPLES} samples of each kind, after {WARM}\n")
    sys.stdout.write(f"{'':24} {'rows: p <= 1e-3, ... 1e-6':31} | {'beginnings of episodes':31} | in band of 99 %\n")
    ways: dict[str, list[F64]] = {name: [] for name in WAYS}
    every: list[F64] = []
    for kind, noise in NOISES.items():
        p, parts, inside = _run(noise(rng, SAMPLES, SERIES))
        sys.stdout.write(f"{kind:24} {_ratios(p)} | {_ratios(_beginnings(p))} | {100 * inside:.1f} %\n")
        sys.stdout.flush()
        every.append(p.ravel())
        for name, way in WAYS.items():
            ways[name].append(way(parts))
    sys.stdout.write(f"\nall kinds together, rows\n{'the sum, by its own tail':26} {_ratios(np.concatenate(every))}\n")
    for name, rows in ways.items():
        sys.stdout.write(f"{name:26} {_ratios(np.concatenate(rows))}\n")
    _quiet_spans()


def _quiet_spans() -> None:
    """Real telemetry: episodes that noise may begin by p, and those that begin outside of NAB's windows."""
    data = os.environ.get("TRIMTAB_BENCH_DATA")
    if not data or not (Path(data) / "nab" / "labels").is_dir():
        sys.stdout.write("real series: not measured, there is no TRIMTAB_BENCH_DATA/nab\n")
        return
    counts = {level: [0.0, 0.0] for level in LEVELS}
    for file in load(Path(data) / "nab"):
        if not file.name.startswith("real"):
            continue
        detector = Detector(DetectSettings())
        slots = np.repeat(detector.add(1, int(np.median(np.diff(file.at_ms)))), file.values.size)
        p = detector.update(slots, file.at_ms, file.values).p
        outside = file.window == -1
        first = _beginnings(p[:, None])[:, 0]
        for level, count in counts.items():
            count[0] += float((first[outside] <= level).sum())
            count[1] += float(outside.sum()) * level
    sys.stdout.write("\nreal series of NAB outside of its windows: beginnings of episodes, and as many as p says\n")
    for level, (seen, said) in counts.items():
        sys.stdout.write(f"p <= {level:g}: {seen:.0f}, {said:.1f}\n")
