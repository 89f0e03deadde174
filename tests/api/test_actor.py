"""Whose name stands in the audit on a server that needs no login: one rule for all that is done, by whatever way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.served import Served, served
from trimtab.model.access import AuditEntry, Role

pytestmark = pytest.mark.store

PROGRAM = {"X-Trimtab-Actor": "cli%3Aanna"}
DONE: tuple[tuple[str, str, Any, str], ...] = (
    ("POST", "freeze", {"frozen": True, "reason": "sale"}, "freeze"),
    ("POST", "freeze", {"frozen": False}, "thaw"),
    ("POST", "access/tokens", {"name": "ci", "role": "viewer"}, "token create"),
    ("POST", "access/users", {"name": "bernd", "role": "viewer", "password": "twelve or more"}, "user add"),
    ("DELETE", "access/users/bernd", None, "user remove"),
    ("POST", "systems", {"dsn": "postgresql://127.0.0.1:1/x"}, "system watch"),
    ("DELETE", "systems/nope", None, "system unwatch"),
    ("PUT", "policy", {"name": "create_index.autonomy", "value": "approve"}, "policy set"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("actor")) as opened:
        yield opened


def newest(site: Served) -> AuditEntry:
    return site.service.access.audit_entries(1)[0]


@pytest.mark.parametrize(("method", "path", "body", "action"), DONE, ids=[row[3] for row in DONE])
def test_what_a_program_does_stands_under_the_name_that_it_gives(
    site: Served, method: str, path: str, body: Any, action: str
) -> None:
    site.on_loopback().request(method, f"/api/trimtab/{path}", json=body, headers=PROGRAM)
    assert (newest(site).principal, newest(site).action) == ("cli:anna", action)


def test_freezing_and_thawing_are_two_words(site: Served) -> None:
    client = site.on_loopback()
    client.post("/api/trimtab/freeze", json={"frozen": True, "reason": "sale"})
    assert (newest(site).principal, newest(site).action) == ("local", "freeze")
    assert newest(site).detail == {"reason": "sale", "kind": None}
    client.post("/api/trimtab/freeze", json={"frozen": False})
    assert newest(site).action == "thaw"
    assert newest(site).target == "all systems"


def test_where_it_is_known_who_asks_a_name_counts_for_nothing(site: Served) -> None:
    client = site.visitor(Role.OPERATOR)
    client.post("/api/trimtab/freeze", json={"frozen": True}, headers=PROGRAM)
    client.post("/api/trimtab/freeze", json={"frozen": False}, headers=PROGRAM)
    assert newest(site).principal == "token:operator"


@pytest.mark.parametrize("name", ["%0A", "x" * 101, ""])
def test_what_is_no_name_is_refused(site: Served, name: str) -> None:
    answer = site.on_loopback().get("/api/trimtab/status", headers={"X-Trimtab-Actor": name})
    assert answer.status_code == 400
    assert "printable characters" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["freeze", "cases/1/reject", "cases/1/rollback"])
def test_a_reason_has_an_end(site: Served, path: str) -> None:
    body: dict[str, object] = {"reason": "x" * 5000}
    if path == "freeze":
        body["frozen"] = True
    else:
        from tests.web.stories import Stories

        stories = Stories(site.service.state, site.service.now_ms())
        if not site.service.state.cases(limit=1):
            stories.watch()
            stories.proposed()
    answer = site.on_loopback().post(f"/api/trimtab/{path}", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"] == "a reason has at most 500 characters, this one has 5000: say it in fewer words"
    assert error["facts"] == {"field": "reason", "limit": 500, "observed": 5000}
    assert newest(site).detail["why"] == error["message"]
