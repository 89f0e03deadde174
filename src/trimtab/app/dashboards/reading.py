"""Grafana's JSON as a `Dashboard`: what trimtab draws, and of the rest why not.

It reads the form with `panels` (schema 16 and later) and the one before it with `rows`. What a panel asks is kept as it
is written: variables are filled in when it is asked (`interpolate`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trimtab.app.dashboards.document import document_of
from trimtab.app.dashboards.json_parts import (
    Json,
    flag,
    needed_list,
    needed_object,
    part,
    parts,
    text,
    texts,
    whole,
    wrong,
)
from trimtab.app.dashboards.old_panels import modern
from trimtab.app.dashboards.panel_kinds import panel_of
from trimtab.app.dashboards.sources import other_source
from trimtab.model.dashboards import Dashboard, Option, Panel, PanelKind, Place, Section, Variable
from trimtab.model.errors import InputError

PANELS_MAX = 1_000
VARIABLES_MAX = 100
OPTIONS_MAX = 1_000
TITLE_CHARS_MAX = 200
TEXT_CHARS_MAX = 20_000
UID_CHARS_MAX = 80
COLUMNS = 24
HEIGHT_MAX = 60
_UID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
_RELATIVE = re.compile(r"now(?:-[0-9]{1,7}[smhdw])?")
VARIABLE_KINDS = ("query", "custom", "interval", "constant", "textbox", "datasource")


def dashboard_of_bytes(data: bytes, name: str = "the dashboard") -> Dashboard:
    """The dashboard that a file or a body holds; InputError names it, and the place where it is none."""
    found = document_of(data, name)
    try:
        return dashboard_of(found)
    except InputError as error:
        raise InputError(f"{name}: {error.message}", **error.facts) from None


def dashboard_of(found: Json) -> Dashboard:
    """The dashboard of a document.

    >>> made = dashboard_of({"title": "Hosts", "panels": [{"type": "text", "id": 1, "options": {"content": "hi"}}]})
    >>> made.title, made.uid, [(panel.kind.value, panel.text) for panel in made.panels]
    ('Hosts', 'hosts-bb...', [('text', 'hi')])
    >>> dashboard_of({"title": "x", "panels": [{"type": "stat", "targets": {}}]})
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: panels[0].targets: a list is needed here, found an object
    """
    title = text(found, "title").strip()[:TITLE_CHARS_MAX]
    if not title and not text(found, "uid"):
        raise InputError("title: a dashboard needs a title, or a uid", field="title")
    title = title or "A dashboard without a title"
    sections = _sections(found)
    count = sum(len(section.panels) for section in sections)
    if count > PANELS_MAX:
        raise InputError(f"panels: at most {PANELS_MAX} are read, found {count}", limit=PANELS_MAX, observed=count)
    times = part(found, "time")
    from_text, to_text = text(times, "from"), text(times, "to")
    is_relative = bool(_RELATIVE.fullmatch(from_text)) and to_text == "now"
    return Dashboard(
        uid=uid_of(text(found, "uid"), title),
        has_own_uid=bool(text(found, "uid")),
        title=title,
        description=text(found, "description")[:TEXT_CHARS_MAX],
        tags=texts(found, "tags")[:20],
        sections=_numbered(sections),
        variables=_variables(found),
        range_from=from_text if is_relative else "",
        range_to=to_text if is_relative else "",
        notes=tuple(_notes(found)),
    )


def uid_of(uid: str, title: str) -> str:
    """The uid; where there is none, one that is made of the title.

    >>> uid_of("rYdddlPWk", "x"), uid_of("", "Node Exporter: full")
    ('rYdddlPWk', 'node-exporter-full-5f...')
    >>> uid_of("a/b", "X")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: uid: 1 to 80 letters, digits, '.', '_' and '-' are needed here, found 'a/b': ...
    """
    if _UID.fullmatch(uid):
        return uid
    if uid:
        shown = uid if len(uid) <= UID_CHARS_MAX else f"{uid[:20]}… ({len(uid):,} signs)"
        raise InputError(
            f"uid: 1 to {UID_CHARS_MAX} letters, digits, '.', '_' and '-' are needed here, found {shown!r}: change it "
            "in the file, or take it out",
            field="uid",
            observed=uid[:200],
        )
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "dashboard"
    return f"{words}-{hashlib.sha256(title.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _notes(found: Json) -> list[str]:
    return [
        f"the annotations “{text(one, 'name')[:80]}” are not drawn; trimtab's own changes are"
        for one in parts(part(found, "annotations"), "list")[:20]
        if not one.get("builtIn") and flag(one, "enable", default=True) and not _is_own(one)
    ]


def _is_own(annotation: Json) -> bool:
    """Trimtab's own changes, which are drawn anyway."""
    return "trimtab" in texts(part(annotation, "target"), "tags")


def _sections(found: Json) -> list[Section]:
    if "panels" not in found and isinstance(found.get("rows"), list):
        return _old_rows(found)
    sections: list[Section] = []
    open_title, is_collapsed, repeat, panels = "", False, "", list[Panel]()
    raw = [needed_object(one, f"panels[{at}]") for at, one in enumerate(needed_list(found, "panels", "panels"))]
    places = [place_of(one) for one in raw]
    for at in sorted(range(len(raw)), key=lambda at: (places[at].y, places[at].x)):
        one = raw[at]
        if text(one, "type") != "row":
            panels.append(_panel(one, f"panels[{at}]", places[at]))
            continue
        if panels or open_title:
            sections.append(Section(open_title, tuple(panels), is_collapsed, repeat))
        inner = needed_list(one, "panels", f"panels[{at}].panels")
        nested = [needed_object(each, f"panels[{at}].panels[{number}]") for number, each in enumerate(inner)]
        panels = [_panel(each, f"panels[{at}].panels[{number}]", place_of(each)) for number, each in enumerate(nested)]
        panels.sort(key=lambda panel: (panel.place.y, panel.place.x))
        open_title = text(one, "title")[:TITLE_CHARS_MAX]
        is_collapsed, repeat = flag(one, "collapsed"), text(one, "repeat")
    sections.append(Section(open_title, tuple(panels), is_collapsed, repeat))
    return sections


def _old_rows(found: Json) -> list[Section]:
    """Rows of twelve columns, each with its panels one beside the other."""
    sections = []
    for at, raw in enumerate(needed_list(found, "rows", "rows")):
        row = needed_object(raw, f"rows[{at}]")
        panels, x, y = [], 0, 0
        for number, each in enumerate(needed_list(row, "panels", f"rows[{at}].panels")):
            one = needed_object(each, f"rows[{at}].panels[{number}]")
            width = whole(one, "span", 12, 1, 12) * 2
            if x + width > COLUMNS:
                x, y = 0, y + 8
            panels.append(_panel(one, f"rows[{at}].panels[{number}]", Place(x, y, width, 8)))
            x += width
        title = text(row, "title")[:TITLE_CHARS_MAX] if flag(row, "showTitle", default=True) else ""
        sections.append(Section(title, tuple(panels), flag(row, "collapse"), text(row, "repeat")))
    return sections


def place_of(one: Json) -> Place:
    """Where a panel stands, within the grid."""
    grid = part(one, "gridPos")
    x = whole(grid, "x", 0, 0, COLUMNS - 1)
    width = whole(grid, "w", 0, 0, COLUMNS) or COLUMNS // 2
    height = whole(grid, "h", 0, 0, HEIGHT_MAX) or 8
    return Place(x, whole(grid, "y", 0, 0, 100_000), min(width, COLUMNS - x), height)


def _panel(one: Json, place_name: str, place: Place) -> Panel:
    targets = one.get("targets")
    if targets is not None and not isinstance(targets, list):
        raise wrong(f"{place_name}.targets", "a list", targets)
    return replace(panel_of(modern(one)), place=place)


def _numbered(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Every panel has a number of its own: those that have none, or another one's, get the next."""
    taken: set[int] = set()
    highest = max((panel.id for section in sections for panel in section.panels), default=0)
    found = []
    for section in sections:
        panels = []
        for panel in section.panels:
            if panel.id <= 0 or panel.id in taken:
                highest += 1
                panel = replace(panel, id=highest)  # noqa: PLW2901
            taken.add(panel.id)
            panels.append(panel)
        found.append(replace(section, panels=tuple(panels)))
    return tuple(section for section in found if section.panels or section.title)


def _variables(found: Json) -> tuple[Variable, ...]:
    raw = parts(part(found, "templating"), "list")
    if len(raw) > VARIABLES_MAX:
        raise InputError(
            f"templating.list: at most {VARIABLES_MAX} variables are read, found {len(raw)}",
            limit=VARIABLES_MAX,
            observed=len(raw),
        )
    inputs = {
        text(one, "name"): text(one, "value") for one in parts(found, "__inputs") if text(one, "type") == "constant"
    }
    made = [_variable(one) for one in raw if text(one, "name")]
    made += [Variable(name, "constant", query=value, is_shown=False) for name, value in inputs.items()]
    return tuple(made)


def _variable(one: Json) -> Variable:
    kind = text(one, "type", "query")
    query = one.get("query")
    asked = text(query, "query") if isinstance(query, Mapping) else text(one, "query") or text(one, "definition")
    reason = ""
    if kind not in VARIABLE_KINDS:
        reason = f"variables of the kind {kind[:40]!r} are not read"
    elif kind == "query" and (other := other_source(one.get("datasource"))):
        reason = f"its data source is {other}, and trimtab asks metrics"
    current = part(one, "current")
    options = [Option(text(each, "value"), text(each, "text") or text(each, "value")) for each in parts(one, "options")]
    return Variable(
        name=text(one, "name")[:TITLE_CHARS_MAX],
        kind=kind,
        label=text(one, "label")[:TITLE_CHARS_MAX],
        query=asked[:TEXT_CHARS_MAX],
        regex=text(one, "regex"),
        sort=whole(one, "sort", 0, 0, 8),
        is_multi=flag(one, "multi"),
        has_all=flag(one, "includeAll"),
        all_value=text(one, "allValue"),
        current=tuple(value for value in texts(current, "value") if value),
        options=tuple(options[:OPTIONS_MAX]),
        is_shown=text(one, "hide", "0") in ("0", "1") and not flag(one, "hide"),
        reason=reason,
    )


def count_drawn(dashboard: Dashboard) -> tuple[int, int]:
    """How many panels are drawn, of how many."""
    panels = dashboard.panels
    return sum(panel.kind is not PanelKind.NOT_DRAWN for panel in panels), len(panels)
