"""Arrays that are used again for each batch.

The system clears memory page by page before it gives it away: walking over a request costs three times as much where
what is written down about it goes into new memory each time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

KEPT_BYTES_MAX = 64 * 1024 * 1024
"""A larger array is made for once."""
SMALL_TIMES = 100
"""An array is given back when an eighth of it was enough so often, one time after the other."""
_SMALL_BYTES = 1024 * 1024


class Scratch:
    """For one thread. What it gave under a name is overwritten by whoever asks for that name again."""

    def __init__(self, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        """With 0 every array is a new one, for who keeps what was given."""
        self._kept_bytes_max = kept_bytes_max
        self._kept: dict[str, NDArray[np.uint8]] = {}
        self._small_times: dict[str, int] = {}
        self._rooms: dict[str, int] = {}

    def empty(self, name: str, shape: int | tuple[int, ...], dtype: type[T]) -> NDArray[T]:
        """Like `numpy.empty`.

        >>> scratch = Scratch()
        >>> first = scratch.empty("rows", (2, 3), np.int64)
        >>> scratch.empty("rows", 4, np.int32).base is first.base
        True
        """
        size_bytes = math.prod(shape if isinstance(shape, tuple) else (shape,)) * np.dtype(dtype).itemsize
        if size_bytes > self._kept_bytes_max:
            return np.empty(shape, dtype)
        kept = self._kept.get(name)
        if kept is not None and len(kept) > max(_SMALL_BYTES, 8 * size_bytes):
            self._small_times[name] = self._small_times.get(name, 0) + 1
            if self._small_times[name] >= SMALL_TIMES:
                kept = None
        elif name in self._small_times:
            del self._small_times[name]
        if kept is None or len(kept) < size_bytes:
            self._small_times.pop(name, None)
            kept = self._kept[name] = np.empty(size_bytes + size_bytes // 4, np.uint8)
        return kept[:size_bytes].view(dtype).reshape(shape)

    @property
    def kept_bytes(self) -> int:
        """All that is held."""
        return sum(map(len, self._kept.values()))

    def joined(self, name: str, pieces: Sequence[bytes | memoryview]) -> NDArray[np.uint8]:
        """The bytes of all, one behind the other.

        >>> Scratch().joined("whole", [b"ab", memoryview(b"c")]).tobytes()
        b'abc'
        """
        whole = self.empty(name, sum(map(len, pieces)), np.uint8)
        at = 0
        for piece in pieces:
            whole.data[at : at + len(piece)] = piece
            at += len(piece)
        return whole

    def rooms(self, first: Mapping[str, int]) -> dict[str, int]:
        """How much room is made at first: as much as was needed before, and not less than `first`."""
        return {name: max(room, self._rooms.get(name, 0)) for name, room in first.items()}

    def needed(self, rooms: Mapping[str, int]) -> None:
        """Remember that so much was needed."""
        self._rooms.update(rooms)
