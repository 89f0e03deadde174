"""What a page of somebody else can make a visitor's browser send: forms, scripts, links, names, cookies."""

from __future__ import annotations

from tests.api.attack import Arena, Attack, Got, got
from tests.api.served import CSRF, HOST, LOGIN, PASSWORD
from trimtab.model.access import Role

FREEZE = "/api/trimtab/freeze"
BODY = {"frozen": False}
OWN = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
EVIL = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def post(
    arena: Arena, headers: dict[str, str], *, proof: bool = False, form: bool = False, method: str = "POST"
) -> Got:
    """Something that an operator's browser sends, with their cookie."""
    client, token = arena.served.logged_in(Role.OPERATOR)
    sent = {**headers, **({CSRF: token} if proof else {}), **(FORM if form else {})}
    if form:
        return got(client.request(method, FREEZE, headers=sent, content="frozen=true"))
    return got(client.request(method, FREEZE, headers=sent, json=BODY))


def of_another_session(arena: Arena) -> Got:
    """The attacker has an account, and sends its own proof with the victim's cookie."""
    _, stolen = arena.served.logged_in(Role.VIEWER)
    client, _ = arena.served.logged_in(Role.OPERATOR)
    return got(client.post(FREEZE, headers={**OWN, CSRF: stolen}, json=BODY))


def of_the_session_before(arena: Arena) -> Got:
    """A form that was drawn before the visitor logged out and in again."""
    client, old = arena.served.logged_in(Role.OPERATOR)
    client.post(LOGIN, headers={**OWN, CSRF: old}, json={"name": "operator", "password": PASSWORD})
    return got(client.post(FREEZE, headers={**OWN, CSRF: old}, json=BODY))


def twice_in_the_form(arena: Arena) -> Got:
    """One right, one wrong: whoever reads the other one is fooled."""
    client, token = arena.served.logged_in(Role.OPERATOR)
    content = f"csrf_token={token}&csrf_token=x"
    return got(client.post(FREEZE, headers={**OWN, **FORM}, content=content))


def in_a_form(arena: Arena) -> Got:
    """The right proof in a form passes the guard; the API then wants JSON."""
    client, token = arena.served.logged_in(Role.OPERATOR)
    return got(client.post(FREEZE, headers={**OWN, **FORM}, content=f"csrf_token={token}&frozen=false"))


def on_loopback(arena: Arena, headers: dict[str, str], *, form: bool = False) -> Got:
    """The same to a server that asks nobody for a login."""
    client = arena.served.on_loopback()
    if form:
        return got(client.post(FREEZE, headers={**headers, **FORM}, content="frozen=true"))
    return got(client.post(FREEZE, headers=headers, json=BODY))


def log_in_from(arena: Arena, headers: dict[str, str]) -> Got:
    """Make the visitor's browser log in as the attacker, so that they work under a foreign name."""
    return got(arena.served.visitor().post(LOGIN, headers=headers, json={"name": "viewer", "password": PASSWORD}))


def method_override(arena: Arena) -> Got:
    """A link that pretends to be something else."""
    client, _ = arena.served.logged_in(Role.ADMIN)
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert client.get("/api/trimtab/access/users?_method=DELETE", headers=headers).status_code == 400
    answer = client.get("/api/trimtab/access/users", headers=headers)
    assert any(user["name"] == "viewer" for user in answer.json())
    return got(answer)


def preflight(arena: Arena) -> Got:
    """A script of another site asks whether it may."""
    client, _ = arena.served.logged_in(Role.ADMIN)
    headers = {**EVIL, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
    answer = client.options("/api/trimtab/access/users", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    return got(answer)


def link(arena: Arena, **headers: str) -> Got:
    """A GET with the visitor's cookie."""
    client, _ = arena.served.logged_in(Role.VIEWER)
    return got(
        client.get("/api/trimtab/status", headers={name.replace("_", "-"): text for name, text in headers.items()})
    )


def host(arena: Arena, name: str, *, path: str = "/api/trimtab/status") -> Got:
    """A name of the attacker's that points here (DNS rebinding): the page reads the answer as its own."""
    return got(arena.served.on_loopback().get(path, headers={"Host": name}))


def proxied(arena: Arena, name: str, value: str) -> Got:
    """A proxy carries strangers to a server that asks nobody for a login."""
    return got(arena.served.on_loopback().get("/api/trimtab/status", headers={name: value}))


def planted_session(arena: Arena) -> Got:
    """The attacker plants a session id before the login, and uses it after: is it the victim's now?"""
    planted = "A" * 43
    victim = arena.served.visitor()
    victim.cookies.set("trimtab_session", planted)
    victim.get("/api/trimtab/access/me")
    victim.cookies.clear()
    answer = victim.post(LOGIN, json={"name": "operator", "password": PASSWORD})
    assert f"trimtab_session={planted}" not in answer.headers["set-cookie"]
    return session(arena, planted)


def own_session_planted(arena: Arena) -> Got:
    """The attacker plants their own valid session; the victim logs in over it. It must not become the victim's."""
    attacker, token = arena.served.logged_in(Role.VIEWER)
    cookie = str(attacker.cookies["trimtab_session"])
    victim = arena.served.visitor()
    victim.cookies.set("trimtab_session", cookie)
    victim.post(LOGIN, headers={CSRF: token}, json={"name": "admin", "password": PASSWORD})
    return session(arena, cookie)


def session(arena: Arena, cookie: str) -> Got:
    """What somebody with this cookie gets."""
    return got(arena.served.visitor().get("/api/trimtab/status", headers={"Cookie": f"trimtab_session={cookie}"}))


def after_logout(arena: Arena) -> Got:
    """A copy of the cookie, used after its owner logged out."""
    client, token = arena.served.logged_in(Role.ADMIN)
    cookie = str(client.cookies["trimtab_session"])
    client.post("/api/trimtab/access/logout", headers={CSRF: token})
    return session(arena, cookie)


def cookie_twice(arena: Arena) -> Got:
    """A neighbour on the same host plants a second cookie of the name."""
    client, _ = arena.served.logged_in(Role.ADMIN)
    cookie = str(client.cookies["trimtab_session"])
    return session(arena, f"x; trimtab_session={cookie}")


def unprotected_name_with_tls(arena: Arena) -> Got:
    """With TLS a cookie without `__Host-`, as a neighbour without TLS could plant it, opens nothing."""
    client, _ = arena.served.logged_in(Role.ADMIN, base_url=f"https://{HOST}")
    header = client.cookies["__Host-trimtab_session"]
    visitor = arena.served.visitor(base_url=f"https://{HOST}")
    return got(visitor.get("/api/trimtab/status", headers={"Cookie": f"trimtab_session={header}"}))


ATTACKS: tuple[Attack, ...] = (
    Attack("CSRF", "control: own page, JSON, cookie and proof", lambda a: post(a, OWN, proof=True), 200, True),
    Attack("CSRF", "own page, JSON, cookie, no proof", lambda a: post(a, OWN), 403),
    Attack("CSRF", "form of another site with the cookie", lambda a: post(a, EVIL, form=True), 403),
    Attack("CSRF", "form of another site with cookie and stolen proof", lambda a: post(a, EVIL, proof=True), 403),
    Attack("CSRF", "form with the cookie, no Origin (old browser)", lambda a: post(a, {}, form=True), 403),
    Attack("CSRF", "JSON with the cookie, no Origin", lambda a: post(a, {}), 403),
    Attack("CSRF", "Origin: null (sandboxed frame)", lambda a: post(a, {"Origin": "null"}, proof=True), 403),
    Attack(
        "CSRF",
        "page on another port of this host",
        lambda a: post(a, {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"}, proof=True),
        403,
    ),
    Attack(
        "CSRF", "https page to the http server", lambda a: post(a, {"Origin": f"https://{HOST}:1"}, proof=True), 403
    ),
    Attack("CSRF", "proof of the attacker's own session", of_another_session, 403),
    Attack("CSRF", "proof of the visitor's session before", of_the_session_before, 403),
    Attack("CSRF", "proof twice in the form", twice_in_the_form, 403),
    Attack("CSRF", "control: proof in the form (the API then wants JSON)", in_a_form, 400, True),
    Attack("CSRF", "DELETE with the cookie, no proof", lambda a: post(a, OWN, method="DELETE"), 403),
    Attack("CSRF", "loopback, no login: form of another site", lambda a: on_loopback(a, EVIL, form=True), 403),
    Attack("CSRF", "loopback, no login: form without Origin", lambda a: on_loopback(a, {}, form=True), 403),
    Attack("CSRF", "loopback, no login: own Origin, no proof", lambda a: on_loopback(a, OWN), 403),
    Attack("CSRF", "control: loopback, program with JSON", lambda a: on_loopback(a, {}), 200, True),
    Attack("CSRF", "login as the attacker from another site", lambda a: log_in_from(a, EVIL), 403),
    Attack("CSRF", "login with own Origin, without the form's proof", lambda a: log_in_from(a, OWN), 403),
    Attack("CSRF", "link with _method=DELETE and override headers (only reads)", method_override, 200, True),
    Attack("CSRF", "preflight of another site", preflight, 403),
    Attack(
        "CSRF",
        "script of another site includes an answer",
        lambda a: link(a, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script"),
        403,
    ),
    Attack(
        "CSRF",
        "another site puts us in a frame",
        lambda a: link(a, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"),
        403,
    ),
    Attack("Host header", "control: 127.0.0.1", lambda a: host(a, HOST), 200, True),
    Attack("Host header", "rebound name", lambda a: host(a, "evil.example"), 403),
    Attack("Host header", "rebound name with our port", lambda a: host(a, "evil.example:9321"), 403),
    Attack("Host header", "name that begins like ours", lambda a: host(a, "127.0.0.1.evil.example"), 403),
    Attack("Host header", "user part before a foreign name", lambda a: host(a, "127.0.0.1@evil.example"), 403),
    Attack("Host header", "user part before our name", lambda a: host(a, "evil.example@127.0.0.1"), 403),
    Attack("Host header", "our address as one number", lambda a: host(a, "2130706433"), 403),
    Attack("Host header", "0.0.0.0", lambda a: host(a, "0.0.0.0:9321"), 403),
    Attack("Host header", "empty", lambda a: host(a, ""), 403),
    Attack("Host header", "foreign name to /healthz", lambda a: host(a, "evil.example", path="/healthz"), 403),
    Attack(
        "Proxy",
        "X-Forwarded-For before a server without login",
        lambda a: proxied(a, "X-Forwarded-For", "1.2.3.4"),
        403,
    ),
    Attack("Proxy", "X-Forwarded-Host", lambda a: proxied(a, "X-Forwarded-Host", "127.0.0.1"), 403),
    Attack("Proxy", "Forwarded", lambda a: proxied(a, "Forwarded", "for=1.2.3.4"), 403),
    Attack("Proxy", "X-Real-IP", lambda a: proxied(a, "X-Real-IP", "127.0.0.1"), 403),
    Attack("Session fixation", "invented session planted before the login", planted_session, 401),
    Attack("Session fixation", "attacker's session planted before the login", own_session_planted, 401),
    Attack("Session fixation", "cookie after logout", after_logout, 401),
    Attack("Session fixation", "second cookie of the name beside the right one", cookie_twice, 401),
    Attack("Session fixation", "with TLS, the cookie without __Host-", unprotected_name_with_tls, 401),
)
