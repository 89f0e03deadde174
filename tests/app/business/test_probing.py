"""When probes run: spread, a few at a time on a system, never into a change; what is known survives a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from trimtab.app.business import probing as probing_module
from trimtab.app.business.answers.quality import probe_row
from trimtab.app.business.probing import FIRST_MS_MAX, Probing, next_due_ms
from trimtab.app.business.quality import scores_of
from trimtab.app.business.series import of_probes, of_rollbacks
from trimtab.model.errors import NotFound
from trimtab.model.objectives import Comparison
from trimtab.model.probes import DIMENSIONS, Dimension, Measured, Probe, ProbeKind, Wanted
from trimtab.sql.connect import Connection, Reference
from trimtab.store.business_state import ProbeState
from trimtab.store.state_database import StateDatabase

MINUTE_MS = 60_000
REFERENCE = Reference.parse("postgresql://u@127.0.0.1:1/x")


@dataclass
class Asked:
    """Stands in for the database: what it answers, and who waits in it."""

    now_ms: int = 1_700_000_000_000
    value: float = 1.0
    names: list[str] = field(default_factory=list)
    waits: dict[str, threading.Event] = field(default_factory=dict)
    entered: dict[str, threading.Event] = field(default_factory=dict)
    held: str = ""

    def measure(
        self, _reference: Reference, probe: Probe, now_ms: Callable[[], int], _begun: Callable[[Connection], None]
    ) -> Measured:
        self.names.append(probe.name)
        if probe.name in self.waits:
            self.entered[probe.name].set()
            assert self.waits[probe.name].wait(60)
        return Measured(now_ms(), self.value, "", 2.0)


def probe(name: str, system: str = "shop", interval_ms: int = MINUTE_MS) -> Probe:
    kind = ProbeKind.VOLUME
    return Probe(
        name, system, kind, DIMENSIONS[kind], "t", wanted=Wanted(Comparison.AT_LEAST, 1.0), interval_ms=interval_ms
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(probing_module, "measure", found.measure)
    return found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[ProbeState]:
    database = StateDatabase(tmp_path / "state.db")
    yield ProbeState(database)
    database.close()


def made(
    asked: Asked, state: ProbeState, at_a_time: int = 4, per_system: int = 1, ended: Callable[[], None] = lambda: None
) -> Probing:
    def reference_of(system: str) -> Reference:
        if system == "nowhere":
            raise NotFound(f"no system named {system!r} is watched; watched: 'shop'")
        return REFERENCE

    return Probing(state, reference_of, lambda _system: asked.held, lambda: asked.now_ms, at_a_time, per_system, ended)


def run(probing: Probing) -> int:
    """One tick, and wait for what began."""
    begun = probing.tick()
    for one in begun:
        one.result(60)
    return len(begun)


def test_probes_with_one_interval_do_not_come_at_once(asked: Asked, state: ProbeState) -> None:
    probes = tuple(probe(f"p{number}", f"s{number}") for number in range(60))
    due = sorted(next_due_ms(one, asked.now_ms) - asked.now_ms for one in probes)
    assert due[0] > 0
    assert due[-1] <= MINUTE_MS
    assert len({at // 1000 for at in due}) > 30
    probing = made(asked, state, at_a_time=60)
    probing.define(probes)
    first = sorted(now.due_at_ms - asked.now_ms for now in probing.now.values())
    assert first[-1] <= 3_000
    assert len({at // 100 for at in first}) > 15
    probing.close()


def test_as_many_as_may_run_on_a_system_and_what_still_runs_is_skipped(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    asked.waits["slow"], asked.entered["slow"] = threading.Event(), threading.Event()
    probing.define((probe("slow"), probe("other"), probe("elsewhere", "bank")))
    asked.now_ms += 30_000
    probing.define((probe("slow"), probe("other"), probe("elsewhere", "bank")))
    probing.run_now("slow")
    assert asked.entered["slow"].wait(60)
    for one in probing.tick():
        one.result(60)
    assert sorted(asked.names) == ["elsewhere", "slow"]
    assert probing.run_now("other") == "as many probes of shop run already as may (slow)"
    assert probing.run_now("slow") == "it runs already"
    asked.now_ms += 2 * MINUTE_MS
    for one in probing.tick():
        one.result(60)
    assert probing.now["slow"].skipped_count == 1
    asked.waits.pop("slow").set()
    deadline = threading.Event()
    for _ in range(600):
        if not probing.now["slow"].is_running:
            break
        deadline.wait(0.05)
    asked.now_ms += MINUTE_MS
    run(probing)
    run(probing)
    assert "other" in asked.names
    probing.close()


def test_no_more_than_a_few_in_all(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state, at_a_time=1)
    asked.waits["a"], asked.entered["a"] = threading.Event(), threading.Event()
    probing.define((probe("a", "s1"), probe("b", "s2")))
    probing.run_now("a")
    assert asked.entered["a"].wait(60)
    asked.now_ms += 5 * MINUTE_MS
    assert probing.tick() == []
    assert probing.run_now("b") == "as many probes run already as may (1)"
    asked.waits["a"].set()
    probing.close()


def test_nothing_runs_into_a_change_and_it_is_made_up_for_once(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    probing.define((probe("a"),))
    asked.now_ms += 10 * MINUTE_MS
    asked.held = "a change of shop is in flight"
    for _ in range(3):
        assert run(probing) == 0
    now = probing.now["a"]
    assert (now.held, now.skipped_count) == (asked.held, 1)
    assert probing.run_now("a") == asked.held
    asked.held = ""
    assert run(probing) == 1
    assert run(probing) == 0
    assert probing.now["a"].held == ""
    probing.close()


def test_a_system_that_is_not_watched_is_said(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    probing.define((probe("a", "nowhere"),))
    asked.now_ms += MINUTE_MS
    run(probing)
    measured = probing.now["a"].measured
    assert measured is not None
    assert measured.error == "refused: no system named 'nowhere' is watched; watched: 'shop'"
    assert (measured.value, measured.is_refused) == (None, True)
    probing.close()


def test_what_came_to_nothing_is_asked_again_when_its_system_is_watched(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    probing.define((probe("a", "nowhere"), probe("b")))
    asked.now_ms += MINUTE_MS
    while run(probing):
        pass
    probing.hasten({"shop"})
    assert run(probing) == 0
    probing.hasten({"nowhere", "shop"})
    assert [one.result(60).is_refused for one in probing.tick()] == [True]
    probing.close()


def test_another_definition_waits_for_the_one_that_runs_and_is_not_skipped(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    asked.waits["a"], asked.entered["a"] = threading.Event(), threading.Event()
    probing.define((probe("a"),))
    first = probing.run_now("a")
    assert asked.entered["a"].wait(60)
    probing.define((replace(probe("a"), where="x > 1"),))
    asked.now_ms += FIRST_MS_MAX
    assert probing.tick() == []
    asked.waits["a"].set()
    assert not isinstance(first, str)
    first.result(60)
    assert probing.now["a"].measured is None, "that was another one"
    assert (run(probing), probing.now["a"].skipped_count) == (1, 0)
    probing.close()


def test_what_was_found_survives_a_restart_but_not_another_definition(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    probing.define((probe("a"), probe("b")))
    asked.now_ms += MINUTE_MS
    asked.value = 7.0
    while run(probing):
        pass
    probing.close()
    again = made(asked, state)
    other = replace(probe("b"), where="x > 1")
    again.define((replace(probe("a"), line=9), other))
    assert again.now["a"].measured == Measured(asked.now_ms, 7.0, "", 2.0)
    assert again.now["b"].measured is None
    again.define((other,))
    assert set(state.results()) == {"b"}
    again.close()


def test_many_new_probes_of_one_system_are_looked_at_without_waiting_for_the_clock(
    asked: Asked, state: ProbeState
) -> None:
    """61 of them: whoever hears that one ended begins the next, and two run beside one another, never more."""
    ended = threading.Semaphore(0)
    probing = made(asked, state, per_system=2, ended=ended.release)
    probing.define(tuple(probe(f"p{number}") for number in range(61)))
    for name in ("p0", "p1"):
        asked.waits[name], asked.entered[name] = threading.Event(), threading.Event()
        probing.run_now(name)
    assert all(asked.entered[name].wait(60) for name in ("p0", "p1"))
    asked.now_ms += FIRST_MS_MAX
    assert probing.tick() == []
    for waits in asked.waits.values():
        waits.set()
    begun: list[Future[Measured]] = []
    while len(begun) < 59:
        assert ended.acquire(timeout=60)
        begun += probing.tick()
    for one in begun:
        one.result(60)
    probing.close()
    assert sorted(asked.names) == sorted(f"p{number}" for number in range(61))


def test_an_age_grows_with_the_clock_between_looks(asked: Asked, state: ProbeState) -> None:
    """A wish of less than five minutes, looked at when rows were four minutes old: a minute later it is broken."""
    kind = ProbeKind.FRESHNESS
    fresh = Probe("a", "shop", kind, DIMENSIONS[kind], "t", ("at",), wanted=Wanted(Comparison.BELOW, 300.0))
    asked.value = 240.0
    probing = made(asked, state)
    probing.define((fresh,))
    probing.run_now("a").result(60)  # type: ignore[union-attr]
    found = []
    for later_ms in (0, 59_000, 61_000):
        now_ms = asked.now_ms + later_ms
        samples = {dict(labels)["__name__"]: value for labels, value in of_probes(probing.now.values(), now_ms)}
        row = probe_row(probing.now["a"], now_ms)
        [system], _ = scores_of(probing.now.values(), None, now_ms)
        assert (row.value, row.at_ms) == (samples["data_freshness_seconds"], asked.now_ms)
        found.append((row.value, samples["data_probe_good"], row.state, system.score.score))
    assert found == [(240.0, 1.0, "good", 1.0), (299.0, 1.0, "good", 1.0), (301.0, 0.0, "bad", 0.0)]
    probing.close()


def test_a_newest_row_that_lies_in_the_future_is_not_fresh(asked: Asked, state: ProbeState) -> None:
    """One row with the date of tomorrow: it is younger than any wish. A clock may differ by a minute."""
    kind = ProbeKind.FRESHNESS
    fresh = Probe("a", "shop", kind, DIMENSIONS[kind], "t", ("at",), wanted=Wanted(Comparison.BELOW, 300.0))
    plain = replace(fresh, name="b", wanted=None)
    asked.value = -86_400.0
    probing = made(asked, state)
    probing.define((fresh, plain))
    for name in ("a", "b"):
        probing.run_now(name).result(60)  # type: ignore[union-attr]
    now_ms = asked.now_ms + 60_000
    row, bare = probe_row(probing.now["a"], now_ms), probe_row(probing.now["b"], now_ms)
    assert (row.state, row.score, row.why_not) == ("bad", 0.0, "the newest row lies 23 h 59 min in the future")
    assert (bare.state, bare.why_not) == ("measured", row.why_not)
    samples = {dict(labels)["__name__"]: value for labels, value in of_probes([probing.now["a"]], now_ms)}
    assert samples["data_probe_good"] == 0.0
    asked.value = -59.0
    probing.run_now("a").result(60)  # type: ignore[union-attr]
    row = probe_row(probing.now["a"], asked.now_ms)
    assert (row.state, row.why_not) == ("good", "")
    probing.close()


def test_what_was_rolled_back_is_counted_by_system(
    asked: Asked, state: ProbeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter((True, False, True))
    monkeypatch.setattr(
        probing_module, "measure", lambda *_: Measured(asked.now_ms, None, "late", 1.0, rolled_back=next(ends))
    )
    probing = made(asked, state)
    probing.define((probe("a"), probe("b", "bank")))
    for name in ("a", "a", "a"):
        probing.run_now(name).result(60)  # type: ignore[union-attr]
    found = {dict(labels)["system"]: value for labels, value in of_rollbacks(probing.rolled_back)}
    assert found == {"shop": 2.0, "bank": 0.0}
    probing.close()


def test_a_result_counts_for_three_intervals_and_then_nobody_knows(asked: Asked, state: ProbeState) -> None:
    probing = made(asked, state)
    probing.define((probe("a"), probe("b")))
    asked.now_ms += MINUTE_MS
    probing.run_now("a").result(60)  # type: ignore[union-attr]
    [system], [table] = scores_of(probing.now.values(), None, asked.now_ms)
    assert (system.score.score, system.score.low, system.score.coverage) == (1.0, 0.5, 0.5)
    assert (table.table, table.score) == ("t", system.score)
    later = asked.now_ms + 4 * MINUTE_MS + 1
    [system], _ = scores_of(probing.now.values(), {Dimension.VOLUME: 3.0}, later)
    assert (system.score.score, system.score.low, system.score.high, system.score.coverage) == (None, 0.0, 1.0, 0.0)
    probing.close()
