"""People: who may log in, with which role. For administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response

from trimtab.app.access import Access
from trimtab.model.access import PERSON_ROLES
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, attempt, note

HERE = "/settings?tab=people"


def context(asked: Asked) -> dict[str, object]:
    """Everybody."""
    access = asked.service.access
    return {
        "people": access.users(),
        "roles": tuple(sorted(role.value for role in PERSON_ROLES)),
        "login_needed": access.login_needed,
    }


def add(asked: Asked) -> Response:
    """Somebody new, with a first password."""
    name, role = asked.form.get("name", "").strip(), asked.form.get("role", "")
    note(asked, target=name, role=role)

    def do(access: Access, by: str) -> object:
        return access.add_user(by, name, role, _password(asked))

    return _attempt(asked, "add", "", do, "person-added")


def set_role(asked: Asked) -> Response:
    """Another role."""
    name, role = asked.path("name"), asked.form.get("role", "")
    note(asked, role=role)
    return _attempt(asked, "role", name, lambda access, by: access.set_role(by, name, role), "role-set")


def set_password(asked: Asked) -> Response:
    """A new password for somebody; their sessions end."""
    name = asked.path("name")
    return _attempt(
        asked, "password", name, lambda access, by: access.set_password(by, name, _password(asked)), "password-set"
    )


def remove(asked: Asked) -> Response:
    """Take somebody away."""
    name = asked.path("name")
    return _attempt(asked, "remove", name, lambda access, by: access.remove_user(by, name), "person-removed")


def _attempt(asked: Asked, form: str, about: str, do: Callable[[Access, str], object], notice: str) -> Response:
    access, by = asked.service.access, asked.who.name
    return attempt(asked, form, about, lambda: do(access, by), f"{HERE}&notice={notice}", _draw)


def _password(asked: Asked) -> str:
    password = asked.form.get("password", "")
    if password != asked.form.get("again", ""):
        raise InputError("the two passwords are not the same", field="again")
    return password


def _draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    return draw_tab(asked, "people", trouble, more)
