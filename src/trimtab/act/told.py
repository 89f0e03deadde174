"""The server's log of decisions and ends: one line for each, with the case, the change, and the statement it is about.

The ledger has everything; these are the moments that whoever reads the log of the service wants to find there, too.
"""

from __future__ import annotations

import structlog

from trimtab.model.change import Change, LedgerEntry
from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import create_statement, index_name
from trimtab.store.ledger import Event

_ON_THE_WAY = frozenset({Event.APPROVED, Event.APPLIED})

log = structlog.get_logger()


def tell(change: Change, entry: LedgerEntry) -> None:
    """Log an entry that decides or ends something; others are for the ledger alone."""
    name = entry.state.value if entry.state.is_final else entry.event
    if not entry.state.is_final and entry.event not in _ON_THE_WAY:
        return
    facts: dict[str, object] = {
        "case": entry.case_id,
        "change": entry.change_id,
        "system": change.system,
        "by": entry.actor,
        "statement": statement(change, entry),
    }
    reason = entry.detail.get("reason")
    log.info(name, **facts, **({"reason": reason} if reason else {}))


def statement(change: Change, entry: LedgerEntry) -> str:
    """What was sent, or would have been: the DROP where it was taken back, else the CREATE."""
    index = change.proposal.index
    name = index_name(index, change.id)
    try:
        if entry.event == Event.UNDONE:
            return f"DROP INDEX CONCURRENTLY {qualified(index.schema, name)}"
        return create_statement(index, name, concurrently=True)
    except StatementRefused as error:
        return f"none: {error.message}"
