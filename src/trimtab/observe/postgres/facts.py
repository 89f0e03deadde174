"""What one look brings: rows for the telemetry store, and things that happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, object]


class EventKind(StrEnum):
    """What can happen to a watched server."""

    CONNECTED = "connected"
    CONNECTION_LOST = "connection_lost"
    SERVER_RESTARTED = "server_restarted"
    STATISTICS_RESET = "statistics_reset"
    ENTRIES_EVICTED = "entries_evicted"
    SETTING_CHANGED = "setting_changed"
    CAPABILITY_MISSING = "capability_missing"
    CAPABILITY_GAINED = "capability_gained"
    SLICE_SKIPPED = "slice_skipped"
    WATCH_ADAPTED = "watch_adapted"
    FACTS_REFUSED = "facts_refused"


@dataclass(slots=True)
class Facts:
    """What one look brings, in the order it is to be written."""

    tables: list[tuple[str, pa.Table]] = field(default_factory=list)
    events: list[tuple[EventKind, str]] = field(default_factory=list)

    def add(self, table_name: str, rows: Iterable[Row]) -> None:
        """Add rows given as dictionaries; nothing for no rows."""
        from trimtab.store.tables import table_of

        table = table_of(table_name, rows)
        if table.num_rows:
            self.tables.append((table_name, table))

    def say(self, kind: EventKind, message: str) -> None:
        """Add an event."""
        self.events.append((kind, message))


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how often a collector looks. `interval_s` is the time to its next look, as planned now."""

    system: str
    now_ms: int
    interval_s: float
