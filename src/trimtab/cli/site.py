"""The whole application: the API and the pages, which do not know each other, behind one guard."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.api.asgi import Pages, make_app
from trimtab.api.bodies import BodyTimes
from trimtab.api.errors import handle_any
from trimtab.api.guard import AccessGuard
from trimtab.app.service import Service
from trimtab.web.errors import page_errors
from trimtab.web.routes import PAGES, web_routes


def make_site(service: Service, allowed_hosts: Iterable[str] = (), *, times: BodyTimes | None = None) -> AccessGuard:
    """The ASGI application over one service, with pages."""
    pages = Pages(web_routes(service), PAGES, page_errors(service, handle_any))
    return make_app(service, pages, allowed_hosts=allowed_hosts, times=times)
