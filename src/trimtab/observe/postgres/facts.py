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
    """The watch has a connection (again)."""
    CONNECTION_LOST = "connection_lost"
    """The server does not answer; told once for an outage, however often it is tried again."""
    SERVER_RESTARTED = "server_restarted"
    """The server was started anew since the last connection: its counters begin at zero."""
    STATISTICS_RESET = "statistics_reset"
    """Somebody reset pg_stat_statements; counting goes on from there."""
    ENTRIES_EVICTED = "entries_evicted"
    """pg_stat_statements ran full and dropped entries: pg_stat_statements.max is too small."""
    SETTING_CHANGED = "setting_changed"
    """A setting of the server has another value than before."""
    CAPABILITY_MISSING = "capability_missing"
    """Something that trimtab needs is not there (any more)."""
    CAPABILITY_GAINED = "capability_gained"
    """Something that was missing is there now."""
    SLICE_SKIPPED = "slice_skipped"
    """Too long between two looks: no slice was written, so that nothing is smeared over the gap."""
    WATCH_ADAPTED = "watch_adapted"
    """Watching cost more than it may, so it looks less often (or may look more often again)."""
    PLAN_CHANGED = "plan_changed"
    """The plan of a query does other steps than before."""
    FACTS_REFUSED = "facts_refused"
    """The telemetry store did not take what was seen."""


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
