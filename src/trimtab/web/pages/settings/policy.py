"""Policy: how far trimtab goes by itself, where, and who said so; every limit; the kill switch and the freezes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from trimtab.app.config_status import config_status, setting_now
from trimtab.app.settings import SECTIONS, SETTINGS, Kind, Plain
from trimtab.app.steering import KINDS
from trimtab.model.errors import InputError, NotFound
from trimtab.store.policy_overrides import ALL_SYSTEMS
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, attempt, note
from trimtab.web.words import AUTONOMIES

HERE = "/settings?tab=policy"
VALUE_CHARS_MAX = 10_000


def context(asked: Asked) -> dict[str, object]:
    """What is in force for all systems, or for the one in `?system=`."""
    service = asked.service
    names = [known.name for known in service.state.systems()]
    system = asked.query("system") or asked.form.get("system", "") or None
    if system is not None and system not in names:
        raise NotFound(f"there is no system named {system[:100]!r}", system=system)
    status = config_status(service.policies, system, names)
    per_target = [now for now in status.settings if SECTIONS[now.section].per_target]
    return {
        "system": system,
        "systems": names,
        "kinds": [
            (
                kind,
                [
                    (name, setting_now(service.policies, f"{kind}.autonomy", name or ALL_SYSTEMS))
                    for name in (None, *names)
                ],
            )
            for kind in KINDS
        ],
        "sections": [
            (section, [now for now in per_target if now.section == section.name])
            for section in SECTIONS.values()
            if section.per_target
        ],
        "autonomies": AUTONOMIES,
        "ignored": status.overrides_ignored,
        "frozen": service.state.kill_switch(),
        "freezes": service.steering.freezes(),
    }


def change(asked: Asked) -> Response:
    """Set a setting over what the file says, or clear that again; for one system or for all."""
    form = asked.form
    name, system = form.get("name", ""), form.get("system") or None
    about = f"{name} {system or ''}"
    then = f"{HERE}&system={quote(system, safe='')}" if form.get("shown") and system else HERE
    clearing = form.get("do") == "clear"
    note(asked, target=system or "all systems", setting=name, value=None if clearing else form.get("value", "")[:200])

    def do() -> object:
        if clearing:
            return asked.service.clear_override(asked.who.name, name, system)
        return asked.service.set_override(asked.who.name, name, read_value(name, form.get("value", "")), system)

    return attempt(asked, "policy", about, do, f"{then}&notice=policy-{'cleared' if clearing else 'set'}", _draw)


def thaw(asked: Asked) -> Response:
    """Allow changes again on one system, or one kind of change there."""
    system, kind = asked.form.get("system", ""), asked.form.get("kind") or None
    note(asked, target=system, kind=kind)

    def do() -> object:
        return asked.service.freeze(False, asked.who.name, system=system, kind=kind)

    return attempt(asked, "thaw", f"{system} {kind or ''}", do, f"{HERE}&notice=thawed", _draw)


def read_value(name: str, text: str) -> Plain:
    """What was typed as the kind of value that the setting has; InputError where it cannot be read as one.

    >>> read_value("watch.alpha", "0.05"), read_value("create_index.change_windows", "22:00-06:00 \\n\\n")
    (0.05, ['22:00-06:00'])
    >>> read_value("watch.batch_slices", "six")
    Traceback (most recent call last):
    trimtab.model.errors.InputError: watch.batch_slices must be a whole number, found 'six'
    """
    setting = SETTINGS.get(name)
    text = text.strip()
    if setting is None:
        raise InputError(f"there is no setting {name[:100]!r}", field="name")
    if len(text) > VALUE_CHARS_MAX:
        raise InputError(f"{name}: a value has at most {VALUE_CHARS_MAX} characters", field="value")
    try:
        if setting.kind is Kind.NUMBER:
            return float(text)
        if setting.kind is Kind.WHOLE:
            return int(text)
    except ValueError:
        what = "a number" if setting.kind is Kind.NUMBER else "a whole number"
        raise InputError(f"{name} must be {what}, found {text[:50]!r}", field="value") from None
    if setting.kind is Kind.FLAG:
        if text not in ("true", "false"):
            raise InputError(f"{name} must be true or false, found {text[:50]!r}", field="value")
        return text == "true"
    if setting.kind is Kind.TEXTS:
        return [line.strip() for line in text.splitlines() if line.strip()]
    return text


def _draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    return draw_tab(asked, "policy", trouble, more)
