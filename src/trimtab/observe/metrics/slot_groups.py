"""Series that are sent together: the slots of each data point's series stand side by side, and are known by where."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics.known_series import Refusal
from trimtab.observe.metrics.otlp_series import Group
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import MetricStore
from trimtab.store.metrics.growing import Growing


@dataclass(frozen=True, slots=True)
class GroupsTaken:
    """`slots[i]` is where the slots of group `i` begin (-1: refused)."""

    slots: NDArray[np.int32]
    refused: Mapping[int, Refusal]


class SlotGroups:
    """Thread-safe. A group is refused as a whole where one of its series is."""

    def __init__(self, store: MetricStore, delta_streams_max: int) -> None:
        self._store = store
        self._delta_streams_max = delta_streams_max
        self._lock = threading.Lock()
        self._slots = Growing(np.dtype(np.int32))
        self._delta_bases: dict[int, int] = {}

    @property
    def slots(self) -> NDArray[np.int32]:
        """Of all groups; a group's begin at its base."""
        return self._slots.array

    @property
    def count(self) -> int:
        """How many slots there are."""
        return self._slots.count

    def delta_bases(self) -> NDArray[np.int64]:
        """Of all groups of differences."""
        with self._lock:
            return np.fromiter(self._delta_bases.values(), np.int64, len(self._delta_bases))

    @property
    def is_full_of_deltas(self) -> bool:
        """Whether no further stream of differences would be taken."""
        return len(self._delta_bases) >= self._delta_streams_max

    def forget_deltas(self, bases: NDArray[np.int64]) -> None:
        """These make room for others; one that comes back begins again."""
        gone = set(bases.tolist())
        with self._lock:
            self._delta_bases = {slot: base for slot, base in self._delta_bases.items() if base not in gone}

    def register(self, groups: list[Group]) -> GroupsTaken:
        """Register all series of all groups at once. Raises SpoolFull, StoreError."""
        series: list[Labels] = [labels for group in groups for labels in group.series]
        registered = self._store.register(series)
        bases = np.full(len(groups), -1, np.int32)
        refused: dict[int, Refusal] = {}
        with self._lock:
            first = 0
            for index, group in enumerate(groups):
                after = first + len(group.series)
                slots = registered.slots[first:after]
                bad = next((number for number in range(first, after) if number in registered.refused), None)
                if bad is not None:
                    refused[index] = registered.refused[bad]
                elif group.is_delta:
                    self._add_delta(index, slots, bases, refused)
                else:
                    bases[index] = self._append(slots)
                first = after
        return GroupsTaken(bases, refused)

    def _add_delta(
        self, index: int, slots: NDArray[np.int32], bases: NDArray[np.int32], refused: dict[int, Refusal]
    ) -> None:
        """The same series has one total, in whatever order its attributes come."""
        known = self._delta_bases.get(int(slots[0]))
        if known is not None and np.array_equal(self._slots.array[known : known + len(slots)], slots):
            bases[index] = known
        elif len(self._delta_bases) >= self._delta_streams_max:
            limit = self._delta_streams_max
            refused[index] = ("delta_streams_max", f"{limit} streams of deltas are added up; there may not be more")
        else:
            bases[index] = self._delta_bases[int(slots[0])] = self._append(slots)

    def _append(self, slots: NDArray[np.int32]) -> int:
        base = self._slots.count
        self._slots.extend(slots)
        return base
