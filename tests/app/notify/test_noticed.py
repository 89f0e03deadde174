"""What trimtab notices, proposes and does, as alerts; and the dead man's switch, which stops when nobody evaluates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.notify.support import MINUTE_MS, START_MS, House
from tests.hooks import Hook, running_hook
from tests.web.stories import Stories
from trimtab.app.notify.heartbeat import EVALUATED_MS_MAX, Heartbeat, not_evaluated
from trimtab.app.notify.muting import DEADMAN, WATCHDOG
from trimtab.app.notify.noticed import ENDED_MS, ChangeSource, DeadmanSource, FindingSource, TriggeredSource
from trimtab.app.notify.secrets import Reference
from trimtab.app.notify.triggering import Triggering
from trimtab.model.errors import InputError
from trimtab.model.notify import From
from trimtab.store.alerts import AlertBook
from trimtab.store.state import State
from trimtab.store.triggered_alerts import TriggeredAlerts

pytestmark = pytest.mark.store


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture
def stories(state: State) -> Stories:
    made = Stories(state, START_MS)
    made.watch("shop")
    return made


def always(level: From) -> Callable[[], From]:
    return lambda: level


def test_a_case_that_is_not_closed_is_an_alert_from_a_severity_on(state: State, stories: Stories) -> None:
    stories.noticed("shop", title="mean 412 ms is over the objective of 20 ms")
    at_least = [From.WARNING]
    source = FindingSource(state, lambda: at_least[0], "http://trimtab")
    [active] = source.evaluate(START_MS)
    labels = dict(active.labels)
    assert (labels["alertname"], labels["system"], labels["case"]) == ("SlowQuery", "shop", "1")
    assert dict(active.annotations)["summary"] == "mean 412 ms is over the objective of 20 ms"
    assert active.generator_url == "http://trimtab/cases/1"
    at_least[0] = From.OFF
    assert source.evaluate(START_MS) == ()


def test_a_closed_case_is_none(state: State, stories: Stories) -> None:
    stories.kept("shop")
    assert FindingSource(state, lambda: From.INFO, "http://trimtab").evaluate(START_MS) == ()


def test_changes_that_people_want_to_hear_of(state: State, stories: Stories) -> None:
    stories.kept("shop")
    stories.rolled_back("shop")
    stories.proposed("shop")
    stories.watching("shop")
    found: dict[From, list[str]] = {}
    newest_ms = max(change.updated_at_ms for change in state.changes())
    for at_least in From:
        source = ChangeSource(state, always(at_least), lambda _change: True, "http://trimtab")
        found[at_least] = sorted(dict(one.labels)["alertname"] for one in source.evaluate(newest_ms))
    assert found == {
        From.INFO: ["ChangeInFlight", "ChangeKept", "ChangeNeedsYes", "ChangeRolledBack"],
        From.WARNING: ["ChangeNeedsYes", "ChangeRolledBack"],
        From.CRITICAL: [],
        From.OFF: [],
    }
    quiet = ChangeSource(state, lambda: From.INFO, lambda _change: False, "http://trimtab")
    later = [dict(one.labels)["alertname"] for one in quiet.evaluate(newest_ms + ENDED_MS)]
    assert later == ["ChangeInFlight"], "an end is told for an hour, and a proposal that waits for nobody is not"


def test_what_is_triggered_fires_until_it_ends_and_again_is_the_same(state: State) -> None:
    now_ms = [START_MS]
    book = TriggeredAlerts(state.database)
    triggering, source = Triggering(book, lambda: now_ms[0]), TriggeredSource(book)
    first = triggering.trigger("ci", "Job", {"severity": "info"}, {"summary": "a"}, length_s=60)
    now_ms[0] += 30_000
    assert triggering.trigger("ci", "Job", {"severity": "info"}, {"summary": "b"}, length_s=60) == first
    [active] = source.evaluate(START_MS + 89_000)
    assert dict(active.annotations) == {"summary": "b"}
    assert source.evaluate(START_MS + 90_000) == ()
    for wrong in ({"length_s": -1.0}, {"labels": {"a b": "c"}}, {"labels": {f"l{n}": "x" for n in range(41)}}):
        with pytest.raises(InputError):
            triggering.trigger("ci", "Job", wrong.get("labels", {}), {}, 1.0, wrong.get("length_s", 60.0))  # type: ignore[arg-type]


def test_the_watchdog_fires_where_it_is_wanted() -> None:
    assert DeadmanSource(lambda: False).evaluate(START_MS) == ()
    [active] = DeadmanSource(lambda: True).evaluate(START_MS)
    assert (dict(active.labels)["alertname"], active.source) == (WATCHDOG, DEADMAN)


def test_nobody_can_rely_on_alerts_that_are_not_evaluated_or_not_taken(house: House) -> None:
    book = AlertBook(house.state.database)
    assert not_evaluated(book, DEADMAN, START_MS) == "alerts were never evaluated"
    book.write(START_MS, (), (), (), (DEADMAN,))
    assert not_evaluated(book, DEADMAN, START_MS + EVALUATED_MS_MAX) is None
    assert not_evaluated(book, DEADMAN, START_MS + EVALUATED_MS_MAX + 1000) == "alerts were last evaluated 61 s ago"
    house.fires("Down")
    book.write(START_MS + 2 * MINUTE_MS, (), (), (), (DEADMAN,))
    told = not_evaluated(book, DEADMAN, START_MS + 2 * MINUTE_MS)
    assert told == "changes of alerts have been waiting for 120 s to be told"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running_hook() as opened:
        yield opened


def test_the_heartbeat_is_left_out_when_nobody_evaluates(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DEADMAN", f"{hook.url}/ping/secret")
    problem: list[str | None] = ["alerts were last evaluated 90 s ago"]
    beat = Heartbeat(Reference("env", "TEST_DEADMAN"), lambda: 60.0, 5.0, lambda: START_MS, lambda _at: problem[0])
    assert not beat.beat()
    assert hook.posted == []
    problem[0] = None
    assert beat.beat()
    assert [(one.method, one.path) for one in hook.posted] == [("GET", "/ping/secret")]
    assert (beat.asked_at_ms, beat.problem, beat.place) == (START_MS, None, "env:TEST_DEADMAN")
    hook.otherwise = (503, {}, b"")
    assert not beat.beat()
    assert beat.problem == "the address of the heartbeat answered 503"
    monkeypatch.setenv("TEST_DEADMAN", "http://127.0.0.1:1/secret")
    assert not beat.beat()
    assert "secret" not in str(beat.problem)
    monkeypatch.delenv("TEST_DEADMAN")
    assert not beat.beat()
    assert beat.problem == "the environment variable TEST_DEADMAN is not set"
