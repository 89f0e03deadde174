"""Monitoring: what `setup_monitoring` set up and how it stands, and packs of rules and objectives, on and off."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from trimtab.app.packs.answers import PackDetail, detail_of
from trimtab.app.stack.answers import StackReport, set_up_text, wish_text
from trimtab.model.readable import amount_text
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, attempt, note

HERE = "/settings?tab=monitoring"


def context(asked: Asked) -> dict[str, object]:
    """Metrics with their values of now, and all packs."""
    report: StackReport | None = asked.service.stack.now()
    packs: list[PackDetail] = [detail_of(now) for now in asked.service.packs.every()]
    return {"report": report, "packs": packs, "wish_of": wish_text, "set_up_of": set_up_text, "amount": amount_text}


def choose(asked: Asked) -> Response:
    """Switch a pack on or off, or give one of its thresholds another value (an empty one takes it back)."""
    name, wanted = asked.path("name"), asked.form.get("do", "")
    threshold, value = asked.form.get("threshold", "").strip(), asked.form.get("value", "").strip()
    note(asked, target=name, do=wanted, threshold=threshold)
    enabled = {"on": True, "off": False}.get(wanted)
    thresholds = {threshold: value or None} if enabled is None else {}
    notice = {"on": "pack-on", "off": "pack-off"}.get(wanted, "pack-set")
    return attempt(
        asked,
        "pack",
        name,
        lambda: asked.service.packs.choose(name, enabled, thresholds),
        f"{HERE}&notice={notice}#pack-{name}",
        _draw,
    )


def _draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    return draw_tab(asked, "monitoring", trouble, more)
