"""The baseline: a sample further than three standard deviations from the mean of the day before is an alarm."""

from __future__ import annotations

import numpy as np

from benchmarks.demo_day.alarms import Alarm
from benchmarks.demo_day.clock import MINUTES, DayClock
from benchmarks.demo_day.recording import Recording

SIGMAS = 3.0
WARM_UP = 60
"""Samples before it says anything, as the detector."""
QUIET = 6
"""So many samples in a row as expected end an episode."""


def alarms(recorded: Recording, clock: DayClock) -> list[Alarm]:
    """What it would have told, on the very series that the detector had."""
    found: list[Alarm] = []
    a_day = round(MINUTES * clock.minute_s * 1000 / float(np.median(np.diff(recorded.at_ms))))
    for number, series in enumerate(recorded.series):
        values = recorded.values[number]
        mean, spread, seen = _before(values, a_day)
        odd = (seen >= WARM_UP) & (spread > 0) & (np.abs(values - mean) > SIGMAS * spread)
        at = np.flatnonzero(odd)
        if not len(at):
            continue
        firsts = np.concatenate([[0], np.flatnonzero(np.diff(at) > QUIET) + 1])
        lasts = np.concatenate([firsts[1:] - 1, [len(at) - 1]])
        for first, last in zip(at[firsts].tolist(), at[lasts].tolist(), strict=True):
            start_ms, end_ms = int(recorded.at_ms[first]), int(recorded.at_ms[last])
            value, expected = float(values[first]), float(mean[first])
            away = abs(value - expected) / float(spread[first])
            about = (series.name, series.measure, series.labels, series.tables, series.text)
            found.append(Alarm(*about, start_ms, end_ms, start_ms, f"{away:.1f} sigma", 0.0, value, expected))
    return found


def _before(values: np.ndarray, a_day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and number of the samples of the day before each sample."""
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0).astype(np.float64)
    centre = float(filled[there].mean()) if there.any() else 0.0
    filled = np.where(there, filled - centre, 0.0)
    sums = [np.concatenate([[0.0], np.cumsum(one)]) for one in (there.astype(np.float64), filled, filled**2)]
    end = np.arange(len(values))
    begin = np.maximum(0, end - a_day)
    count, total, squares = (one[end] - one[begin] for one in sums)
    mean = total / np.maximum(count, 1)
    return mean + centre, np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0)), count
