"""Postings: which series have a label pair. Built when a query asks, in two parts, so that new series cost little."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I32, I64
from trimtab.store.metrics.matching import PairSet


@dataclass(frozen=True, slots=True)
class _Part:
    """Slots `[first, end)`."""

    first: int
    end: int
    heads: I32
    slots: I32

    def known(self, pairs: I32) -> I32:
        """Those pairs that were there when the part was built."""
        return pairs[pairs < len(self.heads) - 1]

    def size(self, pairs: I32) -> int:
        known = self.known(pairs)
        return int((self.heads[known + 1] - self.heads[known]).sum())


class Index:
    """The postings of all series up to some slot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: tuple[_Part, ...] = ()
        self._flat: I32 = np.zeros(0, np.int32)
        self._starts: I64 = np.zeros(1, np.int64)

    def update(self, flat: I32, starts: I64, count: int, pairs_count: int) -> None:
        """Take in the series that came since the last time."""
        parts = self._parts
        if parts and parts[-1].end >= count:
            return
        from trimtab.store.metrics.registry_kernels import postings

        with self._lock:
            parts = self._parts
            if parts and parts[-1].end >= count:
                return
            first = parts[0].end if parts else 0
            if not parts or (count - first) * 4 > first:
                parts, first = (), 0
            part = _Part(first, count, *postings(flat, starts, first, count, pairs_count))
            self._flat, self._starts = flat, starts
            self._parts = (*parts[:1], part)

    def select(self, sets: Sequence[PairSet], pairs_count: int) -> I32:
        """Slots, ascending, that fulfil all."""
        with self._lock:
            parts, flat, starts = self._parts, self._flat, self._starts
        found = [_select(part, flat, starts, sets, pairs_count) for part in parts]
        return np.concatenate(found) if found else np.zeros(0, np.int32)


def _select(part: _Part, flat: I32, starts: I64, sets: Sequence[PairSet], pairs_count: int) -> I32:
    from trimtab.store.metrics.registry_kernels import keep, union

    positive = [wanted for wanted in sets if not wanted.is_complement]
    if positive:
        base = min(positive, key=lambda wanted: part.size(wanted.pairs))
        candidates = union(part.heads, part.slots, part.known(base.pairs))
        candidates.sort()
    else:
        base = None
        candidates = np.arange(part.first, part.end, dtype=np.int32)
    for wanted in sets:
        if wanted is base or len(candidates) == 0 or (wanted.is_complement and len(wanted.pairs) == 0):
            continue
        is_wanted = np.zeros(pairs_count, np.bool_)
        is_wanted[wanted.pairs[wanted.pairs < pairs_count]] = True
        candidates = keep(flat, starts, candidates, is_wanted, wanted.is_complement)
    return candidates
