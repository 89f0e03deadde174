"""Watched systems and their query shapes: read by the keys of charts, on the steps that patterns are looked for on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pytest

from benchmarks.day_of_data import Day, fill_day
from tests.app.reading.conftest import LIMITS, Clock
from tests.empty_store import make_tables
from trimtab.analyze.patterns.found import Kind
from trimtab.app.collected import metrics_of
from trimtab.app.forecasting.asking import Asking
from trimtab.app.packs.shelf import Shelf
from trimtab.app.patterns.rounds import FINE_MS, Round, pairs_of_load
from trimtab.app.querying import Querying
from trimtab.app.reading.reader import Reader
from trimtab.model.pattern_settings import PatternsPolicy
from trimtab.store.state import State
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]


@dataclass
class Watched:
    """Five hours of a small shop, and what asks it."""

    day: Day
    asking: Asking

    def round(self, **policy: float) -> Round:
        """A round at the end of the day."""
        return Round(PatternsPolicy(shapes=5, **policy), self.asking, self.day.end_ms)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = make_tables(tmp_path_factory.mktemp("watched"))
    made = fill_day(folder, hours=5, slice_ms=5000, shapes_count=300, hot_count=20, spans_per_s=2, history_count=12)
    clock = Clock(made.end_ms)
    with (
        State.open(folder / "state.db", now_ms=clock.now_ms) as state,
        EmbeddedTelemetry.open(folder, LIMITS) as telemetry,
    ):
        querying = Querying(lambda: metrics_of(telemetry))
        reader = Reader(telemetry, state, {}, clock)
        yield Watched(made, Asking(querying, lambda: reader, cast(Shelf, None), lambda: (), lambda: (), lambda: False))
        querying.close()


def test_systems_and_shapes_are_looked_at_in_fine_steps_while_the_server_is_young(watched: Watched) -> None:
    made = watched.round(window_days=2.0)
    answer = made.look()
    assert not [problem for problem in answer.problems if problem.startswith(("Watched system", "Query"))]
    ids = {row.series for row in answer.nothing_rows} | {row.series for row in answer.patterns}
    assert sum(one.endswith("/load_ms_per_s") and one.startswith("shape/") for one in ids) == 5
    assert any(one.startswith("system/") for one in ids)
    assert answer.nothing["cycle"]["too short"] >= 15
    steps = {row.found.evidence.step_ms for row in answer.patterns if row.kind is not Kind.LEAD}
    assert steps <= {FINE_MS, 3_600_000}


def test_load_and_latency_of_the_same_thing_are_paired(watched: Watched) -> None:
    made = watched.round(window_days=2.0)
    pairs = [(load.subject.id, latency.subject.id) for load, latency in pairs_of_load(made._read())]
    assert len(pairs) >= 6
    for load, latency in pairs:
        assert load.rpartition("/")[0] == latency.rpartition("/")[0]
        assert latency.endswith("/mean_ms")


def test_the_longest_window_has_wider_steps_and_few_series_stay_few(watched: Watched) -> None:
    answer = watched.round(window_days=90.0, series_max=4).look()
    assert answer.looked_at == 4
    assert answer.problems == []


def test_a_round_that_nobody_waits_for_ends(watched: Watched) -> None:
    made = watched.round(window_days=2.0)
    made.is_over = lambda: True
    assert made.look().looked_at == 0
