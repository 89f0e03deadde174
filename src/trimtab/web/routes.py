"""Every route of the page in one table: path, methods, who may, and the function that answers.

The guard of the server reads this table too, and the table of routes by role in the documentation is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from trimtab.model.access import Permission
from trimtab.web.pages import frame
from trimtab.web.render import static_files

if TYPE_CHECKING:
    from trimtab.app.service import Service


@dataclass(frozen=True, slots=True)
class Page:
    """One route. `permission` None: open to everybody."""

    path: str
    methods: tuple[str, ...]
    permission: Permission | None
    answer: frame.Page


PAGES: tuple[Page, ...] = ()


def web_routes(service: Service) -> list[BaseRoute]:
    """Routes for Starlette."""
    made: list[BaseRoute] = [
        Route(page.path, frame.endpoint(service, page.answer, page.permission), methods=list(page.methods))
        for page in PAGES
    ]
    return [Route("/static/{path:path}", static_files().serve, methods=["GET"]), *made]
