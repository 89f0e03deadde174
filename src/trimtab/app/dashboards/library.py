"""All dashboards that there are: those that come with trimtab, and those that somebody brought."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from trimtab.app.dashboards.asking import PanelAsking
from trimtab.app.dashboards.layout import DrawnPanel, DrawnSection, laid_out
from trimtab.app.dashboards.reading import count_drawn, dashboard_of_bytes
from trimtab.app.dashboards.steps import step_of
from trimtab.app.dashboards.variables import Settled, scope_of, settle
from trimtab.app.dashboards.vocabulary import MetricVocabulary
from trimtab.app.querying import Querying
from trimtab.app.reading.ranges import Range
from trimtab.app.upstream import Upstream
from trimtab.model.dashboards import Dashboard, PanelKind
from trimtab.model.errors import ConflictError, InputError, NotFound
from trimtab.store.dashboard_state import DashboardState, KeptDashboard
from trimtab.store.state_database import StateDatabase

READ_MAX = 30
"""Dashboards that are kept as they were read."""
SETTLED_MAX = 100
SETTLED_S = 15.0
"""How long the values of variables are taken to be what they were."""
POINTS = 600


@dataclass(frozen=True, slots=True)
class DashboardRow:
    """One dashboard in the list. `origin` is built-in or imported; `size_bytes` that of its JSON.

    `problem`: why one that was kept by another version cannot be read by this one.
    """

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    origin: str
    panels_count: int
    drawn_count: int
    size_bytes: int
    added_by: str = ""
    added_at_ms: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One panel in a report: what it is drawn as, or why it is not."""

    id: int
    title: str
    type: str
    drawn_as: str
    reason: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DashboardDetail:
    """One dashboard with all its panels, and what of it is not read."""

    row: DashboardRow
    panels: tuple[PanelRow, ...]
    variables: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenDashboard:
    """A dashboard with the values of its variables, ready to be drawn."""

    dashboard: Dashboard
    settled: Sequence[Settled]
    sections: Sequence[DrawnSection]

    def panels(self, keys: Sequence[str]) -> list[DrawnPanel]:
        """Those of some keys that can be asked; keys of others are passed over."""
        wanted = set(keys)
        return [
            one
            for section in self.sections
            for one in section.panels
            if one.key in wanted and one.panel.kind not in (PanelKind.TEXT, PanelKind.NOT_DRAWN)
        ]


class Dashboards:
    """Lists, reads, keeps and forgets dashboards, and asks for their panels. Thread-safe."""

    def __init__(
        self,
        database: StateDatabase,
        querying: Querying,
        upstream: Callable[[], Upstream | None],
        now_ms: Callable[[], int],
    ) -> None:
        self._state = DashboardState(database)
        self._vocabulary = MetricVocabulary(querying, upstream)
        self._now_ms = now_ms
        self.asking = PanelAsking(querying, upstream)
        self._lock = threading.Lock()
        self._read: OrderedDict[tuple[str, int], Dashboard] = OrderedDict()
        self._settled: OrderedDict[tuple[object, ...], tuple[float, Sequence[Settled]]] = OrderedDict()

    def listed(self) -> list[DashboardRow]:
        """All: those that come with trimtab first, each kind by title."""
        found = [_row(dashboard, "built-in", len(data)) for dashboard, data in builtin().values()]
        found += [self._kept_row(kept) for kept in self._state.listed()]
        return found

    def document(self, uid: str) -> bytes:
        """The JSON of one; NotFound where there is none."""
        if uid in builtin():
            return builtin()[uid][1]
        kept = self._state.document(uid)
        if kept is None:
            raise NotFound(f"there is no dashboard {uid[:80]!r}", uid=uid[:80])
        return kept[1]

    def detail(self, uid: str) -> DashboardDetail:
        """One with all its panels."""
        dashboard, row = self._named(uid)
        panels = tuple(
            PanelRow(one.id, one.title, one.type, one.kind.value, one.reason, one.notes) for one in dashboard.panels
        )
        notes = [f"${one.name}: {one.reason}" for one in dashboard.variables if one.reason]
        names = tuple(one.name for one in dashboard.variables)
        return DashboardDetail(row, panels, names, (*dashboard.notes, *notes))

    def put(self, data: bytes, by: str, *, replaces: bool = False, name: str = "the dashboard") -> DashboardRow:
        """Keep one that somebody brought. InputError says where it is none, ConflictError that it is there already."""
        dashboard = dashboard_of_bytes(data, name)
        if dashboard.uid in builtin():
            raise ConflictError(
                f"the dashboard {dashboard.uid} comes with trimtab: give the file another uid", uid=dashboard.uid
            )
        kept = KeptDashboard(dashboard.uid, dashboard.title, len(data), by, self._now_ms())
        self._state.put(kept, data, replaces=replaces, has_own_uid=dashboard.has_own_uid)
        self._forget(dashboard.uid)
        return _row(dashboard, "imported", len(data), kept)

    def delete(self, uid: str) -> None:
        """Forget one that somebody brought."""
        if uid in builtin():
            raise ConflictError(f"the dashboard {uid} comes with trimtab and stays", uid=uid)
        self._state.delete(uid)
        self._forget(uid)

    def open(self, uid: str, wanted: Mapping[str, Sequence[str]], within: Range) -> OpenDashboard:
        """One with the values of its variables: those that are wanted, where they are some of those there are."""
        dashboard, _ = self._named(uid)
        settled = self._settle(dashboard, wanted, within)
        scope = scope_of(settled, dashboard)
        return OpenDashboard(dashboard, settled, laid_out(dashboard, settled, scope))

    def default_range(self, uid: str) -> tuple[str, str]:
        """The range that the dashboard itself wants; ('', '') where it wants none."""
        dashboard, _ = self._named(uid)
        return dashboard.range_from, dashboard.range_to

    def _settle(self, dashboard: Dashboard, wanted: Mapping[str, Sequence[str]], within: Range) -> Sequence[Settled]:
        names = {one.name for one in dashboard.variables}
        asked = {name: tuple(values) for name, values in wanted.items() if name in names}
        bucket = within.length_ms if within.is_live else (within.from_ms, within.to_ms)
        key = (dashboard.uid, id(dashboard), tuple(sorted(asked.items())), bucket)
        now = time.monotonic()
        with self._lock:
            held = self._settled.get(key)
            if held is not None and now - held[0] < SETTLED_S:
                return held[1]
        found = settle(dashboard, asked, within, self._vocabulary, step_of(within, POINTS))
        if not any(one.trouble and not one.variable.reason for one in found):
            with self._lock:
                self._settled[key] = (now, found)
                while len(self._settled) > SETTLED_MAX:
                    self._settled.popitem(last=False)
        return found

    def _forget(self, uid: str) -> None:
        """What was known of one, before it was replaced or deleted."""
        with self._lock:
            for known in [key for key in self._read if key[0] == uid]:
                del self._read[known]
            self._settled.clear()

    def _named(self, uid: str) -> tuple[Dashboard, DashboardRow]:
        own = builtin().get(uid)
        if own is not None:
            return own[0], _row(own[0], "built-in", len(own[1]))
        kept = self._state.document(uid)
        if kept is None:
            raise NotFound(f"there is no dashboard {uid[:80]!r}", uid=uid[:80])
        dashboard = self._as_read(kept[0], kept[1])
        return dashboard, _row(dashboard, "imported", kept[0].size_bytes, kept[0])

    def _kept_row(self, kept: KeptDashboard) -> DashboardRow:
        with self._lock:
            dashboard = self._read.get((kept.uid, kept.added_at_ms))
        if dashboard is None:
            try:
                dashboard = self._as_read(kept, self.document(kept.uid))
            except InputError as error:
                row = _row(Dashboard(kept.uid, kept.title), "imported", kept.size_bytes, kept)
                return replace(row, problem=error.message)
        return _row(dashboard, "imported", kept.size_bytes, kept)

    def _as_read(self, kept: KeptDashboard, data: bytes) -> Dashboard:
        key = (kept.uid, kept.added_at_ms)
        with self._lock:
            found = self._read.get(key)
            if found is not None:
                self._read.move_to_end(key)
                return found
        found = replace(dashboard_of_bytes(data, kept.title), uid=kept.uid)
        with self._lock:
            self._read[key] = found
            while len(self._read) > READ_MAX:
                self._read.popitem(last=False)
        return found


@cache
def builtin() -> Mapping[str, tuple[Dashboard, bytes]]:
    """The dashboards that come with trimtab, by uid, in the order of their titles: read and as they are written."""
    folder = files("trimtab.app.dashboards").joinpath("builtin")
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            data = file.read_bytes()
            found.append((dashboard_of_bytes(data, file.name), data))
    return {one.uid: (one, data) for one, data in sorted(found, key=lambda pair: pair[0].title)}


def _row(dashboard: Dashboard, origin: str, size_bytes: int, kept: KeptDashboard | None = None) -> DashboardRow:
    drawn, count = count_drawn(dashboard)
    return DashboardRow(
        uid=dashboard.uid,
        title=dashboard.title,
        description=dashboard.description,
        tags=dashboard.tags,
        origin=origin,
        panels_count=count,
        drawn_count=drawn,
        size_bytes=size_bytes,
        added_by="" if kept is None else kept.added_by,
        added_at_ms=None if kept is None else kept.added_at_ms,
    )
