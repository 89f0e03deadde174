"""When other changes moved things on a system: a baseline is made of the quiet stretches between."""

from __future__ import annotations

from trimtab.model.change import ChangeState
from trimtab.store.ledger import Event
from trimtab.store.state import State

CHANGES_MAX = 200

Span = tuple[int, int]


def disturbances(state: State, system: str, change_id: str | None) -> tuple[Span, ...]:
    """Spans (Unix ms, both ends included) in which other changes of a system were built or taken back, oldest first.

    With a `change_id`, only changes that were begun before that one count. A rollback that is not done yet lasts
    until the change's last entry.
    """
    changes = state.changes(system=system, limit=CHANGES_MAX)
    own = next((c for c in changes if c.id == change_id), None)
    before_ms = own.apply_started_at_ms if own is not None else None
    spans: list[Span] = []
    for change in changes:
        start_ms = change.apply_started_at_ms
        if change.id == change_id or start_ms is None or (before_ms is not None and start_ms >= before_ms):
            continue
        end_ms = change.applied_at_ms or change.finished_at_ms or change.updated_at_ms
        spans.append((start_ms, end_ms))
        intended = state.last_entry(change.id, (Event.ROLLBACK_INTENDED,))
        if intended is not None and change.state is not ChangeState.KEPT:
            spans.append((intended.at_ms, change.finished_at_ms or change.updated_at_ms))
    return tuple(sorted(spans))
