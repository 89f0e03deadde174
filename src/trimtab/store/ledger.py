"""The ledger as values: which moves a change may make, how entries are chained, and what they add up to.

Nothing here touches a database. `store.state` keeps the rows; this file says what the rows mean:

* `ALLOWED_MOVES` is the drawing of the state machine. A move that is not in it is refused by the store.
* `entry_hash` chains each entry to the one before, so that an entry cannot be altered, left out or put in
  between without every later hash being wrong.
* `fold` plays one entry onto a change. A change is nothing but its entries, folded in order.

    proposed ─→ checked ─→ checkpointed ─→ applying ─→ watching ─→ kept | rolled_back | inconclusive | failed
       ↑ │          │            │             │
       │ └─ rejected┴─ (nothing touched yet) ──┤
       └───────────────────────────────────────┴─→ failed   (back to proposed: undone, may be tried again)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from trimtab.model.change import Change, ChangeState, Effect, LedgerEntry
from trimtab.model.errors import ConflictError, StoreError

GENESIS_HASH = "0" * 64
"""What the first entry has for `previous_hash`."""

_S = ChangeState
ALLOWED_MOVES: Mapping[ChangeState, frozenset[ChangeState]] = {
    _S.PROPOSED: frozenset({_S.PROPOSED, _S.CHECKED, _S.REJECTED, _S.FAILED}),
    _S.CHECKED: frozenset({_S.CHECKED, _S.CHECKPOINTED, _S.PROPOSED, _S.REJECTED, _S.FAILED}),
    _S.CHECKPOINTED: frozenset({_S.CHECKPOINTED, _S.APPLYING, _S.PROPOSED, _S.REJECTED, _S.FAILED}),
    _S.APPLYING: frozenset({_S.APPLYING, _S.WATCHING, _S.PROPOSED, _S.ROLLED_BACK, _S.FAILED}),
    _S.WATCHING: frozenset({_S.WATCHING, _S.KEPT, _S.ROLLED_BACK, _S.INCONCLUSIVE, _S.FAILED}),
    _S.KEPT: frozenset(),
    _S.ROLLED_BACK: frozenset(),
    _S.INCONCLUSIVE: frozenset(),
    _S.FAILED: frozenset(),
    _S.REJECTED: frozenset(),
}
"""From each state, the states that the next entry may name. Final states have none."""


class Event:
    """The words in `LedgerEntry.event`. An `…_intended` entry is written before the effect it announces."""

    PROPOSED = "proposed"
    """A change was proposed, with everything that is known of it."""
    APPROVED = "approved"
    """A person (or a policy) said yes to this exact change, until the approval expires."""
    APPROVAL_EXPIRED = "approval_expired"
    """The yes was not used in time and is void; the change waits for another one."""
    APPROVAL_VOIDED = "approval_voided"
    """A limit is another than when the yes was given: it is void for good, and the change waits for another one."""
    REJECTED = "rejected"
    """A person said no, or nothing could be done in time."""
    BLOCKED = "blocked"
    """A guard said no for now; nothing was touched."""
    CHECKED = "checked"
    """Every guard and check passed; the entry holds what each observed."""
    CHECKPOINTED = "checkpointed"
    """The undo is written down; nothing was touched yet."""
    WITHDRAWN = "withdrawn"
    """Back to proposed before anything was touched."""
    APPLY_INTENDED = "apply_intended"
    """The statement is about to be sent."""
    NOTED = "noted"
    """Something about the change that is worth keeping, such as the OID of what is being built."""
    ADOPTED = "adopted"
    """After a crash: what was found built on the target is this change's."""
    APPLIED = "applied"
    """The target has the change, and it was looked at there."""
    ROLLBACK_INTENDED = "rollback_intended"
    """The undo is about to be sent."""
    ROLLBACK_FAILED = "rollback_failed"
    """The undo did not work this time; it is tried again."""
    UNDONE = "undone"
    """The target is as it was before."""
    KEPT = "kept"
    """Measured, and kept."""
    FAILED = "failed"
    """The change ended without a verdict; the entry says why."""


def check_move(change_id: str, before: ChangeState, after: ChangeState) -> None:
    """Raise `ConflictError` unless a change may go from `before` to `after`.

    >>> check_move("c1-x", ChangeState.WATCHING, ChangeState.KEPT)
    >>> check_move("c1-x", ChangeState.KEPT, ChangeState.APPLYING)
    Traceback (most recent call last):
    trimtab.model.errors.ConflictError: change c1-x is kept and cannot become applying
    """
    if after not in ALLOWED_MOVES[before]:
        raise ConflictError(
            f"change {change_id} is {before} and cannot become {after}", change_id=change_id, state=before, wanted=after
        )


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text.

    >>> canonical_json({"b": 1, "a": (2.5, None)})
    '{"a":[2.5,null],"b":1}'
    """
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, ValueError) as error:
        raise StoreError(f"could not write a value as JSON: {error}") from error


def entry_hash(entry: LedgerEntry) -> str:
    """SHA-256 (64 hex) over everything in the entry but its own hash, `previous_hash` included."""
    parts = (
        entry.previous_hash,
        entry.seq,
        entry.change_id,
        entry.case_id,
        entry.at_ms,
        entry.state.value,
        entry.event,
        entry.actor,
        entry.detail,
    )
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Outcome of a walk over the whole ledger. `broken_at_seq` is None when every entry fits."""

    entries_count: int
    broken_at_seq: int | None
    problem: str | None

    @property
    def intact(self) -> bool:
        """Whether every entry fits the one before it."""
        return self.broken_at_seq is None


def verify_entries(entries: Iterable[LedgerEntry], count: int = 0, previous: str = GENESIS_HASH) -> ChainReport:
    """Walk entries from the first (`seq` 1), or those after the first `count`, and say where the chain breaks."""
    for entry in entries:
        count += 1
        if entry.seq != count:
            return ChainReport(count, entry.seq, f"entry {count} is missing: the next one is {entry.seq}")
        if entry.previous_hash != previous:
            return ChainReport(count, entry.seq, f"entry {entry.seq} does not follow entry {entry.seq - 1}")
        if entry.entry_hash != entry_hash(entry):
            return ChainReport(count, entry.seq, f"entry {entry.seq} was altered")
        previous = entry.entry_hash
    return ChainReport(count, None, None)


def fold(change: Change, entry: LedgerEntry) -> Change:
    """The change after one more of its entries.

    Keys of `detail` that mean something to every event: `undo` (merged into what is known), `reason`
    (a sentence; absent clears it), `effect`. `applied_at_ms` and `finished_at_ms` come from the entry's time.
    """
    detail = entry.detail
    reason = detail.get("reason")
    changed = replace(
        change,
        state=entry.state,
        updated_at_ms=entry.at_ms,
        ledger_seq=entry.seq,
        reason=None if reason is None else str(reason),
    )
    undo = detail.get("undo")
    if isinstance(undo, dict):
        known = {} if entry.event == Event.CHECKPOINTED else dict(change.undo or {})
        changed = replace(changed, undo={**known, **undo})
    if detail.get("effect") is not None:
        changed = replace(changed, effect=msgspec.convert(detail["effect"], Effect))
    if entry.event == Event.APPROVED:
        changed = replace(
            changed,
            approved_by=entry.actor,
            approved_hash=msgspec.convert(detail["content_hash"], str),
            approval_expires_at_ms=msgspec.convert(detail["expires_at_ms"], int),
        )
    if entry.event in (Event.APPROVAL_EXPIRED, Event.APPROVAL_VOIDED):
        changed = replace(changed, approved_by=None, approved_hash=None, approval_expires_at_ms=None)
    if entry.event == Event.APPLY_INTENDED:
        changed = replace(changed, apply_started_at_ms=entry.at_ms, applied_at_ms=None)
    if entry.event == Event.APPLIED:
        changed = replace(changed, applied_at_ms=entry.at_ms)
    if entry.state.is_final:
        changed = replace(changed, finished_at_ms=entry.at_ms)
    return changed
