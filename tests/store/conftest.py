"""A fresh embedded store for each test that asks; one at a time, because the engine allows no more in a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.empty_store import MakeTables
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits


@pytest.fixture
def limits() -> TelemetryLimits:
    """Quick to load; a test module may override it."""
    return TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2)


@pytest.fixture
def telemetry(tmp_path: Path, limits: TelemetryLimits, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    """The store, open."""
    with EmbeddedTelemetry.open(tables_made(tmp_path), limits) as store:
        yield store
