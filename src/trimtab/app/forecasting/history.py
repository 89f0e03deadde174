"""The history that forecasts are made from: asked for once, then only what is new.

A family's history is one array. The step is an hour where there are days of it, less where a server is young, so that
the first forecasts come on its first day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.subjects import Subject

F64 = NDArray[np.float64]
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
STEPS_MS = (HOUR_MS, 15 * MINUTE_MS, 5 * MINUTE_MS)
POINTS_ENOUGH = {HOUR_MS: 72, 15 * MINUTE_MS: 48, 5 * MINUTE_MS: 24}
"""A family is taken by a step if one of its series has so many points of it: three days, twelve hours, two hours."""
POINTS_MIN = 24
"""A series that has fewer is not forecast yet."""
POINTS_MAX = 2_400
"""Of the history at one step."""
AGAIN_STEPS = 12
"""With each new step, so many before it are asked for again: samples come late."""


@dataclass(frozen=True, slots=True)
class Block:
    """Values at `start_ms + i * step_ms`: float64 [series, points], NaN where nothing was measured."""

    subjects: Sequence[Subject]
    start_ms: int
    step_ms: int
    values: F64

    @property
    def end_ms(self) -> int:
        """Behind the last point: where a forecast begins."""
        return self.start_ms + int(self.values.shape[1]) * self.step_ms


class Source(Protocol):
    """Where the series of one family come from."""

    def newest_ms(self, now_ms: int, step_ms: int) -> int:
        """The newest point that is complete."""
        ...

    def read(self, from_ms: int, count: int, step_ms: int) -> Block:
        """All series of the family at `count` points from `from_ms` on. TrimtabError where they cannot be read."""
        ...


@dataclass(slots=True)
class History:
    """Of one family. For one thread at a time."""

    block: Block | None = None

    def bring(self, source: Source, now_ms: int, history_ms: int, series_max: int) -> Block:
        """The history up to now. TrimtabError where it cannot be read; what was known stays."""
        known = self.block
        if known is not None and self._can_grow(source, known, now_ms):
            self.block = self._grown(source, known, now_ms, history_ms, series_max)
        else:
            self.block = self._whole(source, now_ms, history_ms, series_max)
        return self.block

    def _can_grow(self, source: Source, known: Block, now_ms: int) -> bool:
        """Whether what is known is of this step still, and not too old."""
        if known.step_ms != STEPS_MS[0] and known.values.shape[1] * known.step_ms >= 4 * DAY_MS:
            return False
        missing = (source.newest_ms(now_ms, known.step_ms) - known.end_ms) // known.step_ms + 1
        return 0 <= missing <= known.values.shape[1] and known.values.shape[0] > 0 and self._is_enough(known)

    def _whole(self, source: Source, now_ms: int, history_ms: int, series_max: int) -> Block:
        for step_ms in STEPS_MS:
            span_ms = history_ms if step_ms == STEPS_MS[0] else min(history_ms, 4 * DAY_MS)
            count = min(max(POINTS_MIN, span_ms // step_ms), POINTS_MAX)
            newest_ms = source.newest_ms(now_ms, step_ms)
            block = source.read(newest_ms - (count - 1) * step_ms, count, step_ms)
            if self._is_enough(block) or step_ms == STEPS_MS[-1] or not block.subjects:
                break
        return kept(block, series_max)

    def _grown(self, source: Source, known: Block, now_ms: int, history_ms: int, series_max: int) -> Block:
        step_ms = known.step_ms
        newest_ms = source.newest_ms(now_ms, step_ms)
        from_ms = max(known.start_ms, known.end_ms - AGAIN_STEPS * step_ms)
        new = source.read(from_ms, (newest_ms - from_ms) // step_ms + 1, step_ms)
        points = min(POINTS_MAX, max(history_ms // step_ms, POINTS_MIN))
        start_ms = max(known.start_ms, newest_ms - (points - 1) * step_ms)
        return kept(joined(known, new, start_ms), series_max)

    @staticmethod
    def _is_enough(block: Block) -> bool:
        counts = np.isfinite(block.values).sum(axis=1)
        return bool(counts.size) and int(counts.max()) >= POINTS_ENOUGH[block.step_ms]


def joined(known: Block, new: Block, start_ms: int) -> Block:
    """Both, from a moment on; where both have a point the new one counts. Series that have no value left go."""
    step_ms = known.step_ms
    subjects: dict[str, Subject] = {one.id: one for one in known.subjects} | {one.id: one for one in new.subjects}
    places = {id_: row for row, id_ in enumerate(subjects)}
    whole = np.full((len(places), (new.end_ms - start_ms) // step_ms), np.nan)
    for block in (known, new):
        rows = np.fromiter((places[one.id] for one in block.subjects), np.int64, len(block.subjects))
        skipped = max(0, (start_ms - block.start_ms) // step_ms)
        at = max(0, (block.start_ms - start_ms) // step_ms)
        values = block.values[:, skipped:]
        there = np.isfinite(values) if block is new else np.ones(values.shape, bool)
        part = whole[rows, at : at + values.shape[1]]
        whole[rows, at : at + values.shape[1]] = np.where(there, values[:, : part.shape[1]], part)
    left = np.isfinite(whole).any(axis=1)
    return Block(
        [one for one, stays in zip(subjects.values(), left, strict=True) if stays], start_ms, step_ms, whole[left]
    )


def kept(block: Block, series_max: int) -> Block:
    """No more series than that: those with most points, and of these the highest."""
    if len(block.subjects) <= series_max:
        return block
    there = np.isfinite(block.values)
    counts = there.sum(axis=1)
    means = np.where(there, block.values, 0.0).sum(axis=1) / np.maximum(counts, 1)
    rows = np.sort(np.lexsort((-means, -counts))[:series_max])
    return Block([block.subjects[row] for row in rows.tolist()], block.start_ms, block.step_ms, block.values[rows])


def enough(block: Block) -> NDArray[np.bool_]:
    """Which series have enough points to be forecast, and still had any in the last tenth of their time."""
    there = np.isfinite(block.values)
    recent = max(AGAIN_STEPS, there.shape[1] // 10)
    found: NDArray[np.bool_] = (there.sum(axis=1) >= POINTS_MIN) & there[:, -recent:].any(axis=1)
    return found


def limits_by(subjects: Sequence[Subject], found: Mapping[tuple[tuple[str, str], ...], float]) -> F64:
    """Of each series the limit that has the same labels; NaN where there is none."""
    return np.array([found.get(tuple(sorted(one.labels.items())), np.nan) for one in subjects], np.float64)
