"""HTTP/2's windows for what comes in: how much may be sent before more is allowed."""

from __future__ import annotations


class Window:
    """Of a connection or of a stream. What was taken is allowed again in portions of a half, in few frames.

    >>> window = Window(100)
    >>> window.take(40), window.take(40), window.take(100), window.take(1)
    (0, 80, 100, 0)
    >>> window.take(100)
    -1
    """

    __slots__ = ("_left", "_size", "_taken")

    def __init__(self, size_bytes: int) -> None:
        self._size = size_bytes
        self._left = size_bytes
        self._taken = 0

    def take(self, size_bytes: int) -> int:
        """Bytes came, and are done with: how many to allow anew, 0 for not yet, -1 where they were not allowed."""
        if size_bytes > self._left:
            return -1
        self._left -= size_bytes
        self._taken += size_bytes
        if self._taken * 2 < self._size:
            return 0
        back, self._taken = self._taken, 0
        self._left += back
        return back
