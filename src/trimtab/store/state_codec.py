"""Rows of the state database as nouns, and back. JSON columns are decoded strictly by msgspec."""

from __future__ import annotations

import math
import sqlite3
from typing import Any, TypeVar

import msgspec

from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.change import Change, ChangeState, Effect, LedgerEntry, Proposal
from trimtab.model.errors import StoreError
from trimtab.model.finding import Finding
from trimtab.model.system import System

T = TypeVar("T")

CHANGE_COLUMNS = (
    "id, case_id, system, proposal, state, created_at_ms, updated_at_ms, approved_by, approved_hash,"
    " approval_expires_at_ms, undo, apply_started_at_ms, applied_at_ms, finished_at_ms, reason, effect, ledger_seq"
)
CASE_COLUMNS = (
    "id, system, fingerprint, kind, state, opened_at_ms, updated_at_ms, finding, query_text, proposals, change_id,"
    " verdict, reason"
)
LEDGER_COLUMNS = "seq, change_id, case_id, at_ms, state, event, actor, detail, previous_hash, entry_hash"


def encode(value: object, kind: type[T]) -> str:
    """JSON text of `value`, checked by reading it back: what could not be read later is refused now.

    JSON has no infinity and no NaN; a float that is one is refused with its place.
    """
    _finite(msgspec.to_builtins(value), getattr(kind, "__name__", str(kind)))
    text = msgspec.json.encode(value, order="deterministic").decode()
    decode(text, kind)
    return text


def decode(text: str, kind: type[T]) -> T:
    """The value in a JSON column; `StoreError` when it does not have the shape of `kind`."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"could not read a {kind} from the state: {error}") from error


def _finite(value: object, place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreError(f"{place} is {value}: the state keeps finite numbers only", place=place, value=str(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            _finite(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _finite(inner, f"{place}[{number}]")


def system_of(row: sqlite3.Row) -> System:
    """A `systems` row."""
    return System(row["name"], row["watch_reference"], row["change_reference"], row["added_at_ms"])


_STORED_PROPOSED = "advised"
"""What the file has for a case with a proposal, from when it was called so; nobody else sees that word."""
STANDING = f"coalesce(verdict, CASE state WHEN '{_STORED_PROPOSED}' THEN '{CaseState.PROPOSED}' ELSE state END)"
"""SQL for how a case stands: its verdict, or its state where there is none yet."""


def stored_case_state(state: CaseState) -> str:
    """A case's state as the file has it.

    >>> stored_case_state(CaseState.PROPOSED), read_case_state("advised")
    ('advised', <CaseState.PROPOSED: 'proposed'>)
    """
    return _STORED_PROPOSED if state is CaseState.PROPOSED else state.value


def read_case_state(stored: str) -> CaseState:
    """The same back."""
    return CaseState.PROPOSED if stored == _STORED_PROPOSED else CaseState(stored)


def case_of(row: sqlite3.Row) -> Case:
    """A `cases` row."""
    return Case(
        id=row["id"],
        system=row["system"],
        fingerprint=row["fingerprint"],
        kind=row["kind"],
        state=read_case_state(row["state"]),
        opened_at_ms=row["opened_at_ms"],
        updated_at_ms=row["updated_at_ms"],
        finding=decode(row["finding"], Finding),
        query_text=row["query_text"],
        proposals=decode(row["proposals"], tuple[Proposal, ...]),
        change_id=row["change_id"],
        verdict=None if row["verdict"] is None else Verdict(row["verdict"]),
        reason=row["reason"],
    )


def change_of(row: sqlite3.Row) -> Change:
    """A `changes` row."""
    return Change(
        id=row["id"],
        case_id=row["case_id"],
        system=row["system"],
        proposal=decode(row["proposal"], Proposal),
        state=ChangeState(row["state"]),
        created_at_ms=row["created_at_ms"],
        updated_at_ms=row["updated_at_ms"],
        approved_by=row["approved_by"],
        approved_hash=row["approved_hash"],
        approval_expires_at_ms=row["approval_expires_at_ms"],
        undo=None if row["undo"] is None else decode(row["undo"], dict[str, object]),
        applied_at_ms=row["applied_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        reason=row["reason"],
        effect=None if row["effect"] is None else decode(row["effect"], Effect),
        ledger_seq=row["ledger_seq"],
        apply_started_at_ms=row["apply_started_at_ms"],
    )


def change_values(change: Change) -> tuple[Any, ...]:
    """The columns of `CHANGE_COLUMNS`, in that order."""
    return (
        change.id,
        change.case_id,
        change.system,
        encode(change.proposal, Proposal),
        change.state.value,
        change.created_at_ms,
        change.updated_at_ms,
        change.approved_by,
        change.approved_hash,
        change.approval_expires_at_ms,
        None if change.undo is None else encode(change.undo, dict[str, object]),
        change.apply_started_at_ms,
        change.applied_at_ms,
        change.finished_at_ms,
        change.reason,
        None if change.effect is None else encode(change.effect, Effect),
        change.ledger_seq,
    )


def entry_of(row: sqlite3.Row) -> LedgerEntry:
    """A `ledger` row."""
    return LedgerEntry(
        seq=row["seq"],
        change_id=row["change_id"],
        case_id=row["case_id"],
        at_ms=row["at_ms"],
        state=ChangeState(row["state"]),
        event=row["event"],
        actor=row["actor"],
        detail=decode(row["detail"], dict[str, object]),
        previous_hash=row["previous_hash"],
        entry_hash=row["entry_hash"],
    )
