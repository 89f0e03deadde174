"""One store for all tests of objectives; it is closed behind them, since a process can have one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.app.objectives.world import World
from tests.empty_store import make_tables
from tests.store.metrics.test_store import LIMITS, QUICK
from trimtab.store.state import State
from trimtab.store.telemetry import EmbeddedTelemetry


@pytest.fixture(scope="package")
def telemetry_of_objectives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTelemetry]:
    """A store that takes samples of the past."""
    limits = replace(QUICK, out_of_order_window_s=864_000.0)
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("objectives")), LIMITS, None, limits) as telemetry:
        assert telemetry.metrics.wait_until_read_back(60)
        yield telemetry


@pytest.fixture
def world(telemetry_of_objectives: EmbeddedTelemetry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """That store, with a state of the test's own."""
    folder = tmp_path_factory.mktemp("state")
    with State.open(folder / "state.db") as state:
        yield World(telemetry_of_objectives, state, folder)
