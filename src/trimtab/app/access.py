"""Who may come in: login, sessions, tokens, people, and the audit of what they did.

A session or a token is 256 random bits that only its owner has; here is their SHA-256. Roles are read anew with every
request, so that what an admin takes away is gone at once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping

from trimtab.app.login_tries import KNOWN_MAX, LoginTries
from trimtab.app.login_tries import WINDOW_S as TRIES_WINDOW_S
from trimtab.app.passwords import Passwords, check_new_password
from trimtab.app.tries import Tries, network_of
from trimtab.model.access import (
    LOOPBACK_PRINCIPAL,
    PERSON_ROLES,
    AuditEntry,
    How,
    Outcome,
    Principal,
    Role,
    Session,
    Token,
    User,
)
from trimtab.model.errors import InputError, LoginNeeded, NotAllowed, NotFound, TooManyTries
from trimtab.store.audit import Audit
from trimtab.store.people import People
from trimtab.store.state_database import StateDatabase

SESSION_IDLE_MS = 12 * 3_600_000
SESSION_LONGEST_MS = 7 * 86_400_000
SESSIONS_PER_USER_MAX = 20
SEEN_EVERY_MS = 60_000
"""How often the last use of a session or token is written down: each writing costs an fsync."""

OWNERS_MS = 90 * 86_400_000
"""Where somebody logged in within this time is an address of theirs; see `login_tries`."""
REFUSALS_AUDITED_MAX = 30
"""Refused actions that are written down, of one principal in `TRIES_WINDOW_S`: the audit cannot be flooded."""

TOKEN_MARK = "tt_"  # noqa: S105  (the beginning of every token, not a secret)
TOKEN_PREFIX_CHARS = 9
TOKEN_SECONDS_MAX = 10 * 366 * 86_400
UNKNOWN_NAME = "unknown name"
"""Stands in the audit for a name that nobody has: somebody may have typed a password there."""


RESERVED_NAMES = frozenset({"local", "trimtab", "nobody"})
"""What ledger and audit call the server itself and whoever is on its machine."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_WRONG = "the name or the password is wrong"
_TEXT_CHARS_MAX = 200


class Access:
    """The rules. Thread-safe. `login_needed` is False on a server that only this machine reaches.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as d:
    ...     database = StateDatabase(Path(d) / "state.db")
    ...     access = Access(database, lambda: 1_000, login_needed=True)
    ...     _ = access.add_user("cli", "anna", "admin", "correct horse battery")
    ...     session = access.login("anna", "correct horse battery", "192.0.2.1")
    ...     print(access.principal_of_session(session.secret))
    ...     database.close()
    Principal(name='anna', role=<Role.ADMIN: 'admin'>, how=<How.SESSION: 'session'>, session_id='...')
    """

    def __init__(
        self,
        database: StateDatabase,
        now_ms: Callable[[], int],
        *,
        login_needed: bool = False,
        passwords: Passwords | None = None,
    ) -> None:
        self.login_needed = login_needed
        self._people = People(database)
        self._audit = Audit(database)
        self._now_ms = now_ms
        self._passwords = passwords or Passwords()
        self._tries = LoginTries(lambda: self._audit.logins(now_ms() - OWNERS_MS, KNOWN_MAX))
        self._refusals = Tries(REFUSALS_AUDITED_MAX, TRIES_WINDOW_S)
        self._limits_told = Tries(1, TRIES_WINDOW_S)
        self._local_hash: str | None = None

    # --- coming in and going out

    def login(self, name: str, password: str, address: str) -> Session:
        """A new session; its `secret` is the cookie. LoginNeeded when name or password is wrong, TooManyTries when
        they were wrong too often: then not even the right one is looked at."""
        known = self._known(name)
        self._count_try(known or name, address, known)
        password_hash = None if known is None else self._people.password_hash(known)
        if not self._passwords.verify(password_hash, password) or known is None or password_hash is None:
            self.audit_refusal(known or UNKNOWN_NAME, "login", "", {"why": _WRONG}, address=address)
            raise LoginNeeded(_WRONG)
        self._tries.went_well(known, address)
        if self._passwords.is_outdated(password_hash):
            self._people.rehash(known, password_hash, self._passwords.hash(password))
        session = self._new_session(known)
        self._write(known, How.SESSION, address, "login", "", Outcome.DONE, {})
        return session

    def _known(self, name: str) -> str | None:
        """The name as it was written when the person was added; None for nobody."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return self._people.user(name).name
        except NotFound:
            return None

    def _count_try(self, name: str, address: str, known: str | None) -> None:
        """Counted before the password is looked at, so that many tries at once count as many."""
        now_ms = self._now_ms()
        wait_s = self._tries.take(name, address, now_ms)
        if wait_s == 0.0:
            return
        if self._limits_told.take(f"limit {network_of(address)}", now_ms) == 0.0:
            detail = {"why": "too many tries", "wait_s": round(wait_s)}
            self._write(known or UNKNOWN_NAME, "", address, "login", "", Outcome.REFUSED, detail)
        wait = f"{int(wait_s) + 1} s" if wait_s < 45 else f"{round(wait_s / 60)} min"
        raise TooManyTries(f"too many failed logins: try again in {wait}", retry_after_s=int(wait_s) + 1)

    def _new_session(self, name: str) -> Session:
        now_ms = self._now_ms()
        secret = secrets.token_urlsafe(32)
        session = Session(
            id=_sha256(secret),
            user=name,
            role=self._people.user(name).role,
            csrf=secrets.token_urlsafe(32),
            started_at_ms=now_ms,
            seen_at_ms=now_ms,
            expires_at_ms=now_ms + SESSION_LONGEST_MS,
            secret=secret,
        )
        self._people.add_session(session, per_user_max=SESSIONS_PER_USER_MAX)
        return session

    def logout(self, session_id: str, address: str = "") -> None:
        """End a session; again is no error."""
        session = self._people.session(session_id)
        self._people.end_session(session_id)
        if session is not None:
            self._write(session.user, How.SESSION, address, "logout", "", Outcome.DONE, {})

    # --- who is it

    def session_of(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie; None where there is none or it is over. `touch`: this is a use of it."""
        now_ms = self._now_ms()
        session = self._people.session(_sha256(cookie))
        if session is None or now_ms >= min(session.expires_at_ms, session.seen_at_ms + SESSION_IDLE_MS):
            return None
        if touch and now_ms - session.seen_at_ms >= SEEN_EVERY_MS:
            self._people.session_seen(session.id, now_ms)
        return session

    def principal_of_session(self, cookie: str | None) -> Principal | None:
        """Who a cookie belongs to."""
        session = None if cookie is None else self.session_of(cookie)
        return None if session is None else Principal(session.user, session.role, How.SESSION, session.id)

    def principal_of_token(self, bearer: str, address: str = "") -> Principal | None:
        """Who a token is; None for one that is unknown, revoked or over. Its first use is audited."""
        hashed = _sha256(bearer)
        if self._local_hash is not None and secrets.compare_digest(hashed, self._local_hash):
            return LOOPBACK_PRINCIPAL
        token = self._people.token_by_hash(hashed)
        now_ms = self._now_ms()
        if (
            token is None
            or token.revoked_at_ms is not None
            or (token.expires_at_ms is not None and now_ms >= token.expires_at_ms)
        ):
            target = "" if token is None else token.name
            self.audit_refusal(
                "unknown token" if token is None else token.principal_name,
                "use token",
                target,
                {"why": "unknown" if token is None else "revoked or over"},
                address=address,
            )
            return None
        if token.last_used_at_ms is None:
            self._write(
                token.principal_name, How.TOKEN, address, "use token", token.name, Outcome.DONE, {"first": True}
            )
        if token.last_used_at_ms is None or now_ms - token.last_used_at_ms >= SEEN_EVERY_MS:
            self._people.token_used(token.id, now_ms)
        return Principal(token.principal_name, token.role, How.TOKEN)

    def local_token(self) -> str:
        """A token of an admin that is good until this process ends, for whoever may read the data directory: the
        same could change everything in it anyway."""
        secret = TOKEN_MARK + secrets.token_urlsafe(32)
        self._local_hash = _sha256(secret)
        return secret

    # --- people

    def users(self) -> tuple[User, ...]:
        """All people, by name."""
        return self._people.users()

    def has_admin(self) -> bool:
        """Whether there is at least one."""
        return self._people.admins_count() > 0

    def add_user(self, by: str, name: str, role: str, password: str) -> User:
        """A new person. InputError for a name, role or password that does not serve."""
        check_name(name)
        if name.casefold() in RESERVED_NAMES:
            raise InputError(
                f"{name!r} stands for somebody else in ledger and audit: choose another name", field="name"
            )
        now_ms = self._now_ms()
        user = User(name, _person_role(role), by, now_ms, now_ms)
        self._people.add_user(user, self._passwords.hash(check_new_password(password, name)))
        return self._people.user(name)

    def set_password(self, by: str, name: str, password: str) -> User:
        """A new password for somebody; all their sessions end."""
        _check_text(by)
        user = self._people.user(name)
        self._people.set_password(
            user.name, self._passwords.hash(check_new_password(password, user.name)), self._now_ms()
        )
        return self._people.user(name)

    def change_own_password(self, principal: Principal, old: str, new: str, address: str) -> Session:
        """Somebody changes their own: the old one is asked for, all sessions end, and a new one begins."""
        if principal.how is not How.SESSION:
            raise NotAllowed("only somebody who logged in with a password can change their own")
        self._count_try(principal.name, address, principal.name)
        if not self._passwords.verify(self._people.password_hash(principal.name), old):
            raise NotAllowed("the old password is wrong")
        self._tries.went_well(principal.name, address)
        self.set_password(principal.name, principal.name, new)
        return self._new_session(principal.name)

    def set_role(self, by: str, name: str, role: str) -> User:
        """Another role, at once. ConflictError for the last admin where a login is needed."""
        _check_text(by)
        self._people.set_role(name, _person_role(role), keep_an_admin=self.login_needed)
        return self._people.user(name)

    def remove_user(self, by: str, name: str) -> User:
        """Take somebody away, with all their sessions. ConflictError for the last admin where a login is needed."""
        _check_text(by)
        user = self._people.user(name)
        self._people.remove_user(name, keep_an_admin=self.login_needed)
        return user

    def unlock(self, by: str, name: str) -> User:
        """Forget the failed logins of somebody who has to wait; the password stays, and so do limits of addresses."""
        _check_text(by)
        user = self._people.user(name)
        self._tries.unlock(user.name)
        return user

    # --- tokens

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, newest first, revoked ones too."""
        return self._people.tokens()

    def create_token(self, by: str, name: str, role: str, expires_in_s: int | None = None) -> tuple[Token, str]:
        """A new token and its secret, which is shown this once."""
        check_name(name)
        if expires_in_s is not None and not 1 <= expires_in_s <= TOKEN_SECONDS_MAX:
            raise InputError(
                f"expires_in_s must be from 1 to {TOKEN_SECONDS_MAX}, found {expires_in_s}",
                field="expires_in_s",
                limit=TOKEN_SECONDS_MAX,
            )
        now_ms = self._now_ms()
        secret = TOKEN_MARK + secrets.token_urlsafe(32)
        token = Token(
            id=0,
            name=name,
            role=_role(role),
            prefix=secret[:TOKEN_PREFIX_CHARS],
            created_by=by,
            created_at_ms=now_ms,
            expires_at_ms=None if expires_in_s is None else now_ms + expires_in_s * 1000,
        )
        return self._people.add_token(token, _sha256(secret)), secret

    def revoke_token(self, by: str, token_id: int) -> Token:
        """Good for nothing from now on; again is no error."""
        _check_text(by)
        return self._people.revoke_token(token_id, self._now_ms())

    # --- the audit

    def audit(
        self,
        by: str,
        action: str,
        target: str,
        detail: Mapping[str, object],
        *,
        how: str = "",
        address: str = "",
        outcome: Outcome = Outcome.DONE,
    ) -> AuditEntry:
        """Write one action down."""
        return self._write(by, how, address, action, target, outcome, detail)

    def audit_refusal(
        self, by: str, action: str, target: str, detail: Mapping[str, object], *, how: str = "", address: str = ""
    ) -> None:
        """Write a refusal down, unless there were too many of this one lately."""
        if self._refusals.take(f"{by} {network_of(address)}", self._now_ms()) == 0.0:
            self._write(by, how, address, action, target, Outcome.REFUSED, detail)

    def audit_entries(self, limit: int, before_seq: int | None = None) -> tuple[AuditEntry, ...]:
        """The newest entries, newest first."""
        return self._audit.entries(limit, before_seq)

    def _write(
        self,
        by: str,
        how: str,
        address: str,
        action: str,
        target: str,
        outcome: Outcome,
        detail: Mapping[str, object],
    ) -> AuditEntry:
        entry = AuditEntry(0, self._now_ms(), _cut(by), how, address, action, _cut(target), outcome, dict(detail))
        return self._audit.append(entry)


def acting_name(principal: Principal, by: str | None) -> str:
    """Whose name goes into the ledger. On loopback anybody may say who they are; elsewhere it is known.

    >>> acting_name(Principal("local", Role.ADMIN, How.LOOPBACK), "cli:anna")
    'cli:anna'
    >>> acting_name(Principal("anna", Role.ADMIN, How.SESSION), "bernd")
    Traceback (most recent call last):
    trimtab.model.errors.NotAllowed: you are 'anna': nobody acts in the name of 'bernd'
    """
    if principal.how is How.LOOPBACK:
        return by or principal.name
    if by and by != principal.name:
        raise NotAllowed(
            f"you are {principal.name!r}: nobody acts in the name of {_cut(by)!r}", principal=principal.name
        )
    return principal.name


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def check_name(name: str) -> None:
    """InputError for what cannot be the name of a person or token."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"a name has 1 to 64 characters: letters and digits of ASCII, and behind the first also . _ @ -; found "
            f"{_cut(name, 64)!r}",
            field="name",
        )


def _check_text(by: str) -> None:
    if not by.strip() or len(by) > _TEXT_CHARS_MAX or not by.isprintable():
        raise InputError(f"by: a name has 1 to {_TEXT_CHARS_MAX} printable characters", field="by")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise InputError(f"role must be one of {known}, found {_cut(text, 50)!r}", field="role") from None


def _person_role(text: str) -> Role:
    role = _role(text)
    if role not in PERSON_ROLES:
        raise InputError(f"a person cannot have the role {role}: it is for tokens", field="role")
    return role


def _cut(text: str, chars_max: int = _TEXT_CHARS_MAX) -> str:
    """Printable and short: the audit is read by people."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: chars_max + 1])
    return clean if len(clean) <= chars_max else f"{clean[: chars_max - 1]}…"
