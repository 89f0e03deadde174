"""Room in memory for bodies that are being received: who finds none is told to come back."""

from __future__ import annotations

import threading


class NoRoom(Exception):
    """Too many bytes are being received at once."""


class Room:
    """Bytes in memory for bodies that are being received."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken_bytes = 0
        self._lock = threading.Lock()
        self.refused_count = 0

    def change(self, by_bytes: int) -> None:
        """Take (positive) or give back; raises NoRoom."""
        with self._lock:
            if by_bytes > 0 and self._taken_bytes + by_bytes > self._bytes_max:
                self.refused_count += 1
                raise NoRoom(
                    f"{self._taken_bytes} bytes are being received; the limit is {self._bytes_max}, come back later"
                )
            self._taken_bytes += by_bytes

    @property
    def taken_bytes(self) -> int:
        """How many are taken now."""
        return self._taken_bytes


class Claim:
    """One request's part of the room; given back at the end.

    >>> room = Room(10)
    >>> with Claim(room) as claim:
    ...     claim.grow_to(4)
    ...     claim.grow_by(3)
    ...     room.taken_bytes
    7
    >>> room.taken_bytes
    0
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes = 0

    def grow_to(self, size_bytes: int) -> None:
        """All that the request has in memory."""
        self._room.change(size_bytes - self._bytes)
        self._bytes = size_bytes

    def grow_by(self, size_bytes: int) -> None:
        """So much more."""
        self.grow_to(self._bytes + size_bytes)

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.change(-self._bytes)
