"""The ledger's arithmetic: the chain of hashes and the drawing of the moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.change import FINAL_STATES, ChangeState, LedgerEntry
from trimtab.store.ledger import ALLOWED_MOVES, GENESIS_HASH, entry_hash, verify_entries

pytestmark = pytest.mark.slow

DETAILS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def chain(details: list[dict[str, object]]) -> list[LedgerEntry]:
    entries: list[LedgerEntry] = []
    for seq, detail in enumerate(details, 1):
        previous = entries[-1].entry_hash if entries else GENESIS_HASH
        entry = LedgerEntry(seq, "c1-a", 1, seq, ChangeState.PROPOSED, "test", "me", detail, previous)
        entries.append(replace(entry, entry_hash=entry_hash(entry)))
    return entries


@given(st.lists(DETAILS, max_size=6))
def test_a_chain_that_nobody_touched_is_intact(details: list[dict[str, object]]) -> None:
    report = verify_entries(chain(details))
    assert report.intact
    assert report.entries_count == len(details)


@pytest.mark.slow
@given(st.lists(DETAILS, min_size=2, max_size=6), st.data())
def test_any_change_to_any_entry_is_found(details: list[dict[str, object]], data: st.DataObject) -> None:
    entries = chain(details)
    place = data.draw(st.integers(0, len(entries) - 1))
    entry = entries[place]
    altered = data.draw(
        st.sampled_from(
            [
                replace(entry, actor="you"),
                replace(entry, at_ms=entry.at_ms + 1),
                replace(entry, state=ChangeState.KEPT),
                replace(entry, event="other"),
                replace(entry, detail={**entry.detail, "new": 1}),
                replace(entry, change_id="c1-b"),
                replace(entry, case_id=2),
            ]
        )
    )
    entries[place] = altered
    report = verify_entries(entries)
    assert report.broken_at_seq == place + 1


@pytest.mark.slow
@given(st.lists(DETAILS, min_size=3, max_size=6), st.data())
def test_an_entry_left_out_is_found(details: list[dict[str, object]], data: st.DataObject) -> None:
    entries = chain(details)
    del entries[data.draw(st.integers(0, len(entries) - 2))]
    assert not verify_entries(entries).intact


def test_an_altered_entry_with_its_own_right_hash_breaks_the_next() -> None:
    entries = chain([{}, {}, {}])
    forged = replace(entries[1], actor="you")
    entries[1] = replace(forged, entry_hash=entry_hash(forged))
    assert verify_entries(entries).broken_at_seq == 3


def test_the_drawing() -> None:
    assert set(ALLOWED_MOVES) == set(ChangeState)
    assert {state for state, moves in ALLOWED_MOVES.items() if not moves} == FINAL_STATES
    reachable = {ChangeState.PROPOSED}
    while True:
        grown = reachable | {after for before in reachable for after in ALLOWED_MOVES[before]}
        if grown == reachable:
            break
        reachable = grown
    assert reachable == set(ChangeState)
    # What may have touched the target ends as rejected never.
    for state in (ChangeState.APPLYING, ChangeState.WATCHING):
        assert ChangeState.REJECTED not in ALLOWED_MOVES[state]
