"""The detector: state of many series as arrays, one call for a batch of samples."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.dump import read_dump, write_dump
from trimtab.analyze.detect.scores import Scores
from trimtab.analyze.detect.settings import DetectSettings
from trimtab.model.errors import InputError

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


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
    >>> bool(scores.p[-1] < 1e-6), bool(scores.p[-2] < 1e-6)
    (True, False)
    """

    def __init__(self, settings: DetectSettings) -> None:
        self.settings = settings
        kernels = _kernels()
        self._state: F64 = np.zeros((0, kernels.STATE_FIELDS))
        self._profile: NDArray[np.float32] = np.zeros((0, kernels.PROFILE_SLOTS), np.float32)
        self._used: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        """How many series there are."""
        return int(self._used.sum())

    @property
    def size_bytes(self) -> int:
        """What the state takes in memory."""
        return self._state.nbytes + self._profile.nbytes + self._used.nbytes

    def add(self, count: int, step_ms: int | I64) -> I32:
        """Places for `count` new series whose samples are `step_ms` apart (one number, or one each; above 0).

        Raises InputError where there would be more than `settings.series_max`, or a step is not above 0.
        """
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
        kernels = _kernels()
        self._state[slots] = kernels.NEW
        self._profile[slots] = np.nan
        self._state[slots, kernels.STEP_MS] = steps
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
        times = np.ascontiguousarray(np.broadcast_to(np.asarray(at_ms, np.int64), slots.shape))
        if values.shape != slots.shape or slots.ndim != 1:
            raise InputError(f"{slots.shape} slots and {values.shape} values", field="values")
        self._check(slots)
        out = np.empty((5, slots.size))
        test = np.empty(slots.size, np.uint8)
        kernels = _kernels()
        kernels.step(
            self._state, self._profile, slots, times, values, out, test,
            self.settings.warm_up_points, self.settings.repeat_points,
        )  # fmt: skip
        return Scores(*out, test, values, self._state[slots, kernels.STEP_MS])

    def dump(self) -> bytes:
        """The whole state; `load` goes on from it as if nothing had been between, to the last bit."""
        return write_dump(self.settings, {"state": self._state, "profile": self._profile, "used": self._used})

    @classmethod
    def load(cls, data: bytes) -> Detector:
        """What `dump` wrote. Raises InputError where it is torn, or of another version: begin anew then."""
        settings, arrays = read_dump(data)
        detector = cls(settings)
        kernels = _kernels()
        if arrays["state"].shape[1] != kernels.STATE_FIELDS or arrays["profile"].shape[1] != kernels.PROFILE_SLOTS:
            raise InputError("the detector's state has other fields than this version's", field="dump")
        detector._state, detector._profile, detector._used = arrays["state"], arrays["profile"], arrays["used"]
        return detector

    def _check(self, slots: I32) -> None:
        if slots.size and (slots.min() < 0 or slots.max() >= self._used.size or not self._used[slots].all()):
            raise InputError("a slot has no series", field="slots")

    def _grow(self, size: int) -> None:
        size = min(max(size, 2 * self._used.size, 64), self.settings.series_max)
        more = size - self._used.size
        kernels = _kernels()
        self._state = np.concatenate([self._state, np.zeros((more, kernels.STATE_FIELDS))])
        self._profile = np.concatenate([self._profile, np.zeros((more, kernels.PROFILE_SLOTS), np.float32)])
        self._used = np.concatenate([self._used, np.zeros(more, np.bool_)])


def _kernels() -> ModuleType:
    from trimtab.analyze.detect import step_kernels

    return step_kernels
