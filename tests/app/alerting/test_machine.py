"""Alerts over time: restarts, gaps, and clocks that are set. The clock is the test's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.alerting.support import MINUTE_MS, START_MS, Watched, down
from trimtab.analyze.rules.rounds import Look
from trimtab.model.alerts import AlertState
from trimtab.store.promql.script_series import STALE

FIVE_MS = 5 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path / "state.db")
    yield found
    found.close()


def minutes(watched: Watched, count: int, for_ms: int = FIVE_MS) -> list[str]:
    """Look once a minute, `count` times, at something that is wrong."""
    states: list[str] = []
    for _ in range(count):
        states += watched.look(down(for_ms))
        watched.clock.pass_ms(MINUTE_MS)
    return states


def test_fires_after_five_minutes_of_being_seen(watched: Watched) -> None:
    assert minutes(watched, 6) == ["pending"] * 5 + ["firing"]
    (alert,) = watched.machine.alerts()
    assert (alert.active_at_ms, alert.fired_at_ms) == (START_MS, START_MS + FIVE_MS)


def test_every_change_is_told_once_and_waits_in_the_outbox(watched: Watched) -> None:
    minutes(watched, 6)
    watched.look()
    states = ["pending", "firing", "resolved"]
    assert [state for state, _ in watched.sink.told] == states
    assert [change.alert.state.value for change in watched.book.outbox()] == states
    watched.book.forget(watched.book.outbox()[1].seq)
    assert [change.alert.state.value for change in watched.book.outbox()] == ["resolved"]


def test_a_change_that_was_not_taken_is_there_after_a_kill(watched: Watched) -> None:
    watched.look(down())
    watched.restart()
    assert [change.alert.state.value for change in watched.book.outbox()] == ["pending", "firing"]
    assert watched.look(down()) == ["firing"]
    assert len(watched.book.outbox()) == 2, "the same alert is not told again"


def test_restart_while_pending_goes_on_as_if_nothing_had_been(watched: Watched) -> None:
    assert minutes(watched, 3) == ["pending"] * 3
    watched.restart(down_ms=20_000)  # the look at minute 3 comes 20 s late
    assert watched.look(down(FIVE_MS)) == ["pending"]
    watched.clock.pass_ms(MINUTE_MS)
    assert watched.look(down(FIVE_MS)) == ["pending"]
    watched.clock.pass_ms(40_000)
    assert watched.look(down(FIVE_MS)) == ["firing"]
    (alert,) = watched.machine.alerts()
    assert alert.fired_at_ms == START_MS + FIVE_MS


def test_a_gap_of_ten_minutes_does_not_count_and_pending_goes_on(watched: Watched) -> None:
    minutes(watched, 2)
    watched.restart(down_ms=10 * MINUTE_MS)
    states = minutes(watched, 4)  # one minute was seen before, one counts for the gap
    assert states == ["pending", "pending", "pending", "firing"]


def test_a_gap_of_six_hours_pending_begins_anew(watched: Watched) -> None:
    minutes(watched, 4)
    watched.restart(down_ms=6 * HOUR_MS)
    began_ms = watched.clock.now_ms()
    assert minutes(watched, 6) == ["pending"] * 5 + ["firing"]
    (alert,) = watched.machine.alerts()
    assert alert.active_at_ms == began_ms


def test_a_gap_of_six_hours_firing_goes_on_and_nobody_is_told_again(watched: Watched) -> None:
    minutes(watched, 6)
    told = list(watched.sink.told)
    watched.restart(down_ms=6 * HOUR_MS)
    assert watched.look(down(FIVE_MS)) == ["firing"]
    assert watched.sink.told == told
    (alert,) = watched.machine.alerts()
    assert alert.fired_at_ms == START_MS + FIVE_MS


def test_a_gap_of_six_hours_and_it_is_over_resolves_at_the_first_look(watched: Watched) -> None:
    minutes(watched, 6)
    watched.restart(down_ms=6 * HOUR_MS)
    assert watched.look() == ["resolved"]
    assert watched.sink.told[-1] == ("resolved", watched.clock.now_ms())


def test_a_machine_that_slept_six_hours_is_as_one_that_was_down(watched: Watched) -> None:
    minutes(watched, 4)
    watched.clock.pass_ms(6 * HOUR_MS)  # both clocks go on while it sleeps
    assert minutes(watched, 6) == ["pending"] * 5 + ["firing"]


@pytest.mark.parametrize("by_ms", [10 * MINUTE_MS, -10 * MINUTE_MS])
def test_a_clock_that_is_set_neither_hurries_nor_delays(watched: Watched, by_ms: int) -> None:
    assert minutes(watched, 3) == ["pending"] * 3
    watched.clock.set_by_ms(by_ms)
    assert minutes(watched, 3) == ["pending", "pending", "firing"]
    (alert,) = watched.machine.alerts()
    assert alert.active_at_ms == START_MS + by_ms, "since keeps its distance from now"
    assert alert.fired_at_ms == START_MS + by_ms + FIVE_MS
    assert alert.active_at_ms <= watched.clock.now_ms()


@pytest.mark.parametrize("by_ms", [10 * MINUTE_MS, -10 * MINUTE_MS])
def test_a_clock_that_is_set_tells_nobody_and_ends_nothing(watched: Watched, by_ms: int) -> None:
    minutes(watched, 6)
    told = list(watched.sink.told)
    watched.clock.set_by_ms(by_ms)
    assert minutes(watched, 3) == ["firing"] * 3
    assert watched.sink.told == told


@pytest.mark.parametrize("by_ms", [10 * MINUTE_MS, -10 * MINUTE_MS])
def test_a_clock_that_is_set_while_it_keeps_firing(watched: Watched, by_ms: int) -> None:
    watched.look(down(0, keep_firing_for_ms=3 * MINUTE_MS))
    watched.clock.pass_ms(MINUTE_MS)
    assert watched.look() == ["firing"]
    watched.clock.set_by_ms(by_ms)
    states = []
    for _ in range(4):
        watched.clock.pass_ms(MINUTE_MS)
        states += watched.look()
    assert states[:3] == ["firing", "firing", "resolved"]


def test_a_clock_that_was_set_back_while_it_was_down(watched: Watched) -> None:
    minutes(watched, 3)
    watched.restart()
    watched.clock.set_by_ms(-10 * MINUTE_MS)
    watched.look(down(FIVE_MS))
    (alert,) = watched.machine.alerts()
    assert alert.active_at_ms <= watched.clock.now_ms(), "nothing begins in the future"
    assert alert.state is AlertState.PENDING


def test_keep_firing_survives_a_restart(watched: Watched) -> None:
    watched.look(down(0, keep_firing_for_ms=3 * MINUTE_MS))
    watched.clock.pass_ms(MINUTE_MS)
    assert watched.look() == ["firing"]
    watched.restart(down_ms=MINUTE_MS)
    assert watched.look() == ["firing"]
    watched.clock.pass_ms(2 * MINUTE_MS)
    assert watched.look() == ["resolved"]


def test_resolved_stays_in_sight_for_a_quarter_of_an_hour(watched: Watched) -> None:
    watched.look(down())
    for _ in range(17):
        watched.clock.pass_ms(MINUTE_MS)
        states = watched.look()
        if not states:
            break
        assert states == ["resolved"]
    assert watched.machine.alerts() == []
    assert watched.book.standing() == ()
    assert len(watched.book.outbox()) == 3


def test_what_was_resolved_and_comes_back_is_a_new_alert(watched: Watched) -> None:
    watched.look(down())
    watched.clock.pass_ms(MINUTE_MS)
    watched.look()
    watched.clock.pass_ms(MINUTE_MS)
    watched.look(down())
    (alert,) = watched.machine.alerts()
    assert (alert.state, alert.active_at_ms) == (AlertState.FIRING, watched.clock.now_ms())
    assert [state for state, _ in watched.sink.told] == ["pending", "firing", "resolved", "pending", "firing"]


def test_pending_that_goes_away_is_told_as_inactive(watched: Watched) -> None:
    watched.look(down(FIVE_MS))
    assert watched.look() == []
    assert [state for state, _ in watched.sink.told] == ["pending", "inactive"]


def test_values_that_are_no_numbers_survive(watched: Watched) -> None:
    watched.look(down(0, 0, math.inf, a="1"), down(0, 0, math.nan, a="2"))
    watched.restart()
    values = {dict(alert.labels)["a"]: alert.value for alert in watched.machine.alerts()}
    assert values["1"] == math.inf
    assert math.isnan(values["2"])


def test_series_of_alerts_end_when_they_change_also_after_a_restart(watched: Watched) -> None:
    first = watched.machine.moved({"o": Look([down(MINUTE_MS)])}, watched.clock.now_ms())
    names = sorted(dict(labels)["__name__"] for labels, _ in first.series)
    assert names == ["ALERTS", "ALERTS_FOR_STATE"]
    watched.restart(down_ms=MINUTE_MS)
    second = watched.machine.moved({"o": Look([down(MINUTE_MS)])}, watched.clock.now_ms())
    states = {dict(labels).get("alertstate", ""): value for labels, value in second.series}
    assert states["firing"] == 1.0
    assert isinstance(states["pending"], float)
    assert math.isnan(states["pending"])
    assert states[""] == START_MS // 1000
    assert repr(states["pending"]) == repr(STALE)


def test_over_its_limit_everything_ends_and_it_is_said(watched: Watched) -> None:
    watched.look(down(a="1"))
    looks = {"rule:g/Down:0": Look([down(a="1"), down(a="2")], limit=1)}
    moved = watched.machine.moved(looks, watched.clock.now_ms())
    assert moved.errors == {"rule:g/Down:0": "exceeded limit of 1 with 2 alerts"}
    assert [alert.state for alert in watched.machine.alerts()] == [AlertState.RESOLVED]


def test_a_rule_that_was_deleted_resolves_what_it_had_at_once(watched: Watched) -> None:
    watched.look(down(0, keep_firing_for_ms=HOUR_MS))
    watched.machine.retire(["rule:g/Down:0"], watched.clock.now_ms())
    assert [alert.state for alert in watched.machine.alerts()] == [AlertState.RESOLVED]


def test_a_sink_that_fails_stops_nothing(watched: Watched) -> None:
    class Broken:
        def changed(self, alerts: object, at_ms: int) -> None:
            raise RuntimeError("no")

    watched.machine.sink = Broken()
    assert watched.look(down()) == ["firing"]


def test_two_origins_with_the_same_labels_do_not_know_each_other(watched: Watched) -> None:
    watched.look(down(), origin="rule:a/Down:0")
    watched.look(down(), origin="rule:b/Down:0")
    watched.look(origin="rule:a/Down:0")
    states = {one.origin: one.alert.state for one in watched.book.standing()}
    assert states == {"rule:a/Down:0": AlertState.RESOLVED, "rule:b/Down:0": AlertState.FIRING}
