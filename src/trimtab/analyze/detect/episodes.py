"""Episodes: times in which a series was not as expected, few enough to be told to somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.scores import Scores, Test, score_of
from trimtab.analyze.detect.settings import DetectSettings

DAY_MS = 86_400_000
STILL_P = 1e-3
"""A row of an open episode that is less probable than this is still part of it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time of one series, from its first odd sample to its last one (both inclusive, Unix milliseconds).

    `score` (0..1), `observed`, `expected`, `low`, `high` and `test` are those of its oddest sample.
    """

    slot: int
    series: str
    start_ms: int
    end_ms: int
    score: float
    observed: float
    expected: float
    low: float
    high: float
    test: Test


@dataclass(frozen=True, slots=True)
class Opened:
    """An episode began."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class Worsened:
    """An open episode has an odder sample than all before."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class Closed:
    """An episode is over: `quiet_points` samples were as expected, or the series is gone."""

    episode: Episode


EpisodeEvent = Opened | Worsened | Closed


class EpisodeBook:
    """Makes episodes of scores: few false ones over all series, one for what goes on.

    In each tick the rows are judged together as Benjamini and Hochberg do (1995): the k-th least probable row opens an
    episode where noise would give fewer than k * `false_per_day` / series such rows of one series in a day. So ten
    times the series do not ring ten times as often, and an incident that shows in many series at once is seen sooner.
    """

    def __init__(self, settings: DetectSettings, name_of: Callable[[int], str] = str) -> None:
        self.settings = settings
        self._name_of = name_of
        self._open: dict[int, Episode] = {}
        self._watched = 0

    @property
    def open(self) -> list[Episode]:
        """Episodes that go on, oldest first."""
        return sorted(self._open.values(), key=lambda one: one.start_ms)

    def step(
        self, at_ms: int, slots: NDArray[np.int32], scores: Scores, watched: int | None = None
    ) -> list[EpisodeEvent]:
        """What the rows of one tick change. `watched`: how many series there are (default: the most of any tick).

        A series should be in a tick once; where it is there several times, its rows are judged one by one.
        """
        self._watched = max(self._watched, len(scores)) if watched is None else watched
        events: list[EpisodeEvent] = []
        a_day = scores.p * DAY_MS / scores.step_ms
        opening = _discoveries(a_day, self.settings.false_per_day, max(self._watched, 1))
        for row in opening:
            slot = int(slots[row])
            if slot not in self._open:
                self._open[slot] = self._episode(slot, at_ms, scores, int(row))
                events.append(Opened(self._open[slot]))
        events.extend(self._go_on(at_ms, slots, scores))
        return events

    def restore(self, episodes: Iterable[Episode]) -> None:
        """Episodes that were open when another book stopped go on in this one."""
        self._open.update((one.slot, one) for one in episodes)

    def close(self, slots: NDArray[np.int32]) -> list[EpisodeEvent]:
        """End the episodes of series that are gone."""
        return [Closed(self._open.pop(int(slot))) for slot in slots if int(slot) in self._open]

    def _go_on(self, at_ms: int, slots: NDArray[np.int32], scores: Scores) -> Iterator[EpisodeEvent]:
        if not self._open:
            return
        for row in np.flatnonzero(np.isin(slots, np.fromiter(self._open, np.int32, len(self._open)))):
            slot = int(slots[row])
            if slot not in self._open:
                continue
            before = self._open[slot]
            if scores.p[row] <= STILL_P:
                now = self._episode(slot, at_ms, scores, int(row))
                is_worse = now.score > before.score
                self._open[slot] = replace(now if is_worse else before, start_ms=before.start_ms, end_ms=at_ms)
                if is_worse:
                    yield Worsened(self._open[slot])
            elif at_ms - before.end_ms >= self.settings.quiet_points * scores.step_ms[row]:
                yield Closed(self._open.pop(slot))

    def _episode(self, slot: int, at_ms: int, scores: Scores, row: int) -> Episode:
        return Episode(
            slot=slot,
            series=self._name_of(slot),
            start_ms=at_ms,
            end_ms=at_ms,
            score=float(score_of(scores.p[row : row + 1])[0]),
            observed=float(scores.observed[row]),
            expected=float(scores.expected[row]),
            low=float(scores.low[row]),
            high=float(scores.high[row]),
            test=Test(int(scores.test[row])),
        )


def _discoveries(a_day: NDArray[np.float64], level: float, count: int) -> NDArray[np.intp]:
    """Rows that Benjamini and Hochberg's procedure takes: `a_day` is how often a day noise is at least so odd.

    >>> _discoveries(np.array([0.9, 0.02, 0.03, 0.6, 0.9]), level=0.1, count=5).tolist()
    [1, 2]
    """
    rows = np.flatnonzero(a_day <= level)
    rows = rows[np.argsort(a_day[rows], kind="stable")]
    within = np.flatnonzero(a_day[rows] <= level * np.arange(1, rows.size + 1) / count)
    return rows[: within[-1] + 1] if within.size else rows[:0]
