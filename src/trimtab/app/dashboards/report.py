"""What of a dashboard's file is drawn, and of the rest why not: for the command and for the table in the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.app.dashboards.reading import count_drawn, dashboard_of_bytes
from trimtab.model.dashboards import PanelKind


@dataclass(frozen=True, slots=True)
class Report:
    """One file. `kinds` are the panels that are drawn, by what they are drawn as; the others are (title, words)."""

    file: str
    title: str
    panels_count: int
    drawn_count: int
    kinds: Sequence[tuple[str, int]]
    not_drawn: Sequence[tuple[str, str]]
    in_part: Sequence[tuple[str, str]]
    notes: Sequence[str]


def report_of(data: bytes, file: str) -> Report:
    """The report of a file; InputError where it is no dashboard."""
    dashboard = dashboard_of_bytes(data, file)
    drawn, count = count_drawn(dashboard)
    panels = dashboard.panels
    kinds = Counter(panel.kind.value for panel in panels if panel.kind is not PanelKind.NOT_DRAWN)
    return Report(
        file=file,
        title=dashboard.title,
        panels_count=count,
        drawn_count=drawn,
        kinds=sorted(kinds.items()),
        not_drawn=[(panel.title or f"panel {panel.id}", panel.reason) for panel in panels if panel.reason],
        in_part=[(panel.title or f"panel {panel.id}", "; ".join(panel.notes)) for panel in panels if panel.notes],
        notes=[*dashboard.notes, *(f"${one.name}: {one.reason}" for one in dashboard.variables if one.reason)],
    )
