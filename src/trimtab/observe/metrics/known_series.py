"""Keys of the wire to slots of the store: what is known costs a look into a table, what is new is registered.

Refused series are remembered, too, but only for a while: what is refused now may be welcome when others are gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.store.metrics.wire_cache import ABSENT, WireCache

T = TypeVar("T")

REFUSED_FOR_S = 30.0
REFUSED_MAX = 100_000
REGISTERED_AT_ONCE_MAX = 5_000
"""So many new series of a body are in memory as texts."""
_NO_REASON = ("series_refused", "")

Refusal = tuple[str, str]
"""A reason that is counted, and a sentence."""


class Taken(Protocol):
    """What registering gives: a number for each (-1: refused), and why, by index. `Registered` is one."""

    @property
    def slots(self) -> NDArray[np.int32]:
        """The numbers."""

    @property
    def refused(self) -> Mapping[int, tuple[str, str]]:
        """Reason and sentence."""


class KnownSeries(Generic[T]):
    """Thread-safe. One for each kind of key; `register` gives numbers to what is new (labels, or several of them)."""

    def __init__(self, register: Callable[[list[T]], Taken], now_s: Callable[[], float] = time.monotonic) -> None:
        self._register_new = register
        self._now_s = now_s
        self._cache = WireCache()
        self._lock = threading.Lock()
        self._refused_cache = WireCache(REFUSED_MAX * 4)
        self._refusals: list[Refusal] = []
        self._refused_since_s = now_s()

    def slots(
        self, keys: NDArray[np.uint64], read: Callable[[int], T]
    ) -> tuple[NDArray[np.int32], dict[int, Refusal], NDArray[np.int64]]:
        """The slot of each key, -1 where it is refused; why, by index; and the indexes of keys that were new.

        `read(index)` is asked for new ones, and raises InputError (`facts["reason"]`) for one that is bad.
        Raises SpoolFull, StoreError.
        """
        slots = self._cache.look_up(keys)
        absent = np.flatnonzero(slots == ABSENT)
        if not len(absent):
            return slots, {}, absent
        refused: dict[int, Refusal] = {}
        absent = self._leave_out_refused(keys, slots, absent, refused)
        if len(absent):
            self._register(keys, slots, absent, read, refused)
        return slots, refused, absent

    def _leave_out_refused(
        self, keys: NDArray[np.uint64], slots: NDArray[np.int32], absent: NDArray[np.int64], refused: dict[int, Refusal]
    ) -> NDArray[np.int64]:
        with self._lock:
            is_over = self._now_s() - self._refused_since_s > REFUSED_FOR_S
            if is_over or len(self._refusals) > REFUSED_MAX:
                self._refused_cache.clear()
                self._refusals, self._refused_since_s = [], self._now_s()
            refusals = self._refusals
            numbers = self._refused_cache.look_up(keys[absent])
        known = numbers != ABSENT
        for index, number in zip(absent[known].tolist(), numbers[known].tolist(), strict=True):
            slots[index] = -1
            refused[index] = refusals[number] if number < len(refusals) else _NO_REASON
        left: NDArray[np.int64] = absent[~known]
        return left

    def _register(
        self,
        keys: NDArray[np.uint64],
        slots: NDArray[np.int32],
        absent: NDArray[np.int64],
        read: Callable[[int], T],
        refused: dict[int, Refusal],
    ) -> None:
        """A series may stand in a body more than once: each key is parsed once."""
        _, firsts, inverse = np.unique(keys[absent], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(firsts)  # in the order that they came in
        indexes = absent[firsts[order]].tolist()
        inverse = np.argsort(order)[inverse.reshape(-1)]
        good: list[int] = []
        labels: list[T] = []
        found = np.full(len(indexes), -1, np.int32)
        refusals: dict[int, Refusal] = {}
        for place, index in enumerate(indexes):
            try:
                labels.append(read(index))
            except InputError as error:
                refusals[place] = (str(error.facts.get("reason", "series_invalid")), error.message)
            else:
                good.append(place)
            if len(labels) == REGISTERED_AT_ONCE_MAX:
                self._register_some(labels, good, found, refusals)
                labels, good = [], []
        if labels:
            self._register_some(labels, good, found, refusals)
        slots[absent] = found[inverse]
        self._remember(keys[indexes], found, refusals)
        for index, place in zip(absent.tolist(), inverse.tolist(), strict=True):
            if found[place] < 0:
                refused[index] = refusals.get(place, _NO_REASON)

    def _register_some(
        self, labels: list[T], places: list[int], found: NDArray[np.int32], refusals: dict[int, Refusal]
    ) -> None:
        registered = self._register_new(labels)
        found[places] = registered.slots
        for number, (reason, sentence) in registered.refused.items():
            refusals[places[number]] = (reason, sentence)

    def _remember(self, keys: NDArray[np.uint64], found: NDArray[np.int32], refusals: dict[int, Refusal]) -> None:
        taken = found >= 0
        if taken.any():
            self._cache.put(keys[taken], found[taken])
        if not refusals:
            return
        with self._lock:
            numbers = np.arange(len(self._refusals), len(self._refusals) + len(refusals), dtype=np.int32)
            self._refusals.extend(refusals.values())
            self._refused_cache.put(keys[list(refusals)], numbers)
