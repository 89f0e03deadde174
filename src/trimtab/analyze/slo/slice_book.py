"""Counts of many objectives in memory, at three resolutions: sums over any window are quick, and exact sums of counts.

Minutes reach back half a day, five minutes some days, hours as far as the longest window. Each level is one array
`[objectives, good | total | measured, slots]`, a ring over time. What is put in at the finest level it touches is
added to the coarser ones as a difference, so that a minute that is counted again replaces what was there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.model.objectives import SLICE_MS

GOOD, TOTAL, MEASURED = 0, 1, 2
FIVE_MS, HOUR_MS = 300_000, 3_600_000
MINUTES_COUNT, FIVES_COUNT = 13 * 60, 5 * 288
Counts = NDArray[np.float64]
"""`[objectives, good | total | measured]`, or with a last axis of time."""


@dataclass(slots=True)
class _Level:
    """A ring of `count` slots of `step_ms`; `newest` is the number (time ÷ step) of the newest slot."""

    step_ms: int
    count: int
    cells: NDArray[np.float64]
    newest: int = -1

    @property
    def oldest(self) -> int:
        """The number of the oldest slot that is kept."""
        return self.newest - self.count + 1

    def advance(self, number: int) -> None:
        """Make room up to this slot."""
        if self.newest < 0 or number - self.newest >= self.count:
            if self.newest >= 0:
                self.cells[:] = 0.0
            self.newest = max(number, self.newest)
            return
        if number > self.newest:
            fresh = np.arange(self.newest + 1, number + 1) % self.count
            self.cells[:, :, fresh] = 0.0
            self.newest = number

    def between(self, first: int, last: int) -> Counts:
        """Sums of slots `[first, last)`, as far as they are kept."""
        first, last = max(first, self.oldest, 0), min(last, self.newest + 1)
        if last <= first:
            return np.zeros(self.cells.shape[:2])
        low, high = first % self.count, (last - 1) % self.count + 1
        if low < high:
            return np.asarray(self.cells[:, :, low:high].sum(axis=2))
        return np.asarray(self.cells[:, :, low:].sum(axis=2) + self.cells[:, :, :high].sum(axis=2))

    def line(self, first: int, last: int, rows: Sequence[int]) -> Counts:
        """The slots `[first, last)` of some objectives, in order; zeros where none are kept."""
        numbers = np.arange(first, last)
        kept = (numbers >= max(self.oldest, 0)) & (numbers <= self.newest)
        found = np.zeros((len(rows), 3, len(numbers)))
        found[:, :, kept] = self.cells[list(rows)][:, :, numbers[kept] % self.count]
        return found


class SliceBook:
    """Counts of objectives by their rows. Not thread-safe: its owner holds a lock.

    >>> book = SliceBook(1, hours_count=48)
    >>> book.put(np.array([60_000]), np.array([[8.0]]), np.array([[10.0]]), np.array([[True]]))
    >>> book.put(np.array([60_000]), np.array([[9.0]]), np.array([[10.0]]), np.array([[True]]))
    >>> book.sums(0, 3_600_000)
    array([[ 9., 10.,  1.]])
    """

    def __init__(self, objectives_count: int, hours_count: int) -> None:
        shape = (objectives_count, 3)
        self._minutes = _Level(SLICE_MS, MINUTES_COUNT, np.zeros((*shape, MINUTES_COUNT)))
        self._fives = _Level(FIVE_MS, FIVES_COUNT, np.zeros((*shape, FIVES_COUNT)))
        self._hours = _Level(HOUR_MS, hours_count, np.zeros((*shape, hours_count)))
        self._levels = (self._minutes, self._fives, self._hours)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return sum(level.cells.nbytes for level in self._levels)

    def advance(self, to_ms: int) -> None:
        """Make room up to (and without) this moment."""
        for level in self._levels:
            level.advance((to_ms - 1) // level.step_ms)

    def put(
        self,
        slices_ms: NDArray[np.int64],
        good: Counts,
        total: Counts,
        measured: NDArray[np.bool_],
        rows: Sequence[int] | None = None,
    ) -> None:
        """What was counted, `[objectives, slices]` each: replaces what these minutes held. Slices ascend by minutes.

        Minutes that the finest level does not keep any more are added to the coarser ones: such a one may be put
        in once only.
        """
        if not len(slices_ms):
            return
        which = np.arange(len(self._minutes.cells)) if rows is None else np.asarray(rows, np.int64)
        self.advance(int(slices_ms[-1]) + SLICE_MS)
        new = np.stack([good, total, measured.astype(np.float64)], axis=1)
        new = np.where(measured[:, np.newaxis, :], new, 0.0)
        numbers = slices_ms // SLICE_MS
        kept = numbers >= self._minutes.oldest
        change = new
        if kept.any():
            at = np.ix_(which, np.arange(3), numbers[kept] % self._minutes.count)
            change = new.copy()
            change[:, :, kept] -= self._minutes.cells[at]
            self._minutes.cells[at] = new[:, :, kept]
        for level in (self._fives, self._hours):
            self._add(level, which, slices_ms, change)

    def _add(self, level: _Level, which: NDArray[np.int64], at_ms: NDArray[np.int64], change: Counts) -> None:
        """Sums by slot of the level; slots that are too old are left out."""
        numbers = at_ms // level.step_ms
        kept = numbers >= max(level.oldest, 0)
        if not kept.any():
            return
        numbers, change = numbers[kept], change[:, :, kept]
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        sums = np.add.reduceat(change, starts, axis=2)
        level.cells[np.ix_(which, np.arange(3), numbers[starts] % level.count)] += sums

    def load(self, step_ms: int, rows: NDArray[np.int64], at_ms: NDArray[np.int64], values: Counts) -> None:
        """Sums as the store has them at one of the three resolutions, a row each: `values` is `[cells, 3]`."""
        level = next(level for level in self._levels if level.step_ms == step_ms)
        numbers = at_ms // step_ms
        kept = (numbers >= max(level.oldest, 0)) & (numbers <= level.newest)
        for part in (GOOD, TOTAL, MEASURED):
            np.add.at(level.cells[:, part, :], (rows[kept], numbers[kept] % level.count), values[kept, part])

    def clear(self, row: int) -> None:
        """Forget one objective's counts."""
        for level in self._levels:
            level.cells[row] = 0.0

    def copy_row(self, other: SliceBook, source: int, row: int) -> None:
        """Take over one objective's counts from another book, as far as both keep the time."""
        for level, theirs in zip(self._levels, other._levels, strict=True):
            if theirs.newest < 0:
                continue
            level.advance(theirs.newest)
            numbers = np.arange(max(level.oldest, theirs.oldest, 0), theirs.newest + 1)
            level.cells[row][:, numbers % level.count] = theirs.cells[source][:, numbers % theirs.count]

    def sums(self, start_ms: int, end_ms: int) -> Counts:
        """Good, total and measured minutes in `[start_ms, end_ms)`, `[objectives, 3]`.

        A start that only a coarser level keeps is rounded down to that level's slot.
        """
        minutes, fives, hours = self._levels
        end = -(-end_ms // SLICE_MS)
        first = start_ms // SLICE_MS
        if first >= minutes.oldest:
            return minutes.between(first, end)
        joint = max(end * SLICE_MS // HOUR_MS * HOUR_MS, minutes.oldest * SLICE_MS)
        joint = -(-joint // HOUR_MS) * HOUR_MS
        found = minutes.between(joint // SLICE_MS, end)
        first = start_ms // FIVE_MS
        if first >= fives.oldest:
            return np.asarray(found + fives.between(first, joint // FIVE_MS))
        return np.asarray(found + hours.between(start_ms // HOUR_MS, joint // HOUR_MS))

    def first_measured(self, start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """When measuring began in `[start_ms, end_ms)`, for each objective; `end_ms` where nothing was measured.

        Rounded down, to five minutes or an hour, where it lies further back than minutes are kept.
        """
        numbers = start_ms // SLICE_MS, start_ms // FIVE_MS
        level = next(
            (one for one, first in zip(self._levels, numbers, strict=False) if first >= one.oldest), self._hours
        )
        slots = np.arange(max(start_ms // level.step_ms, level.oldest, 0), -(-end_ms // level.step_ms))
        slots = slots[slots <= level.newest]
        if not len(slots):
            return np.full(len(level.cells), end_ms, np.int64)
        is_measured = level.cells[:, MEASURED, :][:, slots % level.count] > 0
        began = np.maximum(slots[is_measured.argmax(axis=1)] * level.step_ms, start_ms)
        began = np.where(is_measured.any(axis=1), began, end_ms)
        if level is self._minutes:
            return began
        kept_ms = self._minutes.oldest * SLICE_MS
        return np.where(began >= kept_ms, self.first_measured(kept_ms, end_ms), began)

    def line(self, step_ms: int, start_ms: int, end_ms: int, rows: Sequence[int]) -> Counts:
        """Slots of one resolution (a minute, five, an hour) in order, `[objectives, 3, slots]`."""
        level = next(level for level in self._levels if level.step_ms == step_ms)
        return level.line(start_ms // step_ms, -(-end_ms // step_ms), rows)
