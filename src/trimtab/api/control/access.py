"""People, tokens, login and the audit."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, address_of, note, principal_of
from trimtab.api.control.operation import Answer, Operation
from trimtab.api.control.parameters import (
    BEFORE_SEQ,
    LIMIT,
    NUMBER_MAX,
    as_whole,
    before_seq_of,
    limit_of,
    path_text,
)
from trimtab.app.access import SESSION_LONGEST_MS
from trimtab.app.cookies import SESSION, clear_cookie, set_cookie
from trimtab.app.csrf import csrf_token
from trimtab.app.service import Service
from trimtab.model.access import (
    ROLE_PERMISSIONS,
    AuditEntry,
    How,
    Permission,
    Principal,
    Role,
    Session,
    Token,
    User,
)
from trimtab.model.errors import ConflictError

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
NewPassword = Annotated[str, msgspec.Meta(min_length=12, max_length=256)]
OldPassword = Annotated[str, msgspec.Meta(max_length=1024)]


class LoginRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/login."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    password: OldPassword


class OwnPasswordRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/password: somebody changes their own."""

    old: OldPassword
    new: NewPassword


class UserRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/users."""

    name: Name
    role: Role
    password: NewPassword


class PasswordRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/users/{user}/password."""

    password: NewPassword


class RoleRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/users/{user}/role."""

    role: Role


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /access/tokens. Without `expires_in_s` it is good until it is revoked."""

    name: Name
    role: Role
    expires_in_s: Annotated[int, msgspec.Meta(ge=1, le=316_224_000)] | None = None


class SessionAnswer(msgspec.Struct):
    """Who is logged in now; the session itself is in the cookie. `csrf_token` goes into X-CSRF-Token."""

    name: str
    role: Role
    csrf_token: str
    expires_at_ms: int


class TokenAnswer(msgspec.Struct):
    """A new token with its secret, which is shown this once."""

    token: Token
    secret: str


class MeAnswer(msgspec.Struct):
    """Who asks. `name` is None for somebody who did not log in."""

    login_needed: bool
    name: str | None
    role: Role | None
    how: How | None
    permissions: list[Permission]


class Done(msgspec.Struct):
    """It is done."""

    done: bool = True


def _login(service: Service, request: Request, body: LoginRequest) -> Answer:
    if not service.access.login_needed:
        raise ConflictError("this server listens on loopback and asks nobody for a login")
    _end_old_session(service, request)
    session = service.access.login(body.name, body.password, address_of(request))
    return _answer(request, session)


def _end_old_session(service: Service, request: Request) -> None:
    """A login never goes on with a session that was there before."""
    principal = request.scope.get("trimtab.principal")
    if isinstance(principal, Principal) and principal.session_id is not None:
        service.access.logout(principal.session_id, address_of(request))


def _answer(request: Request, session: Session) -> Answer:
    value = SessionAnswer(session.user, session.role, csrf_token(session.csrf), session.expires_at_ms)
    cookie = set_cookie(SESSION, session.secret or "", secure=_secure(request), max_age_s=SESSION_LONGEST_MS // 1000)
    return Answer(value, {"Set-Cookie": cookie})


def _logout(service: Service, request: Request, _body: None) -> Answer:
    _end_old_session(service, request)
    return Answer(Done(), {"Set-Cookie": clear_cookie(SESSION, secure=_secure(request))})


def _own_password(service: Service, request: Request, body: OwnPasswordRequest) -> Answer:
    principal = principal_of(request)
    note(request, target=principal.name)
    return _answer(request, service.access.change_own_password(principal, body.old, body.new, address_of(request)))


def _secure(request: Request) -> bool:
    return request.scope.get("scheme") == "https"


def _me(service: Service, request: Request, _body: None) -> MeAnswer:
    principal = request.scope.get("trimtab.principal")
    if not isinstance(principal, Principal):
        return MeAnswer(service.access.login_needed, None, None, None, [])
    may = sorted(ROLE_PERMISSIONS[principal.role])
    return MeAnswer(service.access.login_needed, principal.name, principal.role, principal.how, may)


def _add_user(service: Service, request: Request, body: UserRequest) -> User:
    note(request, target=body.name, role=body.role.value)
    return service.access.add_user(acting(request), body.name, body.role, body.password)


def _set_role(service: Service, request: Request, body: RoleRequest) -> User:
    note(request, role=body.role.value)
    return service.access.set_role(acting(request), path_text(request, "user"), body.role)


def _create_token(service: Service, request: Request, body: TokenRequest) -> TokenAnswer:
    note(request, target=body.name, role=body.role.value)
    return TokenAnswer(*service.access.create_token(acting(request), body.name, body.role, body.expires_in_s))


def _revoke_token(service: Service, request: Request, _body: None) -> Token:
    number = as_whole("token_id", path_text(request, "token_id"), 1, NUMBER_MAX)
    token = service.access.revoke_token(acting(request), number)
    note(request, target=token.name, token_id=token.id)
    return token


def _audit(service: Service, request: Request, _body: None) -> tuple[AuditEntry, ...]:
    return service.access.audit_entries(limit_of(request), before_seq_of(request))


_ADMIN = Permission.ADMINISTER

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/access/me", "Who I am, and what I may", _me, answer=MeAnswer, is_open=True),
    Operation(
        "POST",
        "/access/login",
        "Log in with name and password: sets the session's cookie",
        _login,
        LoginRequest,
        answer=SessionAnswer,
        headers=(("Set-Cookie", "The session"),),
        is_open=True,
    ),
    Operation(
        "POST",
        "/access/logout",
        "Log out: ends the session, takes its cookie away",
        _logout,
        answer=Done,
        headers=(("Set-Cookie", "Takes the session away"),),
        is_open=True,
    ),
    Operation(
        "POST",
        "/access/password",
        "Change my own password: ends all my sessions and begins a new one",
        _own_password,
        OwnPasswordRequest,
        answer=SessionAnswer,
        headers=(("Set-Cookie", "The new session"),),
        permission=Permission.LOOK,
        action="user password own",
    ),
    Operation(
        "GET",
        "/access/users",
        "People who may log in, at most 1,000",
        lambda s, _r, _b: s.access.users(),
        answer=tuple[User, ...],
        permission=_ADMIN,
    ),
    Operation("POST", "/access/users", "Add somebody", _add_user, UserRequest, 201, answer=User, action="user add"),
    Operation(
        "POST",
        "/access/users/{user}/password",
        "Set somebody's password: all their sessions end",
        lambda s, r, b: s.access.set_password(acting(r), path_text(r, "user"), b.password),
        PasswordRequest,
        answer=User,
        action="user password",
    ),
    Operation(
        "POST",
        "/access/users/{user}/role",
        "Give somebody another role, at once",
        _set_role,
        RoleRequest,
        answer=User,
        action="user role",
    ),
    Operation(
        "POST",
        "/access/users/{user}/unlock",
        "Forget somebody's failed logins: who has to wait for them need not any more",
        lambda s, r, _b: s.access.unlock(acting(r), path_text(r, "user")),
        answer=User,
        action="user unlock",
    ),
    Operation(
        "DELETE",
        "/access/users/{user}",
        "Take somebody away, with all their sessions",
        lambda s, r, _b: s.access.remove_user(acting(r), path_text(r, "user")),
        answer=User,
        action="user remove",
    ),
    Operation(
        "GET",
        "/access/tokens",
        "The 1,000 newest tokens of programs, newest first, without their secrets",
        lambda s, _r, _b: s.access.tokens(),
        answer=tuple[Token, ...],
        permission=_ADMIN,
    ),
    Operation(
        "POST",
        "/access/tokens",
        "Make a token: its secret is in this answer and nowhere else",
        _create_token,
        TokenRequest,
        201,
        answer=TokenAnswer,
        action="token create",
    ),
    Operation(
        "DELETE",
        "/access/tokens/{token_id}",
        "Revoke a token, at once",
        _revoke_token,
        answer=Token,
        action="token revoke",
    ),
    Operation(
        "GET",
        "/access/audit",
        "Who did what, newest first",
        _audit,
        parameters=(LIMIT, BEFORE_SEQ),
        answer=tuple[AuditEntry, ...],
        permission=_ADMIN,
    ),
)
