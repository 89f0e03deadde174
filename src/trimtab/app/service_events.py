"""What befalls a server becomes events for whoever listens: rows of its stores, counts of objectives, systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.app.events import EventHub, EventKind
from trimtab.app.objectives.keeper import Standing
from trimtab.store.news import News

if TYPE_CHECKING:
    import pyarrow as pa


def all_of(*hearing: Callable[[pa.Table], None]) -> Callable[[pa.Table], None]:
    """Several who hear of the rows of one table, one after the other."""

    def heard(rows: pa.Table) -> None:
        for one in hearing:
            one(rows)

    return heard


class ServiceEvents:
    """Hears of what its server does. `on_change`: a change went on, told after its event."""

    def __init__(self, events: EventHub, on_change: Callable[[], None]) -> None:
        self._events, self._on_change = events, on_change
        self._counted_to_ms = 0

    def heard(self, news: News) -> None:
        """Something was written to the state."""
        self._events.publish(EventKind(news.kind), dict(news.facts))
        if news.kind == "change":
            self._on_change()

    def slices_loaded(self, rows: pa.Table) -> None:
        """Slices of statements are in the store."""
        newest: dict[str, int] = {}
        for system, ended_at_ms in zip(rows["system"].to_pylist(), rows["ended_at_ms"].to_pylist(), strict=True):
            newest[system] = max(ended_at_ms, newest.get(system, 0))
        for system, ended_at_ms in newest.items():
            self._events.publish(EventKind.SLICE, {"system": system, "ended_at_ms": ended_at_ms})

    def objectives_counted(self, standing: Standing) -> None:
        """A round of counting is over: an event where it counted another minute."""
        if standing.at_ms > self._counted_to_ms:
            self._counted_to_ms = standing.at_ms
            self._events.publish(EventKind.OBJECTIVES, {"at_ms": standing.at_ms})

    def system_changed(self, name: str) -> None:
        """A system is watched, or is not any more."""
        self._events.publish(EventKind.SYSTEM, {"name": name})
