"""The interval of a share of few or many."""

from __future__ import annotations

import math

Z_90 = 1.645


def share_interval(count: int, of: int, z: float = Z_90) -> tuple[float, float]:
    """Wilson's interval (1927) of `count` among `of`; 9 times in 10 the true share lies in it.

    >>> [round(bound, 3) for bound in share_interval(9, 10)]
    [0.652, 0.977]
    >>> share_interval(3, 3)[1]
    1.0
    """
    share = count / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(middle - half, 0.0), min(middle + half, 1.0)
