"""What is said where HTTP itself finds nothing: no such path, or not by that method; with what there is."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

SHOWN_CHARS = 200


def told(error: HTTPException, scope: Scope, routes: Iterable[BaseRoute]) -> HTTPException:
    """The same error with words that help, and with every method that the path has in Allow."""
    path = str(scope["path"])[:SHOWN_CHARS]
    if error.status_code == 404 and error.detail == "Not Found":
        return HTTPException(404, f"there is no {path}: /api/trimtab/openapi.json lists what there is", error.headers)
    if error.status_code == 405:
        allowed = ", ".join(_methods(scope, routes))
        headers = {**(error.headers or {}), "Allow": allowed}
        return HTTPException(
            405, f"{path} does not take {str(scope['method'])[:SHOWN_CHARS]}: it takes {allowed}", headers
        )
    return error


def _methods(scope: Scope, routes: Iterable[BaseRoute]) -> list[str]:
    """What a path takes, over all routes that have it."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)
