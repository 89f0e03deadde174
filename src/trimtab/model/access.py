"""Who may do what: roles, permissions, and the one who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a person or a token is to this server. `INGEST` is for tokens of programs that send telemetry."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    INGEST = "ingest"


class Permission(StrEnum):
    """What a route asks for.

    `LOOK`: see everything that trimtab knows. `DECIDE`: approve, reject, roll back, freeze, plan now. `ADMINISTER`:
    systems, policy, people, tokens, audit. `INGEST`: send telemetry in.
    """

    LOOK = "look"
    DECIDE = "decide"
    ADMINISTER = "administer"
    INGEST = "ingest"


ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.LOOK}),
    Role.OPERATOR: frozenset({Permission.LOOK, Permission.DECIDE}),
    Role.ADMIN: frozenset(Permission),
    Role.INGEST: frozenset({Permission.INGEST}),
}
"""The whole table: what is not here is refused."""

PERSON_ROLES = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
"""Roles for people; a person who could only send telemetry would see nothing but refusals."""


class How(StrEnum):
    """By what a principal was known."""

    LOOPBACK = "loopback"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105  (a word, not a secret)


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who asks. `name` is what the ledger and the audit get to see; `session_id` is None without a session.

    >>> Principal("anna", Role.OPERATOR, How.SESSION).may(Permission.DECIDE)
    True
    >>> Principal("anna", Role.OPERATOR, How.SESSION).may(Permission.ADMINISTER)
    False
    """

    name: str
    role: Role
    how: How
    session_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role of this principal has this permission."""
        return permission in ROLE_PERMISSIONS[self.role]


LOOPBACK_PRINCIPAL = Principal("local", Role.ADMIN, How.LOOPBACK)
"""Whoever is on this machine: reaches a server that listens on loopback without a login, or may read its data."""


@dataclass(frozen=True, slots=True)
class User:
    """A person with a password (which is not here)."""

    name: str
    role: Role
    added_by: str
    added_at_ms: int
    password_set_at_ms: int
    last_login_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A secret for a program. The secret itself is shown once and kept nowhere; `prefix` is its beginning.

    `expires_at_ms` is exclusive: at that moment the token is no longer valid. None means never.
    """

    id: int
    name: str
    role: Role
    prefix: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None = None
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None

    @property
    def principal_name(self) -> str:
        """How the token is named in the ledger and the audit: never like a person (no person's name has a colon)."""
        return f"token:{self.name}"


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is logged in. `id` is the hash of the cookie; `secret` is the cookie, and is only set at login."""

    id: str
    user: str
    role: Role
    csrf: str
    started_at_ms: int
    seen_at_ms: int
    expires_at_ms: int
    secret: str | None = field(default=None, repr=False)


class Outcome(StrEnum):
    """How an audited action ended. `REFUSED`: not allowed; `FAILED`: allowed, and did not work."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit: who did what to what, from where, and how it ended. Never holds a secret."""

    seq: int
    at_ms: int
    principal: str
    how: str
    address: str
    action: str
    target: str
    outcome: Outcome
    detail: dict[str, object] = field(default_factory=dict)
