"""Objectives are counted slice by slice: what a day of samples comes to, through store, book and board."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.app.objectives.world import HOUR_MS, MINUTE_MS, World, only, settle
from trimtab.app.objectives.alerts import BurnAlerts
from trimtab.app.objectives.keeper import AGAIN_SLICES, SETTLE_MS
from trimtab.model.errors import NotFound, NotYet, StoreError
from trimtab.model.objectives import BudgetState, Exclusion
from trimtab.store.objective_state import ObjectiveState, Progress

pytestmark = pytest.mark.store
DAY = 24 * 60


def events(total: str, bad: str, window: str = "1d") -> str:
    """An objective on two counters."""
    counted = f"events: {{bad: {bad}, total: {total}}}"
    return f"objectives: [{{name: shop, target: 99.9%, window: {window}, {counted}}}]"


def test_a_quiet_night_of_errors_weighs_as_much_as_it_had_events(world: World) -> None:
    """12 h at 1,000 a minute clean, then 12 h at 10 a minute, half failing: 0.495 %, not the 24.9 % of mean ratios."""
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [1000.0] * (DAY // 2) + [10.0] * (DAY // 2))
    world.counter(bad, [0.0] * (DAY // 2) + [5.0] * (DAY // 2))
    budget = only(world.counted(events(total, bad))).budget
    assert (budget.counts.total, budget.counts.bad) == pytest.approx((727_200, 3_600))
    assert 1 - (budget.counts.good_ratio or 0) == pytest.approx(0.00495, abs=0.00001)
    assert budget.consumed_ratio == pytest.approx(4.9505, abs=0.001)
    assert budget.state is BudgetState.BURNING, "and it goes on"
    assert budget.counts.coverage_ratio == 1.0


def test_counts_survive_a_restart_and_late_samples_are_counted_again(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [100.0] * DAY)
    text = events(total, bad)
    before = only(world.counted(text)).budget.counts
    assert (before.total, before.bad) == pytest.approx((144_000, 0))
    world.counter(bad, [0.0] * (DAY - AGAIN_SLICES) + [1.0] * AGAIN_SLICES)  # they come when all is counted
    world.telemetry.flush()
    again = world.objectives(text=text)
    again.round(world.now_ms + SETTLE_MS)
    after = only(again).budget.counts
    assert (after.total, after.bad) == pytest.approx((144_000, AGAIN_SLICES))
    assert after.measured_slices == before.measured_slices


def test_an_objective_is_there_before_it_is_counted(world: World) -> None:
    """Who set it up finds it, and who asks what burns hears that nobody knows."""

    def away() -> None:
        raise StoreError("the store is away")

    made = world.objectives(text=events(world.unique("a"), world.unique("b")))
    made.ask_instead(away)
    with pytest.raises(NotYet, match="is being set up"):
        made.named("shop")
    made.round(world.now_ms + SETTLE_MS)
    assert (made.standing.at_ms, made.standing.error) == (0, "the store is away")
    assert made.named("shop").budget.state is BudgetState.UNMEASURED
    with pytest.raises(StoreError):
        BurnAlerts(lambda: made.standing, "").evaluate(world.now_ms)
    with pytest.raises(NotFound):
        made.named("nobody")


def test_what_is_not_measured_is_neither_good_nor_bad(world: World) -> None:
    up = world.unique("up")
    values = [1.0] * (DAY + 1)
    values[300:600] = [float("nan")] * 300
    values[700:760] = [0.0] * 60
    world.gauge(up, values)
    text = f"objectives: [{{name: up, target: 99%, window: 1d, availability: {up}}}]"
    counts = only(world.counted(text)).budget.counts
    assert counts.measured_slices == DAY - 300
    assert counts.coverage_ratio == pytest.approx(1 - 300 / DAY)
    assert (counts.total, counts.bad) == pytest.approx((DAY - 300, 60))


def test_time_slices_and_what_is_excluded(world: World) -> None:
    age = world.unique("last_update_timestamp")
    at_ms = world.now_ms - np.arange(240, -1, -1) * MINUTE_MS
    updated = at_ms // 1000
    updated[120:181] = updated[120]  # an hour without an update
    world.write({"__name__": age}, at_ms.tolist(), updated.tolist())
    text = f"objectives: [{{name: fresh, window: 4h, freshness: {age}, slo: < 5 minutes}}]"
    objectives = world.counted(text)
    found = only(objectives).budget
    assert (found.counts.total, found.counts.bad) == (240, 56)  # 60 minutes, less those in which it was younger than 5
    outage = Exclusion(world.now_ms - 130 * MINUTE_MS, world.now_ms - 50 * MINUTE_MS, "a move to other disks", by="ann")
    made = objectives.exclude("fresh", outage)
    found = only(objectives).budget
    assert (found.counts.bad, found.counts.total, found.counts.expected_slices) == (0, 160, 160)
    restarted = world.objectives(text=text)
    settle(restarted, world.now_ms)
    assert only(restarted).budget.counts == found.counts
    assert made.id is not None
    objectives.include("fresh", made.id, "ann")
    assert only(objectives).budget.counts.bad == 56


def test_after_a_reset_only_what_comes_after_counts(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [10.0] * DAY)
    world.counter(bad, [1.0] * (DAY - 60) + [0.0] * 60)
    objectives = world.counted(events(total, bad))
    assert only(objectives).budget.state is BudgetState.SPENT
    reset = Exclusion(world.now_ms - HOUR_MS - 1, world.now_ms - HOUR_MS, "agreed with the customer", is_reset=True)
    objectives.exclude("shop", reset)
    budget = only(objectives).budget
    assert (budget.counts.total, budget.counts.bad, budget.counts.expected_slices) == pytest.approx((600, 0, 60))


def test_a_gap_of_six_hours_is_counted_when_the_server_is_back(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [10.0] * DAY)
    world.counter(bad, [0.0] * (DAY - 180) + [1.0] * 180)
    now_ms = world.now_ms
    world.now_ms = now_ms - 6 * HOUR_MS
    objectives = world.counted(events(total, bad, window="12h"))
    assert only(objectives).budget.counts.bad == 0
    world.now_ms = now_ms
    restarted = world.objectives(text=events(total, bad, window="12h"))
    restarted.round(now_ms + SETTLE_MS)
    found = only(restarted).budget.counts
    assert (found.total, found.bad, found.measured_slices) == pytest.approx((7200, 180, 720))


@pytest.mark.parametrize("step_ms", [600_000, -600_000])
def test_a_clock_that_is_put_forward_or_back_by_ten_minutes_counts_every_minute_once(
    world: World, step_ms: int
) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [10.0] * DAY)
    world.counter(bad, [1.0] * DAY)
    now_ms = world.now_ms
    world.now_ms = now_ms - HOUR_MS
    objectives = world.counted(events(total, bad, window="2h"))
    for at_ms in (now_ms - HOUR_MS + step_ms, now_ms - HOUR_MS + MINUTE_MS, now_ms):
        world.now_ms = at_ms
        objectives.round(at_ms + SETTLE_MS)
    found = only(objectives).budget.counts
    assert (found.total, found.bad, found.measured_slices) == pytest.approx((1200, 120, 120))


def test_what_a_crash_left_before_the_progress_was_written_is_counted_once(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [10.0] * DAY)
    world.counter(bad, [1.0] * DAY)
    text = events(total, bad, window="20h")
    objectives = world.objectives(text=text)
    tries = iter(range(100))

    class Dies(ObjectiveState):
        def set_progress(self, progress: Mapping[str, Progress]) -> None:
            if next(tries) == 1:
                raise KeyboardInterrupt
            super().set_progress(progress)

    objectives._state = Dies(world.state.database)
    with pytest.raises(KeyboardInterrupt):
        objectives.round(world.now_ms + SETTLE_MS)
    world.telemetry.flush()
    again = world.counted(text)
    found = only(again).budget.counts
    assert (found.total, found.bad, found.measured_slices) == pytest.approx((12_000, 1_200, 1_200))
    world.telemetry.flush()
    stored = again.line("shop", HOUR_MS, world.now_ms - 20 * HOUR_MS, world.now_ms)
    assert stored.values[:, 1].sum() == pytest.approx(12_000)
