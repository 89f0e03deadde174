"""`/settings`: one page, a tab for each thing that can be set. Each tab is a file of this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.model.access import Permission
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.tab import Trouble
from trimtab.web.view import Message

NOTICES: Mapping[str, Message] = {
    "watched": Message("Watched from now on. The first numbers come with the second look."),
    "unwatched": Message("Not watched any more. Its cases and its ledger stay.", "quiet"),
    "policy-set": Message("In force from now on."),
    "policy-cleared": Message("Cleared: what the file or the default says is in force again.", "quiet"),
    "thawed": Message("Thawed: changes of this kind may begin there again."),
    "person-added": Message("Added. Tell them their first password in person; they can change it under You."),
    "role-set": Message("The new role holds from their next request on."),
    "password-set": Message("The new password holds; all their sessions have ended."),
    "person-removed": Message("Removed, with all their sessions.", "quiet"),
    "token-revoked": Message("Revoked: good for nothing from now on.", "quiet"),
    "own-password-set": Message("Your new password holds. All your other sessions have ended."),
    "frozen": Message("Frozen: nothing new is applied.", "warn"),
    "pack-on": Message("In force: its rules are evaluated within seconds."),
    "pack-off": Message("Off: what it had firing is resolved.", "quiet"),
    "pack-set": Message("The rules and objectives of this pack have the new value."),
    "unfrozen": Message("Not frozen any more."),
}
"""What `?notice=` may say: a word chosen here, never a text from the address."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab. Who lacks `permission` sees that it is there, and whom to ask."""

    key: str
    label: str
    permission: Permission
    context: Callable[[Asked], dict[str, object]]


def tabs() -> tuple[Tab, ...]:
    """All tabs in their order. Imported late, since each of them draws this page."""
    from trimtab.web.pages.settings import audit, configuration, monitoring, people, policy, systems, tokens, you

    return (
        Tab("systems", "Systems", Permission.LOOK, systems.context),
        Tab("policy", "Policy", Permission.LOOK, policy.context),
        Tab("monitoring", "Monitoring", Permission.LOOK, monitoring.context),
        Tab("people", "People", Permission.ADMINISTER, people.context),
        Tab("tokens", "Tokens", Permission.ADMINISTER, tokens.context),
        Tab("audit", "Audit", Permission.ADMINISTER, audit.context),
        Tab("configuration", "Configuration", Permission.LOOK, configuration.context),
        Tab("you", "You", Permission.LOOK, you.context),
    )


def settings(asked: Asked) -> Response:
    """The page."""
    return draw_tab(asked, asked.query("tab", "systems"), None, {})


def draw_tab(asked: Asked, key: str, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    """The page with one tab open, also after a form that was not done."""
    every = tabs()
    tab = next((one for one in every if one.key == key), None)
    if tab is None:
        raise InputError(f"tab: there is no {key[:50]!r}", field="tab")
    allowed = asked.who.may(tab.permission)
    context = {
        "title": "Settings",
        "tab": tab,
        "tabs": every,
        "allowed": allowed,
        "trouble": trouble,
        **(tab.context(asked) if allowed else {}),
        **more,
    }
    notice = NOTICES.get(asked.query("notice")) if trouble is None else None
    status = trouble.status if trouble is not None else 200 if allowed else 403
    return asked.page(
        "settings.html",
        "settings",
        context,
        fragments=("body",),
        ranged=False,
        status=status,
        messages=[] if notice is None else [notice],
        path="/settings",
    )
