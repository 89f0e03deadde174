"""`--replay DIR`: the product's detector on the series of a day that was recorded, without server and shop.

It is how a change of the detector is tried on the same day, and a truer clock than that of the server, whose incidents
and clusters last for minutes of the wall. What it can't show: rows of a live server come when they come, a few of them
late, and series that are new begin when they are seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.demo_day.alarms import MEAN_MS, Alarm
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.recording import Recording, Series
from trimtab.analyze.detect import Detector, DetectSettings, Episode, EpisodeBook
from trimtab.app.detecting.kinds import Kind, kind_of
from trimtab.app.detecting.metric_rows import TIME_MIN
from trimtab.app.detecting.query_rows import MEAN_MS_MIN

MONDAY_MS = 4 * 86_400_000


def without(recorded: Recording, spans_ms: Sequence[tuple[int, int]]) -> Recording:
    """As if it had not been looked at in these times: what an earlier day's faults taught is not known.

    >>> made = without(Recording((), np.array([10, 20, 30]), np.array([[1.0, 2.0, 9.0]])), [(15, 25)])
    >>> made.values.tolist()
    [[1.0, nan, 9.0]]
    """
    values = recorded.values.copy()
    for begin_ms, end_ms in spans_ms:
        values[:, (recorded.at_ms >= begin_ms) & (recorded.at_ms < end_ms)] = np.nan
    return Recording(recorded.series, recorded.at_ms, values)


def alarms(recorded: Recording, clock: DayClock) -> list[Alarm]:
    """What it tells with its defaults, if a minute of the clock is a minute; an episode is told when it opens, which
    may be a few rows after its first odd one."""
    settings = DetectSettings()
    detector, book = Detector(settings), EpisodeBook(settings)
    slots = detector.add(len(recorded.series), np.rint(_steps_ms(recorded) * 60.0 / clock.minute_s).astype(np.int64))
    least = np.array([_least_time(one) for one in recorded.series])[:, None]
    values = np.where(least > 0, np.log(np.maximum(recorded.values, np.maximum(least, TIME_MIN))), recorded.values)
    told_ms: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], Episode] = {}
    real_ms = {_day_ms(at_ms, clock): at_ms for at_ms in recorded.at_ms.tolist()}
    for row, at_ms in enumerate(real_ms):
        there = np.flatnonzero(np.isfinite(values[:, row])).astype(np.int32)
        scores = detector.update(slots[there], at_ms, values[there, row])
        for event in book.step(at_ms, slots[there], scores, len(recorded.series)):
            key = (event.episode.slot, event.episode.start_ms)
            told_ms.setdefault(key, real_ms[at_ms])
            last[key] = event.episode
    found = []
    for key, at_ms in told_ms.items():
        one = replace(last[key], start_ms=real_ms[last[key].start_ms], end_ms=real_ms[last[key].end_ms])
        found.append(_alarm(recorded, one, int(np.flatnonzero(slots == key[0])[0]), at_ms))
    return found


def _day_ms(at_ms: int, clock: DayClock) -> int:
    """Unix ms of a clock whose first day was a Monday, a minute of which takes a minute."""
    return MONDAY_MS + round(clock.minute(at_ms) * 60_000)


def _least_time(series: Series) -> float:
    """Mean times are looked at as logarithms, from this one on; 0 of what is no time."""
    if series.measure == MEAN_MS:
        return MEAN_MS_MIN
    return TIME_MIN if series.measure == "mean" and kind_of(series.name, "") is Kind.DURATION else 0.0


def _steps_ms(recorded: Recording) -> np.ndarray:
    """How far apart the samples of each series are: the lower median, as the server has it."""
    found = np.full(len(recorded.series), np.median(np.diff(recorded.at_ms)), np.int64)
    for row, values in enumerate(recorded.values):
        apart = np.sort(np.diff(recorded.at_ms[np.isfinite(values)]))
        if len(apart) > 1 and recorded.series[row].name:  # shapes have rows at each interval
            found[row] = apart[(len(apart) - 1) // 2]
    return found


def _alarm(recorded: Recording, one: Episode, row: int, told_ms: int) -> Alarm:
    series = recorded.series[row]
    observed, expected = one.observed, one.expected
    if _least_time(series):
        observed, expected = float(np.exp(observed)), float(np.exp(expected))
    return Alarm(
        *(series.name, series.measure, series.labels, series.tables, series.text),
        start_ms=one.start_ms,
        end_ms=one.end_ms,
        told_ms=told_ms,
        test=one.test.name.lower(),
        score=one.score,
        observed=observed,
        expected=expected if np.isfinite(expected) else None,
    )
