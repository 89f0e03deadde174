"""Every attack gets what it must, and the page in docs/ tells of exactly these."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.attack import Arena, Attack, Got
from tests.api.attacks import ATTACKS, PAGE, arena, page
from tests.api.served import BASE_URL, LOGIN, PASSWORD
from trimtab.api.answer_headers import ALWAYS, CONTENT_POLICY
from trimtab.model.access import Role

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def place() -> Iterator[Arena]:
    with arena() as made:
        yield made


@pytest.fixture(scope="module")
def results(place: Arena) -> dict[Attack, Got]:
    return {attack: attack.run(place) for attack in ATTACKS}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.family}: {attack.tried}")
def test_each_gets_what_it_must(attack: Attack, results: dict[Attack, Got]) -> None:
    assert results[attack].status == attack.wants, results[attack]


def test_the_page_tells_what_happened(results: dict[Attack, Got]) -> None:
    assert PAGE.read_text("utf-8") == page(list(results.items())), "python -m tests.api.attacks"


def test_what_was_refused_is_in_the_audit(place: Arena) -> None:
    client, _ = place.served.logged_in(Role.OPERATOR)
    client.post("/api/trimtab/freeze", json={"frozen": True})
    assert place.served.audited()[0] == ("operator", "freeze", "refused")


def test_what_pages_do_is_in_the_audit_once(place: Arena) -> None:
    client, token = place.served.logged_in(Role.ADMIN)
    headers = {"Origin": BASE_URL, "Accept": "text/html"}
    person = {"csrf_token": token, "name": "paula", "role": "viewer", "password": PASSWORD, "again": PASSWORD}
    access = place.served.service.access
    before = access.audit_entries(1)[0].seq
    assert client.post("/people", headers=headers, data=person).status_code == 303
    assert client.post("/people", headers=headers, data=person).status_code == 409
    assert client.post("/people/paula/remove", headers=headers, data={"csrf_token": token}).status_code == 303
    assert client.post("/people/paula/remove", headers=headers, data={"csrf_token": "x"}).status_code == 403
    assert client.post("/logout", headers=headers, data={"csrf_token": token}).status_code == 303
    entries = [entry for entry in access.audit_entries(20) if entry.seq > before]
    assert [(e.principal, e.action, e.target, e.outcome.value) for e in reversed(entries)] == [
        ("admin", "user add", "paula", "done"),
        ("admin", "user add", "paula", "failed"),
        ("admin", "user remove", "paula", "done"),
        ("admin", "user remove", "paula", "refused"),
        ("admin", "logout", "", "done"),
    ]
    assert "there is a user named 'paula' already" in str(entries[3].detail["why"])
    assert PASSWORD not in str(entries)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/api/trimtab/status"),
        ("GET", "/api/trimtab/cases/x"),
        ("GET", "/api/trimtab/nowhere"),
        ("GET", "/nowhere"),
        ("PUT", "/api/trimtab/systems"),
        ("POST", "/v1/traces"),
        ("POST", "/api/trimtab/systems"),
    ],
)
@pytest.mark.parametrize("role", [None, Role.ADMIN])
def test_every_answer_is_protected(place: Arena, role: Role | None, method: str, path: str) -> None:
    answer = place.served.visitor(role).request(method, path)
    for name, value in ALWAYS:
        assert answer.headers.get_list(name) == [value]
    assert "no-store" in answer.headers["cache-control"]
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_fault_of_ours_says_nothing_about_itself(place: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a secret value")

    monkeypatch.setattr(place.served.service, "status", broken)
    answer = place.served.visitor(Role.VIEWER).get("/api/trimtab/status")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.json()["error"] == {"kind": "HTTPException", "message": "internal error", "facts": {}}


def test_the_version_is_for_those_who_are_known(place: Arena) -> None:
    assert place.served.visitor().get("/healthz").json() == {"status": "ok"}
    assert "version" in place.served.visitor(Role.VIEWER).get("/healthz").json()


def test_markup_in_names_and_texts_is_json_and_nothing_else(place: Arena) -> None:
    markup = "<script>alert(1)</script>"
    answer = place.served.visitor(Role.ADMIN).post(
        "/api/trimtab/systems", json={"dsn": "service=x", "name": markup * 9}
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_cookie_is_for_this_server_alone(place: Arena) -> None:
    body = {"name": "viewer", "password": PASSWORD}
    plain = place.served.visitor().post(LOGIN, json=body).headers["set-cookie"]
    assert plain.startswith("trimtab_session=")
    assert plain.endswith("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax")
    secure = place.served.visitor(base_url=BASE_URL.replace("http:", "https:")).post(LOGIN, json=body)
    assert secure.headers["set-cookie"].startswith("__Host-trimtab_session=")
    assert secure.headers["set-cookie"].endswith("; HttpOnly; SameSite=Lax; Secure")
