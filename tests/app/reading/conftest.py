"""A reader over real stores: empty ones for exact numbers, and a small day for everything at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.day_of_data import Day, fill_day
from tests.empty_store import make_tables
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.reader import Reader
from trimtab.model.system import System
from trimtab.store.state import State
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, rollup_interval_s=0.2)
DSN = "postgresql://trimtab_watch@127.0.0.1:1/shop"


@dataclass
class Clock:
    """Real time, unless it was set."""

    at_ms: int | None = None

    def now_ms(self) -> int:
        return self.at_ms if self.at_ms is not None else time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        raise AssertionError("reading does not wait")


@dataclass
class Reading:
    """A reader with the stores that it reads."""

    telemetry: EmbeddedTelemetry
    state: State
    reader: Reader
    clock: Clock = field(default_factory=Clock)

    def shapes(self, *shapes: tuple[str, str, str], system: str = "shop") -> None:
        """Make shapes known: (fingerprint, text, tables with spaces between)."""
        now_ms = self.clock.now_ms()
        rows = [
            {
                "system": system,
                "fingerprint": fingerprint,
                "text": text,
                "statement": "select",
                "tables": tables.split(),
                "seen_at_ms": now_ms,
            }
            for fingerprint, text, tables in shapes
        ]
        self.telemetry.write("query_shapes", table_of("query_shapes", rows))
        self.telemetry.flush(20)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """Empty stores, one system."""
    clock = Clock()
    with (
        State.open(tmp_path / "state.db", now_ms=clock.now_ms) as state,
        EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry,
    ):
        state.add_system(System("shop", DSN, None, 1))
        yield Reading(telemetry, state, Reader(telemetry, state, {}, clock), clock)


@dataclass
class SmallDay:
    """Five hours of a small shop, and a reader of it."""

    day: Day
    telemetry: EmbeddedTelemetry
    state: State
    reader: Reader

    def last(self, hours: float) -> Range:
        """The range that ends with the day."""
        return Range(self.day.end_ms - round(hours * 3_600_000), self.day.end_ms)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDay]:
    """One for a module: the engine allows one store at a time."""
    data_dir = make_tables(tmp_path_factory.mktemp("day"))
    made = fill_day(data_dir, hours=5, slice_ms=5000, shapes_count=300, hot_count=20, spans_per_s=2, history_count=12)
    with (
        State.open(data_dir / "state.db") as state,
        EmbeddedTelemetry.open(data_dir, LIMITS) as telemetry,
    ):
        yield SmallDay(made, telemetry, state, Reader(telemetry, state, {}, Clock()))
