"""How a change is taken back, in words and as the statement."""

from __future__ import annotations

from trimtab.app.reading.answers import Undo
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import qualified

_NOTHING = "nothing was touched on the target"


def undo_of(change: Change, *, rollback_began: bool = False) -> Undo:
    """What taking this change back means now; `rollback_began` while it is under way."""
    statement = _statement(change)
    touched = change.apply_started_at_ms is not None
    match change.state:
        case ChangeState.PROPOSED | ChangeState.CHECKED | ChangeState.CHECKPOINTED | ChangeState.REJECTED:
            return Undo(statement, f"{_NOTHING}{_later(statement)}", "none_needed")
        case ChangeState.APPLYING | ChangeState.WATCHING if rollback_began:
            return Undo(statement, "trimtab is taking it back", "running")
        case ChangeState.APPLYING:
            return Undo(statement, "stops the build and removes what is there of the index", "possible")
        case ChangeState.WATCHING:
            what = "drops the index without blocking reads or writes; data stays as it is, plans go back to before"
            return Undo(statement, what, "possible")
        case ChangeState.KEPT:
            return Undo(statement, "the index stays; a person may drop it with this statement", "by_hand")
        case ChangeState.ROLLED_BACK:
            return Undo(statement, "the index was dropped again", "done")
        case ChangeState.INCONCLUSIVE:
            left = change.reason is not None and "left in place" in change.reason
            if left:
                return Undo(statement, "it was left in place, as policy says; this statement drops it", "by_hand")
            return Undo(statement, "nothing was proven, and the index was dropped again", "done")
        case ChangeState.FAILED:
            if not touched:
                return Undo(None, _NOTHING, "none_needed")
            if change.reason is not None and "left on the target" in change.reason:
                return Undo(statement, "it could not be taken back; this statement does it", "left")
            return Undo(statement, "what was there of the index was removed", "done")


def _later(statement: str | None) -> str:
    return "" if statement is None else "; once it is applied, this takes it back"


def _statement(change: Change) -> str | None:
    """The statement, once the index has a name."""
    undo = change.undo or {}
    schema, name = undo.get("schema"), undo.get("index_name")
    if not isinstance(schema, str) or not isinstance(name, str):
        return None
    try:
        return f"DROP INDEX CONCURRENTLY {qualified(schema, name)}"
    except StatementRefused:
        return None
