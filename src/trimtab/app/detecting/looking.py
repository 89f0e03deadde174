"""Rows through the detector, and what it finds as episodes: no threads, no stores.

What is only history teaches; what is recent is judged, row by row of each series, all series together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from trimtab.analyze.detect import Closed, Detector, DetectSettings, Episode, EpisodeBook, Opened, Scores, Test
from trimtab.app.detecting.rows import Rows
from trimtab.model.anomalies import AnomalyEpisode, SeriesRef, SpokenTest
from trimtab.store.metrics.arrays import I32, I64

if TYPE_CHECKING:
    from trimtab.analyze.detect import EpisodeEvent

RECENT_MS = 600_000
"""Rows that are older than this teach, and are not judged."""
LATE_MS = 120_000
"""Where nothing comes any more, episodes end as if it were so much earlier: samples may be on their way."""
STEPS_MAX = 200
"""So many steps are judged in one tick at most, the newest."""
SLICE_MS = 15_000
"""Where a tick has several rows of a series, rows of all series that are so near in time are judged together."""
EXP_MAX = 700.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a tick changed. `opened`: with the place of each that goes on, -1 where it is over already."""

    opened: tuple[tuple[int, AnomalyEpisode], ...] = ()
    changed: tuple[AnomalyEpisode, ...] = ()


class Looking:
    """For one thread. `ref(place)` says which series is at a place, `is_logarithm(place)` how its values are.

    `is_normal(series, test, at_ms)`: whether somebody said so.
    """

    def __init__(
        self,
        detector: Detector,
        settings: DetectSettings,
        ref: Callable[[int], SeriesRef | None],
        is_logarithm: Callable[[int], bool],
        is_normal: Callable[[SeriesRef, SpokenTest, int], bool],
    ) -> None:
        self.detector = detector
        self._settings = settings
        self._ref, self._is_logarithm, self._is_normal = ref, is_logarithm, is_normal
        self._book = EpisodeBook(settings)
        self._open: dict[int, AnomalyEpisode] = {}
        self._hidden: dict[int, Episode] = {}
        """Episodes that go on and are not told, because somebody said that it is normal."""
        self._clock_ms = 0
        """Until when episodes are known: it never goes back, though late rows come."""
        self.rows_count = 0
        self.quiet_count = 0
        """How many those were."""

    def add(self, steps_ms: I64) -> I32:
        """Places for series with these steps; fewer where there is not room for all."""
        room = self._settings.series_max - len(self.detector)
        steps_ms = steps_ms[: max(room, 0)]
        return self.detector.add(len(steps_ms), steps_ms)

    @property
    def open(self) -> list[AnomalyEpisode]:
        """Episodes that go on."""
        return list(self._open.values())

    def restore(self, open_: Iterable[tuple[int, AnomalyEpisode]]) -> None:
        """Episodes that went on when the server stopped, each with the place of its series."""
        pairs = list(open_)
        self._open = dict(pairs)
        self._book.restore(self._plain(place, one) for place, one in pairs)

    def look(self, parts: Iterable[Rows], now_ms: int) -> Found:
        """Score rows and learn from them; episodes that opened have no id yet (0) until `keep`."""
        recent: list[tuple[I32, I64, Scores]] = []
        for rows in parts:
            if not len(rows):
                continue
            scores = self.detector.update(rows.places, rows.at_ms, rows.values)
            self.rows_count += len(rows)
            late = np.flatnonzero(rows.at_ms >= now_ms - RECENT_MS)
            if len(late):
                recent.append((rows.places[late], rows.at_ms[late], _some(scores, late)))
        if not recent:
            nothing = np.zeros(0, np.int32)
            return self._told(self._book.step(now_ms - LATE_MS, nothing, Scores.none(0), len(self.detector)))
        places = np.concatenate([one[0] for one in recent])
        at_ms = np.concatenate([one[1] for one in recent])
        scores = Scores(*(np.concatenate([getattr(one[2], name) for one in recent]) for name in Scores.__slots__))
        return self._judge(places, at_ms, scores)

    def _judge(self, places: I32, at_ms: I64, scores: Scores) -> Found:
        events: list[EpisodeEvent] = []
        for rows in _steps(places, at_ms):
            self._clock_ms = max(self._clock_ms, int(at_ms[rows].max()))
            events += self._book.step(self._clock_ms, places[rows], _some(scores, rows), len(self.detector))
        return self._told(events)

    def _told(self, events: Iterable[EpisodeEvent]) -> Found:
        opened: dict[int, AnomalyEpisode] = {}
        over: list[AnomalyEpisode] = []
        changed: dict[int, AnomalyEpisode] = {}
        for place, episode in list(self._hidden.items()):
            made = self._episode(episode, None)
            if made is not None:
                opened[place] = made
                self._hidden.pop(place)
        for event in events:
            place = event.episode.slot
            if isinstance(event, Closed):
                self._hidden.pop(place, None)
                known = opened.pop(place, None) or self._open.pop(place, None)
                if known is not None:
                    ended = replace(known, end_ms=event.episode.end_ms, closed_at_ms=event.episode.end_ms)
                    if known.id:
                        changed[known.id] = ended
                    else:
                        over.append(ended)
                continue
            before = opened.get(place) or self._open.get(place)
            made = self._episode(event.episode, before)
            if made is None:
                self.quiet_count += isinstance(event, Opened)
                self._hidden[place] = event.episode
            elif before is None or not before.id:
                self._hidden.pop(place, None)
                opened[place] = made
            else:
                self._open[place] = changed[made.id] = made
        return Found((*opened.items(), *((-1, one) for one in over)), tuple(changed.values()))

    def keep(self, kept: Iterable[tuple[int, AnomalyEpisode]]) -> None:
        """Opened episodes with the ids that they got, those that go on by their places."""
        self._open.update(kept)

    def end(self, key: str, test: SpokenTest | None, at_ms: int) -> list[AnomalyEpisode]:
        """Somebody said that this is normal: its open episodes end now, as the state is to have them."""
        ended = []
        for place, one in list(self._open.items()):
            if one.series.key == key and test in (None, one.test):
                ended.append(replace(self._open.pop(place), closed_at_ms=max(at_ms, one.end_ms)))
                self._hidden[place] = self._plain(place, one)
        return ended

    def let_go(self, places: I32, at_ms: int) -> list[AnomalyEpisode]:
        """Series that are gone: their episodes end, as the state is to have them."""
        self._book.close(places)
        for place in places.tolist():
            self._hidden.pop(place, None)
        gone = [self._open.pop(place) for place in places.tolist() if place in self._open]
        return [replace(one, closed_at_ms=max(at_ms, one.end_ms)) for one in gone]

    # --- an episode as the detector has it, and as people see it

    def _episode(self, one: Episode, before: AnomalyEpisode | None) -> AnomalyEpisode | None:
        series = before.series if before is not None else self._ref(one.slot)
        if series is None or one.test is Test.NONE:
            return None
        test = SpokenTest(one.test.name.lower())
        if self._is_normal(series, test, one.end_ms):
            return None
        numbers = (one.observed, one.expected, one.low, one.high)
        observed, expected, low, high = map(_exp, numbers) if self._is_logarithm(one.slot) else numbers
        if before is not None and before.expected is not None:  # what goes on becomes expected: it began otherwise
            expected = before.expected
            low, high = (math.nan if value is None else value for value in (before.low, before.high))
            observed = max(before.observed, observed, key=lambda value: abs(value - expected))
        return AnomalyEpisode(
            0 if before is None else before.id,
            series,
            one.start_ms if before is None else before.start_ms,
            one.end_ms,
            None,
            one.score,
            test,
            observed,
            _known(expected),
            _known(low),
            _known(high),
        )

    def _plain(self, place: int, one: AnomalyEpisode) -> Episode:
        is_logarithm = self._is_logarithm(place)

        def number(value: float | None) -> float:
            if value is None or (is_logarithm and value <= 0):
                return math.nan
            return math.log(value) if is_logarithm else value

        return Episode(
            place,
            one.series.name,
            one.start_ms,
            one.end_ms,
            one.score,
            number(one.observed),
            number(one.expected),
            number(one.low),
            number(one.high),
            Test[one.test.name],
        )


def _steps(places: I32, at_ms: I64) -> list[I64]:
    """Rows by steps, oldest first: in each no series is there twice, and no step is older than the one before it.

    >>> [rows.tolist() for rows in _steps(np.array([0, 0, 1], np.int32), np.array([15_000, 30_000, 31_000]))]
    [[0], [1, 2]]
    """
    from trimtab.app.detecting.rows_kernels import ranks

    slices = at_ms // SLICE_MS
    order = np.argsort(places, kind="stable")
    rank = np.empty(len(places), np.int32)
    if ranks(places[order], rank) == 0:
        return [np.arange(len(places))]
    order = np.lexsort((at_ms, places, slices))
    begins = np.flatnonzero(np.diff(slices[order], prepend=-1) | np.diff(places[order], prepend=-1))
    within = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    step = np.empty(len(order), np.int64)
    step[order] = (slices[order] - slices.min()) * (int(within.max()) + 1) + within
    by_step = np.argsort(step, kind="stable")
    cuts = np.flatnonzero(np.diff(step[by_step])) + 1
    return np.split(by_step, cuts)[-STEPS_MAX:]


def _some(scores: Scores, rows: I64) -> Scores:
    return Scores(*(getattr(scores, name)[rows] for name in Scores.__slots__))


def _exp(value: float) -> float:
    return math.exp(min(value, EXP_MAX)) if math.isfinite(value) else math.nan


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
