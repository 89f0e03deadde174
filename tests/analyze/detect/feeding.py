"""Feed tables of values to a detector."""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect import Detector, DetectSettings, EpisodeBook, EpisodeEvent, Scores

F64 = NDArray[np.float64]


def scored(values: F64, step_ms: int = 60_000, settings: DetectSettings | None = None) -> Scores:
    """Scores of one series."""
    detector = Detector(settings or DetectSettings())
    slots = np.repeat(detector.add(1, step_ms), values.size)
    return detector.update(slots, np.arange(values.size, dtype=np.int64) * step_ms, values)


def table_scored(values: F64, step_ms: int = 60_000, settings: DetectSettings | None = None) -> Scores:
    """Scores of a table [samples, series], row by row."""
    samples, series = values.shape
    detector = Detector(settings or DetectSettings(series_max=max(series, 1)))
    slots = np.tile(detector.add(series, step_ms), samples)
    return detector.update(slots, np.repeat(np.arange(samples, dtype=np.int64) * step_ms, series), values.ravel())


def events_of(values: F64, settings: DetectSettings, step_ms: int = 10_000, warm: int = 0) -> list[EpisodeEvent]:
    """What a book says of a table [samples, series], tick by tick; the first `warm` ticks are learned alone."""
    samples, series = values.shape
    detector, book = Detector(settings), EpisodeBook(settings)
    slots = detector.add(series, step_ms)
    events: list[EpisodeEvent] = []
    for tick in range(samples):
        scores = detector.update(slots, tick * step_ms, values[tick])
        if tick >= warm:
            events.extend(book.step(tick * step_ms, slots, scores))
    return events
