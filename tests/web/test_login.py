"""Coming in and going out with a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.forms import send
from tests.web.markup import refused_by_policy
from tests.web.site import PASSWORD, Site, open_site
from trimtab.model.access import Role

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a login."""
    with open_site(tmp_path_factory.mktemp("web"), login_needed=True) as site:
        yield site


def test_who_is_not_in_is_led_to_the_login_and_back(door: Site) -> None:
    client = door.visitor()
    answer = client.get("/cases?state=open")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fcases%3Fstate%3Dopen")
    page = client.get(answer.headers["Location"]).text
    assert refused_by_policy(page) == []
    answer = send(client, page, "/login", {"name": "operator", "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases?state=open")
    assert "HttpOnly; SameSite=Lax" in answer.headers["Set-Cookie"]
    page = client.get("/cases?state=open").text
    assert "operator (session)" in page
    assert client.get("/login?next=/changes").headers["Location"] == "/changes"
    answer = send(client, page, "/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert client.get("/cases").status_code == 303


def test_a_part_of_a_page_leads_to_the_login_and_back_to_its_page(door: Site) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:9321/cases?state=open&q=a%26b"}
    answer = door.visitor().get("/cases?state=open&fragment=listing", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=%2Fcases%3Fstate%3Dopen%26q%3Da%2526b"
    answer = door.visitor().get("/cases?fragment=listing", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/login"


def test_a_wrong_password_keeps_the_name_and_tells_nothing(door: Site) -> None:
    client = door.visitor()
    page = client.get("/login").text
    known = send(client, page, "/login", {"name": "admin", "password": "wrong wrong wrong"})
    unknown = send(client, page, "/login", {"name": "nobody", "password": "wrong wrong wrong"})
    assert known.status_code == unknown.status_code == 401
    assert "The name or the password is wrong." in known.text
    assert "The name or the password is wrong." in unknown.text
    assert 'value="admin"' in known.text
    assert "wrong wrong wrong" not in known.text


def test_the_way_back_is_a_path_of_this_server(door: Site) -> None:
    client = door.visitor()
    page = client.get("/login?next=https%3A%2F%2Fevil.example%2F").text
    assert "evil.example" not in page
    answer = send(client, page, "/login", {"name": "viewer", "password": PASSWORD, "next": "//evil.example"})
    assert answer.headers["Location"] == "/"


def test_too_many_tries_are_told_with_the_time_to_wait(door: Site) -> None:
    door.service.access.add_user("test", "target", Role.VIEWER, PASSWORD)
    client = door.visitor()
    page = client.get("/login").text
    answers = [send(client, page, "/login", {"name": "target", "password": f"wrong {n}"}) for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many failed logins" in answers[-1].text
