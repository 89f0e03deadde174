"""When a forecast crosses a limit: as is expected, at the earliest, and how probable it is at each step."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

F64 = NDArray[np.float64]
Z_MAX = 8.0
EXPECTED = 0.5
EARLIEST = 0.05
"""At the earliest is where the value is beyond the limit with this probability: where the 90 % band reaches it."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Of many series: step (from 0) at which the mean is first beyond the limit, or at which that is first more
    probable than not (`mean_at`), at which the 90 % band first is, -1 where it is not; probability [series, horizon]
    that the value of a step is beyond it; its highest, and where."""

    mean_at: NDArray[np.int64]
    earliest_at: NDArray[np.int64]
    probability: F64
    highest: F64
    highest_at: NDArray[np.int64]


def crossing(mean: F64, levels: tuple[float, ...], quantiles: F64, limits: F64, op: Literal[">", "<"]) -> Crossing:
    """`mean` [series, horizon], `quantiles` [series, horizon, level], `limits` [series] (NaN: none).

    >>> mean = np.array([[69.0, 78.0, 86.0]])
    >>> quantiles = mean[:, :, None] + np.array([-10.0, 0.0, 10.0])
    >>> found = crossing(mean, (0.05, 0.5, 0.95), quantiles, np.array([80.0]), ">")
    >>> found.mean_at.tolist(), found.earliest_at.tolist(), found.probability.round(2).tolist()
    ([2], [1], [[0.04, 0.37, 0.84]])
    """
    below = cdf(levels, quantiles, limits[:, None])
    beyond = 1.0 - below if op == ">" else below
    beyond = np.where(np.isfinite(limits)[:, None] & np.isfinite(mean), beyond, 0.0)
    with np.errstate(invalid="ignore"):
        mean_is = mean > limits[:, None] if op == ">" else mean < limits[:, None]
    place = beyond.argmax(axis=1)
    return Crossing(
        _first(
            mean_is | (beyond > EXPECTED)
        ),  # bands may lean: then both are said, and do not speak against each other
        _first(beyond > EARLIEST),
        beyond,
        beyond[np.arange(len(beyond)), place],
        place.astype(np.int64),
    )


def _first(where: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(where.any(axis=1), where.argmax(axis=1), -1).astype(np.int64)


def cdf(levels: tuple[float, ...], quantiles: F64, at: F64) -> F64:
    """The probability of a value of at most `at` [series, 1 or horizon], from quantiles [series, horizon, level]:
    straight lines between them on the scale of a normal distribution, and beyond them as between the outer two."""
    scores = np.array([NormalDist().inv_cdf(level) for level in levels])
    wide = np.broadcast_to(at, quantiles.shape[:2])
    reached = (quantiles <= wide[:, :, None]).sum(axis=2)
    low = np.clip(reached - 1, 0, len(levels) - 2)
    q_low = np.take_along_axis(quantiles, low[:, :, None], axis=2)[:, :, 0]
    q_high = np.take_along_axis(quantiles, low[:, :, None] + 1, axis=2)[:, :, 0]
    gap = q_high - q_low
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (wide - q_low) / gap
        found = scores[low] + along * (scores[low + 1] - scores[low])
    found = np.where(gap > 0, found, np.where(wide >= q_high, Z_MAX, -Z_MAX))
    found = np.where(gap > 0, found, np.where(reached == 0, -Z_MAX, np.where(reached == len(levels), Z_MAX, found)))
    return ndtr(np.clip(found, -Z_MAX, Z_MAX))
