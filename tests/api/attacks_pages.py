"""The same through the pages: forms, the way to the login and back, what a tab shows to whom, markup in names."""

from __future__ import annotations

import re

import httpx2

from tests.api.attack import Arena, Attack, Got, got
from tests.api.served import HOST, PASSWORD
from trimtab.model.access import Role

OWN = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
EVIL = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Accept": "text/html"}
MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def form(arena: Arena, who: Role, path: str, headers: dict[str, str], *, proof: bool = True, **fields: str) -> Got:
    """A form that somebody's browser sends."""
    client, token = arena.served.logged_in(who)
    data = {**fields, **({"csrf_token": token} if proof else {})}
    return _page(client.post(path, headers=headers, data=data))


def log_in(arena: Arena, after: str, headers: dict[str, str], *, proof: bool = True) -> Got:
    """The login form, and where it leads."""
    visitor = arena.served.visitor()
    drawn = visitor.get("/login", headers={"Accept": "text/html"}).text
    found = re.search(r'name="csrf_token" value="(\w+)"', drawn)
    assert found is not None
    data = {"name": "viewer", "password": PASSWORD, "next": after, **({"csrf_token": found[1]} if proof else {})}
    answer = visitor.post("/login", headers=headers, data=data)
    return Got(answer.status_code, f"to {answer.headers['location']}" if answer.is_redirect else "")


def of_another_browser(arena: Arena) -> Got:
    """The proof of the attacker's own visit to the login form, sent by the victim's browser (login CSRF)."""
    drawn = arena.served.visitor().get("/login", headers={"Accept": "text/html"}).text
    found = re.search(r'name="csrf_token" value="(\w+)"', drawn)
    assert found is not None
    victim = arena.served.visitor()
    victim.get("/login", headers={"Accept": "text/html"})
    data = {"name": "viewer", "password": PASSWORD, "csrf_token": found[1]}
    return _page(victim.post("/login", headers=OWN, data=data))


def look(arena: Arena, role: Role | None, path: str, *hidden: str) -> Got:
    """A page, in which some things must not be."""
    client = arena.served.visitor() if role is None else arena.served.logged_in(role)[0]
    answer = client.get(path, headers={"Accept": "text/html"})
    for text in hidden:
        assert text not in answer.text, text
    return _page(answer)


def _page(answer: httpx2.Response) -> Got:
    if answer.is_redirect:
        return Got(answer.status_code, f"to {answer.headers['location']}")
    return got(answer)


ATTACKS: tuple[Attack, ...] = (
    Attack(
        "Pages",
        "control: a form with its proof",
        lambda a: form(a, Role.OPERATOR, "/freeze", OWN, frozen="false"),
        303,
        True,
    ),
    Attack(
        "Pages",
        "a form without its proof",
        lambda a: form(a, Role.OPERATOR, "/freeze", OWN, proof=False, frozen="true"),
        403,
    ),
    Attack("Pages", "a form of another site", lambda a: form(a, Role.OPERATOR, "/freeze", EVIL, frozen="true"), 403),
    Attack(
        "Pages", "viewer sends the operator's form", lambda a: form(a, Role.VIEWER, "/freeze", OWN, frozen="true"), 403
    ),
    Attack(
        "Pages",
        "operator sends the admin's form",
        lambda a: form(a, Role.OPERATOR, "/people", OWN, name="eve", role="admin", password=PASSWORD, again=PASSWORD),
        403,
    ),
    Attack("Pages", "control: the login form", lambda a: log_in(a, "/cases", OWN), 303, True),
    Attack("Pages", "the login form without its proof", lambda a: log_in(a, "/", OWN, proof=False), 403),
    Attack("Pages", "the login form with the proof of another browser", of_another_browser, 403),
    Attack("Pages", "the login form from another site", lambda a: log_in(a, "/", EVIL), 403),
    Attack("Pages", "login that leads to //evil.example", lambda a: log_in(a, "//evil.example", OWN), 303),
    Attack("Pages", "login that leads to https://evil.example", lambda a: log_in(a, "https://evil.example", OWN), 303),
    Attack("Pages", "login that leads to /\\evil.example", lambda a: log_in(a, "/\\evil.example", OWN), 303),
    Attack(
        "Pages",
        "login that leads to a header of the attacker's",
        lambda a: log_in(a, "/x\r\nSet-Cookie: a=b", OWN),
        303,
    ),
    Attack("Pages", "a page without a login", lambda a: look(a, None, "/ledger?x=1"), 303),
    Attack("Pages", "a page that is not there, without a login", lambda a: look(a, None, "/nowhere"), 303),
    Attack(
        "Pages",
        "viewer opens the people's tab",
        lambda a: look(a, Role.VIEWER, "/settings?tab=people", "operator"),
        403,
    ),
    Attack("Pages", "viewer opens the tokens' tab", lambda a: look(a, Role.VIEWER, "/settings?tab=tokens", "tt_"), 403),
    Attack(
        "Pages", "operator opens the audit", lambda a: look(a, Role.OPERATOR, "/settings?tab=audit", "192.0.2"), 403
    ),
    Attack(
        "Pages",
        "markup in the search (comes back as text)",
        lambda a: look(a, Role.VIEWER, f"/queries?q={MARKUP}", "<script>alert", "<img src=x"),
        200,
    ),
    Attack(
        "Pages",
        "markup in the name of a tab",
        lambda a: look(a, Role.VIEWER, f"/settings?tab={MARKUP}", "<script>alert", "<img src=x"),
        400,
    ),
    Attack(
        "Pages",
        "markup in the way back after the login (comes back as text)",
        lambda a: look(a, None, f"/login?next=/{MARKUP}", "<script>alert", "<img src=x"),
        200,
    ),
)
