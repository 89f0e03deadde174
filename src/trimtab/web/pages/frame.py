"""What all pages share: who looks, the frame around the page, errors as pages, packing on the way out.

A page is one function `(Asked) -> Response`; it runs on a worker thread, so it may read the stores. A page that takes a
form gets its fields in `asked.form`.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trimtab.app.reading.ranges import Range
from trimtab.model.access import Permission, Principal
from trimtab.model.errors import NotFound
from trimtab.web import render
from trimtab.web.access import require
from trimtab.web.forms import FORM_BYTES_MAX, read_form
from trimtab.web.static_files import accepts_gzip
from trimtab.web.view import Message, View, pace_s, steady, view_of

if TYPE_CHECKING:
    from trimtab.app.service import Service

_GZIP_BYTES_MIN = 1_000
_GZIP_LEVEL = 5
FRAME = "frame"
"""The part that every page has: what concerns all of them, such as the kill switch."""
RELEASE = version("trimtab")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page."""

    request: Request
    service: Service
    principal: Principal | None
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def who(self) -> Principal:
        """The visitor; the route's permission made sure that there is one."""
        assert self.principal is not None  # noqa: S101  (checked by require before a page runs)
        return self.principal

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A whole number in the path; NotFound where it is none."""
        value = self.path(name)
        if not value.isascii() or not value.isdigit() or len(value) > 15:
            raise NotFound(f"there is no {name.replace('_', ' ')} {value[:50]!r}", field=name)
        return int(value)

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, default)

    @property
    def within(self) -> Range:
        """The range that the address asks for."""
        return steady(self.service.read.range(self.query("from") or None, self.query("to") or None))

    @property
    def fresh_s(self) -> float:
        """How old the sums of that range may be."""
        return pace_s(self.within)

    @property
    def fragment(self) -> str | None:
        """The block that is asked for alone, or None for the whole page."""
        return self.request.query_params.get("fragment")

    def view(self, nav: str, *, ranged: bool = True, messages: Sequence[Message] = (), path: str | None = None) -> View:
        """The frame."""
        return view_of(
            self.request,
            self.service,
            nav=nav,
            version=RELEASE,
            now_ms=self.service.read.clock.now_ms(),
            ranged=ranged,
            messages=messages,
            path=path,
        )

    def page(
        self,
        template: str,
        nav: str,
        context: Mapping[str, object],
        *,
        fragments: Sequence[str] = (),
        ranged: bool = True,
        status: int = 200,
        messages: Sequence[Message] = (),
        path: str | None = None,
    ) -> Response:
        """The page, or the one of its `fragments` that was asked for. `path`: see `view_of`."""
        fragment = self.fragment
        if fragment == FRAME:
            return render.html(render.page("base.html", self.view(nav, ranged=ranged), {"title": ""}, FRAME))
        if fragment is not None and fragment not in fragments:
            raise NotFound(f"this page has no part {fragment[:50]!r}", field="fragment")
        view = self.view(nav, ranged=ranged, messages=messages, path=path)
        return render.html(render.page(template, view, context, fragment), status)


Page = Callable[[Asked], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def see_other(path: str) -> Response:
    """Where to look after something was done. Only paths of this server."""
    return RedirectResponse(local_path(path), 303)


def local_path(path: str) -> str:
    """The path if it is one of this server, else the first page: an address in a form must not lead elsewhere.

    >>> local_path("/cases/3?x=1"), local_path("//evil.example"), local_path("https://evil.example")
    ('/cases/3?x=1', '/', '/')
    >>> local_path("/" + chr(92) + "evil.example"), local_path("/a" + chr(10) + "b")
    ('/', '/')
    """
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else "/"


def endpoint(
    service: Service,
    page: Page,
    permission: Permission | None,
    form_bytes_max: int = FORM_BYTES_MAX,
    *,
    takes_files: bool = False,
) -> Endpoint:
    """A page as an endpoint for Starlette."""

    async def answer(request: Request) -> Response:
        principal = None if permission is None else require(request, permission)
        is_form = request.method == "POST"
        form = await read_form(request, form_bytes_max, takes_files=takes_files) if is_form else {}
        return await run_in_threadpool(_run, page, Asked(request, service, principal, form))

    return answer


def _run(page: Page, asked: Asked) -> Response:
    """On a worker thread: read, draw, pack."""
    response = page(asked)
    body = bytes(response.body)
    if len(body) >= _GZIP_BYTES_MIN and accepts_gzip(asked.request) and "content-encoding" not in response.headers:
        packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        response.body = packed
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(packed))
        response.headers.add_vary_header("Accept-Encoding")
    return response
