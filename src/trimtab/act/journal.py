"""How the machine writes: only on top of what it has seen.

For the length of a step the journal remembers the newest entry of the change. Every entry names it, so that when
somebody else writes in between (a person asks for a rollback while an index is built), the machine's next entry is
refused and the step ends there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from trimtab.act.told import tell
from trimtab.model.change import Change, ChangeState, LedgerEntry
from trimtab.model.errors import ConflictError
from trimtab.store.ledger import Event
from trimtab.store.state import State

ACTOR = "trimtab"
_ROLLING_BACK = (Event.ROLLBACK_INTENDED, Event.ROLLBACK_FAILED)
_TURNING_POINTS = (*_ROLLING_BACK, Event.CHECKPOINTED, Event.APPLY_INTENDED, Event.APPLIED, Event.UNDONE)


class Journal:
    """The ledger as one machine writes it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[str, int] = {}

    @contextmanager
    def step(self, change_id: str, lease_ttl_s: float) -> Iterator[Change]:
        """Hold the change for one step; `ConflictError` when somebody else of this process holds it."""
        name, holder = f"change/{change_id}", uuid.uuid4().hex
        if not self._state.acquire_lease(name, holder, round(lease_ttl_s * 1000)):
            raise ConflictError(f"change {change_id} is being moved by somebody else", change_id=change_id)
        try:
            change = self._state.change(change_id)
            self._seen[change_id] = change.ledger_seq
            yield change
        finally:
            self._seen.pop(change_id, None)
            self._state.release_lease(name, holder)

    def append(
        self, change: Change, event: str, state: ChangeState, detail: Mapping[str, object], actor: str = ACTOR
    ) -> None:
        """One entry on top of the newest that this step has seen."""
        seen = self._seen.get(change.id, change.ledger_seq)
        entry = self._state.append(change.id, seen, event, state, actor, detail)
        tell(change, entry)
        if change.id in self._seen:
            self._seen[change.id] = entry.seq

    def note(self, change_id: str, detail: dict[str, object]) -> None:
        """Something that must be known while an effect is still under way (an OID)."""
        change = self._state.change(change_id)
        self.append(change, Event.NOTED, change.state, detail)

    def undisturbed(self, change_id: str) -> bool:
        """Whether nobody else wrote about the change since the step began."""
        return self._state.change(change_id).ledger_seq == self._seen.get(change_id)

    def intend_rollback(
        self, change: Change, final: ChangeState, reason: str, detail: Mapping[str, object], actor: str = ACTOR
    ) -> None:
        """Say that it will be taken back, and what the change will be afterwards."""
        told = {**detail, "reason": reason, "final": final.value}
        self.append(change, Event.ROLLBACK_INTENDED, change.state, told, actor)

    def pending_rollback(self, change: Change) -> LedgerEntry | None:
        """The newest entry of a rollback that was begun and not ended; None when there is none."""
        last = self._state.last_entry(change.id, _TURNING_POINTS)
        return last if last is not None and last.event in _ROLLING_BACK else None
