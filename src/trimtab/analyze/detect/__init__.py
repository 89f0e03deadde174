"""Streaming anomaly detection: which of many series does now what it does not usually do, and what was expected.

    detector = Detector(DetectSettings())          state of all series, bounded, survives a restart
    slots = detector.add(2, step_ms=10_000)        a place for each series
    scores = detector.update(slots, at_ms, values) one row a sample: score, p, what was expected, which test spoke
    score = detector.update_one(slot, at_ms, value) the same of one sample
    book.step(at_ms, slots, scores)                episodes: opened, worsened, closed

`detect_series` does all of it for one series of a file. docs/adr/0018 says why these tests and how they are combined.
"""

from trimtab.analyze.detect.detector import Detector
from trimtab.analyze.detect.episodes import Closed, Episode, EpisodeBook, EpisodeEvent, Opened, Worsened
from trimtab.analyze.detect.offline import detect_series
from trimtab.analyze.detect.scores import Score, Scores, Test
from trimtab.analyze.detect.settings import DetectSettings

__all__ = [
    "Closed",
    "DetectSettings",
    "Detector",
    "Episode",
    "EpisodeBook",
    "EpisodeEvent",
    "Opened",
    "Score",
    "Scores",
    "Test",
    "Worsened",
    "detect_series",
]
