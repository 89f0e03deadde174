"""What somebody with too little, or with nothing, tries: guessing, tokens in odd places, other people's names."""

from __future__ import annotations

import time

from tests.api.attack import Arena, Attack, Got, got
from tests.api.served import CSRF, LOGIN, PASSWORD
from trimtab.app.login_tries import PER_ADDRESS_MAX, PER_NAME_MAX, WINDOW_S
from trimtab.model.access import Role

STATUS = "/api/trimtab/status"
USERS = "/api/trimtab/access/users"


def log_in(arena: Arena, name: str, password: str, address: str = "testclient", **headers: str) -> Got:
    """One login from an address."""
    client = arena.served.visitor()
    client._transport.client = (address, 1)  # type: ignore[attr-defined]  # where the test client says that it is
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return got(client.post(LOGIN, json={"name": name, "password": password}, headers=named))


def guess_one_name(arena: Arena) -> Got:
    """Many passwords for one name, each from another address; then the right one."""
    for number in range(PER_NAME_MAX):
        assert log_in(arena, "viewer", f"guess {number}", f"198.51.100.{number}").status == 401
    return log_in(arena, "viewer", PASSWORD, "198.51.100.99")


def guess_one_name_from_one_place(arena: Arena) -> Got:
    """Many passwords for one name from one address; then the right one from there."""
    for number in range(PER_NAME_MAX):
        assert log_in(arena, "admin", f"guess {number}", "198.51.100.200").status == 401
    return log_in(arena, "admin", PASSWORD, "198.51.100.200")


def lock_somebody_out(arena: Arena) -> Got:
    """Wrong passwords for the name of another, so that its owner cannot come in from where they always do."""
    assert log_in(arena, "operator", PASSWORD, "192.0.2.200").status == 200
    for number in range(PER_NAME_MAX):
        assert log_in(arena, "operator", f"guess {number}", f"198.51.100.{100 + number}").status == 401
    return log_in(arena, "operator", PASSWORD, "192.0.2.200")


def wipe_with_an_own_login(arena: Arena) -> Got:
    """Somebody with an account guesses the names of others, and logs in between so as not to be counted."""
    for number in range(PER_ADDRESS_MAX):
        assert log_in(arena, "viewer", PASSWORD, "203.0.113.3").status == 200
        assert log_in(arena, f"neme{number}", "password1", "203.0.113.3").status == 401
    return log_in(arena, "operator", PASSWORD, "203.0.113.3")


def guess_many_names(arena: Arena) -> Got:
    """One password for many names, from one address; then a right one."""
    for number in range(PER_ADDRESS_MAX):
        assert log_in(arena, f"name{number}", "password1", "203.0.113.1").status == 401
    return log_in(arena, "operator", PASSWORD, "203.0.113.1")


def guess_behind_a_header(arena: Arena) -> Got:
    """The same, with another invented X-Forwarded-For each time."""
    for number in range(PER_ADDRESS_MAX):
        log_in(arena, f"nome{number}", "password1", "203.0.113.2", X_Forwarded_For=f"10.0.0.{number}")
    return log_in(arena, "operator", PASSWORD, "203.0.113.2", X_Forwarded_For="10.9.9.9")


def after_the_window(arena: Arena) -> Got:
    """The door opens again."""
    arena.served.clock.ahead_ms += int(WINDOW_S * 1000) + 1
    return log_in(arena, "viewer", PASSWORD, "198.51.100.99")


def timing(arena: Arena) -> Got:
    """A name that exists takes as long as one that does not: names cannot be found out by the clock."""
    took: dict[str, list[float]] = {"admin": [], "nobody": []}
    for number in range(5):
        for name, times_s in took.items():
            began_s = time.perf_counter()
            found = log_in(arena, name, "wrong", f"192.0.2.{number}")
            times_s.append(time.perf_counter() - began_s)
    arena.served.clock.ahead_ms += int(WINDOW_S * 1000) + 1
    return found


def bearer(arena: Arena, token: str, target: str = STATUS) -> Got:
    """A request with this token."""
    return got(arena.served.visitor().get(target, headers={"Authorization": f"Bearer {token}"}))


def in_the_address(arena: Arena, name: str) -> Got:
    """A good token where it would end up in logs and histories."""
    return got(arena.served.visitor().get(f"{STATUS}?{name}={arena.served.tokens[Role.ADMIN]}"))


def in_a_cookie(arena: Arena) -> Got:
    """A good token as a session."""
    cookie = f"trimtab_session={arena.served.tokens[Role.ADMIN]}"
    return got(arena.served.visitor().get(STATUS, headers={"Cookie": cookie}))


def session_as_token(arena: Arena) -> Got:
    """A good session as a token."""
    client, _ = arena.served.logged_in(Role.ADMIN)
    return bearer(arena, str(client.cookies["trimtab_session"]))


def revoked(arena: Arena) -> Got:
    """A token that was revoked a moment ago."""
    token, secret = arena.served.service.access.create_token("test", "gone", "admin")
    assert bearer(arena, secret).status == 200
    arena.served.service.access.revoke_token("test", token.id)
    return bearer(arena, secret)


def authorization(arena: Arena, value: str) -> Got:
    """Another way to say who one is; SECRET stands for a good token."""
    header = value.replace("SECRET", arena.served.tokens[Role.ADMIN])
    return got(arena.served.visitor().get(STATUS, headers={"Authorization": header}))


def hidden_by_a_session(arena: Arena) -> Got:
    """A wrong token beside a good session: what was sent counts, and is wrong."""
    client, _ = arena.served.logged_in(Role.ADMIN)
    return got(client.get(STATUS, headers={"Authorization": "Bearer tt_wrong"}))


def act(arena: Arena, role: Role, method: str, path: str, body: object = None) -> Got:
    """Somebody with a role does what takes another."""
    return got(arena.served.visitor(role).request(method, path, json=body))


def own_role(arena: Arena) -> Got:
    """An operator makes themselves an admin."""
    client, token = arena.served.logged_in(Role.OPERATOR)
    return got(client.post(f"{USERS}/operator/role", json={"role": "admin"}, headers={CSRF: token}))


def in_the_body(arena: Arena) -> Got:
    """A field of the body that says who one is."""
    client, token = arena.served.logged_in(Role.OPERATOR)
    headers = {CSRF: token}
    return got(client.post("/api/trimtab/freeze", json={"frozen": True, "by": "admin"}, headers=headers))


def more_fields(arena: Arena) -> Got:
    """Fields that the object has, and the request has not."""
    body = {"name": "eve", "role": "viewer", "password": PASSWORD, "added_by": "admin", "last_login_at_ms": 1}
    return got(arena.served.visitor(Role.ADMIN).post(USERS, json=body))


def demoted(arena: Arena) -> Got:
    """A session goes on after its owner lost the role."""
    access = arena.served.service.access
    access.add_user("test", "mallory", "admin", PASSWORD)
    client = arena.served.visitor()
    client.post(LOGIN, json={"name": "mallory", "password": PASSWORD})
    assert client.get(USERS).status_code == 200
    access.set_role("test", "mallory", "viewer")
    answer = client.get(USERS)
    access.remove_user("test", "mallory")
    return got(answer)


ATTACKS: tuple[Attack, ...] = (
    Attack("Brute force", "control: the right password", lambda a: log_in(a, "viewer", PASSWORD), 200, True),
    Attack("Brute force", "many names, with logins of one's own in between", wipe_with_an_own_login, 429),
    Attack(
        "Brute force",
        f"the right password after {PER_NAME_MAX} wrong ones, from another address",
        guess_one_name,
        429,
    ),
    Attack(
        "Brute force",
        f"the right password after {PER_NAME_MAX} wrong ones, from the same address",
        guess_one_name_from_one_place,
        429,
    ),
    Attack("Brute force", f"one password for {PER_ADDRESS_MAX} names, then a right one", guess_many_names, 429),
    Attack("Brute force", "the same behind an invented X-Forwarded-For", guess_behind_a_header, 429),
    Attack(
        "Brute force",
        "control: the owner, whose name others guess, from where they logged in before",
        lock_somebody_out,
        200,
        True,
    ),
    Attack("Brute force", f"control: {WINDOW_S / 60:g} minutes later", after_the_window, 200, True),
    Attack("Brute force", "a name that nobody has", timing, 401),
    Attack("Brute force", "name: ' OR '1'='1", lambda a: log_in(a, "' OR '1'='1", PASSWORD, "192.0.2.50"), 401),
    Attack("Brute force", "password of 2,000 characters", lambda a: log_in(a, "admin", "x" * 2000, "192.0.2.50"), 400),
    Attack("Tokens", "control: a token in Authorization", lambda a: bearer(a, a.served.tokens[Role.VIEWER]), 200, True),
    Attack("Tokens", "in the address: ?token=", lambda a: in_the_address(a, "token"), 401),
    Attack("Tokens", "in the address: ?access_token=", lambda a: in_the_address(a, "access_token"), 401),
    Attack("Tokens", "in the address: ?Authorization=Bearer", lambda a: in_the_address(a, "Authorization"), 401),
    Attack("Tokens", "a token as a session's cookie", in_a_cookie, 401),
    Attack("Tokens", "a session's cookie as a token", session_as_token, 401),
    Attack("Tokens", "revoked a moment ago", revoked, 401),
    Attack("Tokens", "invented", lambda a: bearer(a, "tt_" + "A" * 43), 401),
    Attack("Tokens", "its hash instead of it", lambda a: bearer(a, "0" * 64), 401),
    Attack("Tokens", "Basic admin:password", lambda a: authorization(a, "Basic YWRtaW46eA=="), 401),
    Attack("Tokens", "without a scheme", lambda a: authorization(a, "SECRET"), 401),
    Attack("Tokens", "Bearer and nothing", lambda a: authorization(a, "Bearer "), 401),
    Attack("Tokens", "two in one header", lambda a: authorization(a, "Bearer SECRET, Bearer SECRET"), 401),
    Attack("Tokens", "a wrong one beside a good session", hidden_by_a_session, 401),
    Attack("More than the role", "ingest looks", lambda a: bearer(a, a.served.tokens[Role.INGEST]), 403),
    Attack("More than the role", "viewer sends telemetry", lambda a: act(a, Role.VIEWER, "POST", "/v1/traces"), 403),
    Attack(
        "More than the role",
        "viewer approves",
        lambda a: act(a, Role.VIEWER, "POST", "/api/trimtab/cases/1/approve", {"content_hash": "x"}),
        403,
    ),
    Attack(
        "More than the role",
        "viewer freezes",
        lambda a: act(a, Role.VIEWER, "POST", "/api/trimtab/freeze", {"frozen": True}),
        403,
    ),
    Attack(
        "More than the role",
        "viewer reads the audit",
        lambda a: act(a, Role.VIEWER, "GET", "/api/trimtab/access/audit"),
        403,
    ),
    Attack(
        "More than the role",
        "operator makes a token",
        lambda a: act(a, Role.OPERATOR, "POST", "/api/trimtab/access/tokens", {"name": "x", "role": "admin"}),
        403,
    ),
    Attack(
        "More than the role",
        "operator watches a system",
        lambda a: act(a, Role.OPERATOR, "POST", "/api/trimtab/systems", {"dsn": "service=x"}),
        403,
    ),
    Attack("More than the role", "operator makes themselves admin", own_role, 403),
    Attack("More than the role", "operator acts in the name of the admin", in_the_body, 403),
    Attack("More than the role", "admin sends fields that are not theirs to set", more_fields, 400),
    Attack("More than the role", "a session after its owner lost the role", demoted, 403),
    Attack(
        "More than the role", "the last admin is removed", lambda a: act(a, Role.ADMIN, "DELETE", f"{USERS}/admin"), 409
    ),
)
