"""Systems: what is watched and what trimtab may see of each; begin to watch one, and stop."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from trimtab.web.pages.frame import Asked
from trimtab.web.pages.settings.page import draw_tab
from trimtab.web.pages.settings.tab import Trouble, attempt, note

HERE = "/settings?tab=systems"


def context(asked: Asked) -> dict[str, object]:
    """Every watched system."""
    return {"watched": asked.service.systems(), "rhythms": rhythms}


def rhythms(intervals_s: Mapping[str, float]) -> str:
    """How often each collector looks, those of the same rhythm together.

    >>> rhythms({"statements": 1.0, "tables": 30.0, "activity": 1.0})
    'every 1 s: statements, activity; every 30 s: tables'
    """
    by_interval: dict[float, list[str]] = {}
    for name, interval_s in intervals_s.items():
        by_interval.setdefault(interval_s, []).append(name)
    return "; ".join(
        f"every {interval_s:g} s: {', '.join(by_interval[interval_s])}" for interval_s in sorted(by_interval)
    )


def add(asked: Asked) -> Response:
    """Begin to watch a system; it must answer now."""
    dsn = asked.form.get("dsn", "")
    name = asked.form.get("name", "").strip() or None
    change_dsn = asked.form.get("change_dsn", "").strip() or None
    made: list[str] = []
    note(asked, target=name or "", changes=change_dsn is not None)

    def do() -> None:
        made.append(str(asked.service.watch_system(dsn, name, change_dsn)["name"]))

    answer = attempt(asked, "add", "", do, f"{HERE}&notice=watched", _draw)
    if made:
        answer.headers["Location"] = f"{HERE}&notice=watched#system-{quote(made[0], safe='')}"
    return answer


def remove(asked: Asked) -> Response:
    """Stop watching a system."""
    name = asked.path("name")
    return attempt(asked, "remove", name, lambda: asked.service.unwatch_system(name), f"{HERE}&notice=unwatched", _draw)


def _draw(asked: Asked, trouble: Trouble | None, more: Mapping[str, object]) -> Response:
    return draw_tab(asked, "systems", trouble, more)
