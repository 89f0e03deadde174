"""The guard around the whole application: no request reaches a route, and no answer leaves, but through here.

In this order: the names (`hosts`), who it is, whether they may, the body within its limits, the proof that their own
page sent it (CSRF); then the application; then the audit, and the headers of the answer.

What it leaves for the application in the scope: `trimtab.principal` (None: nobody), `trimtab.csrf` (what this
visitor's forms must carry), `trimtab.address`, and `trimtab.audit`, a dictionary for details of what was done: `target`
says to what, `by` in whose name, `action` what it was where a route does several things, `failed` why it did not work
although the answer looks well.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, quote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from trimtab.api.actor import actor_of
from trimtab.api.answer_headers import protected
from trimtab.api.bodies import BodyTimes, again, read_body, within
from trimtab.api.door_table import DoorTable
from trimtab.api.elasticsearch.credentials import token_of
from trimtab.api.errors import handle_any
from trimtab.api.hosts import SAFE_METHODS, Names, refused_because
from trimtab.api.own import ROUTE
from trimtab.app.access import Access
from trimtab.app.cookies import SESSION, VISIT, read_cookie, set_cookie
from trimtab.app.csrf import csrf_fits, csrf_token
from trimtab.app.doors import Door
from trimtab.app.form_parts import MEDIA, parts_of
from trimtab.model.access import LOOPBACK_PRINCIPAL, How, Outcome, Permission, Principal
from trimtab.model.errors import InputError, LoginNeeded, NotAllowed, TrimtabError

HEADER_BYTES_MAX = 32 * 1024
VISIT_S = 3600
STREAM_CHECK_S = 15.0
"""How often somebody who holds a stream open is looked up again."""

LOGIN_PATH = "/login"
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "x-csrf-token"
_SIGNS = frozenset({b"origin", b"cookie", b"referer", b"sec-fetch-site"})
_FORMS = frozenset({"application/x-www-form-urlencoded", MEDIA})

log = structlog.get_logger()

Handler = Callable[[Request, Exception], Awaitable[Response]]
"""Draws an error as an answer, like Starlette's exception handlers."""


@dataclass(slots=True)
class Visit:
    """One request on its way through the guard."""

    door: Door
    path_params: dict[str, object]
    headers: Headers
    address: str
    secure: bool
    principal: Principal | None = None
    csrf_secret: str = ""
    new_visit: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


class StreamOver(Exception):
    """Whoever held this stream may not any more."""


class AccessGuard:
    """The outermost ASGI application. `on_page_error` draws refusals of pages; without it they are JSON."""

    def __init__(
        self,
        app: Starlette,
        access: Access,
        doors: Iterable[Door],
        *,
        allowed_hosts: Iterable[str] = (),
        on_page_error: Handler | None = None,
        times: BodyTimes | None = None,
    ) -> None:
        self.app = app
        self.table = DoorTable(app.routes, doors)
        self._access = access
        self._names = Names(frozenset(name.lower() for name in allowed_hosts), access.login_needed)
        self._on_page_error = on_page_error
        self._times = times or BodyTimes()
        self._secret = secrets.token_bytes(32)
        self._loopback_csrf = self._derived("loopback")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        found = self.table.find(scope)
        door = found.door
        if door.methods:
            scope[ROUTE] = door.path
        client = scope.get("client")
        visit = Visit(
            door, dict(found.parameters), headers, str(client[0]) if client else "", scope.get("scheme") == "https"
        )
        answer = _Answer(self, visit, scope, send)
        try:
            await self._go(visit, scope, receive, answer, found.route)
        except (ClientDisconnect, StreamOver):
            return
        except (TrimtabError, HTTPException) as error:
            await self._refuse(visit, Request(scope, receive), answer, error)
        except Exception as error:
            log.exception("request_broke", path=scope["path"], method=scope["method"])
            await self._refuse(visit, Request(scope, receive), answer, error)

    async def _go(self, visit: Visit, scope: Scope, receive: Receive, answer: _Answer, route: BaseRoute | None) -> None:
        _check_size(scope, visit)
        reason = refused_because(scope, visit.headers, self._names)
        if reason is not None:
            raise NotAllowed(reason)
        await self._recognize(visit)
        scope["trimtab.principal"] = visit.principal
        if visit.door.permission is not Permission.INGEST:  # nothing that draws a form is behind it
            scope["trimtab.csrf"] = csrf_token(visit.csrf_secret)
        scope["trimtab.address"] = visit.address
        scope["trimtab.audit"] = visit.detail
        self._check_permission(visit)
        inner = await self._body_and_proof(visit, scope, receive)
        if visit.door.permission is Permission.INGEST and route is not None:
            scope["path_params"] = visit.path_params
            await route.handle(scope, inner, answer)  # what comes all the time is not searched for twice
        else:
            await self.app(scope, inner, answer)

    # --- who

    async def _recognize(self, visit: Visit, *, touch: bool = True) -> None:
        """Set principal and CSRF token. A token that was sent counts, and must be right; then the cookie."""
        sent = visit.headers.getlist("authorization")
        if sent:
            scheme, _, credentials = sent[0].partition(" ")
            token = token_of(scheme, credentials, visit.door.path) if len(sent) == 1 else None
            found = None
            if token is not None:
                found = await run_in_threadpool(self._access.principal_of_token, token, visit.address)
            if found is None:
                raise LoginNeeded("the token is unknown, revoked or over (Authorization: Bearer TOKEN)")
            visit.principal = self._named(found, visit) if found.name == LOOPBACK_PRINCIPAL.name else found
        elif not self._access.login_needed:
            visit.principal, visit.csrf_secret = self._named(LOOPBACK_PRINCIPAL, visit), self._loopback_csrf
        else:
            await self._recognize_cookie(visit, touch)

    def _named(self, local: Principal, visit: Visit) -> Principal:
        """Who needs no login (on loopback, or with the token in the data directory) goes by the name that they give."""
        name = actor_of(visit.headers)
        return local if name is None else replace(local, name=name)

    async def _recognize_cookie(self, visit: Visit, touch: bool) -> None:
        cookies = "; ".join(visit.headers.getlist("cookie"))
        cookie = read_cookie(cookies, SESSION, secure=visit.secure)
        session = None if cookie is None else await run_in_threadpool(self._access.session_of, cookie, touch=touch)
        if session is not None:
            visit.principal = Principal(session.user, session.role, How.SESSION, session.id)
            visit.csrf_secret = session.csrf
            return
        known = read_cookie(cookies, VISIT, secure=visit.secure)
        visit.new_visit = None if known else secrets.token_urlsafe(24)
        visit.csrf_secret = self._derived(f"visit {known or visit.new_visit}")

    def _derived(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()

    def _check_permission(self, visit: Visit) -> None:
        needed = visit.door.permission
        if needed is None:
            return
        if visit.principal is None:
            raise LoginNeeded("a login is needed")
        if not visit.principal.may(needed):
            raise NotAllowed(
                f"{visit.principal.name} has the role {visit.principal.role}, which may not {needed}",
                permission=needed.value,
            )

    async def still_allowed(self, visit: Visit) -> bool:
        """Whether somebody who holds a stream open is still known, and still may."""
        anew = replace(visit, principal=None)
        try:
            await self._recognize(anew, touch=False)
            self._check_permission(anew)
        except TrimtabError:
            return False
        return True

    # --- what they send

    async def _body_and_proof(self, visit: Visit, scope: Scope, receive: Receive) -> Receive:
        """The body within its limits, and the proof that a page of ours sent it, where it came from a browser."""
        if scope["method"] in SAFE_METHODS:
            return receive
        proof = visit.headers.get(CSRF_HEADER, "")
        wanted = _needs_proof(visit) and not visit.door.only_reads
        media = visit.headers.get("content-type", "").split(";")[0].strip().lower()
        limit = visit.door.body_bytes_max
        if limit is None:
            inner = within(receive, self._times)
        else:
            length = visit.headers.get("content-length", "0")
            if length.isdecimal() and (len(length) > 12 or int(length) > limit):
                raise HTTPException(413, f"a body may have {limit} bytes", {"Connection": "close"})
            body = await read_body(receive, limit, self._times)
            inner = again(body, receive)
            if wanted and not proof and media == "application/x-www-form-urlencoded":
                proof = _field(body)
            elif wanted and not proof and media == MEDIA:
                proof = _part(visit.headers.get("content-type", ""), body)
        if wanted and not csrf_fits(proof, visit.csrf_secret):
            raise NotAllowed(
                "the request carries no CSRF token, or an old one: load the page again "
                f"(programs: send a token in Authorization, or {CSRF_HEADER} with the cookie)"
            )
        return inner

    # --- how it ends

    async def _refuse(self, visit: Visit, request: Request, answer: _Answer, error: Exception) -> None:
        """Answer with a refusal: JSON, a page, or the way to the login."""
        if answer.started:
            return
        visit.detail.setdefault("why", _reason(error))
        response = await handle_any(request, error)
        if isinstance(error, LoginNeeded) and visit.door.is_page:
            response = _to_login(request, response)
        elif visit.door.is_page and self._on_page_error is not None:
            drawn = await self._on_page_error(request, error)
            drawn.headers.update({k: v for k, v in response.headers.items() if k in {"retry-after", "connection"}})
            response = drawn
        await response(request.scope, request.receive, answer)

    async def finish(self, visit: Visit, method: str, status: int) -> None:
        """Before the answer leaves: what was done, or refused, goes into the audit."""
        principal, action = visit.principal, visit.door.action
        if principal is None or action is None or method in SAFE_METHODS:
            return
        detail = dict(visit.detail)
        action = str(detail.pop("action", action))
        by = str(detail.pop("by", principal.name))
        target = str(detail.pop("target", " ".join(str(value) for value in visit.path_params.values())))
        how = principal.how.value
        if status in {401, 403, 413, 429}:
            write = self._access.audit_refusal
            await run_in_threadpool(write, by, action, target, detail, how=how, address=visit.address)
            return
        failed = detail.pop("failed", None)
        if failed is not None:
            detail["why"] = failed
        outcome = Outcome.DONE if status < 400 and failed is None else Outcome.FAILED
        await run_in_threadpool(
            self._access.audit, by, action, target, detail, how=how, address=visit.address, outcome=outcome
        )


class _Answer:
    """The way out: protective headers, the audit, and an end for streams of those who may not any more."""

    def __init__(self, guard: AccessGuard, visit: Visit, scope: Scope, send: Send) -> None:
        self._guard = guard
        self._visit = visit
        self._scope = scope
        self._send = send
        self._checked_s = time.monotonic()
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(raw=protected(message.get("headers", ())))
            if self._visit.new_visit and self._scope["path"] == LOGIN_PATH:
                cookie = set_cookie(VISIT, self._visit.new_visit, secure=self._visit.secure, max_age_s=VISIT_S)
                headers.append("Set-Cookie", cookie)
            message = {**message, "headers": headers.raw}
            try:
                await self._guard.finish(self._visit, self._scope["method"], message["status"])
            except TrimtabError:  # what was done is done: the answer tells so all the same
                log.exception("audit_failed", action=self._visit.door.action)
        elif message.get("more_body") and time.monotonic() - self._checked_s > STREAM_CHECK_S:
            self._checked_s = time.monotonic()
            if not await self._guard.still_allowed(self._visit):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                raise StreamOver
        await self._send(message)


def _check_size(scope: Scope, visit: Visit) -> None:
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    if target > visit.door.target_bytes_max:
        raise HTTPException(414, f"an address may have {visit.door.target_bytes_max} bytes, this one has {target}")
    size = sum(len(name) + len(value) + 4 for name, value in visit.headers.raw)
    if size > HEADER_BYTES_MAX:
        raise HTTPException(431, f"headers may have {HEADER_BYTES_MAX} bytes, these have {size}")


def _needs_proof(visit: Visit) -> bool:
    """Whether a browser may be behind it. A page of another site can make a browser send our cookie or a form, but
    neither an Authorization header nor a JSON body without an Origin."""
    if visit.principal is not None and visit.principal.how is How.TOKEN:
        return False
    if visit.door.is_page or any(name in _SIGNS for name, _ in visit.headers.raw):
        return True
    return visit.headers.get("content-type", "").split(";")[0].strip().lower() in _FORMS


def _reason(error: Exception) -> str:
    """Why, for the audit. Messages of foreign errors may hold what is nobody's business."""
    if isinstance(error, TrimtabError):
        return error.message
    return error.detail if isinstance(error, HTTPException) else f"internal error: {type(error).__name__}"


def _field(body: bytes) -> str:
    """The token in a form; nothing where it is there twice or cannot be read."""
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=200).get(CSRF_FIELD, [])
    except ValueError:
        return ""
    return values[0] if len(values) == 1 else ""


def _part(content_type: str, body: bytes) -> str:
    """The same of a form with files."""
    try:
        return parts_of(content_type, body).get(CSRF_FIELD, b"").decode("ascii")
    except (InputError, ValueError):
        return ""


def _login_for(address: str) -> str:
    """The way to the login and then to that page, wherever it says that it is: only its path counts.

    >>> _login_for("https://evil.example/cases?q=a"), _login_for(""), _login_for("http://[")
    ('/login?next=%2Fcases%3Fq%3Da', '/login', '/login')
    """
    try:
        page = urlsplit(address)
    except ValueError:
        return LOGIN_PATH
    if not page.path:
        return LOGIN_PATH
    after = f"{page.path}?{page.query}" if page.query else page.path
    return f"{LOGIN_PATH}?next={quote(after, safe='')}"


def _to_login(request: Request, response: Response) -> Response:
    """The way to the login, and back afterwards; for scripts only the fact."""
    if request.headers.get("hx-request") == "true":  # a part of a page: back to the page that it is of
        response.headers["HX-Redirect"] = _login_for(request.headers.get("hx-current-url", ""))
        return response
    address = _login_for(str(request.url)) if request.method == "GET" else LOGIN_PATH
    wants_page = "text/html" in request.headers.get("accept", "text/html")
    return RedirectResponse(address, 303) if wants_page else response
