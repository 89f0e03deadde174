"""Ids of documents that came a short while ago: a client that sends a batch again is told which of it is here.

Fluent Bit sends a whole chunk again when one document of it was refused, and every client does when an answer got
lost. Who gives ids (`Generate_ID On`) is kept from storing things twice as long as the server runs and the id is among
the newest. Hashes with a seed of this process stand for ids.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

IDS_MAX = 200_000


class RecentIds:
    """Bounded; thread-safe."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        self._ids_max = ids_max
        self._lock = threading.Lock()
        self._stored: OrderedDict[int, int] = OrderedDict()
        self._coming: set[int] = set()

    def claim(self, key: int, content: int) -> str:
        """What is to be done with a document: `store` it (and `settle` it later), it is the `same` as one that is
        here, `another` of that id is here, or that id is `coming` on another connection now."""
        with self._lock:
            if key in self._coming:
                return "coming"
            known = self._stored.get(key)
            if known is None:
                self._coming.add(key)
                return "store"
            return "same" if known == content else "another"

    def settle(self, key: int, content: int, *, is_stored: bool) -> None:
        """The end of a claim."""
        with self._lock:
            self._coming.discard(key)
            if is_stored:
                self._stored[key] = content
                self._stored.move_to_end(key)
                if len(self._stored) > self._ids_max:
                    self._stored.popitem(last=False)


def key_of(index: str, document_id: str) -> int:
    """What stands for an id.

    >>> key_of("a", "b") == key_of("a", "b") != key_of("b", "a")
    True
    """
    return hash((index, document_id))
