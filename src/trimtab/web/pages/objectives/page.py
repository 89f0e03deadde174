"""`/objectives/{name}`: one objective: its budget over time, its rules, when they would fire, what does not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.analyze.slo.burn_rule_reading import moment_ms
from trimtab.analyze.slo.explain import explain
from trimtab.analyze.slo.queries import SLICE
from trimtab.app.objectives.answers import detail_of
from trimtab.app.objectives.board import ObjectiveNow
from trimtab.app.objectives.excluding import exclude
from trimtab.app.reading.ranges import DEFAULT_TO, RANGE_MS_MAX, Range
from trimtab.model.errors import InputError
from trimtab.model.objectives import EventsSli, TimeSliceSli
from trimtab.model.readable import wish_text
from trimtab.web import render
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import note
from trimtab.web.view import Message, RangeView, segment
from trimtab.web.words import BUDGET_STATES

NOTICES: Mapping[str, Message] = {
    "excluded": Message("Taken out: that time does not count any more."),
    "included": Message("Taken back: that time counts again."),
    "reset": Message("The budget begins anew. What was before is kept, and does not count.", "warn"),
}
"""What `?notice=` may say."""


YOUNG_RANGES = (("now-1h", 3_600_000), ("now-6h", 21_600_000), ("now-1d", 86_400_000))
YOUNG_SHARE = 7
"""A window that is this many times longer shows of such a range hardly more than its last pixels."""


FRAGMENTS = ("standing", "rules")
"""What changes from minute to minute."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A query of the indicator, with the way to the Explorer."""

    name: str
    query: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the smaller charts."""

    id: str
    title: str
    keys: tuple[str, ...]
    unit: str
    kind: str = "line"
    note: str | None = None


def objective(asked: Asked) -> Response:
    """The page."""
    return draw(asked, asked.path("name"))


def draw(asked: Asked, name: str, trouble: str | None = None, typed: Mapping[str, str] | None = None) -> Response:
    """The page, also after a form that was not right: then with what is wrong, and what was typed."""
    now = asked.service.objectives.named(name)
    notice = NOTICES.get(asked.query("notice"))
    path = f"/objectives/{segment(name)}"
    view = asked.view("objectives", messages=[] if notice is None else [notice], path=path)
    now_ms = asked.service.now_ms()
    home = home_of(now, now_ms)
    whole = window_of(now, now_ms)
    is_home = not asked.query("from") and not asked.query("to")
    if is_home:
        view = replace(view, range=home)
    context = {
        **context_of(now),
        "home": home,
        "young_since_ms": None if home == whole or not is_home else began_ms(now),
        "whole_href": view.here(**{"from": whole.from_text, "to": whole.to_text}),
        "trouble": trouble,
        "typed": {"start": "", "end": "", "reason": "", **(typed or {})},
    }
    fragment = asked.fragment if asked.fragment in FRAGMENTS else None
    if asked.fragment not in (None, *FRAGMENTS):
        return asked.page("objective.html", "objectives", context)  # the frame, or the error for what there is not
    return render.html(render.page("objective.html", view, context, fragment), 200 if trouble is None else 400)


def home_of(now: ObjectiveNow, now_ms: int) -> RangeView:
    """The range that the page opens with: the window, or so much of it that what was measured up to now can be seen."""
    whole, began = window_of(now, now_ms), began_ms(now)
    if began is None:
        return whole
    for text, length_ms in YOUNG_RANGES:
        if now_ms - began < length_ms * 0.8 and length_ms * YOUNG_SHARE < whole.range.length_ms:
            return RangeView(text, DEFAULT_TO, Range(now_ms - length_ms, now_ms, True))
    return whole


def began_ms(now: ObjectiveNow) -> int | None:
    """When the measuring began, where that was within the longest window of its rules."""
    longest = max(now.burns, key=lambda burn: burn.rule.long_ms, default=None)
    if longest is None or not longest.known_ms or longest.known_ms >= longest.rule.long_ms:
        return None
    return now.budget.at_ms - longest.known_ms


def window_of(now: ObjectiveNow, now_ms: int) -> RangeView:
    """The window of the budget, as far as a page may show."""
    start_ms = max(now.budget.window_start_ms, now_ms - RANGE_MS_MAX + 60_000)
    start_ms = min(start_ms, now_ms - 300_000)
    text, window = str(start_ms), now.objective.window
    if window.is_rolling and now.budget.window_start_ms <= now.budget.at_ms - window.length_ms:
        minutes = min(window.length_ms, RANGE_MS_MAX) // 60_000
        text = f"now-{minutes // 1440}d" if minutes % 1440 == 0 else f"now-{minutes}m"
        start_ms = now_ms - minutes * 60_000
    return RangeView(text, DEFAULT_TO, Range(start_ms, now_ms, True))


def context_of(now: ObjectiveNow) -> dict[str, object]:
    """Everything that the template shows."""
    detail = detail_of(now)
    key = f"objective/{now.objective.name}/"
    return {
        "title": detail.row.title,
        "charts": True,
        "detail": detail,
        "row": detail.row,
        "word": BUDGET_STATES[detail.row.state],
        "explained": explain(now.objective),
        "queries": queries_of(now),
        "counts": detail.sli["counts"],
        "facts": {name: value for name, value in detail.sli.items() if name not in ("counts", *QUERIES)},
        "left_keys": [f"{key}left"],
        "pictures": pictures_of(now, key),
        "system_href": f"/?{urlencode({'system': now.objective.system})}" if now.objective.system else None,
    }


def pictures_of(now: ObjectiveNow, key: str) -> list[Picture]:
    """The smaller charts: the indicator, the burn rate, and what they are made of."""
    good = Picture("good-share", "Good, and the target", (f"{key}good", f"{key}target"), "%", "free")
    burn = Picture("burn-rate", "Burn rate", (f"{key}burn",), "×", note="Errors divided by those that are allowed.")
    sli = now.objective.sli
    if not isinstance(sli, TimeSliceSli):
        return [
            good,
            burn,
            Picture("bad-events", "Bad events", (f"{key}bad_per_min",), "/min"),
            Picture("all-events", "All events", (f"{key}events_per_min",), "/min"),
        ]
    coverage = Picture("coverage", "Measured", (f"{key}coverage",), "%")
    if sli.is_ratio or SLICE in sli.query:
        return [good, burn, coverage]
    lines = (f"named/value/{sli.query}", f"named/threshold/vector({sli.threshold:.12g})")
    value = Picture(
        "value",
        f"The value: good {wish_text(f'{sli.comparison.value} {sli.threshold!r}', sli.unit)}",
        lines,
        sli.unit,
        "free",
    )
    return [value, good, burn, coverage]


QUERIES = ("good", "bad", "total", "query", "histogram")


def queries_of(now: ObjectiveNow) -> list[Asking]:
    """What is asked, each with its way to the Explorer where it can stand there as it is."""
    said = detail_of(now).sli
    found = []
    for name in QUERIES:
        if name in said:
            query = said[name].replace(SLICE, "5m")
            is_counter = isinstance(now.objective.sli, EventsSli) and "(" not in query
            plain = f"sum(rate({query}[5m]))" if is_counter else query
            found.append(Asking(name, said[name], f"/explore?{urlencode({'q': plain})}"))
    return found


def exclude_time(asked: Asked) -> Response:
    """Maintenance: time that does not count."""
    name = asked.path("name")
    try:
        start_ms, end_ms = _moment(asked, "start"), _moment(asked, "end")
        _exclude(asked, name, start_ms, end_ms, is_reset=False)
    except InputError as error:
        return draw(asked, name, error.message, asked.form)
    return see_other(f"/objectives/{segment(name)}?notice=excluded")


def reset(asked: Asked) -> Response:
    """The budget begins anew."""
    name = asked.path("name")
    try:
        _exclude(asked, name, 0, None, is_reset=True)
    except InputError as error:
        return draw(asked, name, error.message, asked.form)
    return see_other(f"/objectives/{segment(name)}?notice=reset")


def _moment(asked: Asked, field: str) -> int:
    try:
        return moment_ms(asked.form.get(field, ""))
    except ValueError as error:
        raise InputError(f"{field}: {error}", field=field) from None


def _exclude(asked: Asked, name: str, start_ms: int, end_ms: int | None, *, is_reset: bool) -> None:
    note(asked, target=name, reason=asked.form.get("reason", "")[:200])
    exclude(
        asked.service.objectives,
        name,
        asked.who.name,
        asked.form.get("reason", ""),
        start_ms=start_ms,
        end_ms=end_ms,
        is_reset=is_reset,
        now_ms=asked.service.now_ms(),
    )


def include(asked: Asked) -> Response:
    """Take an exclusion back."""
    name = asked.path("name")
    note(asked, target=name)
    asked.service.objectives.include(name, asked.number("exclusion_id"), asked.who.name)
    return see_other(f"/objectives/{segment(name)}?notice=included")
