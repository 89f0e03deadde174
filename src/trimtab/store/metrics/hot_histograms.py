"""Native histograms in memory: the newest, as the bytes that are stored, in the order in which they came; made into
values when a query asks, once.

Rows are kept in two sorted pieces, a large one and what came since, so that taking some in costs no more than they are.
Of two senders' histograms for one moment both may be here, as both are in the engine; `with_histograms` says which
counts.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U8, Mask
from trimtab.store.metrics.histogram_codec import decoded
from trimtab.store.metrics.hot import Bounds
from trimtab.store.metrics.natives import Natives
from trimtab.store.promql.histogram import FloatHistogram

_NEVER_MS = -(1 << 62)
_FRESH_SHARE = 4
"""What came since becomes part of the large piece when it is more than one in so many of all."""


@dataclass(slots=True)
class _Chunk:
    """What came at one time, and the values that were asked for."""

    natives: Natives
    values: dict[int, FloatHistogram] = field(default_factory=dict)

    def value_at(self, place: int) -> FloatHistogram:
        value = self.values.get(place)
        if value is None:
            value = self.values[place] = decoded(self.natives.bytes_at(place))
        return value


@dataclass(frozen=True, slots=True)
class _Rows:
    """By slot and time: which chunk, and which place in it."""

    slots: I32
    at_ms: I64
    chunks: I64
    places: I64

    def __len__(self) -> int:
        return len(self.slots)

    def kept(self, is_kept: Mask) -> _Rows:
        return _Rows(self.slots[is_kept], self.at_ms[is_kept], self.chunks[is_kept], self.places[is_kept])

    def between(self, slots: I32, from_ms: int, to_ms: int) -> tuple[I64, I64]:
        """Of slots: the number of each in `slots`, and the row, of those in that time."""
        first = np.searchsorted(self.slots, slots, side="left")
        lengths = np.searchsorted(self.slots, slots, side="right") - first
        numbers = np.repeat(np.arange(len(slots)), lengths)
        rows = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
        at_ms = self.at_ms[rows]
        inside = (at_ms >= from_ms) & (at_ms <= to_ms)
        return numbers[inside], rows[inside]


def _sorted(pieces: list[_Rows]) -> _Rows:
    slots = np.concatenate([piece.slots for piece in pieces])
    at_ms = np.concatenate([piece.at_ms for piece in pieces])
    order = np.lexsort((at_ms, slots))
    chunks = np.concatenate([piece.chunks for piece in pieces])
    places = np.concatenate([piece.places for piece in pieces])
    return _Rows(slots[order], at_ms[order], chunks[order], places[order])


_NOTHING = _Rows(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class FoundHistograms:
    """Histograms of series: the number of each one's series, its time, itself; in any order."""

    series: I64
    at_ms: I64
    values: list[FloatHistogram]


class HotHistograms:
    """The newest native histograms, complete from `from_ms` on. Every method may be called from any thread."""

    def __init__(self, count_max: int) -> None:
        self._lock = threading.Lock()
        self._count_max = count_max
        self._chunks: dict[int, _Chunk] = {}
        self._next_chunk = 0
        self._settled, self._fresh = _NOTHING, _NOTHING
        self._unsorted: list[_Rows] = []
        self._newest_at: I64 = np.zeros(0, np.int64)
        self._is_known: Mask = np.zeros(0, np.bool_)
        self.count = 0
        self.from_ms = _NEVER_MS

    def known(self, slots: I32) -> Mask:
        """Which of these series have any, in the engine at least."""
        with self._lock:
            known = self._is_known
            found = np.zeros(len(slots), np.bool_)
            inside = slots < len(known)
            found[inside] = known[slots[inside]]
            return found

    def know(self, slots: I32) -> None:
        """These series have histograms, in the engine at least."""
        with self._lock:
            self._make_room(slots)
            self._is_known[slots] = True

    def _make_room(self, slots: I32) -> None:
        """Arrays by slot; needs the lock."""
        wanted, old = int(slots.max(initial=-1)) + 1, len(self._newest_at)
        if wanted > old:
            size = max(wanted, old * 3 // 2, 64)
            newest, known = np.full(size, _NEVER_MS, np.int64), np.zeros(size, np.bool_)
            newest[:old], known[:old] = self._newest_at, self._is_known
            self._newest_at, self._is_known = newest, known

    def judge(self, slots: I32, at_ms: I64, natives: Natives, bounds: Bounds) -> U8:
        """Verdicts (`hot_kernels`), by histogram: repetitions are told, too. Nothing changes but room."""
        from trimtab.store.metrics import hot_kernels as k

        with self._lock:
            self._make_room(slots)
            verdicts = np.full(len(slots), k.ACCEPTED, np.uint8)
            newest = self._newest_at[slots]
            verdicts[(newest > _NEVER_MS) & (newest - at_ms > bounds.window_ms)] = k.OUT_OF_ORDER
            order = np.lexsort((np.arange(len(slots)), at_ms, slots))
            same = (slots[order[1:]] == slots[order[:-1]]) & (at_ms[order[1:]] == at_ms[order[:-1]])
            is_again = np.zeros(len(slots), np.bool_)
            is_again[order[1:]] = same
            before = np.arange(len(slots))
            before[order[1:]] = order[:-1]
            for place in order[is_again[order]].tolist():  # two in one request
                first = before[place] = before[before[place]] if is_again[before[place]] else before[place]
                verdicts[place] = k.REPEATED if natives.bytes_at(place) == natives.bytes_at(int(first)) else k.DUPLICATE
            for place in np.flatnonzero(at_ms <= newest).tolist():
                there = self._at(int(slots[place]), int(at_ms[place]))
                if there:
                    verdicts[place] = k.REPEATED if natives.bytes_at(place) in there else k.DUPLICATE
            verdicts[at_ms < bounds.oldest_ms] = k.TOO_OLD
            verdicts[at_ms > bounds.latest_ms] = k.TOO_FAR
            return verdicts

    def _at(self, slot: int, at_ms: int) -> list[bytes]:
        """What a series has at a time; needs the lock."""
        asked = np.array([slot], np.int32)
        return [
            self._chunks[int(rows.chunks[row])].natives.bytes_at(int(rows.places[row]))
            for rows in self._pieces()
            for row in rows.between(asked, at_ms, at_ms)[1].tolist()
        ]

    def _pieces(self) -> tuple[_Rows, _Rows]:
        """All rows; needs the lock."""
        if self._unsorted:
            self._fresh = _sorted([self._fresh, *self._unsorted])
            self._unsorted = []
            if len(self._fresh) * _FRESH_SHARE > self.count:
                self._settled, self._fresh = _sorted([self._settled, self._fresh]), _NOTHING
        return self._settled, self._fresh

    def insert(self, slots: I32, at_ms: I64, natives: Natives) -> None:
        """Put in what was judged; what is older than memory counts for what is newest alone."""
        with self._lock:
            self._make_room(slots)
            self._is_known[slots] = True
            np.maximum.at(self._newest_at, slots, at_ms)
            inside = np.flatnonzero(at_ms >= self.from_ms)
            if not len(inside):
                return
            number, self._next_chunk = self._next_chunk, self._next_chunk + 1
            self._chunks[number] = _Chunk(natives)
            chunks = np.full(len(inside), number, np.int64)
            self._unsorted.append(_Rows(slots[inside], at_ms[inside], chunks, inside))
            self.count += len(inside)

    def newest_at(self, slots: I32) -> I64:
        """The time of the newest of each of these series that came since the start."""
        with self._lock:
            found = np.full(len(slots), _NEVER_MS, np.int64)
            inside = slots < len(self._newest_at)
            found[inside] = self._newest_at[slots[inside]]
            return found

    def evict(self, loaded_before_ms: int) -> None:
        """Drop the oldest quarter when there are too many; only what lies before `loaded_before_ms` may go."""
        with self._lock:
            if self.count <= self._count_max:
                return
            pieces = self._pieces()
            times = np.concatenate([rows.at_ms for rows in pieces])
            cut = min(int(np.partition(times, len(times) // 4)[len(times) // 4]), loaded_before_ms)
            if cut <= self.from_ms:
                return
            self.from_ms = cut
            self._settled, self._fresh = (rows.kept(rows.at_ms >= cut) for rows in pieces)
            self.count = len(self._settled) + len(self._fresh)
            left = set(np.unique(np.concatenate([self._settled.chunks, self._fresh.chunks])).tolist())
            self._chunks = {number: chunk for number, chunk in self._chunks.items() if number in left}

    @property
    def is_empty(self) -> bool:
        """Whether no series is known that has any."""
        return not self._is_known.any()

    def gather(self, slots: I32, from_ms: int, to_ms: int) -> tuple[int, FoundHistograms]:
        """From when on it is complete, and the histograms of these series."""
        with self._lock:
            series, at_ms, where = [], [], []
            for rows in self._pieces():
                numbers, places = rows.between(slots, from_ms, to_ms)
                series.append(numbers)
                at_ms.append(rows.at_ms[places])
                where += list(zip(rows.chunks[places].tolist(), rows.places[places].tolist(), strict=True))
            chunks, complete_from_ms = dict(self._chunks), self.from_ms
        values = [chunks[chunk].value_at(place) for chunk, place in where]  # nobody has to wait for that
        return complete_from_ms, FoundHistograms(np.concatenate(series), np.concatenate(at_ms), values)
