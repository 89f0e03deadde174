"""A colour for each service of a page: the same one on every page, as far as no two of one page have to share it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

COLOURS = 7
"""The classes `n1` to `n7` of the style sheet."""


def colours_of(services: Iterable[str]) -> dict[str, int]:
    """1 to COLOURS for each name; only where there are more names than colours two have the same.

    >>> colours_of(["orders", "gateway"]) == colours_of(["gateway", "orders"])
    True
    >>> sorted(colours_of("abcdefg").values())
    [1, 2, 3, 4, 5, 6, 7]
    """
    found: dict[str, int] = {}
    taken: dict[int, int] = dict.fromkeys(range(COLOURS), 0)
    for name in sorted(set(services)):
        least = min(taken.values())
        wished = zlib.crc32(name.encode()) % COLOURS
        place = next(at % COLOURS for at in range(wished, wished + COLOURS) if taken[at % COLOURS] == least)
        taken[place] += 1
        found[name] = place + 1
    return found
