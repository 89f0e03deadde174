"""What the tabs of the settings share: how a form's outcome comes back, and how the page is drawn around a tab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.model.errors import ActError, DsnError, InputError, MissingError, TrimtabError
from trimtab.web.errors import describe
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.words import sentence

SECRETS = frozenset({"csrf_token", "password", "old_password", "new_password", "again"})
"""Fields that are never sent back to the browser."""
REFERENCES = frozenset({"dsn", "change_dsn"})
"""Fields that are not sent back when one of them held a secret."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a form was not done. `form` says which one, `about` which of its things (a name), `values` what was typed."""

    form: str
    about: str
    message: str
    status: int
    field: str | None
    values: Mapping[str, str]

    def is_of(self, form: str, about: str = "") -> bool:
        """Whether it belongs to this form."""
        return self.form == form and self.about == about

    def typed(self, name: str) -> str:
        """What was typed into a field."""
        return self.values.get(name, "")


Draw = Callable[[Asked, Trouble | None, Mapping[str, object]], Response]


def attempt(asked: Asked, form: str, about: str, do: Callable[[], object], then: str, draw: Draw) -> Response:
    """Do what a form asks for and look at `then`; where it cannot be done, the page again with what was typed."""
    try:
        do()
    except (InputError, ActError, MissingError) as error:
        return draw(asked, trouble_of(asked, form, about, error), {})
    return see_other(then)


def trouble_of(asked: Asked, form: str, about: str, error: TrimtabError) -> Trouble:
    """An error as the form's trouble."""
    note(asked, why=error.message)
    named = error.facts.get("field")
    hidden = SECRETS | REFERENCES if isinstance(error, DsnError) else SECRETS
    values = {name: value for name, value in asked.form.items() if name not in hidden}
    return Trouble(
        form=form,
        about=about,
        message=sentence(error.message),
        status=describe(error)[0],
        field=named if isinstance(named, str) else None,
        values=values,
    )


def note(asked: Asked, **detail: object) -> None:
    """Details for the audit: `target` names what it was done to. Never a secret."""
    asked.request.scope.setdefault("trimtab.audit", {}).update(detail)
