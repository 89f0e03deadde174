"""A dashboard with the values that its variables have: panels and rows that repeat are there once a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trimtab.app.dashboards.interpolate import Chosen, Scope, plain_text
from trimtab.app.dashboards.variables import Settled, only, with_value
from trimtab.model.dashboards import Dashboard, Panel, Place

PANELS_MAX = 2_000
COLUMNS = 24


@dataclass(frozen=True, slots=True)
class DrawnPanel:
    """One panel on the page. `key` is its name in requests, `scope` what its variables stand for."""

    key: str
    panel: Panel
    title: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class DrawnSection:
    """One heading with its panels."""

    key: str
    title: str
    is_collapsed: bool
    panels: tuple[DrawnPanel, ...]


def laid_out(dashboard: Dashboard, settled: Sequence[Settled], scope: Scope) -> list[DrawnSection]:
    """Everything that is drawn, in order; of too many panels the first PANELS_MAX."""
    found, left = [], PANELS_MAX
    for number, section in enumerate(dashboard.sections):
        for again, more in enumerate(_repeats(section.repeat, settled)):
            mark = f"-r{again}" if section.repeat and again else ""
            inner = scope.having(more)
            panels = tuple(_panels(section.panels, settled, inner, mark))[:left]
            left -= len(panels)
            title = plain_text(section.title, inner)
            found.append(DrawnSection(f"s{number}{mark}", title, section.is_collapsed, panels))
    return found


def _repeats(name: str, settled: Sequence[Settled]) -> list[Mapping[str, Chosen]]:
    """What a variable stands for, one after the other; once and nothing where nothing repeats."""
    one = only(settled, name) if name else None
    if one is None or not one.chosen.values:
        return [{}]
    return [{name: with_value(one, value)} for value in one.chosen.values]


def _panels(panels: Sequence[Panel], settled: Sequence[Settled], scope: Scope, mark: str) -> Iterator[DrawnPanel]:
    for panel in panels:
        times = _repeats(panel.repeat, settled)
        for number, more in enumerate(times):
            inner = scope.having(more)
            place = panel.place if len(times) == 1 else _repeated(panel, number, len(times))
            key = f"{panel.id}{mark}{f'-c{number}' if number else ''}"
            yield DrawnPanel(key, replace(panel, place=place), plain_text(panel.title, inner), inner)


def _repeated(panel: Panel, number: int, count: int) -> Place:
    """Where one of several stands: beside the others as far as they fit, or below.

    >>> [_repeated(Panel(1, "chart", ""), at, 3).x for at in range(3)], _repeated(Panel(1, "chart", ""), 0, 3).width
    ([0, 8, 16], 8)
    """
    if panel.repeats_down:
        return panel.place
    across = max(1, min(count, panel.repeat_across_max))
    width = COLUMNS // across
    return replace(panel.place, x=number % across * width, width=width)
