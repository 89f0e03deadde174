"""The hot window: the newest samples in memory, complete from `from_ms` on.

New samples go into a small head, in the order in which they come. A full head becomes a slab (`slab`), eight small
slabs one large slab; the oldest slab goes when there are too many bytes and the engine has its samples. Appending holds
the lock; reading holds it only for the head, because slabs never change.

Appending has two steps, so that nothing is seen before it is durable: `judge` says which samples are to be kept, then
they are spooled, then `insert` puts them in (judging again if another writer came in between).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U8
from trimtab.store.metrics.late import Late
from trimtab.store.metrics.slab import MERGED_MAX, Slab, merged, slab_of

_HEAD_SAMPLES_MIN = 131_072
_STRAGGLERS_MAX = 64
"""More stragglers than this are looked up in a sorted slab, not in the chains of the head."""
_LATE_SAMPLES_MAX = 1_000_000
_NEVER_MS = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which times are taken."""

    oldest_ms: int
    latest_ms: int
    window_ms: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts (`hot_kernels`) by index, None where all are accepted; `order` sorts the batch, where it had to be.
    `oldest_ms` is not after any of those that are accepted."""

    verdicts: U8 | None
    order: I64 | None
    version: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of the series asked for, `[first[i], end[i])` of them for the i-th."""

    at_ms: I64
    bits: I64
    first: I64
    end: I64


class _Head:
    """Samples in the order in which they came."""

    def __init__(self, capacity: int) -> None:
        self.slots = np.empty(capacity, np.int32)
        self.at_ms, self.bits = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        self.before = np.empty(capacity, np.int32)
        self.count = 0

    @property
    def capacity(self) -> int:
        return len(self.slots)

    @property
    def size_bytes(self) -> int:
        return self.slots.nbytes + self.at_ms.nbytes + self.bits.nbytes + self.before.nbytes


class HotWindow:
    """Samples by slot. Every method may be called from any thread."""

    def __init__(self, bytes_max: int) -> None:
        self._lock = threading.Lock()
        self._bytes_max = bytes_max
        self._from_ms = _NEVER_MS
        self._slots_count = 0
        self._newest_at: I64 = np.zeros(0, np.int64)
        self._newest_bits: I64 = np.zeros(0, np.int64)
        self._last: I32 = np.zeros(0, np.int32)
        self._batch_last: I32 = np.zeros(0, np.int32)
        self._stamps: I32 = np.zeros(0, np.int32)
        self._stamp = 0
        self._version = 0
        self._head = _Head(min(_HEAD_SAMPLES_MIN, max(1024, bytes_max // 512)))
        self._small: tuple[Slab, ...] = ()
        self._large: tuple[Slab, ...] = ()
        self._late = Late()
        self._is_reloading = False
        self._newest_ms = 0

    @property
    def from_ms(self) -> int:
        """Complete from here on."""
        return self._from_ms

    @property
    def newest_ms(self) -> int:
        """The time of the newest sample; 0: there is none."""
        return self._newest_ms

    @property
    def span_ms(self) -> int:
        """From the oldest sample in memory to the newest."""
        slabs = (*self._large, *self._small)
        head = self._head
        oldest = [slab.from_ms for slab in slabs]
        if head.count:
            oldest.append(int(head.at_ms[: head.count].min()))
        return self._newest_ms - max(self._from_ms, min(oldest)) if oldest else 0

    @property
    def samples_count(self) -> int:
        """Samples in memory."""
        return self._head.count + sum(slab.count for slab in (*self._large, *self._small))

    @property
    def size_bytes(self) -> int:
        """What samples and the arrays by series take."""
        by_slot = 28 * len(self._newest_at)
        return self._head.size_bytes + by_slot + sum(slab.size_bytes for slab in (*self._large, *self._small))

    def _make_room(self, slots_count: int) -> None:
        """Arrays by slot for so many series; needs the lock."""
        old = len(self._newest_at)
        self._slots_count = max(self._slots_count, slots_count)
        if slots_count <= old:
            return
        new = max(slots_count, old * 3 // 2, 1024)
        for name, empty in (("_newest_at", _NEVER_MS), ("_newest_bits", 0), ("_last", -1), ("_batch_last", 0)):
            array = getattr(self, name)
            larger = np.full(new, empty, array.dtype)
            larger[:old] = array
            setattr(self, name, larger)
        self._stamps = np.zeros(new, np.int32)
        self._stamp = 0

    def judge(self, slots: I32, at_ms: I64, bits: I64, slots_count: int, bounds: Bounds) -> Judged:
        """What is to become of samples; nothing changes. `slots_count` series are known."""
        with self._lock:
            return self._judge(slots, at_ms, bits, slots_count, bounds)

    def _judge(self, slots: I32, at_ms: I64, bits: I64, slots_count: int, bounds: Bounds) -> Judged:
        from trimtab.store.metrics import hot_kernels

        self._make_room(slots_count)
        verdicts = np.empty(len(slots), np.uint8)
        order: I64 | None = None
        while True:
            self._stamp += 1
            if self._stamp == 2**31 - 1:
                self._stamps[:] = 0
                self._stamp = 1
            others, stragglers, oldest_ms = hot_kernels.judge(
                slots,
                at_ms,
                bits,
                self._newest_at[: self._slots_count],
                self._newest_bits,
                self._batch_last,
                self._stamps,
                self._stamp,
                bounds.oldest_ms,
                bounds.latest_ms,
                bounds.window_ms,
                verdicts,
            )
            if others >= 0:
                break
            order = np.lexsort((at_ms, slots))
            slots, at_ms, bits = slots[order], at_ms[order], bits[order]
        if stragglers:
            indexes = np.flatnonzero(verdicts == hot_kernels.STRAGGLER)
            found = self._look_up(slots[indexes], at_ms[indexes], bits[indexes])
            _settle_repetitions(slots[indexes], at_ms[indexes], bits[indexes], found)
            verdicts[indexes] = found
        return Judged(verdicts if others else None, order, self._version, oldest_ms)

    def _look_up(self, slots: I32, at_ms: I64, bits: I64) -> U8:
        """Verdicts of stragglers: accepted where there is nothing at their time."""
        from trimtab.store.metrics.hot_kernels import ACCEPTED, find_in_head, find_in_slab

        if len(slots) > _STRAGGLERS_MAX:
            self._seal()
        found = np.full(len(slots), ACCEPTED, np.uint8)
        first, last = int(at_ms.min()), int(at_ms.max())
        late = self._late.slab(self._slots_count)
        for slab in (*self._large, *self._small, *([late] if late is not None else [])):
            if slab.from_ms <= last and first <= slab.to_ms:
                find_in_slab(slots, at_ms, bits, slab.offsets, slab.at_ms, slab.bits, found)
        if self._head.count:
            head = self._head
            find_in_head(slots, at_ms, bits, self._last, head.at_ms, head.bits, head.before, found)
        return found

    def insert(self, slots: I32, at_ms: I64, bits: I64, version: int, bounds: Bounds) -> int:
        """Put in samples that `judge` accepted at that version, in its order.

        Answers the version for the next samples of the same judgement.
        """
        from trimtab.store.metrics import hot_kernels

        with self._lock:
            is_current = version == self._version
            if not is_current:
                judged = self._judge(slots, at_ms, bits, self._slots_count, bounds)
                if judged.order is not None:
                    slots, at_ms, bits = slots[judged.order], at_ms[judged.order], bits[judged.order]
                if judged.verdicts is not None:  # what is spooled will be in the engine: memory has to know it, too
                    kept = judged.verdicts != hot_kernels.REPEATED
                    slots, at_ms, bits = slots[kept], at_ms[kept], bits[kept]
            self._put(slots, at_ms, bits)
            self._version += 1
            return self._version if is_current else -1

    def _put(self, slots: I32, at_ms: I64, bits: I64) -> None:
        """Into the head, without asking; needs the lock."""
        from trimtab.store.metrics import hot_kernels

        start = 0
        while start < len(slots):
            if self._head.count == self._head.capacity:
                self._seal()
            head = self._head
            end = min(len(slots), start + head.capacity - head.count)
            head.count, late_count, newest_ms = hot_kernels.insert(
                slots[start:end],
                at_ms[start:end],
                bits[start:end],
                self._from_ms,
                head.slots,
                head.at_ms,
                head.bits,
                head.before,
                head.count,
                self._last,
                self._newest_at,
                self._newest_bits,
            )
            if late_count:
                self._note_late(slots[start:end], at_ms[start:end], bits[start:end])
            self._newest_ms = max(self._newest_ms, newest_ms)
            start = end

    def _note_late(self, slots: I32, at_ms: I64, bits: I64) -> None:
        """Remember what comes for the time before: the engine does not have it yet."""
        late = at_ms < self._from_ms
        self._late.add(slots[late], at_ms[late], bits[late])
        if self._late.count > _LATE_SAMPLES_MAX:
            self._late.take()
            self._is_reloading = False

    def _seal(self) -> None:
        """Turn the head into a slab; needs the lock."""
        head = self._head
        if head.count == 0:
            return
        count = head.count
        fresh = slab_of(head.slots[:count], head.at_ms[:count], head.bits[:count], self._slots_count)
        small = (*self._small, fresh)
        if len(small) >= MERGED_MAX:
            self._large, small = (*self._large, merged(small)), ()
        self._small = small
        self._last[:] = -1
        wanted = min(max(_HEAD_SAMPLES_MIN, self._slots_count // 4), max(1024, self._bytes_max // 512))
        if head.capacity != wanted:
            self._head = _Head(wanted)
        else:
            head.count = 0

    def evict(self, loaded_before_ms: int) -> None:
        """Drop the oldest slabs while there are too many bytes; only what lies before `loaded_before_ms` may go."""
        with self._lock:
            if not self._is_reloading:
                self._late.forget(loaded_before_ms)
            while self.size_bytes > self._bytes_max:
                slabs = (*self._large, *self._small)
                oldest = min(slabs, key=lambda slab: slab.to_ms, default=None)
                if oldest is None or oldest.to_ms >= loaded_before_ms:
                    return
                self._large = tuple(slab for slab in self._large if slab is not oldest)
                self._small = tuple(slab for slab in self._small if slab is not oldest)
                self._from_ms = max(self._from_ms, oldest.to_ms + 1)
                self._is_reloading = False

    @property
    def is_full(self) -> bool:
        """Whether `evict` may have something to do."""
        return self._late.count > 0 or self.size_bytes > self._bytes_max

    @property
    def room_bytes(self) -> int:
        """How much more may come before the oldest has to go."""
        return max(0, self._bytes_max - self.size_bytes)

    def newest_at(self, slots: I32) -> I64:
        """The time of the newest sample that is known of each series."""
        with self._lock:
            newest = self._newest_at
        found = np.full(len(slots), _NEVER_MS, np.int64)
        inside = slots < len(newest)
        found[inside] = newest[slots[inside]]
        return found

    def begin_reload(self, from_ms: int) -> None:
        """Complete only from there on; from now on, remember samples that come for the time before."""
        with self._lock:
            self._from_ms, self._is_reloading = from_ms, True

    def end_reload(self) -> None:
        """Nothing older will come."""
        with self._lock:
            self._is_reloading = False

    def prepend(self, slab: Slab | None, from_ms: int) -> bool:
        """Take in older samples: the window is complete from `from_ms` then. False: it is of no use any more."""
        from trimtab.store.metrics.hot_kernels import note_newest

        with self._lock:
            if not self._is_reloading:
                return False
            if slab is not None:
                self._make_room(len(slab.offsets) - 1)
                note_newest(slab.offsets, slab.at_ms, slab.bits, self._newest_at, self._newest_bits)
                self._large = (slab, *self._large)
                self._newest_ms = max(self._newest_ms, slab.to_ms)
            self._from_ms = from_ms
            for slots, at_ms, bits in self._late.take():
                self._put_late(slots, at_ms, bits)
            return True

    def _put_late(self, slots: I32, at_ms: I64, bits: I64) -> None:
        """What came meanwhile, unless the slab has it."""
        from trimtab.store.metrics.hot_kernels import REPEATED

        fresh = at_ms < self._from_ms
        if not fresh.all():
            now_hot = np.flatnonzero(~fresh)
            found = self._look_up(slots[now_hot], at_ms[now_hot], bits[now_hot])
            fresh[now_hot] = found != REPEATED
        self._put(slots[fresh], at_ms[fresh], bits[fresh])

    def gather(self, slots: I32, from_ms: int, to_ms: int) -> tuple[int, list[Part]]:
        """From when on the window is complete, and the samples of these series from there or `from_ms` to `to_ms`.

        What came late and the engine does not have yet is among them.
        """
        from trimtab.store.metrics.hot_kernels import bounds, gather_head

        with self._lock:
            hot_from_ms = self._from_ms
            late, late_from_ms = self._late.slab(self._slots_count), from_ms
            from_ms = max(from_ms, hot_from_ms)
            slabs = (*self._large, *self._small)
            head = self._head
            fresh = gather_head(slots, from_ms, to_ms, self._last, head.at_ms, head.bits, head.before)
        parts = []
        wanted = [(slab, from_ms, to_ms) for slab in slabs]
        if late is not None:
            wanted.append((late, late_from_ms, min(to_ms, hot_from_ms - 1)))
        for slab, first_ms, last_ms in wanted:
            if slab.from_ms <= last_ms and first_ms <= slab.to_ms:
                first, end = np.empty(len(slots), np.int64), np.empty(len(slots), np.int64)
                if bounds(slots, slab.offsets, slab.at_ms, first_ms, last_ms, first, end):
                    parts.append(Part(slab.at_ms, slab.bits, first, end))
        offsets, at_ms, bits = fresh
        if len(at_ms):
            parts.append(Part(at_ms, bits, offsets[:-1].copy(), offsets[1:].copy()))
        return hot_from_ms, parts


def _settle_repetitions(slots: I32, at_ms: I64, bits: I64, verdicts: U8) -> None:
    """Of stragglers of one series at one time, the first is accepted."""
    from trimtab.store.metrics.hot_kernels import ACCEPTED, DUPLICATE, REPEATED

    accepted = np.flatnonzero(verdicts == ACCEPTED)
    if len(accepted) < 2:
        return
    order = accepted[np.lexsort((at_ms[accepted], slots[accepted]))]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (slots[order[1:]] != slots[order[:-1]]) | (at_ms[order[1:]] != at_ms[order[:-1]])
    firsts = order[is_first][np.cumsum(is_first) - 1]
    repeated, first = order[~is_first], firsts[~is_first]
    verdicts[repeated] = np.where(bits[repeated] == bits[first], REPEATED, DUPLICATE)
