"""Property: whatever happens between two looks, no call is counted twice, and none that can be seen is lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.observe.postgres.statement_delta import FLOATS, INTEGERS, Snapshot, delta, held_back


@dataclass
class Entries:
    """A model of pg_stat_statements: entries that count, are evicted, and are all reset."""

    live: dict[tuple[int, int], int] = field(default_factory=dict)
    visible: dict[tuple[int, int], int] = field(default_factory=dict)
    """Calls since the last look that the next look can show: those of entries that live on."""
    look: dict[tuple[int, int], int] = field(default_factory=dict)

    def run(self, key: tuple[int, int], calls: int) -> None:
        self.live[key] = self.live.get(key, 0) + calls
        self.visible[key] = self.visible.get(key, 0) + calls

    def evict(self, key: tuple[int, int]) -> None:
        self.live.pop(key, None)
        self.visible.pop(key, None)

    def snapshot(self) -> Snapshot:
        rows = [
            (query, owner, *([calls] * len(INTEGERS)), *([calls * 0.5] * len(FLOATS)), 0.0)
            for (query, owner), calls in self.live.items()
        ]
        self.look, self.visible = dict(self.live), {}
        return Snapshot.from_rows(rows)


keys = st.tuples(st.integers(-3, 3), st.integers(0, 3))
actions = st.one_of(
    st.tuples(st.just("run"), keys, st.integers(1, 5)),
    st.tuples(st.just("evict"), keys, st.just(0)),
    st.tuples(st.just("look"), keys, st.just(0)),
)


@settings(deadline=None)  # other processes share the machine
@given(st.lists(actions, max_size=60))
def test_every_visible_call_is_counted_once(steps: list[tuple[str, tuple[int, int], int]]) -> None:
    entries = Entries()
    before = entries.snapshot()
    for action, key, calls in [*steps, ("look", (0, 0), 0)]:
        if action == "run":
            entries.run(key, calls)
        elif action == "evict":
            entries.evict(key)
        else:
            visible = dict(entries.visible)
            # An entry that came back and overtook its old counters cannot be told from one that lived on.
            hidden = {
                k: then
                for k, then in entries.look.items()
                if k in visible and entries.live[k] == visible[k] and visible[k] >= then
            }
            after = entries.snapshot()
            change = delta(before, after)
            found = {
                (int(query), int(owner)): int(row[0])
                for query, owner, row in zip(after.query_ids, after.owners, change.integers, strict=True)
                if row[0]
            }
            assert found == {k: v - hidden.get(k, 0) for k, v in visible.items() if v - hidden.get(k, 0)}
            assert (change.integers >= 0).all()
            assert np.allclose(change.floats, change.integers[:, :1] * 0.5)
            before = after


@settings(deadline=None)  # other processes share the machine
@given(st.lists(st.tuples(keys, st.integers(1, 9)), min_size=1, max_size=20, unique_by=lambda item: item[0]), st.data())
def test_what_is_held_back_is_counted_next_time(runs: list[tuple[tuple[int, int], int]], data: st.DataObject) -> None:
    entries = Entries()
    for key, calls in runs:
        entries.run(key, calls)
    before = entries.snapshot()
    for key, calls in runs:
        entries.run(key, calls)
    middle = entries.snapshot()
    change = delta(before, middle)
    hold = np.array(data.draw(st.lists(st.booleans(), min_size=len(middle), max_size=len(middle))), np.bool_)
    again = delta(held_back(middle, change, hold), entries.snapshot())
    assert again.integers[hold].tolist() == change.integers[hold].tolist()
    assert not again.integers[~hold].any()


def test_an_entry_made_anew_is_known_by_its_age_where_the_server_tells_it() -> None:
    """Version 17 tells since when an entry counts: one that overtook its old self is still seen."""
    row = (1, 2, *([5] * len(INTEGERS)), *([1.0] * len(FLOATS)))
    later = (1, 2, *([6] * len(INTEGERS)), *([1.5] * len(FLOATS)))
    change = delta(Snapshot.from_rows([(*row, 100.0)]), Snapshot.from_rows([(*later, 200.0)]))
    assert change.integers[0, 0] == 6
    assert change.restarted_count == 1


def test_no_entries_at_all() -> None:
    nothing = Snapshot.from_rows([])
    assert len(delta(nothing, nothing).integers) == 0
