"""How a change is taken back, in words and as the statement."""

from __future__ import annotations

from trimtab.app.reading.answers import Undo
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import index_name

_NOTHING = "nothing was touched on the target"
_GONE = "it was no longer there; trimtab dropped nothing"


def undo_of(change: Change, *, rollback_began: bool = False, was_gone: bool = False) -> Undo:
    """What taking this change back means now; `rollback_began` while it is under way, `was_gone` where somebody else
    had dropped the index before trimtab came to it."""
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
            return Undo(statement, _GONE if was_gone else "the index was dropped again", "done")
        case ChangeState.INCONCLUSIVE:
            left = change.reason is not None and "left in place" in change.reason
            if left:
                return Undo(statement, "it was left in place, as policy says; this statement drops it", "by_hand")
            end = _GONE if was_gone else "the index was dropped again"
            return Undo(statement, f"nothing was proven, and {end}", "done")
        case ChangeState.FAILED:
            if not touched:
                return Undo(None, _NOTHING, "none_needed")
            if change.reason is not None and "left on the target" in change.reason:
                return Undo(statement, "it could not be taken back; this statement does it", "left")
            return Undo(statement, _GONE if was_gone else "what was there of the index was removed", "done")


def _later(statement: str | None) -> str:
    return "" if statement is None else "; once it is applied, this takes it back"


def _statement(change: Change) -> str | None:
    """The statement. The name of the index follows from the change, also before it is written down."""
    undo, index = change.undo or {}, change.proposal.index
    schema, name = undo.get("schema", index.schema), undo.get("index_name", index_name(index, change.id))
    if not isinstance(schema, str) or not isinstance(name, str):
        return None
    try:
        return f"DROP INDEX CONCURRENTLY {qualified(schema, name)}"
    except StatementRefused:
        return None
