"""Parameters of a request, and answers from the query threads: cancelled when whoever asked has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.envelope import BadData, failure_of, failure_of_http
from trimtab.app.querying import Querying
from trimtab.model.errors import TrimtabError

FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 1000
BODY_BYTES_MAX = 1024 * 1024
"""A form with a query; long regular expressions of dashboards are tens of kilobytes."""

Cancelled = Callable[[], bool]


class Parameters:
    """Values of the address and of a form, in this order; a name may come several times."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def first(self, name: str) -> str | None:
        """The first value; None where there is none or it is empty."""
        return next(iter(self._values.get(name, ())), None) or None

    def need(self, name: str) -> str:
        """The first value; BadData where there is none."""
        value = self.first(name)
        if value is None:
            raise BadData(f'invalid parameter "{name}": it is missing or empty')
        return value

    def all(self, name: str) -> list[str]:
        """All values, also of `name[]`."""
        return [*self._values.get(f"{name}[]", ()), *self._values.get(name, ())]


Call = Callable[[Parameters, Cancelled], Response]
"""Answers on a query thread."""


async def parameters_of(request: Request) -> Parameters:
    """Of the address, and of the body where that is a form."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST" and request.headers.get("content-type", "").split(";")[0].strip().lower() == FORM:
        body = await request.body()
        try:
            pairs = [*parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX), *pairs]
        except ValueError as error:
            raise BadData(f"error parsing form values: {error}") from error
    return Parameters(pairs)


def route(path: str, querying: Querying, call: Callable[[Request], Call], methods: Sequence[str]) -> Route:
    """A route whose answer is made on a query thread. `call` sees the request only for what is in its path."""

    async def endpoint(request: Request) -> Response:
        return await _guarded(lambda: _answer(request, querying, call(request)))

    return Route(f"/api/v1{path}", endpoint, methods=list(methods))


BodyCall = Callable[[bytes, Parameters, Cancelled], Response]


def body_route(path: str, querying: Querying, call: BodyCall, bytes_max: int) -> Route:
    """A route whose POST has a body that is no form."""

    async def endpoint(request: Request) -> Response:
        async def made() -> Response:
            body = await request.body()
            if len(body) > bytes_max:
                raise BadData(f"a body may have {bytes_max} bytes, this one has {len(body)}")
            return await _answer(request, querying, lambda parameters, cancelled: call(body, parameters, cancelled))

        return await _guarded(made)

    return Route(f"/api/v1{path}", endpoint, methods=["POST"])


async def _guarded(make: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await make()
    except TrimtabError as error:
        return failure_of(error)
    except HTTPException as error:
        return failure_of_http(error)


async def _answer(request: Request, querying: Querying, call: Call) -> Response:
    parameters = await parameters_of(request)
    cancelled = threading.Event()
    answer = asyncio.wrap_future(querying.submit(lambda: call(parameters, cancelled.is_set)))
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            cancelled.set()
            await asyncio.wait((answer,))
            answer.exception()  # nobody hears it
            raise ClientDisconnect
        return answer.result()
    finally:
        cancelled.set()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Returns when the other side has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
