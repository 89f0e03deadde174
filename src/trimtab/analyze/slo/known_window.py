"""How much of a burn rule's long window is known at each slice of history; `Burn` says what follows from it.

Where something was measured in as long a time before the window, all of it is known: gaps are what they are. Else it
is known from the first slice on that was measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def known_slices(measured: NDArray[np.bool_], steps: int) -> NDArray[np.int64]:
    """For each slice the length of its known window, of `steps` slices up to and with it.

    >>> known_slices(np.array([False, True, True, False, False, False, False, False, True]), 3).tolist()
    [0, 1, 2, 3, 3, 3, 3, 3, 1]
    """
    count = len(measured)
    places = np.arange(count)
    sums = np.concatenate(([0], np.cumsum(measured)))
    starts = np.maximum(0, places + 1 - steps)
    is_known_before = sums[starts] > sums[np.maximum(0, places + 1 - 2 * steps)]
    following = np.minimum.accumulate(np.where(measured, places, count)[::-1])[::-1]
    since = places + 1 - following[starts]
    return np.where(is_known_before, steps, np.maximum(0, since))
