"""Login, sessions, tokens, people, audit: what holds, for how long, and what is written down."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from trimtab.app.access import (
    SESSION_IDLE_MS,
    SESSION_LONGEST_MS,
    SESSIONS_PER_USER_MAX,
    UNKNOWN_NAME,
    Access,
    acting_name,
)
from trimtab.app.login_tries import PER_ADDRESS_MAX, PER_NAME_MAX, SLOWLY_S, WINDOW_S
from trimtab.app.passwords import VERIFYING_MAX, WAITING_MAX, Passwords, check_new_password
from trimtab.model.access import LOOPBACK_PRINCIPAL, ROLE_PERMISSIONS, How, Outcome, Permission, Principal, Role
from trimtab.model.errors import ConflictError, InputError, LoginNeeded, NotAllowed, NotFound, TooManyTries
from trimtab.store.state_database import StateDatabase

PASSWORD = "correct horse battery staple"
HERE = "192.0.2.1"
START_MS = 1_700_000_000_000


def cheap() -> PasswordHasher:
    return PasswordHasher.from_parameters(CHEAPEST)


class Clock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    opened = StateDatabase(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def access(database: StateDatabase, clock: Clock) -> Access:
    """With anna (admin) and Vera (viewer), who have the same password, at no cost."""
    made = Access(database, clock, login_needed=True, passwords=Passwords(cheap))
    made.add_user("test", "anna", "admin", PASSWORD)
    made.add_user("test", "Vera", "viewer", PASSWORD)
    return made


def last(access: Access) -> tuple[str, str, Outcome]:
    (entry,) = access.audit_entries(1)
    return entry.principal, entry.action, entry.outcome


def test_a_hash_of_other_costs_is_made_anew_at_login(access: Access, database: StateDatabase, clock: Clock) -> None:
    def dearer() -> PasswordHasher:
        return PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)

    later = Access(database, clock, passwords=Passwords(dearer))
    session = later.login("anna", PASSWORD, HERE)
    rows = database.rows("SELECT password_hash FROM users WHERE name = 'anna'")
    assert "m=16,t=2,p=1" in rows[0]["password_hash"]
    assert later.principal_of_session(session.secret) is not None
    assert later.login("anna", PASSWORD, HERE).user == "anna"


def test_passwords_are_argon2id_at_full_cost() -> None:
    assert Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_session_is_a_secret_that_is_nowhere_in_the_file(access: Access, database: StateDatabase) -> None:
    session = access.login("anna", PASSWORD, HERE)
    assert session.secret is not None
    assert len(session.secret) >= 43
    assert access.principal_of_session(session.secret) == Principal("anna", Role.ADMIN, How.SESSION, session.id)
    _, secret = access.create_token("anna", "ci", "viewer")
    kept = database.path.read_bytes() + database.path.with_name("state.db-wal").read_bytes()
    for hidden in (session.secret, secret, PASSWORD):
        assert hidden.encode() not in kept
    assert session.secret not in repr(session)


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "' OR 1=1 --", "\ud800"])
def test_what_is_no_session_is_nobody(access: Access, cookie: str) -> None:
    assert access.principal_of_session(cookie) is None
    assert access.principal_of_token(cookie) is None
    assert access.principal_of_session(None) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "wrong"), ("anna", ""), ("nobody", PASSWORD), ("", ""), ("anna\0", PASSWORD), ("anna", "\ud800" * 20)],
)
def test_a_wrong_name_and_a_wrong_password_sound_alike(access: Access, name: str, password: str) -> None:
    with pytest.raises(LoginNeeded, match=r"^the name or the password is wrong$"):
        access.login(name, password, HERE)
    assert last(access) == ("anna" if name == "anna" else UNKNOWN_NAME, "login", Outcome.REFUSED)


def test_names_do_not_differ_by_case(access: Access) -> None:
    assert access.login("VERA", PASSWORD, HERE).user == "Vera"
    with pytest.raises(ConflictError):
        access.add_user("test", "ANNA", "viewer", PASSWORD)


def test_passwords_are_the_same_in_both_forms_of_unicode(database: StateDatabase, clock: Clock) -> None:
    access = Access(database, clock, passwords=Passwords(cheap))
    access.add_user("test", "jens", "viewer", "mo\u0308gliche Passwo\u0308rter")
    assert access.login("jens", "m\u00f6gliche Passw\u00f6rter", HERE).user == "jens"


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 257, "aaaaaaaaaaaaaaaa", "a line\nand one more", "anna.anna.anna"]
)
def test_bad_passwords_are_refused_and_never_repeated(password: str) -> None:
    with pytest.raises(InputError) as refused:
        check_new_password(password, "anna.anna.anna")
    assert len(password) < 6 or password not in refused.value.message


def test_names_that_cannot_be(access: Access) -> None:
    for name in ("", "a b", "a:b", "token:ci", "-x", "a/b", "ä", "a\n", "x" * 65):
        with pytest.raises(InputError):
            access.add_user("test", name, "viewer", PASSWORD)
        with pytest.raises(InputError):
            access.create_token("test", name, "viewer")
    for name in ("local", "Trimtab"):
        with pytest.raises(InputError, match="somebody else"):
            access.add_user("test", name, "viewer", PASSWORD)


def test_a_person_has_no_role_for_programs(access: Access) -> None:
    for role in ("ingest", "root", ""):
        with pytest.raises(InputError):
            access.add_user("test", "x", role, PASSWORD)


# --- how long it holds


def test_a_session_ends_when_it_is_not_used(access: Access, clock: Clock) -> None:
    cookie = access.login("anna", PASSWORD, HERE).secret
    assert cookie is not None
    for _ in range(5):
        clock.now_ms += SESSION_IDLE_MS - 1
        assert access.principal_of_session(cookie) is not None
    clock.now_ms += SESSION_IDLE_MS
    assert access.principal_of_session(cookie) is None


def test_a_session_ends_after_a_week_whatever_its_use(access: Access, clock: Clock) -> None:
    cookie = access.login("anna", PASSWORD, HERE).secret
    assert cookie is not None
    while clock.now_ms < START_MS + SESSION_LONGEST_MS - 1:
        assert access.principal_of_session(cookie) is not None
        clock.now_ms = min(clock.now_ms + SESSION_IDLE_MS // 2, START_MS + SESSION_LONGEST_MS - 1)
    assert access.principal_of_session(cookie) is not None
    clock.now_ms += 1
    assert access.principal_of_session(cookie) is None


def test_looking_without_touching_is_no_use(access: Access, clock: Clock) -> None:
    cookie = access.login("anna", PASSWORD, HERE).secret
    assert cookie is not None
    clock.now_ms += SESSION_IDLE_MS - 1
    assert access.session_of(cookie, touch=False) is not None
    clock.now_ms += 1
    assert access.session_of(cookie) is None


def test_the_oldest_of_many_sessions_goes(access: Access, clock: Clock) -> None:
    cookies = []
    for _ in range(SESSIONS_PER_USER_MAX + 1):
        clock.now_ms += 1
        cookies.append(access.login("anna", PASSWORD, HERE).secret)
    assert [access.principal_of_session(cookie) is None for cookie in cookies] == [True] + [
        False
    ] * SESSIONS_PER_USER_MAX
    assert len(set(cookies)) == len(cookies)


def test_logout_ends_one_session(access: Access) -> None:
    one, other = access.login("anna", PASSWORD, HERE), access.login("anna", PASSWORD, HERE)
    access.logout(one.id)
    access.logout(one.id)
    assert access.principal_of_session(one.secret) is None
    assert access.principal_of_session(other.secret) is not None
    assert last(access) == ("anna", "logout", Outcome.DONE)


def test_roles_passwords_and_people_change_at_once(access: Access) -> None:
    cookie = access.login("Vera", PASSWORD, HERE).secret
    access.set_role("anna", "vera", "operator")
    principal = access.principal_of_session(cookie)
    assert principal is not None
    assert principal.role is Role.OPERATOR
    access.set_password("anna", "vera", PASSWORD)
    assert access.principal_of_session(cookie) is None
    cookie = access.login("Vera", PASSWORD, HERE).secret
    access.remove_user("anna", "vera")
    assert access.principal_of_session(cookie) is None
    for again in (access.remove_user, access.set_role, access.set_password):
        with pytest.raises(NotFound):
            again(
                "anna",
                "vera",
                *(() if again == access.remove_user else ("admin" if again == access.set_role else PASSWORD,)),
            )


def test_the_last_admin_stays(access: Access) -> None:
    with pytest.raises(ConflictError, match="last admin"):
        access.remove_user("anna", "anna")
    with pytest.raises(ConflictError, match="last admin"):
        access.set_role("anna", "anna", "viewer")
    access.set_role("anna", "vera", "admin")
    access.remove_user("vera", "anna")
    assert [user.name for user in access.users()] == ["Vera"]


def test_where_nobody_needs_a_login_even_the_last_admin_may_go(database: StateDatabase, access: Access) -> None:
    Access(database, lambda: START_MS).remove_user("cli", "anna")
    assert not access.has_admin()


def test_somebody_changes_their_own_password(access: Access) -> None:
    session = access.login("vera", PASSWORD, HERE)
    principal = access.principal_of_session(session.secret)
    assert principal is not None
    with pytest.raises(NotAllowed):
        access.change_own_password(principal, "wrong", PASSWORD, HERE)
    with pytest.raises(InputError):
        access.change_own_password(principal, PASSWORD, "short", HERE)
    fresh = access.change_own_password(principal, PASSWORD, PASSWORD, HERE)
    assert access.principal_of_session(session.secret) is None
    assert access.principal_of_session(fresh.secret) is not None
    with pytest.raises(NotAllowed):
        access.change_own_password(LOOPBACK_PRINCIPAL, PASSWORD, PASSWORD, HERE)


# --- tokens


def test_a_token_is_good_until_it_is_revoked_or_over(access: Access, clock: Clock) -> None:
    token, secret = access.create_token("anna", "ci", "ingest", expires_in_s=60)
    assert secret.startswith(token.prefix)
    assert access.principal_of_token(secret) == Principal("token:ci", Role.INGEST, How.TOKEN)
    clock.now_ms += 59_999
    assert access.principal_of_token(secret) is not None
    clock.now_ms += 1
    assert access.principal_of_token(secret) is None
    _, other = access.create_token("anna", "cd", "viewer")
    assert access.principal_of_token(other) is not None
    revoked = access.revoke_token("anna", access.tokens()[0].id)
    assert access.revoke_token("anna", revoked.id) == revoked
    assert access.principal_of_token(other) is None
    assert all(secret not in repr(token) for token in access.tokens())


def test_only_the_first_use_of_a_token_is_audited(access: Access) -> None:
    _, secret = access.create_token("anna", "ci", "ingest")
    before = len(access.audit_entries(100))
    for _ in range(3):
        access.principal_of_token(secret, HERE)
    entries = access.audit_entries(100)
    assert len(entries) == before + 1
    assert (entries[0].principal, entries[0].action, entries[0].address) == ("token:ci", "use token", HERE)


def test_a_name_is_free_again_after_its_token_was_revoked(access: Access) -> None:
    token, _ = access.create_token("anna", "ci", "ingest")
    with pytest.raises(ConflictError):
        access.create_token("anna", "CI", "ingest")
    access.revoke_token("anna", token.id)
    access.create_token("anna", "CI", "ingest")
    with pytest.raises(NotFound):
        access.revoke_token("anna", 99)


def test_the_token_of_the_data_directory_dies_with_the_process(access: Access, database: StateDatabase) -> None:
    secret = access.local_token()
    assert access.principal_of_token(secret) == LOOPBACK_PRINCIPAL
    assert Access(database, lambda: START_MS).principal_of_token(secret) is None


@pytest.mark.parametrize("seconds", [0, -1, 10**12])
def test_times_that_cannot_be(access: Access, seconds: int) -> None:
    with pytest.raises(InputError):
        access.create_token("anna", "ci", "viewer", expires_in_s=seconds)


# --- brute force


def fail(access: Access, name: str, address: str) -> None:
    with pytest.raises(LoginNeeded):
        access.login(name, "wrong", address)


def test_too_many_wrong_passwords_close_the_door_for_a_name_at_one_address(access: Access, clock: Clock) -> None:
    for _ in range(PER_NAME_MAX):
        fail(access, "anna", HERE)
    with pytest.raises(TooManyTries, match="try again in 15 min") as refused:
        access.login("ANNA", PASSWORD, HERE)  # even the right one, spelled otherwise
    assert refused.value.facts["retry_after_s"] == int(WINDOW_S) + 1
    assert access.login("vera", PASSWORD, HERE).user == "Vera"
    clock.now_ms += int(WINDOW_S * 1000)
    assert access.login("anna", PASSWORD, HERE).user == "anna"


def test_guesses_from_elsewhere_make_a_name_slow_and_do_not_lock_its_owner_out(access: Access, clock: Clock) -> None:
    access.login("anna", PASSWORD, HERE)
    for number in range(PER_NAME_MAX):
        fail(access, "anna", f"203.0.113.{number}")
    with pytest.raises(TooManyTries, match="try again in 1 min"):
        access.login("anna", PASSWORD, "198.51.100.1")
    assert access.login("anna", PASSWORD, HERE).user == "anna"
    clock.now_ms += int(SLOWLY_S * 1000)
    fail(access, "anna", "203.0.113.77")
    with pytest.raises(TooManyTries):
        access.login("anna", PASSWORD, "198.51.100.1")
    clock.now_ms += int(SLOWLY_S * 1000)
    assert access.login("anna", PASSWORD, "198.51.100.1").user == "anna"


def test_where_somebody_logged_in_is_known_after_a_restart(
    access: Access, database: StateDatabase, clock: Clock
) -> None:
    access.login("anna", PASSWORD, HERE)
    later = Access(database, clock, login_needed=True, passwords=Passwords(cheap))
    for number in range(PER_NAME_MAX):
        fail(later, "anna", f"203.0.113.{number}")
    assert later.login("anna", PASSWORD, HERE).user == "anna"


def test_a_name_can_be_unlocked(access: Access) -> None:
    for number in range(PER_NAME_MAX):
        fail(access, "anna", f"203.0.113.{number}")
        fail(access, "Vera", HERE)
    access.unlock("vera", "ANNA")
    assert access.login("anna", PASSWORD, "198.51.100.1").user == "anna"
    with pytest.raises(TooManyTries):
        access.login("Vera", PASSWORD, HERE)
    access.unlock("anna", "vera")
    assert access.login("Vera", PASSWORD, HERE).user == "Vera"
    with pytest.raises(NotFound):
        access.unlock("anna", "nobody")


def test_a_login_of_ones_own_does_not_open_the_door_to_guess_others(access: Access) -> None:
    for number in range(PER_ADDRESS_MAX):
        access.login("Vera", PASSWORD, HERE)
        fail(access, f"name{number}", HERE)
    with pytest.raises(TooManyTries):
        access.login("anna", PASSWORD, HERE)


def test_too_many_names_close_the_door_for_an_address(access: Access, clock: Clock) -> None:
    for number in range(PER_ADDRESS_MAX):
        with pytest.raises(LoginNeeded):
            access.login(f"name{number}", "wrong", HERE)
    with pytest.raises(TooManyTries):
        access.login("anna", PASSWORD, HERE)
    assert access.login("anna", PASSWORD, "198.51.100.1").user == "anna"
    clock.now_ms += int(WINDOW_S * 1000)
    assert access.login("anna", PASSWORD, HERE).user == "anna"


def test_addresses_of_one_customer_count_as_one(access: Access) -> None:
    for number in range(PER_ADDRESS_MAX):
        with pytest.raises(LoginNeeded):
            access.login(f"name{number}", "wrong", f"2001:db8::{number:x}")
    with pytest.raises(TooManyTries):
        access.login("anna", PASSWORD, "2001:db8::ffff")


def test_a_login_that_goes_well_forgets_what_went_wrong(access: Access) -> None:
    for _ in range(3):
        for _ in range(PER_NAME_MAX - 1):
            with pytest.raises(LoginNeeded):
                access.login("anna", "wrong", HERE)
        access.login("anna", PASSWORD, HERE)


def test_tries_at_the_same_time_count_as_many(access: Access) -> None:
    refused: list[type[Exception]] = []

    def attempt() -> None:
        try:
            access.login("anna", "wrong", HERE)
        except (LoginNeeded, TooManyTries) as error:
            refused.append(type(error))

    threads = [threading.Thread(target=attempt) for _ in range(PER_NAME_MAX + 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == PER_NAME_MAX + 10
    assert refused.count(LoginNeeded) <= PER_NAME_MAX
    with pytest.raises(TooManyTries):
        access.login("anna", PASSWORD, HERE)


def test_a_crowd_at_the_door_does_not_hold_every_thread() -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    class Slow(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            begun.release()
            go.wait(20)
            return "hash"

    passwords = Passwords(Slow)
    threads = [threading.Thread(target=passwords.hash, args=("x",)) for _ in range(VERIFYING_MAX + WAITING_MAX)]
    for thread in threads:
        thread.start()
    for _ in range(VERIFYING_MAX):
        assert begun.acquire(timeout=20)
    give_up_at = time.monotonic() + 20
    while passwords._queue._value and time.monotonic() < give_up_at:
        time.sleep(0.01)
    with pytest.raises(TooManyTries):
        passwords.hash("x")
    go.set()
    for thread in threads:
        thread.join()
    assert passwords.hash("x") == "hash"


def test_as_much_work_for_a_name_that_nobody_has(access: Access) -> None:
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  (its name)
            verified.append(str(password))
            return super().verify(hash, password)

    access._passwords = Passwords(Counting)
    for name in ("anna", "nobody", "not a name"):
        with pytest.raises(LoginNeeded):
            access.login(name, f"wrong {name}", HERE)
    assert verified == ["wrong anna", "wrong nobody", "wrong not a name"]


def test_a_flood_of_failures_does_not_flood_the_audit(access: Access) -> None:
    for number in range(300):
        with pytest.raises((LoginNeeded, TooManyTries)):
            access.login("-", f"wrong {number}", HERE)
    for number in range(300):
        access.principal_of_token(f"tt_{number}", HERE)
    assert len(access.audit_entries(1000)) < 100


# --- the audit


def test_the_audit_is_append_only(access: Access, database: StateDatabase) -> None:
    entry = access.audit("anna", "freeze", "", {"frozen": True}, how="session", address=HERE)
    assert access.audit_entries(1) == (entry,)
    raw = sqlite3.connect(database.path)
    for statement in (
        "UPDATE audit SET principal = 'x'",
        "INSERT INTO audit VALUES (1, 1, '', '', '', '', '', 'done', '{}')",
        f"INSERT OR REPLACE INTO audit VALUES ({entry.seq}, 1, '', '', '', '', '', 'done', '{{}}')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)
        raw.rollback()
    raw.close()


def test_young_entries_cannot_be_deleted_and_old_ones_go_by_themselves(database: StateDatabase) -> None:
    now_ms = time.time_ns() // 1_000_000
    moment_ms = [now_ms - 401 * 86_400_000]
    access = Access(database, lambda: moment_ms[0])
    access.audit("old", "x", "", {})
    moment_ms[0] = now_ms
    access.audit("young", "x", "", {})
    assert [entry.principal for entry in access.audit_entries(10)] == ["young"]
    with pytest.raises(ConflictError), database.transaction() as db:
        db.execute("DELETE FROM audit")
    moment_ms[0] = now_ms + 500 * 86_400_000  # a clock that runs ahead makes nothing old
    access.audit("later", "x", "", {})
    assert [entry.principal for entry in access.audit_entries(10)] == ["later", "young"]


def test_pages_of_the_audit_meet(access: Access) -> None:
    for number in range(5):
        access.audit("anna", "x", str(number), {})
    first = access.audit_entries(2)
    second = access.audit_entries(2, before_seq=first[-1].seq)
    assert [entry.target for entry in (*first, *second)] == ["4", "3", "2", "1"]


def test_what_is_too_long_or_unprintable_is_cut(access: Access) -> None:
    entry = access.audit("a" * 500, "x", "line\nend\u202e", {"text": "x" * 10_000, "why": "short"})
    assert len(entry.principal) == 200
    assert entry.target == "line?end?"
    assert len(str(entry.detail["text"])) < 4096
    assert entry.detail["why"] == "short"


# --- roles


def test_the_table_of_roles() -> None:
    assert {role: {p.value for p in allowed} for role, allowed in ROLE_PERMISSIONS.items()} == {
        Role.VIEWER: {"look"},
        Role.OPERATOR: {"look", "decide"},
        Role.ADMIN: {"look", "decide", "administer", "ingest"},
        Role.INGEST: {"ingest"},
    }
    assert all(LOOPBACK_PRINCIPAL.may(permission) for permission in Permission)


def test_nobody_acts_in_the_name_of_another() -> None:
    assert acting_name(LOOPBACK_PRINCIPAL, None) == "local"
    anna = Principal("anna", Role.ADMIN, How.SESSION)
    assert acting_name(anna, None) == acting_name(anna, "anna") == "anna"
    for principal in (anna, Principal("token:anna", Role.ADMIN, How.TOKEN)):
        with pytest.raises(NotAllowed):
            acting_name(principal, "bernd")
