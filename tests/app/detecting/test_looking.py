"""Rows of a tick as episodes: several rows of a series, series that are sampled at other distances."""

from __future__ import annotations

import numpy as np

from trimtab.analyze.detect import Detector, DetectSettings, Scores, Test
from trimtab.app.detecting.looking import Looking
from trimtab.model.anomalies import SeriesMeasure, SeriesRef, Source

MINUTE_MS = 60_000
NOW_MS = 1_700_000_000_000


def _ref(place: int) -> SeriesRef:
    return SeriesRef(f"key-{place}", Source.METRIC, SeriesMeasure.VALUE, f"series-{place}", {}, "", 15_000)


def _scores(p: list[float], step_ms: list[float]) -> Scores:
    count = len(p)
    numbers = {name: np.full(count, 1.0) for name in Scores.__slots__}
    numbers |= {"p": np.array(p), "step_ms": np.array(step_ms), "test": np.full(count, Test.SHIFT, np.uint8)}
    return Scores(**{name: numbers[name] for name in Scores.__slots__})


def test_an_episode_has_the_time_of_its_own_rows_whatever_other_series_have_in_the_same_tick() -> None:
    looking = Looking(Detector(DetectSettings()), DetectSettings(), _ref, lambda _: False, lambda *_: False)
    places = np.array([1, 0, 0, 0, 0, 0], np.int32)
    at_ms = NOW_MS + np.array([9_000, -60_000, -45_000, -30_000, -15_000, 0], np.int64)
    found = looking._judge(
        places, at_ms, _scores([0.5] + [10.0**-nines for nines in range(15, 20)], [100_000.0] + [15_000.0] * 5)
    )
    [(place, episode)] = found.opened
    assert place == 0
    assert NOW_MS - 60_000 <= episode.start_ms < NOW_MS - 45_000
    assert NOW_MS <= episode.end_ms <= NOW_MS + 9_000

    late = looking._judge(places[1:2], at_ms[1:2] - MINUTE_MS, _scores([1e-15], [15_000.0]))
    assert all(one.end_ms >= one.start_ms for one in (*(one for _, one in late.opened), *late.changed))
