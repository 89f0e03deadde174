"""A request's way: its parameters, a query thread, and an answer or a refusal in Jaeger's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.jaeger.envelope import PREFIX, failure_of
from trimtab.api.jaeger.words import Malformed
from trimtab.app.querying import Querying
from trimtab.model.errors import TrimtabError

VALUES_MAX = 1_000
"""Parameters of one request."""


class Asked:
    """The parameters of a request. Where a name may be written in several ways, the first that is there counts."""

    def __init__(self, request: Request) -> None:
        pairs = request.query_params.multi_items()
        if len(pairs) > VALUES_MAX:
            raise Malformed(f"a request may have {VALUES_MAX} parameters, found {len(pairs)}", limit=VALUES_MAX)
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        self.path = {name: str(value) for name, value in request.path_params.items()}

    def named(self, *names: str) -> tuple[str, str]:
        """The value, and the name that it was given by; an empty value where there is none."""
        for name in names:
            value = next(iter(self._values.get(name, ())), "")
            if value:
                return value, name
        return "", names[0]

    def first(self, *names: str) -> str:
        """The value; '' where there is none."""
        return self.named(*names)[0]

    def all(self, name: str) -> list[str]:
        """All values of a name."""
        return self._values.get(name, [])

    def flag(self, *names: str) -> bool:
        """A truth value as Go reads it."""
        text, name = self.named(*names)
        if text in ("1", "t", "T", "TRUE", "true", "True"):
            return True
        if text in ("", "0", "f", "F", "FALSE", "false", "False"):
            return False
        raise Malformed(f'malformed parameter {name}: "{text[:50]}" is neither true nor false', field=name)


Call = Callable[[Asked], Response]
"""Answers on a query thread."""


def route(path: str, querying: Querying, call: Call) -> Route:
    """A route under /jaeger/api whose answer is made on a query thread: the loop only sends it."""

    async def endpoint(request: Request) -> Response:
        try:
            asked = Asked(request)
            return await asyncio.wrap_future(querying.submit(lambda: call(asked)))
        except (TrimtabError, HTTPException) as error:
            return failure_of(request.url.path, error)

    return Route(f"{PREFIX}{path}", endpoint, methods=["GET"])
