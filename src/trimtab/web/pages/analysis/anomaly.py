"""`/anomalies/{id}`: one episode: its series with what was expected, what began with it, and that it is normal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from trimtab.app.detecting.answers import episode_row
from trimtab.app.detecting.groups import SPAN_MS_MAX, groups_of
from trimtab.app.detecting.normal import say_normal
from trimtab.app.detecting.words import around, band_of, line_key, seen_of
from trimtab.app.reading.ranges import DEFAULT_TO, Range
from trimtab.model.anomalies import AnomalyEpisode, Source
from trimtab.model.errors import InputError
from trimtab.store.anomaly_state import Sort, Wanted
from trimtab.web import render
from trimtab.web.pages.analysis.anomalies import NOTICES, lanes_of, normal_of
from trimtab.web.pages.analysis.anomaly_words import TESTS
from trimtab.web.pages.analysis.lanes import word_of
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import note
from trimtab.web.view import RangeView

BESIDE_MAX, BEFORE_MAX = 20, 10
SHORT_CHARS = 60
FRAGMENTS = ("standing", "beside")
TIMES: Mapping[str, str] = {"1": "an hour", "24": "a day", "168": "a week", "": "for good"}
"""What may be chosen for how long something is normal, in hours."""


def anomaly(asked: Asked) -> Response:
    """The page."""
    return draw(asked, asked.number("episode_id"))


def draw(asked: Asked, number: int, trouble: str | None = None) -> Response:
    """The page, also after a form that was not right: then with what is wrong."""
    keeper, now_ms = asked.service.anomalies, asked.service.now_ms()
    one = keeper.state.episode(number)
    notice = NOTICES.get(asked.query("notice"))
    path = f"/anomalies/{number}"
    view = asked.view("analysis", messages=[] if notice is None else [notice], path=path)
    home = _home(one, now_ms)
    if not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    row = episode_row(one)
    near = Wanted(one.start_ms - SPAN_MS_MAX, one.start_ms + SPAN_MS_MAX)
    groups = groups_of(keeper.state.find(near, Sort.NEWEST, now_ms, 200)[1])
    group = next((each for each in groups if any(other.id == number for other in each.episodes)), None)
    others = [] if group is None else [other for other in group.episodes if other.id != number][:BESIDE_MAX]
    before = keeper.state.find(Wanted(series_key=row.series_key), Sort.NEWEST, now_ms, BEFORE_MAX + 1)[1]
    lanes, is_late = lanes_of(asked, [episode_row(other) for other in others], view.range.range, now_ms)
    said = [mute for mute in normal_of(asked) if mute.series_key == row.series_key]
    context = {
        "title": _short(one),
        "charts": True,
        "row": row,
        "word": word_of(row.score),
        "tests": TESTS,
        "seen": seen_of(one),
        "keys": _keys(one),
        "home": home,
        "is_late": is_late,
        "lanes": [lanes[other.id] for other in others],
        "before": [episode_row(other) for other in before if other.id != number][:BEFORE_MAX],
        "said": said,
        "times": TIMES,
        "trouble": trouble,
        "typed": asked.form.get("reason", "") if trouble else "",
    }
    if asked.fragment not in (None, *FRAGMENTS):
        return asked.page("anomaly.html", "analysis", context)  # the frame, or the error for what there is not
    status = 200 if trouble is None else 400
    return render.html(render.page("anomaly.html", view, context, asked.fragment), status)


def _short(one: AnomalyEpisode) -> str:
    """What stands above the page: the metric without its labels."""
    if one.series.source is Source.QUERY:
        return f"Query {one.series.labels['fingerprint']}"
    if one.series.source is Source.SYSTEM:
        return f"Statements of {one.series.labels['system']}"[:SHORT_CHARS]
    return one.series.labels.get("__name__", one.series.name)[:SHORT_CHARS]


def _home(one: AnomalyEpisode, now_ms: int) -> RangeView:
    """The range that the page opens with: before, the episode, and after; up to now where it goes on."""
    from_ms, to_ms = around(one)
    if one.is_open or to_ms >= now_ms:
        minutes = max(1, -(-(now_ms - from_ms) // 60_000))
        return RangeView(f"now-{minutes}m", DEFAULT_TO, Range(now_ms - minutes * 60_000, now_ms, True))
    return RangeView(str(from_ms), str(to_ms), Range(from_ms, to_ms))


def _keys(one: AnomalyEpisode) -> list[str]:
    """The series, and the band in which it was expected when the episode began."""
    keys = [line_key(one.series)]
    low, high = band_of(one)
    for name, value in (("expected at most", high), ("expected at least", low)):
        if value is not None:
            keys.append(f"named/{name}/vector({value:.12g})")
    return keys


def normal(asked: Asked) -> Response:
    """Somebody says that this is normal."""
    number = asked.number("episode_id")
    note(asked, target=str(number), reason=asked.form.get("reason", "")[:200])
    try:
        made = say_normal(
            asked.service.anomalies,
            number,
            asked.who.name,
            asked.form.get("reason", ""),
            hours=_hours(asked.form.get("hours", "")),
            every_test=asked.form.get("every_test") == "1",
            now_ms=asked.service.now_ms(),
        )
    except InputError as error:
        return draw(asked, number, error.message)
    note(asked, series=made.name[:200], test=made.test or "every", until_ms=made.until_ms)
    return see_other(f"/anomalies/{number}?notice=normal")


def _hours(text: str) -> float | None:
    if text not in TIMES:
        raise InputError(f"hours: one of {', '.join(filter(None, TIMES))}, or none for good", field="hours")
    return float(text) if text else None


def take_back(asked: Asked) -> Response:
    """It is not normal after all."""
    number = asked.number("normal_id")
    note(asked, target=str(number))
    asked.service.anomalies.take_back(number, asked.who.name)
    return see_other(f"{asked.form.get('next') or '/anomalies'}?notice=taken-back")
