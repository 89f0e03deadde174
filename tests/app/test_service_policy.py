"""Policy through the service: overrides, freezes, who is asked for a yes, and what a new file does at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from structlog.testing import capture_logs

from tests.act.support import finding, policy, proposal
from tests.empty_store import make_tables
from tests.many_cases import many_cases
from trimtab.app.config import load_config
from trimtab.app.events import EventKind
from trimtab.app.service import Service
from trimtab.app.table_reach import TableReach
from trimtab.app.wire import open_service
from trimtab.model.change import Autonomy, Change
from trimtab.model.errors import ConflictError, InputError, NotFound
from trimtab.model.query import QueryShape, StatementKind
from trimtab.model.system import System
from trimtab.store.tables import schema_of, table_of

pytestmark = pytest.mark.store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "trimtab.toml"
    made.write_text("")
    return made


@pytest.fixture
def service(tmp_path: Path, file: Path) -> Iterator[Service]:
    made = open_service(load_config(file), make_tables(tmp_path / "data"), "in-process", config_path=file)
    for name in ("shop", "bank"):
        made.state.add_system(System(name, f"service={name}", f"service={name}_change", 1))
    yield made
    made.close()


def propose(service: Service, system: str, fingerprint: str) -> Change:
    case = service.state.open_case(finding(system, fingerprint), "select $1")
    return service.machine.propose(case.id, proposal(system=system, fingerprint=fingerprint))


@pytest.mark.parametrize(
    ("autonomy", "waits"),
    [(Autonomy.OBSERVE, False), (Autonomy.SUGGEST, True), (Autonomy.APPROVE, True), (Autonomy.AUTO, False)],
)
def test_what_a_person_could_approve_now_waits_for_a_yes(service: Service, autonomy: Autonomy, waits: bool) -> None:
    change = propose(service, "shop", "a" * 16)
    service.set_autonomy("alice", None, "create_index", autonomy)
    assert service.waits_for_yes(change) is waits
    assert [one["change_id"] for one in service.status()["needs_yes"]] == ([change.id] if waits else [])


def test_what_begins_when_nothing_is_frozen(service: Service) -> None:
    change, other = propose(service, "shop", "a" * 16), propose(service, "bank", "b" * 16)
    assert service.ready_to_start() == ()
    service.approve(change.case_id, "bob", change.proposal.content_hash)
    assert [ready.id for ready in service.ready_to_start()] == [change.id]
    service.set_autonomy("alice", "bank", "create_index", Autonomy.AUTO)
    assert {ready.id for ready in service.ready_to_start()} == {change.id, other.id}
    service.set_autonomy("alice", None, "create_index", Autonomy.OBSERVE)
    assert [ready.id for ready in service.ready_to_start()] == [other.id]
    service.state.add_system(System("bank", "service=bank", None, 1))
    assert service.ready_to_start() == ()


def test_status_counts_open_cases_of_any_number(service: Service) -> None:
    many_cases(service.state, 1_100)
    assert service.status()["cases_open_count"] == 1_100


def test_whose_yes_is_waited_for_is_a_matter_of_policy(service: Service) -> None:
    change = propose(service, "shop", "a" * 16)
    propose(service, "bank", "b" * 16)
    service.set_autonomy("alice", None, "create_index", Autonomy.OBSERVE)
    assert service.needs_yes() == []
    service.set_autonomy("alice", "shop", "create_index", Autonomy.APPROVE)
    assert [(one["system"], one["change_id"]) for one in service.needs_yes()] == [("shop", change.id)]
    assert service.status()["needs_yes"][0]["summary"] == "index for orders of a customer"
    service.state.add_system(System("shop", "service=shop", None, 1))
    assert service.needs_yes() == [], "nothing could be done with a yes: there is no connection for changes"
    service.state.add_system(System("shop", "service=shop", "service=shop_change", 1))
    service.approve(change.case_id, "bob", change.proposal.content_hash)
    assert service.needs_yes() == []
    with pytest.raises(ConflictError, match="approved by bob already"):
        service.approve(change.case_id, "carol", change.proposal.content_hash)
    service.set_override("alice", "create_index.cool_down_s", 5, "shop")
    assert len(service.needs_yes()) == 1, "bob's yes is void: a limit is another"
    service.clear_override("alice", "create_index.cool_down_s", "shop")
    assert len(service.needs_yes()) == 1, "and stays void when the limit is set back"
    case = service.case(change.case_id)
    assert "bob approved it under other limits (create_index" not in str(case["waits_for"])
    assert "bob approved it under other limits (cool_down_s changed since)" in str(case["waits_for"])
    service.approve(change.case_id, "carol", change.proposal.content_hash)
    assert service.state.change(change.id).approved_by == "carol"


def test_a_new_file_counts_for_the_very_next_question(service: Service, file: Path) -> None:
    change = propose(service, "shop", "a" * 16)
    assert service.policy_of("shop").create_index.autonomy is Autonomy.SUGGEST
    with service.events.subscribe() as told:
        file.write_text('[target.shop.create_index]\nautonomy = "observe"\n[target.away.detect]\ncalls_min = 5\n')
        assert service.reload_config()
        assert any(event.kind is EventKind.STATUS for event in told.take())
    assert service.policy_of("shop").create_index.autonomy is Autonomy.OBSERVE
    assert "policy lets trimtab only look" in str(service.case(change.case_id)["waits_for"])
    assert tuple(service.config_status()["targets_unknown"]) == ("away",)
    file.write_text("[create_index]\nautonomy = 3\n")
    assert not service.reload_config()
    status = service.status()
    assert "line 2, column 12: create_index.autonomy must be one of" in status["config"]["last_error"]
    assert service.policy_of("shop").create_index.autonomy is Autonomy.OBSERVE


def test_freezing_and_thawing_one_system(service: Service) -> None:
    change = propose(service, "shop", "a" * 16)
    status = service.freeze(True, "alice", "quarter end", "shop")
    assert status["frozen"] is None
    assert [(one["system"], one["kind"], one["reason"]) for one in status["freezes"]] == [("shop", "", "quarter end")]
    service.set_autonomy("alice", None, "create_index", Autonomy.AUTO)
    assert "all changes are frozen on shop" in str(service.case(change.case_id)["waits_for"])
    service.freeze(True, "alice", None, "shop", "create_index")
    assert len(service.status()["freezes"]) == 2
    assert service.freeze(False, "alice", None, "shop")["freezes"] == ()
    with pytest.raises(ConflictError, match="nothing is frozen on 'shop'"):
        service.freeze(False, "alice", None, "shop")
    with pytest.raises(ConflictError, match="create_index is not frozen on 'shop'"):
        service.freeze(False, "alice", None, "shop", "create_index")


def test_what_cannot_be_frozen_is_told(service: Service) -> None:
    with pytest.raises(NotFound):
        service.freeze(True, "alice", None, "nope")
    with pytest.raises(InputError, match="did you mean create_index"):
        service.freeze(True, "alice", None, "shop", "create_indx")
    with pytest.raises(InputError, match="name the system, too"):
        service.freeze(True, "alice", None, None, "create_index")
    with pytest.raises(InputError, match="reason"):
        service.freeze(True, "alice", "x" * 501)
    with pytest.raises(InputError, match="by:"):
        service.set_override("", "watch.alpha", 0.1)


def test_everything_that_people_do_is_in_the_log(service: Service) -> None:
    with capture_logs() as logs:
        service.set_override("alice", "watch.alpha", 0.1)
        service.clear_override("bob", "watch.alpha")
        service.freeze(True, "carol", "why", "shop")
        service.freeze(False, "dave", None, "shop")
    assert [(entry["event"], entry["by"]) for entry in logs] == [
        ("policy_set", "alice"),
        ("policy_cleared", "bob"),
        ("frozen", "carol"),
        ("thawed", "dave"),
    ]


def test_overrides_of_a_system_go_with_it_and_freezes_stay(service: Service) -> None:
    service.set_autonomy("alice", "shop", "create_index", Autonomy.AUTO)
    service.freeze(True, "alice", "not again", "shop")
    service.unwatch_system("shop")
    service.state.add_system(System("shop", "service=another", None, 2))
    assert service.policy_of("shop").create_index.autonomy is Autonomy.SUGGEST
    assert len(service.steering.freezes()) == 1


def test_the_share_of_calls_that_name_a_table(service: Service) -> None:
    now_ms = service.now_ms()
    shapes = {
        name: QueryShape("shop", name, "x", StatementKind.SELECT, tables)
        for name, tables in (("a", ("public.orders",)), ("b", ("orders", "items")), ("c", ("items",)), ("d", ()))
    }
    reach = TableReach(service.telemetry, lambda _: shapes, service._clock)
    assert reach.share("shop", "public.orders") is None
    zeros = {field.name: 0.0 if field.type == pa.float64() else 0 for field in schema_of("query_executions")}
    rows = [
        {
            **zeros,
            "system": "shop",
            "fingerprint": name,
            "started_at_ms": at,
            "ended_at_ms": at + 1,
            "calls": n,
        }
        for name, n, at in (
            ("a", 10, now_ms - 1000),
            ("b", 20, now_ms - 2000),
            ("c", 30, now_ms - 3000),
            ("d", 40, now_ms - 4000),
            ("a", 1000, now_ms - 4_000_000),
        )
    ]
    service.telemetry.write("query_executions", table_of("query_executions", rows))
    service.telemetry.flush(30)
    reach = TableReach(service.telemetry, lambda _: shapes, service._clock)
    assert reach.share("shop", "public.orders") == pytest.approx(0.3)
    assert reach.share("shop", "public.items") == pytest.approx(0.5)
    assert reach.share("bank", "public.orders") is None
    assert policy().create_index.blast_radius_calls_share_max == 1.0


def test_a_persons_no_is_asked_about_again_and_named_under_auto(service: Service) -> None:
    first = propose(service, "shop", "a" * 16)
    service.reject(first.case_id, "anna", "the table is going away")
    service.set_autonomy("alice", "shop", "create_index", Autonomy.AUTO)
    again = propose(service, "shop", "a" * 16)
    assert [one["change_id"] for one in service.needs_yes()] == [again.id]
    said = str(service.case(again.case_id)["waits_for"])
    assert said.startswith(
        f"a person's yes: trimtab approve {again.case_id} (exactly this was rejected by anna: the table"
    )
    service.approve(again.case_id, "bob", again.proposal.content_hash)
    assert service.needs_yes() == []


def test_an_approval_that_expires_before_the_window_opens_is_warned_about(service: Service) -> None:
    change = propose(service, "shop", "a" * 16)
    now = service.now_ms() / 1000
    day = datetime.fromtimestamp(now, UTC).strftime("%a")
    far = {"Mon": "Fri", "Tue": "Sat", "Wed": "Sun", "Thu": "Mon", "Fri": "Tue", "Sat": "Wed", "Sun": "Thu"}[day]
    service.set_override("alice", "create_index.change_windows", [f"{far} 00:00-06:00"], "shop")
    answer = service.approve(change.case_id, "bob", change.proposal.content_hash)
    assert "before the next change window opens" in answer["warning"]
    other = propose(service, "bank", "b" * 16)
    assert service.approve(other.case_id, "bob", other.proposal.content_hash)["warning"] is None
