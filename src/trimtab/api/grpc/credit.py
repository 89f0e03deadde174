"""A bound for what a sender may send that carries nothing: pings, settings, resets, empty frames.

Each such frame costs; calls and time give back. Real senders send a few of them for a call, a flood sends nothing else:
it runs dry before it costs a tenth of a second of processor time, and the connection is closed.
"""

from __future__ import annotations

BACK_PER_CALL = 8
COST_OF_STRANGER = 20
"""Of a call that its sender may not make: somebody had to look for a token, and to write that down."""
BACK_PER_S = 100.0


class Credit:
    """Starts full.

    >>> credit = Credit(10, now_s=0.0)
    >>> credit.spend(10, now_s=0.0), credit.spend(1, now_s=0.0)
    (True, False)
    >>> credit.earn(BACK_PER_CALL)
    >>> credit.spend(8, now_s=0.0), credit.spend(1, now_s=0.0), credit.spend(10, now_s=60.0)
    (True, False, True)
    """

    def __init__(self, most: int, now_s: float) -> None:
        self._most = float(most)
        self._left = float(most)
        self._at_s = now_s

    def spend(self, cost: int, now_s: float) -> bool:
        """Whether there was enough."""
        left = min(self._most, self._left + (now_s - self._at_s) * BACK_PER_S)
        self._at_s = now_s
        self._left = left - cost if left >= cost else left
        return left >= cost

    def earn(self, count: int) -> None:
        """For something useful."""
        self._left = min(self._most, self._left + count)
