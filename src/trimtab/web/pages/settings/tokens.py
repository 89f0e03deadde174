"""Tokens: secrets for programs. A secret is shown once, in the answer to the form that made it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from trimtab.model.access import Role
from trimtab.model.errors import ActError, InputError, NotFound
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, attempt, note, trouble_of

HERE = "/settings?tab=tokens"
DAY_S = 86_400
LIVES: tuple[tuple[str, str, int | None], ...] = (
    ("1d", "one day", DAY_S),
    ("30d", "30 days", 30 * DAY_S),
    ("90d", "90 days", 90 * DAY_S),
    ("1y", "one year", 365 * DAY_S),
    ("never", "for ever", None),
)
"""How long a token may live: name, words, seconds."""
ROLE_USES = {
    Role.INGEST: "sends telemetry in, sees nothing",
    Role.VIEWER: "sees everything, decides nothing",
    Role.OPERATOR: "approves, rejects, rolls back, freezes",
    Role.ADMIN: "everything, people and policy too",
}


def context(asked: Asked) -> dict[str, object]:
    """All tokens, without their secrets."""
    now_ms = asked.service.now_ms()
    return {
        "tokens": asked.service.access.tokens(),
        "roles": tuple((role.value, text) for role, text in ROLE_USES.items()),
        "lives": tuple((name, text) for name, text, _ in LIVES),
        "now_ms": now_ms,
        "made": None,
        "secret": None,
    }


def create(asked: Asked) -> Response:
    """A new token; its secret is in this answer and nowhere else."""
    note(asked, target=asked.form.get("name", "").strip(), role=asked.form.get("role", ""))
    try:
        lives = next((seconds for name, _, seconds in LIVES if name == asked.form.get("lives")), 0)
        if lives == 0:
            raise InputError("choose how long the token lives", field="lives")
        made, secret = asked.service.access.create_token(
            asked.who.name, asked.form.get("name", "").strip(), asked.form.get("role", ""), lives
        )
    except (InputError, ActError) as error:
        return _draw(asked, trouble_of(asked, "create", "", error), {})
    return _draw(asked, None, {"made": made, "secret": secret})


def revoke(asked: Asked) -> Response:
    """Good for nothing from now on."""
    text = asked.path("token_id")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise NotFound(f"there is no token {text[:50]!r}")
    access, by = asked.service.access, asked.who.name
    then = f"{HERE}&notice=token-revoked"
    return attempt(asked, "revoke", text, lambda: access.revoke_token(by, int(text)), then, _draw)


def _draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    return draw_tab(asked, "tokens", trouble, more)
