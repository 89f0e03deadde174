"""What happens in the stores is told to whoever listens, once it can be looked at; and trimtab tells of itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.act.support import finding, proposal
from tests.empty_store import make_tables
from tests.store.facts_of_a_shop import executions, now_ms, slice_rows
from trimtab.app.config import Config
from trimtab.app.events import EventKind, Subscription
from trimtab.app.logs import configure_logs
from trimtab.app.own.catalogue import BY_NAME
from trimtab.app.own.logs import LogRing
from trimtab.app.reading.ranges import Range
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.model.change import ChangeState
from trimtab.model.errors import Busy, InputError, NotFound
from trimtab.model.system import System

pytestmark = pytest.mark.store


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = open_service(Config(), make_tables(tmp_path), "in-process")
    yield made
    made.close()


@pytest.fixture
def mine(service: Service) -> Iterator[Subscription]:
    with service.events.subscribe() as subscription:
        yield subscription


def told(subscription: Subscription) -> list[tuple[str, dict[str, object]]]:
    return [(event.kind.value, dict(event.payload)) for event in subscription.take()]


def test_every_state_change_is_an_event(service: Service, mine: Subscription) -> None:
    service.state.add_system(System("shop", "service=shop", None, 1))
    case = service.state.open_case(finding(), "select $1")
    change = service.state.create_change(case.id, proposal())
    service.state.append(change.id, change.ledger_seq, "test", ChangeState.CHECKED, "tester", {})
    service.state.set_kill_switch("by anna")
    assert told(mine) == [
        ("system", {"name": "shop"}),
        ("case", {"id": case.id}),
        ("change", {"id": change.id, "case_id": case.id, "state": "proposed"}),
        ("case", {"id": case.id}),
        ("change", {"id": change.id, "case_id": case.id, "state": "checked"}),
        ("case", {"id": case.id}),
        ("status", {}),
    ]


def test_a_slice_is_told_when_it_can_be_asked_for(service: Service, mine: Subscription) -> None:
    start = now_ms() - 60_000
    service.telemetry.write("query_executions", executions("shop", [("aa", start, start + 1000, 3, 6.0)]))
    service.telemetry.write("query_slices", slice_rows("shop", [(start, start + 1000)]))
    service.telemetry.write("query_slices", slice_rows("bank", [(start, start + 2000)]))
    deadline = time.monotonic() + 10
    found: list[tuple[str, dict[str, object]]] = []
    while len(found) < 2 and time.monotonic() < deadline:
        found += told(mine)
        time.sleep(0.02)
    assert sorted(found, key=str) == [
        ("slice", {"system": "bank", "ended_at_ms": start + 2000}),
        ("slice", {"system": "shop", "ended_at_ms": start + 1000}),
    ]
    assert int(service.telemetry.slices("shop", 0, now_ms()).calls.sum()) == 3


def test_a_system_that_goes_away_is_told(service: Service, mine: Subscription) -> None:
    """The watch's own state is told by the watch; here it cannot reach anything."""
    service.state.add_system(System("shop", "host=127.0.0.1 port=1 dbname=x user=y", None, 1))
    mine.take()
    service.recover_and_watch()
    deadline = time.monotonic() + 10
    while (EventKind.SYSTEM.value, {"name": "shop"}) not in told(mine):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert b'trimtab_watch_up{system="shop"} 0.0' in service.own.metrics.text()


def test_streams_end_with_the_service(tmp_path: Path) -> None:
    service = open_service(Config(), make_tables(tmp_path), "in-process")
    subscription = service.events.subscribe()
    service.close()
    assert subscription.is_closed
    with pytest.raises(Busy):
        service.events.subscribe()


def test_trimtab_tells_of_itself(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logs()
    service.own.metrics.open()
    service.own.traces.open("1")
    service.own.ring.drain()
    with service.own.step("advice", "trimtab_advice_seconds", system="shop") as span:
        span.set(case=7)
    structlog.get_logger().warning("something", system="shop")
    begun_ms = now_ms()
    service.own.store()
    assert service.own.problem is None
    service.telemetry.flush(10)
    story = service.read.own()
    numbers = {number.name: number for number in story.numbers}
    assert numbers["trimtab_cases_open"].value == 0
    assert numbers["trimtab_advice_seconds"].observations_count == 1
    assert set(numbers) <= set(BY_NAME)
    assert story.log_lines[0].event == "something"
    service.own.ring = LogRing()  # as after a restart
    assert "something" in [line.event for line in service.read.own().log_lines]
    service.own.ring.remember(None, "info", {"event": "newer", "level": "info"})
    assert next(line.event for line in service.read.own().log_lines) == "newer"
    assert [line.event for line in service.read.own().log_lines].count("something") == 1
    assert [(span.name, span.attributes["case"]) for span in story.spans] == [("advice", "7")]
    assert story.problem is None
    assert service.status()["own_problem"] is None
    stored = service.telemetry.query("SELECT event, detail FROM own_logs").to_pylist()
    assert ("something", {"system": "shop"}) in [(row["event"], dict(row["detail"])) for row in stored]
    within = Range(begun_ms - 120_000, begun_ms + 60_000)
    keys = ["self/process_resident_memory_bytes", "self/trimtab_advice_seconds", "self/process_cpu_seconds_total"]
    answer = service.read.series(keys, within, 60)
    memory, advice, cpu = answer.series
    assert memory.unit == "bytes"
    assert max(value for value in memory.values if value is not None) > 10_000_000
    assert (advice.key, advice.name) == ("self/trimtab_advice_seconds{system=shop}", "system=shop")
    assert any(value is not None and 0 <= value < 5 for value in advice.values)
    assert cpu.unit == "s/s"
    assert all(value is None for value in memory.values[:10]), "nothing was observed then"
    with pytest.raises(InputError, match="tells no number 'nothing' of itself"):
        service.read.series(["self/nothing"], within)


def test_a_plan_of_what_is_not_watched_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound, match="no system named 'shop'"):
        service.plan_now("shop", "aa", "anna")
    service.state.add_system(System("shop", "service=shop", None, 1))
    with pytest.raises(NotFound, match="not watched yet"):
        service.plan_now("shop", "aa", "anna")
    assert service.read.plans("shop", "aa") == ()
