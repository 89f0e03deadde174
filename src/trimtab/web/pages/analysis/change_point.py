"""`/change-points/{id}`: one change of level: its chart with the levels, what stands beside it, and that it is none."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from trimtab.app.reading.ranges import Range
from trimtab.model.change_points import KeptChangePoint
from trimtab.model.errors import InputError
from trimtab.store.change_point_state import Wanted
from trimtab.web import render
from trimtab.web.pages.analysis.change_point_words import BESIDE_WORDS, TONES, away, told
from trimtab.web.pages.analysis.change_points import NOTICES
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import note
from trimtab.web.view import RangeView

NEAR_MAX, BEFORE_MAX = 20, 10
TITLE_CHARS = 44


def change_point(asked: Asked) -> Response:
    """The page."""
    return draw(asked, asked.number("change_point_id"))


def draw(asked: Asked, number: int, trouble: str | None = None) -> Response:
    """The page, also after a form that was not right: then with what is wrong."""
    keeper = asked.service.change_points
    one = keeper.state.one(number)
    notice = NOTICES.get(asked.query("notice"))
    view = asked.view("analysis", messages=[] if notice is None else [notice], path=f"/change-points/{number}")
    home = _home(one)
    if not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    beside_ms = int(asked.service.config.change_points.beside_minutes * 60_000)
    near = keeper.state.find(Wanted(one.at_ms - beside_ms, one.at_ms + beside_ms + 1), NEAR_MAX + 1)[1]
    same = keeper.state.find(Wanted(series=one.series, is_dismissed=None), BEFORE_MAX + 1)[1]
    context = {
        "title": one.title if len(one.title) <= TITLE_CHARS else one.title[: TITLE_CHARS - 1] + "…",
        "charts": True,
        "told": told(one),
        "home": home,
        "near": [told(other) for other in near if other.id != number][:NEAR_MAX],
        "same": [told(other) for other in same if other.id != number][:BEFORE_MAX],
        "beside_minutes": asked.service.config.change_points.beside_minutes,
        "words": BESIDE_WORDS,
        "tones": TONES,
        "away": away,
        "trouble": trouble,
        "typed": asked.form.get("reason", "") if trouble else "",
    }
    if asked.fragment is not None:
        return asked.page("change_point.html", "analysis", context)
    return render.html(render.page("change_point.html", view, context), 200 if trouble is None else 400)


def _home(one: KeptChangePoint) -> RangeView:
    """The range that the page opens with: the values that were kept."""
    from_ms, to_ms = one.samples_ms, one.samples_ms + len(one.samples) * one.step_ms
    return RangeView(str(from_ms), str(to_ms), Range(from_ms, to_ms))


def dismiss(asked: Asked) -> Response:
    """Somebody says that it is no change."""
    number = asked.number("change_point_id")
    reason = asked.form.get("reason", "")
    note(asked, target=str(number), reason=reason[:200])
    try:
        found = asked.service.change_points.dismiss(number, asked.who.name, reason)
    except InputError as error:
        return draw(asked, number, error.message)
    note(asked, series=found.title[:200])
    return see_other("/change-points?notice=not-a-change")


def take_back(asked: Asked) -> Response:
    """It is one after all."""
    number = asked.number("change_point_id")
    note(asked, target=str(number))
    asked.service.change_points.take_back(number)
    return see_other(f"/change-points/{number}?notice=taken-back")
