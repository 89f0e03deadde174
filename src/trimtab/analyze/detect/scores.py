"""What the detector says of samples: one row a sample."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Test(IntEnum):
    """Which test spoke loudest. Numbers are kept in states and answers: only append."""

    __test__ = False  # no case of pytest's

    NONE = 0
    """Nothing was tested: the series warms up, or the value was missing."""
    SEASON = 1
    """Far from what is usual at this time of the day."""
    JUMP = 2
    """Far from the value before."""
    RANGE = 3
    """Outside of everything seen so far."""
    SHIFT = 4
    """The level of the last samples is another one than before."""
    SPREAD = 5
    """The last samples scatter more, or less, than before."""


TESTS = tuple(Test)
"""By number."""


class Score(NamedTuple):
    """What is said of one sample; as a row of `Scores`."""

    score: float
    p: float
    expected: float
    low: float
    high: float
    test: Test


@dataclass(frozen=True, slots=True)
class Scores:
    """Arrays of one length, row by row as the samples that were handed to `Detector.update`.

    `score`: 0..1, what an alert on one series is made of: L / (L + 6), where noise is as odd to all tests together with
    probability 10 ** -L, if the row is a record of the last `repeat_points` samples of its series, else at most 0.2.
    `p`: how probable it is that noise alone looks at least so odd (to all tests, to those of shift and spread, or to
    all tests in each of the last three samples), 0..1 (1.0 while warming up or where the value is missing), whether or
    not there was an alert before. `expected`, `low`, `high`: what was expected before the value was seen, with the band
    in which 99 of 100 values lie, in the unit of the values (of a row of another level what was usual before that
    began); NaN while warming up. `test`: `Test`, uint8. `observed`:
    the values. `step_ms`: of each row's series.

    >>> Scores.none(2).p.tolist()
    [1.0, 1.0]
    """

    score: F64
    p: F64
    expected: F64
    low: F64
    high: F64
    test: NDArray[np.uint8]
    observed: F64
    step_ms: F64

    @staticmethod
    def none(count: int) -> Scores:
        """Rows of which nothing is said."""
        nan = np.full(count, np.nan)
        return Scores(
            np.zeros(count),
            np.ones(count),
            nan,
            nan.copy(),
            nan.copy(),
            np.zeros(count, np.uint8),
            nan.copy(),
            nan.copy(),
        )

    def __len__(self) -> int:
        return int(self.score.size)

    def row(self, row: int) -> Scores:
        """One row by itself."""
        return Scores(*(getattr(self, name)[row : row + 1] for name in self.__slots__))


HALF_AT = 6.0
"""A tail probability of 10 to the minus this has the score 0.5."""
REPEATED_SCORE_MAX = 0.2
"""The score of a row that repeats what was told, at most."""


def score_of(p: F64) -> F64:
    """The score (0..1) of tail probabilities: L / (L + 6) with L = -log10 p.

    >>> score_of(np.array([1.0, 1e-3, 1e-6, 1e-12, 1e-54])).round(3).tolist()
    [0.0, 0.333, 0.5, 0.667, 0.9]
    """
    nines = -np.log10(np.maximum(p, 1e-300))
    return nines / (nines + HALF_AT)
