"""The NAB corpus as arrays, and its scorer over whole sets of files.

What a row is worth comes from NAB's own `Sweeper`; adding up is done here by a kernel, because thousands of sums are
needed. `own_score` adds up by NAB's own code; `nab.main` checks that both say the same.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

PROFILES = {"standard": (0.11, 1.0), "reward_low_FP": (0.22, 1.0)}
"""Weights of a false positive and of a missed window (NAB, config/profiles.json)."""


@dataclass(frozen=True)
class File:
    """One file. `window`: -2 probation (does not count), -1 none, else its number in the file; `worth` by profile."""

    name: str
    at_ms: I64
    values: F64
    window: I64
    windows: int
    worth: dict[str, F64]
    points: dict[str, list[Any]]


def folder() -> Path | None:
    """Where NAB is, None where nobody said."""
    data = os.environ.get("TRIMTAB_BENCH_DATA")
    path = Path(data) / "nab" if data else None
    return path if path and (path / "labels").is_dir() else None


def load(nab: Path) -> list[File]:
    """All files of the corpus."""
    sys.path.insert(0, str(nab))
    from nab.sweeper import Sweeper  # type: ignore[import-not-found]

    labels = json.loads((nab / "labels" / "combined_windows.json").read_text())
    files = []
    for name in sorted(labels):
        with (nab / "data" / name).open() as file:
            rows = list(csv.reader(file))[1:]
        times = [dt.datetime.strptime(row[0], "%Y-%m-%d %H:%M:%S") for row in rows]  # noqa: DTZ007
        at_ms = np.array([int(one.replace(tzinfo=dt.UTC).timestamp() * 1000) for one in times], np.int64)
        limits = [tuple(dt.datetime.fromisoformat(one) for one in window) for window in labels[name]]
        worth, points = {}, {}
        for profile, (false, missed) in PROFILES.items():
            sweeper = Sweeper(0.15, {"tpWeight": 1.0, "fpWeight": false, "fnWeight": missed})
            points[profile] = sweeper.calcSweepScore(times, [0.0] * len(times), limits, name)
            worth[profile] = np.array([point.sweepScore for point in points[profile]])
        names = [point.windowName for point in points["standard"]]
        numbers = {one: at for at, one in enumerate(dict.fromkeys(n for n in names if n not in (None, "probationary")))}
        window = np.array([-2 if one == "probationary" else numbers.get(one, -1) for one in names], np.int64)
        values = np.array([float(row[1]) for row in rows])
        files.append(File(name, at_ms, values, window, len(numbers), worth, points))
    return files


F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """For whatever types it is called with."""
    return cast(F, cast(Any, numba.njit)(function))


@compiled
def _sweep(order: I64, scores: F64, window: I64, worth: F64, windows: int) -> tuple[float, float]:
    best = np.full(windows, -1.0)
    total = -float(windows)
    most, threshold, now = total, 1.1, 1.1
    for row in order:
        if scores[row] != now:
            if total > most:
                most, threshold = total, now
            now = scores[row]
        one = window[row]
        if one < 0:
            total += worth[row]
        elif worth[row] > best[one]:
            total += worth[row] - best[one]
            best[one] = worth[row]
    if total > most:
        most, threshold = total, now
    return most, threshold


class Part:
    """Some files of the corpus, scored together at one threshold, 0 (a detector that says nothing) to 100."""

    def __init__(self, files: Sequence[File], chosen: Sequence[int], profile: str = "standard") -> None:
        self.chosen = chosen
        window, begin = [], 0
        for at in chosen:
            one = files[at]
            window.append(np.where(one.window >= 0, one.window + begin, one.window))
            begin += one.windows
        self.window = np.concatenate(window)
        self.worth = np.concatenate([files[at].worth[profile] for at in chosen])
        self.windows = begin

    def _all(self, scores: Sequence[F64]) -> F64:
        return np.concatenate([scores[at] for at in self.chosen])

    def best(self, scores: Sequence[F64]) -> tuple[float, float]:
        """The best score of any threshold, and that threshold."""
        values = self._all(scores)
        rows = np.flatnonzero((self.window >= -1) & (values > 0))
        rows = rows[np.argsort(-values[rows], kind="stable")]
        raw, threshold = _sweep(rows, values, self.window, self.worth, self.windows)
        return 50.0 * (raw + self.windows) / self.windows, threshold

    def at(self, scores: Sequence[F64], threshold: float) -> tuple[float, int, int]:
        """Score, windows that were hit, and false positives at a threshold."""
        rows = np.flatnonzero((self.window >= -1) & (self._all(scores) >= threshold))
        best = np.full(self.windows, -1.0)
        inside = rows[self.window[rows] >= 0]
        np.maximum.at(best, self.window[inside], self.worth[inside])
        outside = rows[self.window[rows] < 0]
        raw = float(best.sum() + self.worth[outside].sum())
        return 50.0 * (raw + self.windows) / self.windows, int((best > -1).sum()), int(outside.size)


def own_score(files: Sequence[File], scores: Sequence[F64], profile: str) -> float:
    """The best score of any threshold, by NAB's own code."""
    from nab.sweeper import Sweeper

    false, missed = PROFILES[profile]
    points = [
        point._replace(anomalyScore=float(score))
        for file, rows in zip(files, scores, strict=True)
        for point, score in zip(file.points[profile], rows, strict=True)
    ]
    sweeper = Sweeper(0.15, {"tpWeight": 1.0, "fpWeight": false, "fnWeight": missed})
    most = max(one.score for one in sweeper.calcScoreByThreshold(points))
    windows = sum(file.windows for file in files)
    return 50.0 * (most + windows * missed) / windows if missed == 1.0 else float("nan")


def folds(files: Sequence[File], seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """Five times two halves of the files, at random."""
    rng = np.random.default_rng(seed)
    halves = []
    for _ in range(5):
        order = rng.permutation(len(files)).tolist()
        one, other = order[: len(files) // 2], order[len(files) // 2 :]
        halves += [(one, other), (other, one)]
    return halves
