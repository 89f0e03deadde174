"""Grouping, waiting, repeating, resolving, silences and inhibition, on a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.app.notify.support import MINUTE_MS, ONE_ROUTE, START_MS, House, firing, resolved
from trimtab.app.notify.matching import matchers_of
from trimtab.extend.receivers import Receipt, ReceiverError
from trimtab.model.silences import Silence
from trimtab.store.alert_history import HistoryQuery
from trimtab.store.alerts import Standing

pytestmark = pytest.mark.store


def silence(house: House, text: str, minutes: int = 60) -> Silence:
    made = Silence("", matchers_of(text), house.now_ms, house.now_ms + minutes * MINUTE_MS, "anna", "known")
    return house.silence(made)


def test_alerts_of_a_group_are_told_together_after_group_wait(house: House) -> None:
    house.fires("Down", instance="a")
    house.run(10_000)
    house.fires("Slow", instance="b")
    house.fires("Down", job="cart")
    house.run(19_000)
    assert house.fake().told == []
    house.run(1_000)
    assert house.fake().names() == [("firing", ["Down:firing", "Slow:firing"])]
    house.run(10_000)
    assert house.fake().names()[1:] == [("firing", ["Down:firing"])], "the other group began ten seconds later"
    assert dict(house.fake().last.group_labels) == {"job": "cart"}


def test_what_comes_later_is_told_after_group_interval_with_the_others(house: House) -> None:
    house.fires("Down", instance="a")
    house.run(30_000)
    house.fires("Down", instance="b")
    house.run(5 * MINUTE_MS - 1_000)
    assert len(house.fake().told) == 1
    house.run(1_000)
    assert house.fake().names()[1] == ("firing", ["Down:firing", "Down:firing"])


def test_it_is_told_again_after_repeat_interval_and_not_before(house: House) -> None:
    house.fires("Down")
    house.run(4 * 60 * MINUTE_MS, step_ms=5_000)
    assert len(house.fake().told) == 1
    house.run(6 * MINUTE_MS, step_ms=5_000)
    assert [one.is_repeat for one in house.fake().told] == [False, True]
    assert len({one.id for one in house.fake().told}) == 2


def test_the_end_is_told_once_and_then_nothing_more(house: House) -> None:
    alert = house.fires("Down")
    house.run(30_000)
    house.ends(alert)
    house.run(60 * MINUTE_MS, step_ms=5_000)
    assert house.fake().names() == [("firing", ["Down:firing"]), ("resolved", ["Down:resolved"])]
    assert house.books.groups.groups() == ()
    assert house.counts() == {"confirmed": 2}


def test_what_ends_within_group_wait_wakes_nobody_and_stands_in_the_history(house: House) -> None:
    alert = house.fires("Flapping")
    house.run(10_000)
    house.ends(alert)
    house.run(10 * MINUTE_MS)
    assert house.fake().told == []
    assert house.books.groups.groups() == ()
    total, [row] = house.books.history.find(HistoryQuery(START_MS - 1, START_MS + 10 * MINUTE_MS))
    assert (total, row.fired_at_ms, row.resolved_at_ms) == (1, START_MS, START_MS + 10_000)


def test_it_fires_anew_and_is_told_anew(house: House) -> None:
    alert = house.fires("Down")
    house.run(30_000)
    house.ends(alert)
    house.run(5 * MINUTE_MS)
    house.fires("Down")
    house.run(30_000)
    assert [status for status, _ in house.fake().names()] == ["firing", "resolved", "firing"]


def test_it_ends_and_fires_between_two_looks_and_is_told_as_new(house: House) -> None:
    alert = house.fires("Down")
    house.run(30_000)
    house.run(MINUTE_MS)
    house.ends(alert)
    house.now_ms += 10
    house.fires("Down")
    house.run(5 * MINUTE_MS)
    assert [status for status, _ in house.fake().names()] == ["firing", "firing"]
    assert house.fake().last.alerts[0].fired_at_ms == START_MS + 30_000 + MINUTE_MS + 10


def test_a_silenced_alert_is_not_told_until_the_silence_ends(house: House) -> None:
    silence(house, 'alertname="Down"', minutes=20)
    house.fires("Down", instance="a")
    house.fires("Slow", instance="a")
    house.run(30_000)
    assert house.fake().names() == [("firing", ["Slow:firing"])]
    house.run(19 * MINUTE_MS)
    assert len(house.fake().told) == 1
    house.run(6 * MINUTE_MS)
    assert house.fake().names()[1:] == [("firing", ["Down:firing", "Slow:firing"])]


def test_the_end_of_a_told_alert_is_told_though_it_was_silenced_meanwhile(house: House) -> None:
    alert = house.fires("Down")
    house.run(30_000)
    silence(house, 'alertname="Down"')
    house.run(MINUTE_MS)
    house.ends(alert)
    house.run(5 * MINUTE_MS)
    assert house.fake().names() == [("firing", ["Down:firing"]), ("resolved", ["Down:resolved"])]


def test_a_silence_that_was_ended_keeps_nothing_quiet(house: House) -> None:
    made = silence(house, 'job="shop"')
    assert house.silences.expire(made.id, house.now_ms)
    assert not house.silences.expire(made.id, house.now_ms)
    house.fires("Down")
    house.run(30_000)
    assert len(house.fake().told) == 1


INHIBITED = """
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1m}
inhibit_rules:
- source_matchers: [severity="page"]
  target_matchers: [severity="ticket"]
  equal: [job]
receivers: [{name: team, fake_configs: [{}]}]
"""


def test_a_page_keeps_its_ticket_quiet_and_both_end_without_a_word_of_the_ticket(house: House) -> None:
    house.become(INHIBITED)
    page, ticket = firing("Burn", house.now_ms, severity="page"), firing("Slow", house.now_ms, severity="ticket")
    other = firing("Slow", house.now_ms, severity="ticket", job="cart")
    house.change(page, ticket, other)
    house.run(5_000)
    assert sorted(alert.name for one in house.fake().told for alert in one.alerts) == ["Burn", "Slow"]
    house.change(resolved(page, house.now_ms), resolved(ticket, house.now_ms))
    house.run(5 * MINUTE_MS)
    ended = [alerts for status, alerts in house.fake().names() if status == "resolved"]
    assert ended == [["Burn:resolved"]]


def test_the_ticket_is_told_when_only_the_page_ends(house: House) -> None:
    house.become(INHIBITED)
    page, ticket = firing("Burn", house.now_ms, severity="page"), firing("Slow", house.now_ms, severity="ticket")
    house.change(page, ticket)
    house.run(5_000)
    house.ends(page)
    house.run(2 * MINUTE_MS)
    assert ("firing", ["Slow:firing"]) in house.fake().names()


def test_the_watchdog_is_not_told_while_nobody_evaluates(house: House) -> None:
    house.problem = "alerts were last evaluated 90 s ago"
    house.change(replace(firing("Watchdog", house.now_ms), source="deadman"), origin="deadman")
    house.fires("Down")
    house.run(31_000)
    assert house.fake().names() == [("firing", ["Down:firing"])]


# --- failures


def test_what_could_not_be_told_is_tried_again_with_longer_and_longer_waits(house: House) -> None:
    fake = house.fake()
    tried: list[int] = []
    fake.before = lambda: tried.append(house.now_ms)
    fake.fails = [ReceiverError("no connection")] * 4
    house.fires("Down")
    house.run(2 * MINUTE_MS)
    assert [after - before for before, after in pairwise(tried)] == [1000, 2000, 4000, 8000]
    assert fake.names() == [("firing", ["Down:firing"])]
    assert house.counts() == {"confirmed": 1, "failures": 4}


def test_it_waits_as_long_as_the_receiver_asks_for(house: House) -> None:
    tried: list[int] = []
    house.fake().before = lambda: tried.append(house.now_ms)
    house.fake().fails = [ReceiverError("it answered 429", retry_after_s=75)]
    house.fires("Down")
    house.run(3 * MINUTE_MS)
    assert tried[1] - tried[0] == 75_000


def test_what_is_refused_for_good_is_lost_and_counted_and_tried_anew_with_the_next_interval(house: House) -> None:
    house.fake().fails = [ReceiverError("it answered 404", is_final=True)]
    house.fires("Down")
    house.run(31_000)
    assert house.counts() == {"failures": 1, "lost": 1}
    [row] = house.books.groups.newest(10)
    assert (row.state, row.note) == ("lost", "it answered 404")
    house.run(5 * MINUTE_MS)
    assert house.fake().names() == [("firing", ["Down:firing"])]


def test_who_cannot_be_reached_for_long_enough_costs_one_lost_notification(house: House) -> None:
    house.fake().fails = [ReceiverError("no connection")] * 200
    house.fires("Down")
    house.run(30_000 + 62 * MINUTE_MS, step_ms=10_000)
    assert house.counts()["lost"] == 1
    assert house.fake().told == []
    house.fake().fails = []
    house.run(7 * MINUTE_MS, step_ms=10_000)
    assert len(house.fake().told) == 1


def test_what_ends_while_its_receiver_is_away_is_still_told(house: House) -> None:
    house.fake().fails = [ReceiverError("no connection")] * 8
    alert = house.fires("Down")
    house.run(40_000)
    house.ends(alert)
    house.run(10 * MINUTE_MS)
    assert house.fake().names() == [("resolved", ["Down:resolved"])]
    assert house.books.groups.groups() == ()


def test_what_is_new_meanwhile_is_told_with_it_under_another_id(house: House) -> None:
    ids: list[str] = []
    fake = house.fake()
    fake.fails = [ReceiverError("no answer")] * 3
    send = fake.send

    def remembered(notification: object) -> Receipt:
        ids.append(notification.id)  # type: ignore[attr-defined]
        return send(notification)  # type: ignore[arg-type]

    fake.send = remembered  # type: ignore[method-assign]
    house.fires("Down", instance="a")
    house.run(31_500, step_ms=500)
    house.fires("Down", instance="b")
    house.run(MINUTE_MS)
    assert house.fake().names() == [("firing", ["Down:firing", "Down:firing"])]
    assert ids[0] == ids[1]
    assert ids[-1] != ids[0]
    assert ids[-1].partition("-")[0] == ids[0].partition("-")[0]


def test_the_handle_of_a_receiver_comes_with_the_end(house: House) -> None:
    house.fake().receipt = Receipt(is_confirmed=True, handle="ts-1")
    alert = house.fires("Down")
    house.run(30_000)
    house.ends(alert)
    house.run(5 * MINUTE_MS)
    assert [one.handle for one in house.fake().told] == ["", "ts-1"]


# --- clocks and routes


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_put_forward_or_back_keeps_nobody_from_being_told(house: House, minutes: int) -> None:
    house.fires("Down", instance="a")
    house.run(30_000)
    house.fires("Down", instance="b")
    house.run(1_000)
    house.now_ms += minutes * MINUTE_MS
    house.run(5 * MINUTE_MS)
    assert len(house.fake().told) == 2
    house.run(30 * MINUTE_MS, step_ms=5_000)
    assert len(house.fake().told) == 2, "told once each"


def test_other_routes_move_alerts_that_fire_and_tell_the_new_receiver(house: House) -> None:
    alert = house.fires("Down")
    house.run(30_000)
    house.become(
        """
route: {receiver: night, group_by: [job], group_wait: 30s, group_interval: 5m}
receivers: [{name: night, fake_configs: [{}]}]
"""
    )
    house.run(MINUTE_MS)
    assert house.fake("night").names() == [("firing", ["Down:firing"])]
    house.ends(alert)
    house.run(6 * MINUTE_MS)
    assert house.fake("night").names()[1:] == [("resolved", ["Down:resolved"])]
    assert len(house.fake("team").told) == 1


def test_the_same_routes_again_tell_nothing_twice(house: House) -> None:
    house.fires("Down")
    house.run(30_000)
    house.become(ONE_ROUTE)
    house.run(10 * MINUTE_MS)
    assert len(house.fake().told) == 1


def test_what_fired_and_is_known_no_more_after_a_start_is_ended(house: House) -> None:
    house.fires("Down")
    house.run(30_000)
    house.alerts.write(house.now_ms, (), [("rules", firing("Down", START_MS).fingerprint)], ())
    house.dispatcher.reroute(house.now_ms)
    house.run(5 * MINUTE_MS)
    assert [status for status, _ in house.fake().names()] == ["firing", "resolved"]


def test_a_clock_that_was_set_while_an_alert_fires_makes_no_second_alert_of_it(house: House) -> None:
    """The machine of alerts moves its moments by as much as the clock was, without telling of a change."""
    alert = house.fires("Down")
    house.run(30_000)
    moved = replace(alert, fired_at_ms=START_MS - 10 * MINUTE_MS, active_at_ms=START_MS - 10 * MINUTE_MS)
    house.alerts.write(house.now_ms, [Standing("rules", moved, 0)], (), ())
    house.now_ms -= 10 * MINUTE_MS
    house.dispatcher.reroute(house.now_ms)
    house.run(20 * MINUTE_MS, step_ms=5_000)
    assert len(house.fake().told) == 1
    house.change(resolved(moved, house.now_ms))
    house.run(6 * MINUTE_MS)
    assert [status for status, _ in house.fake().names()] == ["firing", "resolved"]
    total, [row] = house.books.history.find(HistoryQuery(0, 2 * START_MS))
    assert total == 1
    assert row.resolved_at_ms is not None


def test_away_for_six_hours_it_repeats_once_and_tells_what_happened_meanwhile(house: House) -> None:
    alert = house.fires("Down", instance="a")
    house.fires("Down", instance="b")
    house.run(30_000)
    house.now_ms += 6 * 60 * MINUTE_MS
    house.dispatcher.reroute(house.now_ms)
    house.run(1_000)
    assert [(status, len(alerts)) for status, alerts in house.fake().names()] == [("firing", 2), ("firing", 2)]
    house.ends(alert)
    house.run(10 * MINUTE_MS)
    assert house.fake().names()[2:] == [("firing", ["Down:firing", "Down:resolved"])]
