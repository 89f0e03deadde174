"""The detector: state of many series as arrays, one call for a batch of samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.dump import read_dump, write_dump
from trimtab.analyze.detect.scores import TESTS, Score, Scores
from trimtab.analyze.detect.settings import DetectSettings
from trimtab.model.errors import InputError

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

MEMORY_MS = 28 * 86_400_000
"""After so long, half of what was greatest is forgotten; never before 20,000 samples."""
CLUSTER_SHARE = 6
CLUSTER_POINTS = 20
"""Values within a sixth of `incident_ms` are one when it comes to how often something so great was seen."""
GUARD_POINTS = 60
"""An incident becomes usual after so many samples at the soonest."""
NO_PARTS: F64 = np.empty((0, 0))
NO_SERIES = "a slot has no series"


class Detector:
    """Scores samples of up to `settings.series_max` series as they come, and learns from them.

    Not thread-safe: one thread updates. The answer depends on the samples and their order within each series alone,
    not on how they are put into batches, nor on other series.

    >>> detector = Detector(DetectSettings())
    >>> slots = detector.add(2, step_ms=60_000)
    >>> at_ms = np.arange(400).repeat(2) * 60_000
    >>> values = np.random.default_rng(1).normal(10, 1, 800)
    >>> values[-1] = 90
    >>> scores = detector.update(np.tile(slots, 400), at_ms, values)
    >>> bool(scores.p[-1] < 1e-4), bool(scores.p[-2] < 1e-4)
    (True, False)
    """

    def __init__(self, settings: DetectSettings) -> None:
        self.settings = settings
        self._numbers: F64 = np.zeros((0, 0))
        self._floats: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._ints: I32 = np.zeros((0, 0), np.int32)
        self._used: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        """How many series there are."""
        return int(self._used.sum())

    @property
    def size_bytes(self) -> int:
        """What the state takes in memory."""
        return self._numbers.nbytes + self._floats.nbytes + self._ints.nbytes + self._used.nbytes

    def add(self, count: int, step_ms: int | I64) -> I32:
        """Places for `count` new series whose samples are `step_ms` apart (one number, or one each; above 0).

        Raises InputError where there would be more than `settings.series_max`, or a step is not above 0.
        """
        from trimtab.analyze.detect import layout_kernels as layout

        steps = np.broadcast_to(np.asarray(step_ms, np.float64), (count,))
        if count and not bool((steps > 0).all()):
            raise InputError(f"step_ms is {float(steps.min()):g}, it must be above 0", field="step_ms")
        if len(self) + count > self.settings.series_max:
            raise InputError(
                f"{len(self) + count} series, the limit (series_max) is {self.settings.series_max}", field="series_max"
            )
        free = np.flatnonzero(~self._used)
        if free.size < count:
            self._grow(self._used.size + count - int(free.size))
            free = np.flatnonzero(~self._used)
        slots = free[:count].astype(np.int32)
        self._used[slots] = True
        self._numbers[slots] = layout.NEW_NUMBERS
        self._floats[slots] = layout.NEW_FLOATS
        self._ints[slots] = layout.NEW_INTS
        self._numbers[slots, layout.N_STEP_MS] = steps
        for field, points in _lengths(self.settings, steps):
            self._floats[slots, field] = points
        self._floats[slots, layout.F_HOUR_MS] = self.settings.cycle_ms // 24
        return slots

    def remove(self, slots: I32) -> None:
        """Forget these series; their places are used again. Raises InputError for a place that has no series."""
        self._check(slots)
        self._used[slots] = False

    def update(self, slots: I32, at_ms: I64 | int, values: F64) -> Scores:
        """Score samples, then learn from them, row by row.

        `slots`, `values` have shape [n], `at_ms` too, or is one time for all. Rows of one series have to ascend in
        time: a row that is not later than the one before is passed over, as are values that are not finite (their rows
        have p = 1). Raises InputError where shapes differ or a place has no series.
        """
        slots = np.ascontiguousarray(slots, np.int32)
        values = np.ascontiguousarray(values, np.float64)
        times = np.asarray(at_ms, np.int64)
        if times.shape != slots.shape or not times.flags.c_contiguous:
            times = np.ascontiguousarray(np.broadcast_to(times, slots.shape))
        if values.shape != slots.shape or slots.ndim != 1:
            raise InputError(f"{slots.shape} slots and {values.shape} values", field="values")
        self._check(slots)
        return self._update(slots, times, values, NO_PARTS)

    def update_one(self, slot: int, at_ms: int, value: float) -> Score:
        """What `update` does and answers, of one sample: for those that come one by one.

        Raises InputError for a place that has no series.

        >>> detector = Detector(DetectSettings())
        >>> slot = int(detector.add(1, step_ms=1000)[0])
        >>> detector.update_one(slot, 1000, 3.5).p
        1.0
        """
        if not (0 <= slot < self._used.size and self._used[slot]):
            raise InputError(NO_SERIES, field="slot", value=slot)
        slots, times, values, out, test = self._one
        slots[0], times[0], values[0] = slot, at_ms, value
        warm_up = self.settings.warm_up_points
        self._step(self._numbers, self._floats, self._ints, slots, times, values, out, test, NO_PARTS, warm_up)
        score, p, expected, low, high = out[:, 0].tolist()
        return Score(score, p, expected, low, high, TESTS[test[0]])

    def parts(self, slots: I32, at_ms: I64, values: F64) -> tuple[Scores, F64]:
        """As `update`, with the tail probability of each test by itself: shape [5, n], in the order of `Test`."""
        from trimtab.analyze.detect import layout_kernels as layout

        self._check(slots)
        parts = np.empty((layout.TESTS, slots.size))
        return self._update(slots, at_ms, values, parts), parts

    def _update(self, slots: I32, at_ms: I64, values: F64, parts: F64) -> Scores:
        out = np.empty((5, slots.size))
        test = np.empty(slots.size, np.uint8)
        warm_up = self.settings.warm_up_points
        self._step(self._numbers, self._floats, self._ints, slots, at_ms, values, out, test, parts, warm_up)
        score, p, expected, low, high = out
        return Scores(score, p, expected, low, high, test, values, self._numbers[:, self._step_ms].take(slots))

    @cached_property
    def _step(self) -> Callable[..., None]:
        """The loop over samples: machine code is loaded where it is needed, not with this module."""
        from trimtab.analyze.detect.step_kernels import step

        return step

    @cached_property
    def _step_ms(self) -> int:
        """In which column it is."""
        from trimtab.analyze.detect.layout_kernels import N_STEP_MS

        return N_STEP_MS

    @cached_property
    def _one(self) -> tuple[I32, I64, F64, F64, NDArray[np.uint8]]:
        """Slot, time and value of one sample, and what is said of it: one place for all calls."""
        return np.empty(1, np.int32), np.empty(1, np.int64), np.empty(1), np.empty((5, 1)), np.empty(1, np.uint8)

    def dump(self) -> bytes:
        """The whole state; `load` goes on from it as if nothing had been between, to the last bit."""
        arrays: dict[str, NDArray[Any]] = {
            "numbers": self._numbers,
            "floats": self._floats,
            "ints": self._ints,
            "used": self._used,
        }
        return write_dump(self.settings, arrays)

    @classmethod
    def load(cls, data: bytes) -> Detector:
        """What `dump` wrote. Raises InputError where it is torn, or of another version: begin anew then."""
        settings, arrays = read_dump(data)
        detector = cls(settings)
        detector._numbers = arrays["numbers"].astype(np.float64, copy=False)
        detector._floats = arrays["floats"].astype(np.float32, copy=False)
        detector._ints = arrays["ints"].astype(np.int32, copy=False)
        detector._used = arrays["used"].astype(np.bool_, copy=False)
        return detector

    def _check(self, slots: I32) -> None:
        if not self._are_used(self._used, np.ascontiguousarray(slots, np.int32)):
            raise InputError(NO_SERIES, field="slots")

    @cached_property
    def _are_used(self) -> Callable[..., bool]:
        """Looks through slots."""
        from trimtab.analyze.detect.step_kernels import are_used

        return are_used

    def _grow(self, size: int) -> None:
        from trimtab.analyze.detect import layout_kernels as layout

        size = min(max(size, 2 * self._used.size, 64), self.settings.series_max)
        more = size - self._used.size
        self._numbers = _taller(self._numbers, more, layout.N_COUNT)
        self._floats = _taller(self._floats, more, layout.F_COUNT)
        self._ints = _taller(self._ints, more, layout.I_COUNT)
        self._used = np.concatenate([self._used, np.zeros(more, np.bool_)])


Number = TypeVar("Number", bound=np.generic)


def _taller(table: NDArray[Number], more: int, width: int) -> NDArray[Number]:
    """The table with `more` rows of zeros; of a table without rows the width is not known yet."""
    return np.concatenate([table.reshape(-1, width), np.zeros((more, width), table.dtype)])


def _lengths(settings: DetectSettings, steps_ms: F64) -> list[tuple[int, F64]]:
    """Lengths in samples: so many, and at least a time where samples are close together."""
    from trimtab.analyze.detect import layout_kernels as layout

    return [
        (layout.F_MEMORY, np.clip(MEMORY_MS / steps_ms, 20_000, 2_500_000)),
        (layout.F_CLUSTER, np.clip(settings.incident_ms / CLUSTER_SHARE / steps_ms, CLUSTER_POINTS, 1000)),
        (layout.F_REPEAT, np.clip(settings.incident_ms / steps_ms, settings.repeat_points, 10_000)),
        (layout.F_GUARD, np.clip(settings.incident_ms / steps_ms, GUARD_POINTS, 10_000)),
    ]
