"""What a person decides about a case: approve, reject, roll back. Each is a form; each is bound to what was seen.

When the case moved on meanwhile, nothing is done: the page comes back with status 409, says what happened since it was
drawn, and keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from trimtab.app.service import Service
from trimtab.model.change import LedgerEntry
from trimtab.model.errors import ActError, InputError, NotFound, TrimtabError
from trimtab.model.free_text import reason_of
from trimtab.web.pages.cases.page import Said, Trouble, draw
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import note
from trimtab.web.words import sentence


def approve(asked: Asked) -> Response:
    """Yes to exactly the change whose hash the page showed."""
    content_hash = asked.form.get("content_hash", "")
    return _decide(asked, "approve", "approved", lambda s, case, by: s.approve(case, by, content_hash))


def reject(asked: Asked) -> Response:
    """No, with a reason."""
    return _decide(asked, "reject", "rejected", lambda s, case, by: s.reject(case, by, _reason(asked)))


def roll_back(asked: Asked) -> Response:
    """Take it back, with a reason."""
    return _decide(asked, "rollback", "rollback", lambda s, case, by: s.roll_back(case, by, _reason(asked)))


def _decide(asked: Asked, action: str, notice: str, do: Callable[[Service, int, str], object]) -> Response:
    case_id = asked.number("case_id")
    note(asked, target=f"case {case_id}")
    try:
        do(asked.service, case_id, asked.who.name)
    except NotFound:
        raise
    except (ActError, InputError) as error:
        note(asked, why=error.message)
        trouble = Trouble(action, sentence(error.message), _status(error), _meanwhile(asked, case_id))
        return draw(asked, case_id, Said(dict(asked.form), trouble))
    return see_other(f"/cases/{case_id}?notice={notice}")


def _reason(asked: Asked) -> str | None:
    reason = reason_of(asked.form.get("reason"))
    note(asked, reason=reason)
    return reason


def _status(error: TrimtabError) -> int:
    return 409 if isinstance(error, ActError) else 400


def _meanwhile(asked: Asked, case_id: int) -> tuple[LedgerEntry, ...]:
    """What the ledger got after the newest entry that the page had shown."""
    seen = asked.form.get("seen_seq", "")
    if not seen.isascii() or not seen.isdigit() or len(seen) > 15:
        return ()
    return tuple(entry for entry in asked.service.read.case(case_id).ledger if entry.seq > int(seen))
