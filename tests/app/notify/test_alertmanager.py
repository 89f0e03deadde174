"""Alerts in Debian's Alertmanager: they fire, are grouped, inhibited, silenced and resolved, and a push that is done
again, by a trimtab that was killed or beside an Alertmanager that was, makes no second alert."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.alertmanager import running_alertmanager, told
from tests.app.notify.support import House, firing, resolved
from tests.hooks import Hook, running_hook
from tests.prometheus import free_port
from trimtab.app.notify.alertmanager_api import AlertmanagerApi, SeenAlert, moment_ms
from trimtab.app.notify.matching import matchers_of
from trimtab.app.notify.pushing import Pusher
from trimtab.app.notify.silencing import Silencing
from trimtab.model.errors import ServerUnreachable
from trimtab.model.notify import NamedAlertmanager
from trimtab.model.silences import Silence, SilenceState
from trimtab.store.state import State

pytestmark = [pytest.mark.store]

WAIT_S = 60.0
RESEND_MS = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Ringing:
    """A house whose alerts go to a real Alertmanager, on the real clock."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.api = AlertmanagerApi(NamedAlertmanager("main", url), 10.0, {})
        self.open()

    def open(self) -> None:
        """As after a start."""
        self.state = State.open(self.directory / "state.db")
        self.house = House(self.state, alertmanagers=("main",))
        self.house.now_ms = now_ms()
        self.pusher = Pusher(
            self.api, self.house.books, lambda: self.house.now_ms, lambda: RESEND_MS, lambda _at: self.house.problem
        )

    def close(self) -> None:
        """Nothing is finished: as after a kill."""
        self.state.close()

    def push(self) -> None:
        """What the threads do."""
        self.house.now_ms = now_ms()
        self.house.dispatcher.take(self.house.now_ms)
        self.pusher.step()

    def seen(self, name: str) -> list[SeenAlert]:
        """What Alertmanager has of this name."""
        return [one for one in self.api.alerts() if one.labels.get("alertname") == name]


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with running_hook() as opened:
        yield opened


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[str]:
    with running_alertmanager(tmp_path_factory.mktemp("alertmanager"), told(hook.url)) as url:
        yield url


@pytest.fixture
def ringing(tmp_path: Path, alertmanager: str) -> Iterator[Ringing]:
    made = Ringing(tmp_path, alertmanager)
    yield made
    made.close()
    made.api.close()


def heard(hook: Hook, name: str) -> list[tuple[str, str]]:
    """What the webhook behind Alertmanager was told of an alert: (status, when it began), in order."""
    return [
        (alert["status"], alert["startsAt"])
        for one in hook.posted
        for alert in one.json["alerts"]
        if alert["labels"].get("alertname") == name
    ]


def test_an_alert_fires_and_ends_there_and_both_are_confirmed(ringing: Ringing, hook: Hook) -> None:
    alert = ringing.house.fires("Down1")
    ringing.push()
    [seen] = ringing.seen("Down1")
    assert seen.fingerprint == alert.fingerprint, "both count fingerprints in the same way"
    assert seen.annotations == {"summary": "Down1 is wrong"}
    hook.wait_for(lambda _: len(heard(hook, "Down1")) == 1, "it fires")
    ringing.house.ends(alert)
    ringing.push()
    hook.wait_for(lambda _: [status for status, _ in heard(hook, "Down1")] == ["firing", "resolved"], "it ends")
    assert ringing.seen("Down1") == []
    assert ringing.house.counts("alertmanager/main") == {"delivered": 2, "confirmed": 2, "lost": 0}
    assert ringing.pusher.status().alerts_count == 0


def test_killed_and_started_again_it_is_the_same_alert(ringing: Ringing, hook: Hook) -> None:
    alert = ringing.house.fires("Down2")
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "Down2")) == 1, "it fires")
    began = ringing.seen("Down2")[0].starts_at_ms
    for _ in range(3):
        ringing.close()
        ringing.open()
        ringing.house.dispatcher.reroute(ringing.house.now_ms)
        ringing.push()
    [seen] = ringing.seen("Down2")
    assert seen.starts_at_ms == began == alert.fired_at_ms
    ringing.house.ends(alert)
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "Down2")) == 2, "it ends")
    assert [status for status, _ in heard(hook, "Down2")] == ["firing", "resolved"], "one alert, told once"
    assert ringing.house.counts("alertmanager/main")["delivered"] == 2


def test_what_changed_between_the_kill_and_the_start_is_told(ringing: Ringing, hook: Hook) -> None:
    """Killed after the state was written, and before anything was told."""
    ended = ringing.house.fires("Down3a")
    ringing.push()
    ringing.house.ends(ended)
    ringing.house.fires("Down3b")
    ringing.close()
    ringing.open()
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "Down3a")) == 2 and len(heard(hook, "Down3b")) == 1, "both are told")
    assert [status for status, _ in heard(hook, "Down3a")] == ["firing", "resolved"]


def test_a_page_and_its_ticket_end_together_and_the_ticket_wakes_nobody(ringing: Ringing, hook: Hook) -> None:
    at_ms = now_ms()
    page = firing("Page4", at_ms, severity="page", job="four")
    ticket = firing("Ticket4", at_ms, severity="ticket", job="four")
    ringing.house.change(page, ticket)
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "Page4")) == 1, "the page")
    assert ringing.seen("Ticket4")[0].inhibited_by == (page.fingerprint,)
    before = len(hook.posted)
    at_ms = now_ms()
    ringing.house.change(resolved(page, at_ms), resolved(ticket, at_ms))
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "Page4")) == 2, "its end")
    ringing.house.fires("After4")
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, "After4")) == 1, "something later")
    assert heard(hook, "Ticket4") == [], "it was never told"
    assert len(hook.posted) - before == 2


def test_silences_are_made_seen_and_ended_from_here(ringing: Ringing, alertmanager: str) -> None:
    silencing = Silencing(ringing.house.silences, lambda: [ringing.api], now_ms)
    made = silencing.make("anna", 'alertname=~"Down5.*"', now_ms() + 3_600_000, "known: disk swap")
    assert [(one.place, bool(one.id), one.problem) for one in made] == [("trimtab", True, None), ("main", True, None)]
    ringing.house.fires("Down5")
    ringing.push()
    [seen] = ringing.seen("Down5")
    assert (seen.state, seen.silenced_by) == ("suppressed", (made[1].id,))
    listed = [one for one in silencing.listed().silences if one.silence.comment == "known: disk swap"]
    assert {one.place for one in listed} == {"trimtab", "main"}
    assert [str(one) for one in listed[0].silence.matchers] == ['alertname=~"Down5.*"']
    for one in made:
        silencing.expire(one.place, one.id)
    states = {one.state for one in silencing.listed().silences if one.silence.comment == "known: disk swap"}
    assert states == {SilenceState.EXPIRED}
    assert ringing.seen("Down5")[0].state == "active"


def test_groups_are_seen_as_alertmanager_has_them(ringing: Ringing) -> None:
    at_ms = now_ms()
    ringing.house.change(firing("Down6", at_ms, instance="a"), firing("Down6", at_ms, instance="b"))
    ringing.push()
    [group] = [one for one in ringing.api.groups() if one.labels.get("alertname") == "Down6"]
    assert group.receiver == "hook"
    assert sorted(alert.labels["instance"] for alert in group.alerts) == ["a", "b"]


def test_names_of_labels_that_alertmanager_does_not_take_cost_no_alert(ringing: Ringing) -> None:
    ringing.house.change(firing("Down7", now_ms(), **{"http.route": "/a", "9": "b"}), firing("Other7", now_ms()))
    ringing.push()
    [seen] = ringing.seen("Down7")
    assert seen.labels["http_route"] == "/a"
    assert len(ringing.seen("Other7")) == 1
    ringing.push()
    assert ringing.house.counts("alertmanager/main") == {"delivered": 2, "confirmed": 2, "lost": 0}


def test_one_that_is_refused_costs_no_other(ringing: Ringing) -> None:
    bad = replace(firing("Bad8", now_ms()), labels=())
    ringing.house.change(bad, *(firing(f"Good8{number}", now_ms()) for number in range(5)))
    ringing.push()
    assert all(len(ringing.seen(f"Good8{number}")) == 1 for number in range(5))
    assert ringing.house.counts("alertmanager/main") == {"delivered": 5, "confirmed": 5, "lost": 1}


def test_an_alertmanager_that_is_away_gets_everything_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ringing = Ringing(tmp_path, url)
    alert = ringing.house.fires("Down9")
    with pytest.raises(ServerUnreachable, match="Alertmanager main cannot be reached"):
        ringing.push()
    assert ringing.pusher.status().waiting_count == 1
    with running_alertmanager(tmp_path / "am", port=port):
        ringing.push()
        assert ringing.seen("Down9")[0].starts_at_ms == alert.fired_at_ms
    with running_alertmanager(tmp_path / "am", port=port):  # it forgot: alerts are only in its memory
        assert ringing.seen("Down9") == []
        ringing.push()
        assert ringing.seen("Down9") == [], "it was told a moment ago"
        real = ringing.house.now_ms
        ringing.pusher._sent_at_ms = dict.fromkeys(ringing.pusher._sent_at_ms, real - RESEND_MS)
        ringing.push()
        assert ringing.seen("Down9")[0].starts_at_ms == alert.fired_at_ms
    ringing.close()
    ringing.api.close()


def test_it_ends_by_itself_when_trimtab_is_gone_for_good(ringing: Ringing) -> None:
    """The moment at which an alert counts as ended is four re-sends away, and not Alertmanager's own time-out."""
    ringing.house.fires("Down10")
    ringing.push()
    found = ringing.api._ask("GET", "/api/v2/alerts?filter=alertname%3D%22Down10%22")
    assert moment_ms(found[0]["endsAt"]) - ringing.house.now_ms == 4 * RESEND_MS


def test_away_for_longer_it_ends_there_and_fires_again_with_its_old_beginning(ringing: Ringing, hook: Hook) -> None:
    alert = ringing.house.fires("Down17")
    ringing.pusher._resend_ms = lambda: 250
    ringing.push()
    began = ringing.seen("Down17")[0].starts_at_ms
    hook.wait_for(lambda _: [s for s, _ in heard(hook, "Down17")] == ["firing", "resolved"], "it counts as ended")
    ringing.close()
    ringing.open()
    ringing.house.dispatcher.reroute(ringing.house.now_ms)
    ringing.push()
    assert ringing.seen("Down17")[0].starts_at_ms == began == alert.fired_at_ms
    hook.wait_for(lambda _: [s for s, _ in heard(hook, "Down17")] == ["firing", "resolved", "firing"], "again")
    ringing.house.ends(alert)
    ringing.push()


def test_the_watchdog_is_not_sent_while_nobody_evaluates(ringing: Ringing) -> None:
    ringing.house.problem = "alerts were last evaluated 90 s ago"
    ringing.house.change(replace(firing("Watchdog11", now_ms()), source="deadman"), origin="deadman")
    ringing.push()
    assert ringing.seen("Watchdog11") == []
    ringing.house.problem = None
    ringing.push()
    assert len(ringing.seen("Watchdog11")) == 1


def test_two_origins_with_the_same_labels_are_one_alert_until_both_end(ringing: Ringing) -> None:
    one = ringing.house.fires("Down12", origin="rules")
    two = ringing.house.fires("Down12", origin="objectives")
    assert one.fingerprint == two.fingerprint
    ringing.push()
    ringing.house.ends(one, origin="rules")
    ringing.push()
    assert len(ringing.seen("Down12")) == 1
    ringing.house.ends(two, origin="objectives")
    ringing.push()
    assert ringing.seen("Down12") == []


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_ten_minutes_wrong_changes_nothing(
    ringing: Ringing, monkeypatch: pytest.MonkeyPatch, hook: Hook, minutes: int
) -> None:
    """Ours, or Alertmanager's: an alert fires at once, goes on, and ends when it ends."""
    name = f"Down15{'plus' if minutes > 0 else 'minus'}"
    monkeypatch.setattr(f"{__name__}.now_ms", lambda: time.time_ns() // 1_000_000 + minutes * 60_000)
    ringing.house.now_ms = now_ms()
    alert = ringing.house.fires(name)
    ringing.push()
    assert ringing.seen(name)[0].state == "active"
    hook.wait_for(lambda _: len(heard(hook, name)) == 1, "it fires")
    ringing.pusher._sent_at_ms.clear()
    ringing.push()
    assert len(ringing.seen(name)) == 1
    ringing.house.now_ms = now_ms()
    ringing.house.ends(alert)
    ringing.push()
    assert ringing.seen(name) == []
    hook.wait_for(lambda _: [status for status, _ in heard(hook, name)] == ["firing", "resolved"], "it ends")


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_set_while_an_alert_fires_changes_nothing(
    ringing: Ringing, monkeypatch: pytest.MonkeyPatch, hook: Hook, minutes: int
) -> None:
    name = f"Down16{'plus' if minutes > 0 else 'minus'}"
    alert = ringing.house.fires(name)
    ringing.push()
    hook.wait_for(lambda _: len(heard(hook, name)) == 1, "it fires")
    monkeypatch.setattr(f"{__name__}.now_ms", lambda: time.time_ns() // 1_000_000 + minutes * 60_000)
    ringing.push()
    assert ringing.seen(name)[0].state == "active"
    at_ms = now_ms()
    moved = replace(alert, fired_at_ms=(alert.fired_at_ms or 0) + minutes * 60_000)  # as the machine of alerts does
    ringing.house.now_ms = at_ms
    ringing.house.change(resolved(moved, at_ms))
    ringing.push()
    assert ringing.seen(name) == []
    hook.wait_for(lambda _: [status for status, _ in heard(hook, name)] == ["firing", "resolved"], "it ends")


def test_what_ended_long_ago_is_lost_where_it_was_never_told(tmp_path: Path) -> None:
    ringing = Ringing(tmp_path, "http://127.0.0.1:1")
    alert = ringing.house.fires("Down13")
    with pytest.raises(ServerUnreachable):
        ringing.push()
    ringing.house.change(resolved(alert, now_ms() - 16 * 60_000))
    with pytest.raises(ServerUnreachable):
        ringing.push()
    assert ringing.house.counts("alertmanager/main")["lost"] == 1
    assert ringing.house.books.pushed.all_of("main") == ()
    ringing.close()


def test_a_silence_that_alertmanager_refuses_is_said_and_the_others_are_made(ringing: Ringing) -> None:
    away = AlertmanagerApi(NamedAlertmanager("away", "http://127.0.0.1:1"), 1.0, {})
    silencing = Silencing(ringing.house.silences, lambda: [ringing.api, away], now_ms)
    made = {one.place: one for one in silencing.make("anna", 'job="x14"', now_ms() + 60_000, "why")}
    assert made["main"].id
    assert made["trimtab"].id
    assert "cannot be reached" in str(made["away"].problem)
    assert "cannot be reached" in silencing.listed().missing["away"]
    away.close()


def test_a_silence_as_it_comes_back(ringing: Ringing) -> None:
    at_ms = now_ms() // 1000 * 1000
    text = 'a="b\\"c", d!="e", f=~"g|h", i!~"j.*"'
    sent = Silence("", matchers_of(text), at_ms + 60_000, at_ms + 120_000, "anna", "later: ü")
    number = ringing.api.add_silence(sent)
    [back] = [one for one in ringing.api.silences() if one.id == number]
    assert (set(back.matchers), back.starts_at_ms, back.ends_at_ms) == (
        set(sent.matchers),
        sent.starts_at_ms,
        sent.ends_at_ms,
    )
    assert (back.created_by, back.comment) == ("anna", "later: ü")
