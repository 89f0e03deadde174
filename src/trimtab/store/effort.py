"""How long a search may look, and in which pieces of time: so that it always answers in time, and says how far it came.

A search looks at the newest (or the oldest) piece first. Pieces grow, each as far as the time that is left lets expect.
Where the time is over before the range is, the search answers what it has, and up to where it looked; who wants more
goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PAGE_MS = 300.0
"""What a page gives a search."""
FIRST_PIECE_MS = 60_000
LEAST_MS = 3_600_000
PATIENT_MS = 2000.0
"""An hour is looked through in any case, if it does not take longer than that: where there is little, and the machine
is busy, an answer that stops after a minute would be odd."""
GROWS_MAX = 8.0
_GROWS_MIN = 0.25
_SHARE = 0.7
"""Of the time that is left, a piece should take no more."""


@dataclass
class Effort:
    """Time for one search: `limit_ms`, None without end. It begins when it is made."""

    limit_ms: float | None = None
    clock_s: Callable[[], float] = time.monotonic
    began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.began_s = self.clock_s()

    def left_s(self, looked_ms: int) -> float:
        """So much is left when so much time was looked through; 0 or less where none is."""
        if self.limit_ms is None:
            return float("inf")
        limit_ms = self.limit_ms if looked_ms >= LEAST_MS else max(self.limit_ms, PATIENT_MS)
        return limit_ms / 1000 - (self.clock_s() - self.began_s)

    def pieces(
        self, from_ms: int, to_ms: int, *, is_newest: bool = True, first_ms: int = FIRST_PIECE_MS
    ) -> Iterator[tuple[int, int]]:
        """The range in pieces, in their order, one at least; it ends early where the time is over.

        >>> list(Effort().pieces(0, 1_600_000))
        [(1540000, 1600000), (1060000, 1540000), (0, 1060000)]
        >>> list(Effort().pieces(0, 1_600_000, is_newest=False))
        [(0, 60000), (60000, 540000), (540000, 1600000)]
        """
        begin_ms, end_ms, step_ms = from_ms, to_ms, float(first_ms)
        while begin_ms < end_ms:
            step = min(max(1, round(step_ms)), end_ms - begin_ms)
            piece = (end_ms - step, end_ms) if is_newest else (begin_ms, begin_ms + step)
            began_s = self.clock_s()
            yield piece
            took_s = self.clock_s() - began_s
            begin_ms, end_ms = (begin_ms, piece[0]) if is_newest else (piece[1], end_ms)
            left_s = self.left_s(to_ms - from_ms - (end_ms - begin_ms))
            if left_s <= 0:
                return
            grows = GROWS_MAX if took_s <= 0 else left_s * _SHARE / took_s
            step_ms = step * min(GROWS_MAX, max(_GROWS_MIN, grows))
