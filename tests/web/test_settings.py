"""What administrators do under Settings, as a browser does it; what was typed survives a refusal, secrets do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from tests.web.forms import forms_of, send
from tests.web.site import PASSWORD, Site, open_site
from tests.web.stories import Stories
from trimtab.model.access import Role

pytestmark = pytest.mark.store
NEW_PASSWORD = "another horse battery staple"


@dataclass
class World:
    """A server with a login and two systems."""

    site: Site
    admin: TestClient
    operator: TestClient
    viewer: TestClient

    def tab(self, name: str, client: TestClient | None = None, more: str = "") -> str:
        """A tab's page."""
        answer = (client or self.admin).get(f"/settings?tab={name}{more}")
        assert answer.status_code == 200
        return answer.text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three people."""
    with open_site(tmp_path_factory.mktemp("web"), login_needed=True) as site:
        stories = Stories(site.service.state, site.service.now_ms())
        stories.watch("shop")
        stories.watch("127.0.0.1:5432/db", can_change=False)
        made = World(site, *(site.logged_in(role) for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER)))
        for client in (made.admin, made.operator, made.viewer):
            del client.headers["X-CSRF-Token"]
        yield made


def noticed(world: World, answer_location: str) -> str:
    """Where a form led to."""
    return world.admin.get(answer_location).text


# --- systems


def test_a_reference_with_a_secret_is_refused_and_never_comes_back(world: World) -> None:
    typed = {"dsn": "postgresql://watch:hunter2@127.0.0.1:1/x", "name": "mine"}
    answer = send(world.admin, world.tab("systems"), "/systems", typed)
    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert 'value="mine"' in answer.text
    assert "It was not kept, since it may hold a secret" in answer.text


def test_a_server_that_does_not_answer_keeps_what_was_typed(world: World) -> None:
    typed = {"dsn": "postgresql://watch@127.0.0.1:1/x?connect_timeout=2", "name": "mine"}
    answer = send(world.admin, world.tab("systems"), "/systems", typed)
    assert answer.status_code == 424
    assert 'value="postgresql://watch@127.0.0.1:1/x?connect_timeout=2"' in answer.text
    assert [known.name for known in world.site.service.state.systems()] == ["127.0.0.1:5432/db", "shop"]


def test_a_system_with_a_slash_in_its_name_is_removed(world: World) -> None:
    action = "/systems/127.0.0.1%3A5432%2Fdb/remove"
    answer = send(world.admin, world.tab("systems"), action)
    assert answer.status_code == 303
    assert "Its cases and its ledger stay" in noticed(world, answer.headers["Location"])
    assert [known.name for known in world.site.service.state.systems()] == ["shop"]
    again = world.admin.post(action, data=forms_of(world.tab("systems"))["/systems"])
    assert again.status_code == 404


# --- policy


def test_how_far_trimtab_goes_is_set_and_cleared_with_who_said_so(world: World) -> None:
    typed = {"name": "create_index.autonomy", "system": "shop", "value": "auto", "do": "set"}
    answer = send(world.admin, world.tab("policy"), "/policy", typed)
    assert answer.status_code == 303
    assert world.site.service.policy_of("shop").create_index.autonomy == "auto"
    page = noticed(world, answer.headers["Location"])
    assert "In force from now on" in page
    assert "set here</span>" in page
    assert "admin, " in page
    answer = send(world.admin, page, "/policy", typed | {"do": "clear"})
    assert "policy-cleared" in answer.headers["Location"]
    assert world.site.service.policy_of("shop").create_index.autonomy == "suggest"


def test_a_limit_that_cannot_be_comes_back_with_what_was_typed(world: World) -> None:
    typed = {"name": "watch.alpha", "system": "", "value": "2", "shown": "1", "do": "set"}
    answer = send(world.admin, world.tab("policy"), "/policy", typed)
    assert answer.status_code == 400
    assert "watch.alpha must be from 0.0001 to 0.2, found 2" in answer.text
    assert 'id="value-watch.alpha" name="value" value="2"' in answer.text


def test_settings_that_do_not_go_together_are_refused(world: World) -> None:
    typed = {"name": "watch.deadline_s", "system": "", "value": "31", "shown": "1", "do": "set"}
    answer = send(world.admin, world.tab("policy"), "/policy", typed)
    assert answer.status_code == 400
    assert "cannot be set" in answer.text


def test_change_windows_are_lines(world: World) -> None:
    typed = {
        "name": "create_index.change_windows",
        "system": "shop",
        "value": "Mon-Fri 22:00-06:00 Europe/Berlin\r\n\r\n00:00-01:00",
        "shown": "1",
        "do": "set",
    }
    answer = send(world.admin, world.tab("policy", more="&system=shop"), "/policy", typed)
    assert answer.status_code == 303
    assert "system=shop" in answer.headers["Location"]
    windows = world.site.service.policy_of("shop").create_index.change_windows
    assert windows == ("Mon-Fri 22:00-06:00 Europe/Berlin", "00:00-01:00")
    send(world.admin, world.tab("policy"), "/policy", typed | {"do": "clear"})


def test_operators_see_policy_and_cannot_change_it(world: World) -> None:
    page = world.tab("policy", world.operator)
    assert "/policy" not in forms_of(page)
    assert "How far trimtab goes by itself" in page


def test_the_kill_switch_has_a_reason_and_is_in_the_banner(world: World) -> None:
    page = world.tab("policy", world.operator)
    answer = send(world.operator, page, "/freeze", {"reason": "release week"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings?tab=policy&notice=frozen")
    assert world.site.service.state.kill_switch() == "frozen by operator: release week"
    page = world.operator.get("/cases").text
    assert "frozen by operator: release week" in page.lower()
    send(world.operator, page, "/freeze")
    assert world.site.service.state.kill_switch() is None


# --- people and tokens


def test_people_and_tokens_are_for_administrators(world: World) -> None:
    for tab in ("people", "tokens", "audit"):
        answer = world.operator.get(f"/settings?tab={tab}")
        assert answer.status_code == 403
        assert "for administrators" in answer.text
        assert 'class="tabs"' in answer.text


def test_somebody_is_added_promoted_and_removed(world: World) -> None:
    typed = {"name": "bernd", "role": "viewer", "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert send(world.admin, world.tab("people"), "/people", typed).status_code == 303
    assert send(world.admin, world.tab("people"), "/people/bernd/role", {"role": "operator"}).status_code == 303
    assert {user.name: user.role for user in world.site.service.access.users()}["bernd"] == "operator"
    assert send(world.admin, world.tab("people"), "/people/bernd/remove").status_code == 303
    assert "bernd" not in {user.name for user in world.site.service.access.users()}


def test_a_password_is_typed_twice_and_never_sent_back(world: World) -> None:
    typed = {"name": "carla", "role": "operator", "password": NEW_PASSWORD, "again": NEW_PASSWORD + "x"}
    answer = send(world.admin, world.tab("people"), "/people", typed)
    assert answer.status_code == 400
    assert NEW_PASSWORD not in answer.text
    assert 'value="carla"' in answer.text
    assert '<option value="operator" selected>' in answer.text


def test_the_last_administrator_stays(world: World) -> None:
    answer = send(world.admin, world.tab("people"), "/people/admin/remove")
    assert answer.status_code == 409
    assert "admin" in {user.name for user in world.site.service.access.users()}


def test_a_token_is_shown_once(world: World) -> None:
    typed = {"name": "backend", "role": "ingest", "lives": "30d"}
    answer = send(world.admin, world.tab("tokens"), "/tokens", typed)
    assert answer.status_code == 200
    token = world.site.service.access.tokens()[0]
    start = answer.text.index("tt_")
    secret = answer.text[start : start + 46].split('"')[0]
    assert world.site.service.access.principal_of_token(secret) is not None
    assert secret not in world.tab("tokens")
    assert send(world.admin, world.tab("tokens"), f"/tokens/{token.id}/revoke").status_code == 303
    assert world.site.service.access.principal_of_token(secret) is None


def test_a_token_without_a_life_is_refused(world: World) -> None:
    answer = send(world.admin, world.tab("tokens"), "/tokens", {"name": "other", "lives": "odd"})
    assert answer.status_code == 400
    assert 'value="other"' in answer.text


# --- you


def test_ones_own_password_is_changed_with_the_old_one(world: World) -> None:
    client = world.site.logged_in(Role.VIEWER)
    page = client.get("/settings?tab=you").text
    wrong = {"old_password": "no", "new_password": NEW_PASSWORD, "again": NEW_PASSWORD}
    answer = send(client, page, "/password", wrong)
    assert answer.status_code == 400
    assert "old password is wrong" in answer.text
    answer = send(client, page, "/password", wrong | {"old_password": PASSWORD})
    assert answer.status_code == 303
    assert client.get("/settings?tab=you").status_code == 200
    assert world.viewer.get("/settings?tab=you").status_code == 303


def test_what_was_done_is_in_the_audit_without_secrets(world: World) -> None:
    page = world.tab("audit")
    for action in ("system unwatch", "policy set", "freeze", "user add", "token create", "user password own"):
        assert action in page
    assert NEW_PASSWORD not in page
    assert PASSWORD not in page


def test_the_detail_of_an_entry_is_read_as_words(world: World) -> None:
    detail = {"reason": "too large", "content_hash": "ab12", "kind": None, "frozen": True, "values": ["Sat", "Sun"]}
    world.site.service.access.audit("anna", "case reject", "case 7", detail)
    page = world.tab("audit")
    said = page[page.index('<ul class="said">') :]
    said = said[: said.index("</ul>")]
    words = [" ".join(re.sub("<[^>]*>", " ", part).split()) for part in said.split("</li>") if part]
    assert words == ["content hash ab12", "frozen yes", "reason too large", "values Sat, Sun"]
    assert "&#34;reason&#34;" not in page
