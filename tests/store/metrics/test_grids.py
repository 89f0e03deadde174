"""The engine's grid functions say what kernels say (`docs/adr/0017`): at the borders of windows, over resets, gaps,
stale markers, and two values at one time. They are not used; this tells whether what the ADR says of them still holds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.metrics.grids import Ways, compacted, leaves, long_leaves, same, session_of
from tests.store.metrics.scrapes import now_ms, samples, series_named
from tests.store.metrics.test_rolled_answers import opened
from tests.store.metrics.test_store import STALE
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.promql.vector import Steps
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
SERIES_COUNT, SCRAPES, SCRAPE_MS = 120, 60, 15_000


def fill(telemetry: EmbeddedTelemetry, begin_ms: int) -> None:
    """Half of the samples are on the very millisecond of a step; every third series has other things than numbers."""
    draw = np.random.default_rng(3)
    metrics = telemetry.metrics
    slots = metrics.register([series_named(str(number)) for number in range(SERIES_COUNT)]).slots
    for number, slot in enumerate(slots.tolist()):
        times = (
            begin_ms + np.arange(SCRAPES) * SCRAPE_MS + draw.integers(0, 2, SCRAPES) * draw.integers(1, 900, SCRAPES)
        )
        values = np.cumsum(draw.integers(0, 9, SCRAPES) * draw.random(SCRAPES))
        for reset in np.flatnonzero(draw.random(SCRAPES) < 0.05):
            values[reset:] -= values[reset]
        if number % 3 == 0:
            values[draw.random(SCRAPES) < 0.1] = STALE
        kept = draw.random(SCRAPES) < draw.choice([0.1, 0.6, 1.0])
        metrics.append(samples([slot] * int(kept.sum()), times[kept].tolist(), values[kept].tolist()))
        if number % 4 == 0 and kept.any():
            ids = metrics._parts.registry.ids[[slot]]
            twice = {"id": ids, "at_ms": times[kept][:1], "value": draw.random(1) * 20}
            telemetry._spool.append(SAMPLES.name, SAMPLES.pack(twice), 1)  # as when two senders come at one moment
    telemetry.flush(30)


def test_grid_functions_say_what_kernels_say(tmp_path: Path) -> None:
    begin_ms = (now_ms() - 3 * 3_600_000) // 60_000 * 60_000
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        fill(telemetry, begin_ms)
        telemetry.metrics._parts.hot.begin_reload(now_ms())  # as if memory had let go of all
        session = session_of(telemetry)
        asked = [(leaf, Steps(begin_ms, SCRAPE_MS, SCRAPES + 30)) for leaf in leaves("m")]
        asked += [(leaf, Steps(begin_ms + 900_000, 60_000, 3)) for leaf in long_leaves("m")]
        for leaf, steps in asked:
            ways = Ways(telemetry, session, leaf, steps)
            kernels, grid = compacted(ways.kernels()), compacted(ways.grid())
            assert kernels[1].shape == grid[1].shape, leaf.name
            assert (kernels[1] == grid[1]).all(), (leaf.name, same(kernels, grid))
            is_there = kernels[1]
            np.testing.assert_allclose(
                grid[0][is_there], kernels[0][is_there], rtol=1e-12, atol=1e-12, err_msg=leaf.name
            )
        session.close()
