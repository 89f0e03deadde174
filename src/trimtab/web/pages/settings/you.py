"""You: who you are here, and your own password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from trimtab.app.cookies import SESSION, set_cookie
from trimtab.model.access import ROLE_PERMISSIONS, How
from trimtab.model.errors import InputError, NotAllowed, TooManyTries
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.login import SESSION_S, address_of, is_secure
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, trouble_of


def context(asked: Asked) -> dict[str, object]:
    """The visitor."""
    who = asked.who
    return {
        "who": who,
        "may": tuple(permission.value for permission in sorted(ROLE_PERMISSIONS[who.role])),
        "has_password": who.how is How.SESSION,
        "login_needed": asked.service.access.login_needed,
    }


def change_password(asked: Asked) -> Response:
    """A new password of one's own; all other sessions end."""
    form = asked.form
    try:
        if form.get("new_password", "") != form.get("again", ""):
            raise InputError("the two new passwords are not the same", field="again")
        session = asked.service.access.change_own_password(
            asked.who, form.get("old_password", ""), form.get("new_password", ""), address_of(asked)
        )
    except (InputError, NotAllowed, TooManyTries) as error:
        trouble = trouble_of(asked, "password", "", error)
        if isinstance(error, NotAllowed):  # the form is wrong, not the visitor
            trouble = replace(trouble, status=400)
        return draw_tab(asked, "you", trouble, {})
    answer = see_other("/settings?tab=you&notice=own-password-set")
    cookie = set_cookie(SESSION, session.secret or "", secure=is_secure(asked), max_age_s=SESSION_S)
    answer.headers.append("Set-Cookie", cookie)
    return answer


def draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    """The tab."""
    return draw_tab(asked, "you", trouble, more)
