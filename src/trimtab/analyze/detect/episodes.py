"""Episodes: times in which a series was not as expected, few enough to be told to somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.scores import Scores, Test, score_of
from trimtab.analyze.detect.settings import DetectSettings

DAY_MS = 86_400_000
RESTORED_QUIET_MS = 60 * 60_000
LATELY_POINTS = 4
TOGETHER = 3
"""So many series that open an episode in one moment are one incident: none has to wait for a second odd sample."""
STILL_P = 1e-3
"""A row that is less probable than this is odd; of an open episode it is still part."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time of one series, from its first odd sample to its last one (both inclusive, Unix milliseconds).

    `score` (0..1), `observed` and `test` are those of its oddest sample; `expected`, `low` and `high` are what was
    expected of its first one: what is expected follows the values, and would soon be what nobody wants.
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


@dataclass(slots=True)
class _Going:
    """An open episode, and for how long it may be quiet."""

    episode: Episode
    quiet_ms: float


@dataclass(frozen=True, slots=True)
class _Lately:
    """A series' oddest sample of the last few, which may become an episode: noise is so odd `a_day` times a day."""

    a_day: float
    until_ms: float
    episode: Episode


class EpisodeBook:
    """Makes episodes of scores: few false ones over all series, one for what goes on.

    In each tick the rows are judged together as Benjamini and Hochberg do (1995): the k-th least probable row opens an
    episode where noise would give fewer than k * `false_per_day` / series such rows of one series in a day. So ten
    times the series do not ring ten times as often, and an incident that shows in many series at once is seen sooner.
    A series' oddest of its last five samples counts, because an incident does not reach all series in one moment; and
    one odd sample of a series alone is not told (see `DetectSettings.odd_points`).
    """

    def __init__(self, settings: DetectSettings, name_of: Callable[[int], str] = str) -> None:
        self.settings = settings
        self._name_of = name_of
        self._going: dict[int, _Going] = {}
        self._watched = 0
        self._lately: dict[int, _Lately] = {}
        self._odd: dict[int, list[tuple[Episode, float]]] = {}
        """Odd samples of a series, and until when each is one of its last five."""

    @property
    def open(self) -> list[Episode]:
        """Episodes that go on, oldest first."""
        return sorted((going.episode for going in self._going.values()), key=lambda one: one.start_ms)

    def restore(self, episodes: Iterable[Episode]) -> None:
        """Go on with episodes that were open before a restart; each ends after an hour without an odd sample."""
        for one in episodes:
            self._going[one.slot] = _Going(one, RESTORED_QUIET_MS)

    def step(
        self, at_ms: int, slots: NDArray[np.int32], scores: Scores, watched: int | None = None
    ) -> list[EpisodeEvent]:
        """What the rows of one tick change. `watched`: how many series there are (default: the most of any tick).

        A series should be in a tick once; where it is there several times, its rows are judged one by one.
        """
        self._watched = max(self._watched, len(scores)) if watched is None else watched
        events: list[EpisodeEvent] = [*self._ended(at_ms)]
        events.extend(self._opened(at_ms, slots, scores))
        if self._going:
            still = np.flatnonzero(scores.p <= STILL_P)
            for row in still[np.isin(slots[still], np.fromiter(self._going, np.int32, len(self._going)))]:
                events.extend(self._go_on(at_ms, int(slots[row]), scores, int(row)))
        return events

    def close(self, slots: NDArray[np.int32]) -> list[EpisodeEvent]:
        """End the episodes of series that are gone."""
        for slot in slots:
            self._lately.pop(int(slot), None)
            self._odd.pop(int(slot), None)
        return [Closed(self._going.pop(int(slot)).episode) for slot in slots if int(slot) in self._going]

    def _opened(self, at_ms: int, slots: NDArray[np.int32], scores: Scores) -> Iterator[EpisodeEvent]:
        level = self.settings.false_per_day
        a_day = scores.p * DAY_MS / scores.step_ms
        self._lately = {slot: one for slot, one in self._lately.items() if at_ms <= one.until_ms}
        self._note_odd(at_ms, slots, scores, (scores.p <= STILL_P) | (a_day <= level))
        for row in np.flatnonzero(a_day <= level):
            slot, step_ms = int(slots[row]), float(scores.step_ms[row])
            before = self._lately.get(slot)
            if before is None or a_day[row] <= before.a_day:
                episode = self._episode(slot, at_ms, scores, int(row))
                self._lately[slot] = _Lately(float(a_day[row]), at_ms + LATELY_POINTS * step_ms, episode)
        found = list(self._lately.items())
        odd = np.array([one.a_day for _, one in found])
        discovered = [found[at] for at in _discoveries(odd, level, max(self._watched, 1))]
        enough = 1 if len(discovered) >= TOGETHER else self.settings.odd_points
        for slot, one in discovered:
            if slot not in self._going and len(self._odd[slot]) >= enough:
                step_ms = (one.until_ms - one.episode.end_ms) / LATELY_POINTS
                episode = _as_began(one.episode, self._odd[slot][0][0])
                self._going[slot] = _Going(episode, max(self.settings.quiet_points * step_ms, self.settings.quiet_ms))
                yield Opened(episode)

    def _note_odd(self, at_ms: int, slots: NDArray[np.int32], scores: Scores, is_odd: NDArray[np.bool_]) -> None:
        self._odd = {
            slot: late for slot, all_ in self._odd.items() if (late := [one for one in all_ if at_ms <= one[1]])
        }
        for row in np.flatnonzero(is_odd):
            slot, until_ms = int(slots[row]), at_ms + LATELY_POINTS * float(scores.step_ms[row])
            self._odd.setdefault(slot, []).append((self._episode(slot, at_ms, scores, int(row)), until_ms))

    def _ended(self, at_ms: int) -> Iterator[EpisodeEvent]:
        over = [slot for slot, going in self._going.items() if at_ms - going.episode.end_ms > going.quiet_ms]
        for slot in over:
            yield Closed(self._going.pop(slot).episode)

    def _go_on(self, at_ms: int, slot: int, scores: Scores, row: int) -> Iterator[EpisodeEvent]:
        going = self._going[slot]
        before = going.episode
        now = self._episode(slot, at_ms, scores, row)
        is_worse = now.score > before.score
        going.episode = replace(_as_began(now if is_worse else before, before), end_ms=at_ms)
        if is_worse:
            yield Worsened(going.episode)

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


def _as_began(oddest: Episode, first: Episode) -> Episode:
    """The oddest sample of an episode, beside what was expected when it began."""
    return replace(oddest, start_ms=first.start_ms, expected=first.expected, low=first.low, high=first.high)


def _discoveries(a_day: NDArray[np.float64], level: float, count: int) -> NDArray[np.intp]:
    """Rows that Benjamini and Hochberg's procedure takes: `a_day` is how often a day noise is at least so odd.

    >>> _discoveries(np.array([0.9, 0.02, 0.03, 0.6, 0.9]), level=0.1, count=5).tolist()
    [1, 2]
    """
    rows = np.flatnonzero(a_day <= level)
    rows = rows[np.argsort(a_day[rows], kind="stable")]
    within = np.flatnonzero(a_day[rows] <= level * np.arange(1, rows.size + 1) / count)
    return rows[: within[-1] + 1] if within.size else rows[:0]
