"""Arrays that grow at their end, for one writer and any number of readers.

A reader that took `array` and then looks only at elements that were there before is right whatever is appended
meanwhile: a larger array takes the place of the old one, which stays as it was.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T", bound=np.generic)


class Growing(Generic[T]):
    """One column.

    >>> column = Growing(np.dtype(np.int32))
    >>> column.extend([1, 2]); column.extend([3])
    >>> column.count, column.array[:3].tolist()
    (3, [1, 2, 3])
    """

    def __init__(self, dtype: np.dtype[T], capacity: int = 1024) -> None:
        self.array: NDArray[T] = np.zeros(capacity, dtype)
        self.count = 0

    def extend(self, values: ArrayLike) -> None:
        """Put values at the end."""
        added = np.asarray(values, self.array.dtype)
        end = self.count + len(added)
        self.reserve(end)
        self.array[self.count : end] = added
        self.count = end

    def reserve(self, capacity: int) -> None:
        """Make room for so many in all; new elements are 0."""
        if capacity > len(self.array):
            larger = np.zeros(max(capacity, len(self.array) * 3 // 2), self.array.dtype)
            larger[: self.count] = self.array[: self.count]
            self.array = larger

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return self.array.nbytes
