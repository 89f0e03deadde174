"""What happened between two looks at pg_stat_statements, whole arrays at a time.

An entry's counters only grow while it lives. It may be evicted and come back, or be reset: then a counter is smaller
than before, and what it shows is what happened since it came back. An entry that was not there before shows all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

INTEGERS = (
    "calls",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "shared_blks_dirtied",
    "shared_blks_written",
    "temp_blks_read",
    "temp_blks_written",
    "wal_bytes",
)
FLOATS = ("total_exec_time_ms", "blk_read_time_ms", "blk_write_time_ms")
WIDTH = 2 + len(INTEGERS) + len(FLOATS) + 1
"""Columns of a row: query id, owner (user and level), integers, floats, when the entry was made (0 if unknown)."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look, N entries: `query_ids` [N], `owners` [N], `integers` [N, 9], `floats` [N, 3], `since_s` [N]."""

    query_ids: Integers
    owners: Integers
    integers: Integers
    floats: Floats
    since_s: Floats

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[float, ...]]) -> Snapshot:
        """Rows of `WIDTH` values: 2 + 9 whole numbers, then 3 + 1 floats.

        >>> Snapshot.from_rows([(7, 20, *range(9), 1.5, 0.0, 0.0, 0.0)]).integers.tolist()
        [[0, 1, 2, 3, 4, 5, 6, 7, 8]]
        """
        fields = [(f"i{i}", "<i8") for i in range(2 + len(INTEGERS))] + [(f"f{i}", "<f8") for i in range(4)]
        table = np.array(list(rows), dtype=fields)
        whole = table.view("<i8").reshape(len(rows), WIDTH)
        broken = table.view("<f8").reshape(len(rows), WIDTH)
        middle = 2 + len(INTEGERS)
        return cls(whole[:, 0], whole[:, 1], whole[:, 2:middle], broken[:, middle : WIDTH - 1], broken[:, WIDTH - 1])

    def __len__(self) -> int:
        return len(self.query_ids)


@dataclass(frozen=True, slots=True)
class Delta:
    """What each entry of the later snapshot did since the earlier one: `integers` [N, 9], `floats` [N, 3].

    `restarted_count` counts entries that were made anew in between, `gone_count` those that vanished.
    """

    integers: Integers
    floats: Floats
    restarted_count: int
    gone_count: int

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Shape [N]: where something ran."""
        ran: npt.NDArray[np.bool_] = self.integers[:, 0] > 0
        return ran


def delta(before: Snapshot, after: Snapshot, *, all_reset: bool = False) -> Delta:
    """The difference, entry by entry of `after`; with `all_reset` everything in `after` happened in between.

    >>> rows = [(7, 20, *[5] * 9, 2.0, 0.0, 0.0, 0.0), (8, 20, *[9] * 9, 4.0, 0.0, 0.0, 0.0)]
    >>> later = [(8, 20, *[3] * 9, 1.0, 0.0, 0.0, 0.0), (7, 20, *[6] * 9, 2.5, 0.0, 0.0, 0.0)]
    >>> change = delta(Snapshot.from_rows(rows), Snapshot.from_rows(later))
    >>> change.integers[:, 0], change.floats[:, 0], change.restarted_count
    (array([3, 1]), array([1. , 0.5]), 1)
    """
    if all_reset:
        return Delta(after.integers.copy(), after.floats.copy(), 0, 0)
    earlier, later = _pairs(before, after)
    integers, floats = after.integers.copy(), after.floats.copy()
    grown, grown_floats = integers[later] - before.integers[earlier], floats[later] - before.floats[earlier]
    lives_on = (
        (grown >= 0).all(axis=1) & (grown_floats >= 0.0).all(axis=1) & (before.since_s[earlier] == after.since_s[later])
    )
    integers[later[lives_on]] = grown[lives_on]
    floats[later[lives_on]] = grown_floats[lives_on]
    return Delta(integers, floats, int((~lives_on).sum()), len(before) - len(earlier))


def held_back(after: Snapshot, change: Delta, hold: npt.NDArray[np.bool_]) -> Snapshot:
    """The later snapshot with some entries set back, so that the next difference counts them; `hold` has shape [N]."""
    integers, floats = after.integers.copy(), after.floats.copy()
    integers[hold] -= change.integers[hold]
    floats[hold] -= change.floats[hold]
    return Snapshot(after.query_ids, after.owners, integers, np.maximum(floats, 0.0), after.since_s)


def _pairs(before: Snapshot, after: Snapshot) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the same entry in both: sort all keys together, equal neighbours are pairs."""
    query_ids = np.concatenate([before.query_ids, after.query_ids])
    owners = np.concatenate([before.owners, after.owners])
    which = np.concatenate([np.zeros(len(before), np.int8), np.ones(len(after), np.int8)])
    order = np.lexsort((which, owners, query_ids))
    same = (query_ids[order][1:] == query_ids[order][:-1]) & (owners[order][1:] == owners[order][:-1])
    return order[:-1][same], order[1:][same] - len(before)
