"""All series of the metrics store as rows for the detector: arrays by slot, no loop over series but for new ones.

WAITING ──▶ (three samples: how far apart are they?) ──▶ a place in the detector ──▶ long silent ──▶ WAITING
   └──▶ OUT (its name is not looked at)      └──▶ WAITING (the detector is full)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.app.detecting.kinds import MEASURES, Kind, divisor_of, family_of, kind_of, left_out, query_of
from trimtab.app.detecting.rows import Rows
from trimtab.app.exploring.names import series_text
from trimtab.app.exploring.units import unit_of_query
from trimtab.model.anomalies import SeriesRef, Source
from trimtab.store.metrics.arrays import F64, I32, I64, U64
from trimtab.store.metrics.block import METRIC_NAME, Labels, QueryTooBig
from trimtab.store.metrics.following import Following
from trimtab.store.promql.parse import parse

WAITING, OUT = -1, -2
NEVER_MS = -(1 << 62)
NEW_A_TICK = 50_000
"""So many series that are new are looked up by name in one tick."""
SAMPLES_A_CHUNK = 1_000_000
"""History is read in chunks of about so many."""
SAMPLES_MAX = 16_000_000
"""More are never read at once: 256 MB."""
CHUNK_MIN, CHUNK_MAX = 16, 8_192
HISTORY_S = 2.0
HISTORY_SAMPLES = 2_000_000
"""So long, of the processor, a tick may read history of series that it sees for the first time; and so many samples."""
PROMPT_MS = 300_000
"""Series whose newest sample that was looked at is older than this are read by themselves."""
GAP_MS = 600_000
TIME_MIN = 1e-6
"""The least mean of times, in their unit: shorter ones are taken as this."""
_HEX = frozenset("0123456789abcdef")
SINGLE_SHARE = 1.5
"""A series is taken sample by sample where its step, times this, is not less than the interval."""


@dataclass(frozen=True, slots=True)
class KeptMetrics:
    """What has to be kept of them: arrays of one length, for series that have a place."""

    ids: U64
    places: I32
    kinds: I32
    grid_ms: I64
    steps_ms: I64
    since_ms: I64
    last: F64
    last_divisor: F64

    @staticmethod
    def none() -> KeptMetrics:
        """Of no series."""
        ids, places, long = np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int64)
        numbers = np.zeros(0, np.float64)
        return KeptMetrics(ids, places, places, long, long, long, numbers, numbers)


class MetricRows:
    """For one thread. `add(steps_ms)` gives as many places as there is room for, `remove` takes them back."""

    def __init__(
        self,
        following: Following,
        interval_ms: int,
        patterns: Sequence[str],
        add: Callable[[I64], I32],
        remove: Callable[[I32], None],
    ) -> None:
        self._following, self._interval_ms = following, interval_ms
        self._add, self._remove = add, remove
        self._patterns, self._left_out = tuple(patterns), left_out(patterns)
        self._count = 0
        self._known = 0
        self._chunk = 256
        self._by_metric: dict[str, int] = {}
        self._places = np.zeros(0, np.int32)
        self._kinds = np.zeros(0, np.uint8)
        self._divisors = np.zeros(0, np.int32)
        self._grid_ms, self._steps_ms = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._since_ms = np.zeros(0, np.int64)
        self._last, self._last_divisor = np.zeros(0, np.float64), np.zeros(0, np.float64)
        self._slot_of_place: I32 = np.zeros(0, np.int32)
        self._dropped: I32 = np.zeros(0, np.int32)
        self.out_count = 0
        """Series whose names are left out."""
        self.full_count = 0
        """Series for which there was no room at the last look."""
        self.waiting_count = 0
        """Series that have too few samples yet, or whose history is still to be read."""

    @property
    def count(self) -> int:
        """Series that are looked at."""
        return int((self._places >= 0).sum())

    # --- a tick

    def take(self, now_ms: int, until_ms: int, history_ms: int, patterns: Sequence[str]) -> list[Rows]:
        """What is new: one part for series that are looked at, and one for each heap of those that are new.

        Slots of time that end at or before `until_ms` are over.
        """
        if tuple(patterns) != self._patterns:
            self._choose_again(patterns)
        count = self._following.count
        self._make_room(count)
        self._look_up(count)
        newest = self._following.newest_at(count)
        placed = np.flatnonzero((self._places >= 0) & (newest > self._since_ms)).astype(np.int32)
        oldest_ms = now_ms - max(PROMPT_MS, 3 * self._interval_ms)
        since_ms = self._since_ms[placed]
        is_quick = since_ms >= now_ms - 3 * self._interval_ms
        parts: list[Rows] = []
        for group in (placed[is_quick], placed[~is_quick & (since_ms >= oldest_ms)], placed[since_ms < oldest_ms]):
            if len(group):
                from_ms = max(int(self._since_ms[group].min()) + 1, now_ms - max(history_ms, PROMPT_MS))
                parts += self._in_heaps(group, from_ms, until_ms)
        fresh = np.flatnonzero((self._places == WAITING) & (newest >= now_ms - PROMPT_MS)).astype(np.int32)
        return parts + self._begin(fresh, now_ms - max(history_ms, PROMPT_MS), until_ms)

    def forget(self, before_ms: int) -> I32:
        """Let go of series without a sample since then; the places that they had."""
        is_old = (self._places >= 0) & (self._since_ms < before_ms)
        slots = np.flatnonzero(is_old & (self._following.newest_at(len(self._places)) < before_ms))
        return self._let_go(slots)

    def _let_go(self, slots: I64) -> I32:
        places = self._places[slots].copy()
        if len(places):
            self._remove(places)
            self._places[slots] = WAITING
            self._since_ms[slots] = NEVER_MS
            self._last[slots], self._last_divisor[slots] = np.nan, np.nan
        return places

    def _in_heaps(self, slots: I32, from_ms: int, until_ms: int) -> list[Rows]:
        """Rows of series that have a place; fewer at a time where there are too many samples."""
        try:
            return [self._rows(slots, from_ms, until_ms)]
        except QueryTooBig:
            if len(slots) < 2:
                raise
            middle = len(slots) // 2
            return self._in_heaps(slots[:middle], from_ms, until_ms) + self._in_heaps(slots[middle:], from_ms, until_ms)

    def _rows(self, slots: I32, from_ms: int, until_ms: int) -> Rows:
        samples = self._following.samples(slots, from_ms, SAMPLES_MAX)
        return self._rows_of(slots, samples, from_ms, until_ms)

    def _rows_of(self, slots: I32, samples: tuple[I64, I64, I64], from_ms: int, until_ms: int) -> Rows:
        from trimtab.app.detecting.rows_kernels import divide

        kinds = self._kinds[slots]
        is_mean = kinds >= Kind.MEAN
        since, last = self._since_ms[slots], self._last[slots]
        series, at_ms, values = self._made(slots, samples, since, last, until_ms)
        if is_mean.any():
            which = np.flatnonzero(is_mean).astype(np.int32)
            divisors = self._divisors[slots[which]]
            below = self._following.samples(divisors, from_ms, SAMPLES_MAX)
            since_2, last_2 = self._since_ms[slots[which]], self._last_divisor[slots[which]]
            place, at_2, counts = self._made(slots[which], below, since_2, last_2, until_ms)
            self._last_divisor[slots[which]] = last_2
            rows = np.flatnonzero(is_mean[series])
            quotient = values[rows]
            divide(series[rows], at_ms[rows], quotient, which[place], at_2, counts)
            is_time = (kinds[series[rows]] == Kind.DURATION) & np.isfinite(quotient)
            quotient[is_time] = np.log(np.maximum(quotient[is_time], TIME_MIN))
            values[rows] = quotient
            there = np.isfinite(values)
            series, at_ms, values = series[there], at_ms[there], values[there]
        self._since_ms[slots], self._last[slots] = since, last
        return Rows(self._places[slots][series], at_ms, values)

    def _made(
        self, slots: I32, samples: tuple[I64, I64, I64], since: I64, last: F64, until_ms: int
    ) -> tuple[I32, I64, F64]:
        from trimtab.app.detecting.rows_kernels import rows

        offsets, at_ms, bits = samples
        total = len(at_ms)
        series, when, values = np.empty(total, np.int32), np.empty(total, np.int64), np.empty(total, np.float64)
        kinds = np.minimum(self._kinds[slots], np.uint8(Kind.COUNTER))
        count = rows(
            offsets, at_ms, bits, kinds, self._grid_ms[slots], until_ms, GAP_MS, since, last, series, when, values
        )
        return series[:count], when[:count], values[:count]

    # --- series that are new

    def _begin(self, slots: I32, from_ms: int, until_ms: int) -> list[Rows]:
        """Places for series that have enough samples, and what their history teaches, as far as there is time."""
        from trimtab.app.detecting.rows_kernels import steps

        parts: list[Rows] = []
        began, done, self.full_count = time.thread_time(), 0, 0
        placed_count = read_count = 0
        while done < len(slots) and time.thread_time() - began < HISTORY_S and read_count < HISTORY_SAMPLES:
            some = slots[done : done + self._chunk]
            try:
                samples = self._following.samples(some, from_ms, SAMPLES_MAX // 2)
            except QueryTooBig:
                if self._chunk == CHUNK_MIN:
                    raise
                self._chunk = max(CHUNK_MIN, self._chunk // 4)
                continue
            done += len(some)
            step = np.empty(len(some), np.int64)
            steps(samples[0], samples[1], step)
            ready = some[step > 0]
            if len(ready):
                placed = self._place(ready, step[step > 0])
                placed_count += len(placed)
                self.full_count += len(ready) - len(placed)
                if len(placed):
                    parts.append(self._rows(placed, from_ms, until_ms))
                if len(placed) < len(ready):
                    self.full_count += len(slots) - done
                    break
            got = max(len(samples[1]), 1)
            read_count += got
            self._chunk = int(min(max(self._chunk * SAMPLES_A_CHUNK // got, CHUNK_MIN), self._chunk * 4, CHUNK_MAX))
        self.waiting_count = len(slots) - placed_count - self.full_count
        return parts

    def _place(self, slots: I32, steps_ms: I64) -> I32:
        is_single = steps_ms * SINGLE_SHARE >= self._interval_ms
        grid = np.where(is_single, 0, self._interval_ms)
        places = self._add(np.where(is_single, steps_ms, self._interval_ms))
        slots, grid = slots[: len(places)], grid[: len(places)]
        self._places[slots], self._grid_ms[slots] = places, grid
        self._steps_ms[slots] = np.where(grid > 0, grid, steps_ms[: len(places)])
        self._since_ms[slots] = NEVER_MS
        self._last[slots], self._last_divisor[slots] = np.nan, np.nan
        self._note(places, slots)
        return slots

    def _note(self, places: I32, slots: I32) -> None:
        known = self._slot_of_place
        size = int(places.max(initial=-1)) + 1
        if size > len(known):
            grown = np.full(max(size, 2 * len(known)), -1, np.int32)
            grown[: len(known)] = known
            known = grown
        known[places] = slots
        self._slot_of_place = known

    def _make_room(self, count: int) -> None:
        old = len(self._places)
        if count <= old:
            return
        for name, empty in (
            ("_places", WAITING),
            ("_kinds", 0),
            ("_divisors", -1),
            ("_grid_ms", 0),
            ("_steps_ms", 0),
            ("_since_ms", NEVER_MS),
            ("_last", np.nan),
            ("_last_divisor", np.nan),
        ):
            array = getattr(self, name)
            grown = np.full(count, empty, array.dtype)
            grown[:old] = array
            setattr(self, name, grown)

    def _look_up(self, count: int) -> None:
        """Kinds of series that were not there before, by their names; a bounded number at a time."""
        first, end = self._known, min(count, self._known + NEW_A_TICK)
        sums: list[tuple[int, Labels]] = []
        for slot in range(first, end):
            labels = self._following.labels_of(slot)
            metric = next((value for name, value in labels if name == METRIC_NAME), "")
            kind = self._by_metric.get(metric)
            if kind is None:
                kind = self._by_metric[metric] = self._kind_of(metric)
            self._kinds[slot] = max(kind, 0)
            if kind < 0:
                self._places[slot] = OUT
                self.out_count += 1
            elif kind >= Kind.MEAN:
                sums.append((slot, labels))
        found = self._following.slots_of_labels([divisor_of(labels) for _, labels in sums])
        for (slot, _), divisor in zip(sums, found, strict=True):
            self._divisors[slot] = divisor
            if divisor < 0:
                self._kinds[slot] = Kind.COUNTER
        self._known = end

    def _kind_of(self, metric: str) -> int:
        if not metric or self._left_out.fullmatch(metric):
            return -1
        said = self._following.kind_of(metric) or self._following.kind_of(family_of(metric))
        return int(kind_of(metric, said))

    def _choose_again(self, patterns: Sequence[str]) -> None:
        """Other names are left out now: those that are go, those that are not any more begin anew."""
        self._patterns, self._left_out = tuple(patterns), left_out(patterns)
        self._by_metric.clear()
        self._places[self._places == OUT] = WAITING
        self.out_count, self._known = 0, 0
        placed = np.flatnonzero(self._places >= 0)
        gone = [
            slot
            for slot in placed.tolist()
            if self._left_out.fullmatch(dict(self._following.labels_of(slot)).get(METRIC_NAME, ""))
        ]
        self._dropped = self._let_go(np.array(gone, np.int64))

    def take_dropped(self) -> I32:
        """Places that went because their names are left out now; told once."""
        dropped, self._dropped = self._dropped, np.zeros(0, np.int32)
        return dropped

    # --- what is told of them

    def ref(self, place: int) -> SeriesRef | None:
        """The series at a place; None where it is none of these."""
        known = self._slot_of_place
        slot = int(known[place]) if 0 <= place < len(known) else -1
        if slot < 0 or self._places[slot] != place:
            return None
        labels = self._following.labels_of(slot)
        measure = MEASURES[Kind(int(self._kinds[slot]))]
        unit = unit_of_query(parse(query_of(labels, measure, int(self._steps_ms[slot])))) if labels else ""
        id_ = int(self._following.ids(np.array([slot], np.int32))[0])
        return SeriesRef(
            f"{id_:016x}/{measure.value}",
            Source.METRIC,
            measure,
            series_text(labels),
            dict(labels),
            unit,
            int(self._steps_ms[slot]),
        )

    def is_logarithm(self, place: int) -> bool:
        """Whether values of that place are logarithms."""
        slot = int(self._slot_of_place[place]) if 0 <= place < len(self._slot_of_place) else -1
        return slot >= 0 and self._places[slot] == place and self._kinds[slot] == Kind.DURATION

    def place_of(self, key: str) -> int | None:
        """The place of the series with a key (as `ref` has it); None where it has none."""
        id_, _, measure = key.partition("/")
        if len(id_) != 16 or not set(id_) <= _HEX:
            return None
        slot = int(self._following.slots_of(np.array([int(id_, 16)], np.uint64))[0])
        is_same = 0 <= slot < self._known and MEASURES[Kind(int(self._kinds[slot]))].value == measure
        return int(self._places[slot]) if is_same and self._places[slot] >= 0 else None

    # --- kept over restarts

    def kept(self) -> KeptMetrics:
        """What `restore` goes on from."""
        slots = np.flatnonzero(self._places >= 0).astype(np.int32)
        return KeptMetrics(
            self._following.ids(slots).copy(),
            self._places[slots],
            self._kinds[slots].astype(np.int32),
            self._grid_ms[slots],
            self._steps_ms[slots],
            self._since_ms[slots],
            self._last[slots],
            self._last_divisor[slots],
        )

    def restore(self, kept: KeptMetrics) -> None:
        """Go on; places of series that are not there any more, or are another kind now, are taken back."""
        count = self._following.count
        self._make_room(count)
        while self._known < count:
            self._look_up(count)
        slots = self._following.slots_of(kept.ids)
        is_there = slots >= 0
        is_there[is_there] &= (self._kinds[slots[is_there]] == kept.kinds[is_there]) & (
            self._places[slots[is_there]] == WAITING
        )
        if not is_there.all():
            self._remove(kept.places[~is_there])
        slots = slots[is_there]
        self._places[slots], self._grid_ms[slots] = kept.places[is_there], kept.grid_ms[is_there]
        self._steps_ms[slots], self._since_ms[slots] = kept.steps_ms[is_there], kept.since_ms[is_there]
        self._last[slots], self._last_divisor[slots] = kept.last[is_there], kept.last_divisor[is_there]
        self._note(kept.places[is_there], slots)
