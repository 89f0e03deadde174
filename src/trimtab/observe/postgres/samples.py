"""Complete statements with real parameters, as they were seen running. In memory only: they are private data."""

from __future__ import annotations

import threading
from collections import OrderedDict

PER_SHAPE_MAX = 32
SHAPES_MAX = 1_000
CHARS_MAX = 8_000_000
"""All samples together."""


class SampleKeeper:
    """The newest distinct samples of each shape. May be used from any thread; its `repr` shows no sample.

    >>> keeper = SampleKeeper(per_shape_max=2)
    >>> for text in ("SELECT 1", "SELECT 2", "SELECT 1", "SELECT 3"):
    ...     keeper.add("f", text)
    >>> keeper.samples("f"), keeper
    (('SELECT 3', 'SELECT 1'), <SampleKeeper: 2 samples of 1 shapes>)
    """

    def __init__(
        self, per_shape_max: int = PER_SHAPE_MAX, shapes_max: int = SHAPES_MAX, chars_max: int = CHARS_MAX
    ) -> None:
        self._per_shape_max = per_shape_max
        self._shapes_max = shapes_max
        self._chars_max = chars_max
        self._lock = threading.Lock()
        self._samples: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._chars = 0
        self._bound: OrderedDict[str, int] = OrderedDict()

    def add(self, fingerprint: str, text: str) -> None:
        """Keep one more, the newest; the oldest of the shape, then the shape unseen for longest, make room."""
        if len(text) > self._chars_max:
            return
        with self._lock:
            mine = self._samples.setdefault(fingerprint, OrderedDict())
            self._samples.move_to_end(fingerprint)
            if text in mine:
                mine.move_to_end(text)
                return
            mine[text] = None
            self._chars += len(text)
            while len(mine) > self._per_shape_max:
                self._chars -= len(mine.popitem(last=False)[0])
            while len(self._samples) > self._shapes_max or self._chars > self._chars_max:
                _, dropped = self._samples.popitem(last=False)
                self._chars -= sum(len(sample) for sample in dropped)

    def samples(self, fingerprint: str) -> tuple[str, ...]:
        """The samples of one shape, newest first."""
        with self._lock:
            return tuple(reversed(self._samples.get(fingerprint, OrderedDict())))

    def count_bound(self, fingerprint: str) -> None:
        """A statement of this shape was seen whose parameters the application binds (`$1`): it is no sample."""
        with self._lock:
            self._bound[fingerprint] = self._bound.pop(fingerprint, 0) + 1
            while len(self._bound) > self._shapes_max:
                self._bound.popitem(last=False)

    def bound_count(self, fingerprint: str) -> int:
        """How often a statement of this shape was seen with its parameters bound."""
        with self._lock:
            return self._bound.get(fingerprint, 0)

    def __repr__(self) -> str:
        with self._lock:
            count = sum(len(mine) for mine in self._samples.values())
            return f"<SampleKeeper: {count} samples of {len(self._samples)} shapes>"
