"""Memory that is used again: bounded, and given back when it is not needed for long."""

from __future__ import annotations

import numpy as np

from trimtab.store.scratch import SMALL_TIMES, Scratch

MIB = 1024 * 1024


def test_what_is_asked_for_again_is_the_same_memory() -> None:
    scratch = Scratch()
    first = scratch.empty("rows", (1000, 3), np.int64)
    assert np.shares_memory(scratch.empty("rows", 500, np.int32), first)
    assert not np.shares_memory(scratch.empty("others", 500, np.int32), first)


def test_more_than_the_bound_is_not_kept() -> None:
    scratch = Scratch(kept_bytes_max=1000)
    assert len(scratch.empty("rows", 1001, np.uint8)) == 1001
    assert scratch.kept_bytes == 0
    again = Scratch(0)
    assert not np.shares_memory(again.empty("rows", 8, np.int64), again.empty("rows", 8, np.int64))


def test_a_large_array_is_given_back_when_little_is_needed_for_long() -> None:
    scratch = Scratch()
    scratch.empty("segment", 40 * MIB, np.uint8)
    for _ in range(SMALL_TIMES - 1):
        scratch.empty("segment", 1000, np.uint8)
    assert scratch.kept_bytes >= 40 * MIB
    scratch.empty("segment", 30 * MIB, np.uint8)  # it is needed: counting begins anew
    for _ in range(SMALL_TIMES - 1):
        scratch.empty("segment", 1000, np.uint8)
    assert scratch.kept_bytes >= 40 * MIB
    scratch.empty("segment", 1000, np.uint8)
    assert scratch.kept_bytes < MIB


def test_room_that_was_needed_is_made_at_once_the_next_time() -> None:
    scratch = Scratch()
    assert scratch.rooms({"texts": 10}) == {"texts": 10}
    scratch.needed({"texts": 80})
    assert scratch.rooms({"texts": 10}) == {"texts": 80}
    assert scratch.rooms({"texts": 100}) == {"texts": 100}
