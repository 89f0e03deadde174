"""Which lines are drawn where there are too many of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trimtab.app.exploring.answers import LINES_MAX, Floats


def highest(values: Floats, count_max: int = LINES_MAX) -> npt.NDArray[np.intp]:
    """Rows of `values` [S, T], at most so many: those that reach farthest from zero, in the order they stand in.

    >>> highest(np.array([[1.0, np.nan], [np.nan, np.nan], [-3.0, 0.0], [2.0, 2.0]]), 2).tolist()
    [2, 3]
    """
    if len(values) <= count_max:
        return np.arange(len(values))
    peaks = np.max(np.where(np.isfinite(values), np.abs(values), -1.0), axis=1, initial=-1.0)
    return np.sort(np.argsort(-peaks, kind="stable")[:count_max])
