"""Errors as pages, for those who look with a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trimtab.model.errors import (
    ActError,
    Busy,
    ConfigError,
    InputError,
    LoginNeeded,
    MissingError,
    NotAllowed,
    NotFound,
    NotYet,
    StoreError,
    TooManyTries,
    TrimtabError,
)
from trimtab.web import render
from trimtab.web.pages.frame import RELEASE
from trimtab.web.view import plain_view

if TYPE_CHECKING:
    from trimtab.app.service import Service

Handler = Callable[[Request, Exception], Awaitable[Response]]

KINDS: tuple[tuple[type[TrimtabError], int, str, str], ...] = (
    (LoginNeeded, 401, "Sign in first", ""),
    (NotAllowed, 403, "Not for you", "Ask an administrator of this trimtab, or load the page again."),
    (TooManyTries, 429, "Too many tries", "Wait a little."),
    (NotFound, 404, "Not found", "It may have been removed, or the address is not right."),
    (ConfigError, 400, "A setting is wrong", ""),
    (InputError, 400, "That cannot be", "Change the address or the form, and try again."),
    (MissingError, 424, "Something is not there", "The rest of trimtab goes on."),
    (NotYet, 503, "It is being set up", "This page looks again by itself."),
    (Busy, 503, "Busy", "Try again in a moment."),
    (StoreError, 503, "The store does not answer", "Nothing is lost: what was accepted is on disk. Try again soon."),
    (ActError, 409, "Not possible now", "Look at it again: it has moved on meanwhile."),
)
"""Status, title and hint by kind of error; the first that fits counts."""
AGAIN_S = 2
"""After so long a page looks again for what is being set up."""


def is_for_people(request: Request) -> bool:
    """Whether the answer should be a page: not under the APIs, and not for a program."""
    path = request.url.path
    if path.startswith(("/api/", "/v1/", "/static/", "/series", "/events", "/healthz")):
        return False
    return "text/html" in request.headers.get("accept", "") or request.headers.get("hx-request") == "true"


def page_errors(service: Service, fallback: Handler) -> Handler:
    """A handler that draws a page for people, and leaves the rest to `fallback`."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, LoginNeeded) and request.method == "GET" and is_for_people(request):
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)
        if not is_for_people(request):
            return await fallback(request, error)
        status, title, hint, message = describe(error)
        again_s = AGAIN_S if isinstance(error, NotYet) else None
        return await run_in_threadpool(error_page, request, service, status, title, message, hint, again_s)

    return handle


def describe(error: Exception) -> tuple[int, str, str, str]:
    """Status, title, hint and message of an error."""
    if isinstance(error, TrimtabError):
        for kind, status, title, hint in KINDS:
            if isinstance(error, kind):
                return status, title, hint, error.message
        return 500, "It did not work", "", error.message
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return 404, "Not found", "There is no page at this address.", "No such page."
        return error.status_code, "Not possible", "", str(error.detail)
    return 500, "A fault of trimtab's own", "It is in trimtab's log.", "Something broke that should not break."


def error_page(
    request: Request, service: Service, status: int, title: str, message: str, hint: str, again_s: int | None
) -> Response:
    """The page for an error; it is asked for again after `again_s`. It reads nothing that could fail in turn."""
    context = {"title": title, "status": status, "message": message, "hint": hint, "again_s": again_s}
    try:
        content = render.page("error.html", plain_view(request, service, RELEASE), context)
    except TrimtabError:
        content = f"<!doctype html><title>{status}</title><h1>{status}</h1>"
    return render.html(content, status)
