"""`/dashboards/{uid}`: one dashboard. The page has the frame of each panel; what is seen is asked for by the script."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from trimtab.app.dashboards.asking import step_for
from trimtab.app.dashboards.interpolate import ALL, plain_text, query_text
from trimtab.app.dashboards.json_parts import part, text
from trimtab.app.dashboards.layout import DrawnPanel
from trimtab.app.dashboards.library import POINTS, OpenDashboard
from trimtab.app.dashboards.units import shown_unit
from trimtab.app.dashboards.variables import Settled
from trimtab.app.reading.ranges import DEFAULT_TO, Range, parse_range
from trimtab.model.dashboards import Panel, PanelKind, Place
from trimtab.model.errors import InputError
from trimtab.web import render
from trimtab.web.pages.dashboards.markdown import markdown, text_of_html
from trimtab.web.pages.dashboards.numbers import numbers_of
from trimtab.web.pages.dashboards.wish import PANELS_MAX, PREFIX, wanted_of
from trimtab.web.pages.explore.wish import QUERIES_MAX
from trimtab.web.pages.frame import Asked
from trimtab.web.view import RangeView, segment, steady

ADDRESS_CHARS_MAX = 16_000
SHORT_HEIGHT, TALL_HEIGHT = 5, 9
"""Rows of Grafana's grid: below the one a chart is small, from the other on large."""


@dataclass(frozen=True, slots=True)
class PanelView:
    """One panel on the page, without its numbers."""

    key: str
    title: str
    description: str
    kind: str
    place: Place
    chart_kind: str
    chart_height: str
    unit: str
    low: float | None
    high: float | None
    reason: str
    notes: Sequence[str]
    explore: str
    text: Markup | None
    queries: Sequence[str]
    numbers: Markup | None = None


@dataclass(frozen=True, slots=True)
class SectionView:
    """One heading with its panels."""

    key: str
    title: str
    is_collapsed: bool
    panels: Sequence[PanelView]


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One variable: its options with what is chosen, or a text to write."""

    name: str
    label: str
    kind: str
    is_multi: bool
    options: Sequence[tuple[str, str, bool]]
    text: str
    trouble: str


def dashboard(asked: Asked) -> Response:
    """The page."""
    uid = asked.path("uid")
    library = asked.service.dashboards
    home = _home(asked, *library.default_range(uid))
    within = asked.within if home is None or asked.query("from") or asked.query("to") else home.range
    opened = library.open(uid, wanted_of(asked.request.query_params), within)
    detail = library.detail(uid)
    page = _numbers_page(asked)
    asking = opened.panels([one.key for section in opened.sections for one in section.panels])
    numbers = numbers_of(library.asking, asking, steady(within), page) if page else {}
    sections = [
        SectionView(
            section.key,
            section.title,
            section.is_collapsed and not any(one.key in numbers for one in section.panels),
            [replace(_panel(asked, one, within), numbers=numbers.get(one.key)) for one in section.panels],
        )
        for section in opened.sections
    ]
    context = {
        "title": opened.dashboard.title,
        "charts": not page,
        "scripts": () if page else ("js/dashboard.js",),
        "numbers": page,
        "numbers_pages": -(-len(asking) // PANELS_MAX),
        "numbers_link": lambda page: _with_numbers(asked, page),
        "home": home,
        "row": detail.row,
        "description": opened.dashboard.description,
        "sections": sections,
        "choices": [_choice(one) for one in opened.settled if one.variable.is_shown or one.trouble],
        "hidden": _hidden(opened),
        "notes": opened.dashboard.notes,
        "count": sum(len(section.panels) for section in sections),
        "export": f"/dashboards/{segment(uid)}/json",
        "data": f"/dashboards/{segment(uid)}/data",
    }
    view = asked.view("dashboards", path=f"/dashboards/{segment(uid)}")
    if home is not None and not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    return render.html(render.page("dashboard.html", view, context))


def _numbers_page(asked: Asked) -> int:
    """Which page of numbers is wanted; 0: pictures."""
    text = asked.query("numbers")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _with_numbers(asked: Asked, page: int) -> str:
    """This address with a page of numbers, or with none."""
    kept = [(name, value) for name, value in asked.request.query_params.multi_items() if name != "numbers"]
    return "?" + urlencode([*kept, *([("numbers", str(page))] if page else [])])


def _home(asked: Asked, from_text: str, to_text: str) -> RangeView | None:
    """The range that the dashboard itself wants."""
    if not from_text:
        return None
    now_ms = asked.service.read.clock.now_ms()
    with suppress(InputError):
        return RangeView(from_text, to_text or DEFAULT_TO, parse_range(from_text, to_text or DEFAULT_TO, now_ms))
    return None


def _panel(asked: Asked, drawn: DrawnPanel, within: Range) -> PanelView:
    panel = drawn.panel
    unit = shown_unit(panel.style.unit, panel.style.decimals)
    queries = _queries(drawn, within)
    return PanelView(
        key=drawn.key,
        title=drawn.title,
        description=plain_text(panel.description, drawn.scope),
        kind=panel.kind.value,
        place=panel.place,
        chart_kind=chart_kind(panel),
        chart_height="s" if panel.place.height < SHORT_HEIGHT else "l" if panel.place.height >= TALL_HEIGHT else "m",
        unit=_chart_unit(panel, unit.unit),
        low=None if panel.style.low is None else panel.style.low * unit.factor,
        high=None if panel.style.high is None else panel.style.high * unit.factor,
        reason=panel.reason,
        notes=panel.notes,
        explore=_explore(asked, queries),
        text=_text(drawn) if panel.kind is PanelKind.TEXT else None,
        queries=queries,
    )


def chart_kind(panel: Panel) -> str:
    """How the page's chart draws the lines.

    >>> from trimtab.model.dashboards import Style
    >>> chart_kind(Panel(1, PanelKind.CHART, "timeseries", style=Style(stacking="normal")))
    'stack'
    """
    if panel.kind is PanelKind.HEAT:
        return "heat"
    changed = (part(one.changes, "custom.stacking") for one in panel.overrides)
    is_stacked = panel.style.stacking != "none" or any(text(one, "mode", "none") != "none" for one in changed)
    if panel.style.drawing == "bars" and (is_stacked or len(panel.targets) == 1):
        return "bars"
    return "stack" if is_stacked else "free" if panel.style.low is None else "line"


def _chart_unit(panel: Panel, unit: str) -> str:
    if panel.kind is PanelKind.HEAT:
        return ""
    return "%" if panel.style.stacking == "percent" else unit


def _queries(drawn: DrawnPanel, within: Range) -> list[str]:
    if drawn.panel.kind in (PanelKind.TEXT, PanelKind.NOT_DRAWN):
        return []
    step = step_for(drawn, within, POINTS)
    scope = drawn.scope.at(step)
    return [query_text(target.expression, scope) for target in drawn.panel.targets]


def _explore(asked: Asked, queries: Sequence[str]) -> str:
    """The way to the Explorer with what the panel asks."""
    kept = [(name, asked.query(name)) for name in ("from", "to", "tz") if asked.query(name)]
    for count in range(min(len(queries), QUERIES_MAX), 0, -1):
        address = f"/explore?{urlencode([*(('q', query) for query in queries[:count]), *kept])}"
        if len(address) <= ADDRESS_CHARS_MAX:
            return address
    return ""


def _text(drawn: DrawnPanel) -> Markup:
    panel = drawn.panel
    content = plain_text(panel.text, drawn.scope)
    return markdown(content if panel.text_mode != "html" else text_of_html(content))


def _choice(one: Settled) -> ChoiceView:
    variable = one.variable
    chosen = set(one.selected)
    options = [(option.value, option.text, option.value in chosen) for option in one.options]
    if variable.has_all:
        options.insert(0, (ALL, "All", ALL in chosen))
    return ChoiceView(
        name=PREFIX + variable.name,
        label=variable.label or variable.name,
        kind="text" if variable.kind == "textbox" else "choice",
        is_multi=variable.is_multi,
        options=options,
        text=one.chosen.text if variable.is_multi else (one.selected or ("",))[0],
        trouble=one.trouble,
    )


def _hidden(opened: OpenDashboard) -> list[tuple[str, str]]:
    """What hidden variables are, so that a form keeps it."""
    return [
        (PREFIX + one.variable.name, value)
        for one in opened.settled
        if not one.variable.is_shown and one.variable.kind not in ("constant", "datasource")
        for value in one.selected
    ]
