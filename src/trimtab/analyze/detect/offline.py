"""Detection on one series that is there as a whole, as if it had come sample by sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.detector import Detector
from trimtab.analyze.detect.episodes import Closed, Episode, EpisodeBook
from trimtab.analyze.detect.settings import DetectSettings
from trimtab.stats.time_series import TimeSeries


def detect_series(series: TimeSeries, settings: DetectSettings) -> tuple[NDArray[np.float64], list[Episode]]:
    """Scores (0..1, shape [n]) of all samples and the episodes among them, in the order of their beginning.

    A sample's score uses no later sample. Episodes that are open at the end are among them. At most
    `settings.false_per_day_alone` episodes a day come of noise.

    >>> values = np.random.default_rng(1).normal(10, 1, 1000)
    >>> values[700:710] = 60
    >>> scores, episodes = detect_series(TimeSeries("cpu", np.arange(1000) * 60_000, values), DetectSettings())
    >>> [(one.series, one.start_ms // 60_000) for one in episodes]
    [('cpu', 700)]
    """
    if len(series) < 2:
        return np.zeros(len(series)), []
    detector = Detector(settings)
    slots = np.repeat(detector.add(1, series.step_ms), len(series))
    scores = detector.update(slots, series.at_ms, series.values)
    alone = replace(settings, false_per_day=settings.false_per_day_alone, odd_points=1)
    book = EpisodeBook(alone, lambda _: series.name)
    found: list[Episode] = []
    for row in np.flatnonzero(scores.p < 1.0):
        events = book.step(int(series.at_ms[row]), slots[row : row + 1], scores.row(int(row)), watched=1)
        found.extend(event.episode for event in events if isinstance(event, Closed))
    return scores.score, sorted(found + book.open, key=lambda one: one.start_ms)
