"""What series looked like on the wire when they were sent before, with their slots: kept as bytes, compared as bytes.

Comparing costs a tenth of hashing and looking up. What is not found here is parsed, or found by its hash
(`known_series`), and then put here. Memory is bounded: when there are too many bytes, all are forgotten.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics.sent_before_kernels import put_all, remember

T = TypeVar("T", bound=np.generic)

TEXT_BYTES_MAX = 128 * 1024 * 1024
"""Labels of about a million series; the rest takes a sixth of it."""

_TEXT_BYTES_AT_FIRST = 1 << 16
_ENTRIES_AT_FIRST = 1 << 9
_PLACES_AN_ENTRY = 2
"""At least so many in the table."""


@dataclass(frozen=True, slots=True)
class Entries:
    """As a kernel wants them: see `sent_before_kernels`. `count` of them may be looked at."""

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    slots: NDArray[np.int32]
    following: NDArray[np.int32]
    lows: NDArray[np.uint64]
    table: NDArray[np.int32]
    count: int

    @classmethod
    def none(cls) -> Entries:
        """A little room, and nothing in it."""
        empty = np.empty(0, np.int32)
        return cls(
            np.empty(0, np.uint8), np.zeros(1, np.int64), empty, empty, np.empty(0, np.uint64), _table(1), 0
        ).with_room(_ENTRIES_AT_FIRST, _TEXT_BYTES_AT_FIRST)

    @property
    def text_bytes(self) -> int:
        """How many bytes labels take."""
        return int(self.starts[self.count])

    def with_room(self, entries_count: int, text_bytes: int) -> Entries:
        """The same with room for so many entries and bytes in all."""
        text, table = self.text, self.table
        starts, slots, following, lows = self.starts, self.slots, self.following, self.lows
        if text_bytes > len(text):
            text = _longer(text, max(text_bytes, 2 * len(text)))
        if entries_count > len(slots):
            wanted = max(entries_count, 2 * len(slots))
            starts = _longer(starts, wanted + 1)
            slots, following, lows = _longer(slots, wanted), _longer(following, wanted), _longer(lows, wanted)
            table = _table(wanted)
            put_all(table, lows, self.count)
        return Entries(text, starts, slots, following, lows, table, self.count)


class SentBefore:
    """Thread-safe; who reads takes `entries` once.

    >>> sent = SentBefore()
    >>> body = np.frombuffer(bytearray(b"..up.."), np.uint8)
    >>> sent.add(body, np.array([[2, 4]]), np.array([77], np.uint64), np.array([5], np.int32))
    >>> sent.entries.count, sent.entries.text_bytes, int(sent.entries.slots[0])
    (1, 2, 5)
    """

    def __init__(self, text_bytes_max: int = TEXT_BYTES_MAX) -> None:
        self._text_bytes_max = text_bytes_max
        self._lock = threading.Lock()
        self.entries = Entries.none()

    def add(
        self,
        body: NDArray[np.uint8],
        places: NDArray[np.int64],
        lows: NDArray[np.uint64],
        slots: NDArray[np.int32],
    ) -> None:
        """Remember series: start and end of their labels in the body, a hash of these, and their slots."""
        added_bytes = int((places[:, 1] - places[:, 0]).sum())
        if added_bytes > self._text_bytes_max:
            return
        with self._lock:
            entries = self.entries
            if entries.text_bytes + added_bytes > self._text_bytes_max:
                entries = Entries.none()
            entries = entries.with_room(entries.count + len(places), entries.text_bytes + added_bytes)
            count, _ = remember(
                body,
                places,
                lows,
                slots,
                entries.text,
                entries.starts,
                entries.slots,
                entries.following,
                entries.lows,
                entries.table,
                entries.count,
            )
            self.entries = Entries(
                entries.text, entries.starts, entries.slots, entries.following, entries.lows, entries.table, int(count)
            )


def _table(entries_count: int) -> NDArray[np.int32]:
    return np.full(1 << (entries_count * _PLACES_AN_ENTRY - 1).bit_length(), -1, np.int32)


def _longer(array: NDArray[T], length: int) -> NDArray[T]:
    longer = np.empty(length, array.dtype)
    longer[: len(array)] = array
    return longer
