"""The kill switch: while it is on nothing new is applied; what is in flight is still watched and taken back."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.model.errors import InputError
from trimtab.model.free_text import reason_of
from trimtab.web.pages.frame import Asked, local_path, see_other
from trimtab.web.pages.settings.tab import note


def freeze(asked: Asked) -> Response:
    """Freeze with a reason, or unfreeze; back to where the form was."""
    wanted = asked.form.get("frozen", "")
    if wanted not in ("true", "false"):
        raise InputError(f"frozen: true or false is expected, found {wanted[:50]!r}", field="frozen")
    reason = reason_of(asked.form.get("reason"))
    note(asked, action="freeze" if wanted == "true" else "thaw", target="all systems", reason=reason)
    asked.service.freeze(wanted == "true", asked.who.name, reason)
    return see_other(local_path(asked.form.get("next", "/")))
