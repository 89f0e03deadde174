"""What people decide on the page of a case: bound to what they saw, told when it moved on, nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from tests.web.forms import forms_of, send
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE, Stories
from trimtab.model.access import Role
from trimtab.model.change import Change, ChangeState
from trimtab.store.ledger import Event

pytestmark = pytest.mark.store


@dataclass
class World:
    """A server with a login, and stories."""

    site: Site
    stories: Stories
    clients: dict[Role, TestClient]

    def page(self, change: Change, role: Role = Role.OPERATOR) -> str:
        """The page of a change's case."""
        answer = self.clients[role].get(f"/cases/{change.case_id}")
        assert answer.status_code == 200
        return answer.text

    def state(self, change: Change) -> Change:
        """As it is now."""
        return self.site.service.state.change(change.id)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """People of every role."""
    with open_site(tmp_path_factory.mktemp("web"), login_needed=True) as site:
        stories = Stories(site.service.state, site.service.now_ms())
        stories.watch("shop")
        roles = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
        clients = {role: site.logged_in(role) for role in roles}
        for client in clients.values():
            del client.headers["X-CSRF-Token"]
        yield World(site, stories, clients)


def test_a_yes_is_for_the_change_that_was_seen(world: World) -> None:
    change = world.stories.proposed()
    action = f"/cases/{change.case_id}/approve"
    answer = send(world.clients[Role.OPERATOR], world.page(change), action)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases/{change.case_id}?notice=approved")
    now = world.state(change)
    assert (now.approved_by, now.approved_hash) == ("operator", change.proposal.content_hash)
    after = world.clients[Role.OPERATOR].get(answer.headers["Location"]).text
    assert "Approved. trimtab begins as soon as guards and checks agree" in after
    assert "<b>operator</b> approved exactly this change" in after
    assert action not in forms_of(after)


def test_another_hash_is_refused_and_nothing_is_done(world: World) -> None:
    change = world.stories.proposed()
    action = f"/cases/{change.case_id}/approve"
    answer = send(world.clients[Role.OPERATOR], world.page(change), action, {"content_hash": "0" * 64})
    assert answer.status_code == 409
    assert "proposes another change by now" in answer.text
    assert world.state(change).approved_by is None


def test_who_comes_late_is_told_what_happened_meanwhile(world: World) -> None:
    change = world.stories.proposed()
    seen = world.page(change)
    world.stories.move(change, Event.REJECTED, ChangeState.REJECTED, "bernd", reason="rejected by bernd: too large")
    answer = send(world.clients[Role.OPERATOR], seen, f"/cases/{change.case_id}/approve")
    assert answer.status_code == 409
    assert "Nothing was done" in answer.text
    trouble = answer.text[answer.text.index('class="trouble"') :]
    trouble = trouble[: trouble.index("</div>")]
    assert "bernd: rejected (rejected by bernd: too large)" in trouble
    assert trouble.count("<li>") == 1


def test_a_reason_survives_a_refusal_and_is_shown_as_it_is(world: World) -> None:
    change = world.stories.proposed()
    seen = world.page(change)
    world.stories.move(change, Event.CHECKED, ChangeState.CHECKED)
    world.stories.move(change, Event.CHECKPOINTED, ChangeState.CHECKPOINTED)
    world.stories.move(change, Event.APPLY_INTENDED, ChangeState.APPLYING)
    answer = send(world.clients[Role.OPERATOR], seen, f"/cases/{change.case_id}/reject", {"reason": HOSTILE})
    assert answer.status_code == 409
    assert HOSTILE not in answer.text
    assert "<script>alert" not in answer.text
    world.stories.move(change, Event.FAILED, ChangeState.FAILED, reason="over")


def test_a_no_with_its_reason_is_in_the_ledger(world: World) -> None:
    change = world.stories.proposed()
    answer = send(
        world.clients[Role.OPERATOR], world.page(change), f"/cases/{change.case_id}/reject", {"reason": f"no {HOSTILE}"}
    )
    assert answer.status_code == 303
    assert world.state(change).reason == f"rejected by operator: no {HOSTILE}"
    page = world.page(change)
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page


def test_a_reason_that_is_too_long_comes_back_whole(world: World) -> None:
    change = world.stories.proposed()
    long = "x" * 501
    answer = send(world.clients[Role.OPERATOR], world.page(change), f"/cases/{change.case_id}/reject", {"reason": long})
    assert answer.status_code == 400
    assert "a reason has at most 500 characters, this one has 501" in answer.text.lower()
    assert f">{long}</textarea>" in answer.text
    assert world.state(change).state is ChangeState.PROPOSED


def test_a_rollback_is_written_down_once(world: World) -> None:
    change = world.stories.watching()
    action = f"/cases/{change.case_id}/rollback"
    answer = send(world.clients[Role.OPERATOR], world.page(change), action, {"reason": "it hurts"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases/{change.case_id}?notice=rollback")
    assert world.state(change).reason == "rolled back by operator: it hurts"
    page = world.page(change)
    assert "It is being taken back now" in page
    assert action not in forms_of(page)
    world.stories.move(change, Event.UNDONE, ChangeState.ROLLED_BACK)


def test_who_may_only_look_finds_no_form_and_is_refused(world: World) -> None:
    change = world.stories.proposed()
    page = world.page(change, Role.VIEWER)
    assert not [action for action in forms_of(page) if action.startswith("/cases/")]
    assert "An operator or administrator may approve this" in page
    viewer = world.clients[Role.VIEWER]
    token = forms_of(page)["/logout"]["csrf_token"]
    data = {"csrf_token": token, "content_hash": change.proposal.content_hash}
    answer = viewer.post(f"/cases/{change.case_id}/approve", data=data)
    assert answer.status_code == 403
    assert 'data-test="error-403"' in answer.text
    assert world.state(change).approved_by is None


def test_without_the_token_of_the_page_nothing_is_done(world: World) -> None:
    change = world.stories.proposed()
    data = {"content_hash": change.proposal.content_hash}
    answer = world.clients[Role.OPERATOR].post(f"/cases/{change.case_id}/approve", data=data)
    assert answer.status_code == 403
    assert world.state(change).approved_by is None


def test_decisions_are_in_the_audit(world: World) -> None:
    change = world.stories.proposed()
    send(world.clients[Role.OPERATOR], world.page(change), f"/cases/{change.case_id}/reject", {"reason": "no"})
    entry = world.site.service.access.audit_entries(1)[0]
    assert (entry.principal, entry.action, entry.target, entry.outcome) == (
        "operator",
        "case reject",
        f"case {change.case_id}",
        "done",
    )
