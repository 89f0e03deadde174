"""`--replay DIR`: the product's detector on the series of a day that was recorded, without server and shop.

It is how a change of the detector is tried on the same day. Figures that are quoted come from real runs: rows of a live
server come when they come, a few of them late, and series that are new begin when they are seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.demo_day.alarms import MEAN_MS, Alarm
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.live_shop import FALSE_PER_DAY, QUIET_MINUTES
from benchmarks.demo_day.recording import Recording, Series
from trimtab.analyze.detect import Detector, DetectSettings, Episode, EpisodeBook
from trimtab.app.detecting.kinds import Kind, kind_of
from trimtab.app.detecting.metric_rows import TIME_MIN
from trimtab.app.detecting.query_rows import MEAN_MS_MIN


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
    """What it tells; an episode is told when it opens, which may be a few rows after its first odd one."""
    settings = DetectSettings(
        false_per_day=min(1000.0, FALSE_PER_DAY * 60.0 / clock.minute_s),
        quiet_ms=round(QUIET_MINUTES * clock.minute_s * 1000),
    )
    detector, book = Detector(settings), EpisodeBook(settings)
    slots = detector.add(len(recorded.series), _steps_ms(recorded))
    least = np.array([_least_time(one) for one in recorded.series])[:, None]
    values = np.where(least > 0, np.log(np.maximum(recorded.values, np.maximum(least, TIME_MIN))), recorded.values)
    told_ms: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], Episode] = {}
    for row, at_ms in enumerate(recorded.at_ms.tolist()):
        there = np.flatnonzero(np.isfinite(values[:, row])).astype(np.int32)
        scores = detector.update(slots[there], at_ms, values[there, row])
        for event in book.step(at_ms, slots[there], scores, len(recorded.series)):
            key = (event.episode.slot, event.episode.start_ms)
            told_ms.setdefault(key, at_ms)
            last[key] = event.episode
    return [
        _alarm(recorded, last[key], int(np.flatnonzero(slots == key[0])[0]), at_ms) for key, at_ms in told_ms.items()
    ]


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
