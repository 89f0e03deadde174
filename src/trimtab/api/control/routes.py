"""From operations to Starlette's routes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.control.operation import Answer, Operation, route_path
from trimtab.api.control.parameters import check_names
from trimtab.api.errors import json_response
from trimtab.app.service import Service
from trimtab.model.errors import InputError

_PLACE = re.compile(r" - at `\$\.([^`]+)`$")
_NAMED = re.compile(r"(?:unknown|missing required) field `([^`]+)`")


def routes_of(service: Service, operations: Iterable[Operation]) -> list[Route]:
    """A route for each operation, under /api/trimtab."""
    return [
        Route(
            route_path(operation.path),
            _endpoint(service, operation),
            methods=[operation.method],
        )
        for operation in operations
    ]


def _endpoint(service: Service, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        check_names(request, operation.parameters)
        body = None
        if operation.body is not None:
            body = await _body(request, operation.body, operation.body_bytes_max)
        return await run_in_threadpool(_answer, service, operation, request, body)

    return endpoint


def _answer(service: Service, operation: Operation, request: Request, body: object) -> Response:
    """Asked and encoded in a thread: a long answer must not hold up the others."""
    answer = operation.call(service, request, body)
    if not isinstance(answer, Answer):
        return json_response(answer, operation.status)
    response = json_response(answer.value, operation.status)
    response.headers.update(answer.headers)
    return response


async def _body(request: Request, kind: type, bytes_max: int) -> object:
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json":
        raise InputError(f"the body must be application/json, found {media[:50] or 'nothing'!r}", field="content-type")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > bytes_max:
            raise InputError(f"the body is over {bytes_max} bytes", limit=bytes_max)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise InputError(f"the body is not right: {error}", **_field(str(error))) from None


def _field(said: str) -> dict[str, str]:
    """Which field the decoder means.

    >>> _field("Object contains unknown field `foo`"), _field("Expected `bool`, got `str` - at `$.frozen`")
    ({'field': 'foo'}, {'field': 'frozen'})
    >>> _field("Object contains unknown field `b` - at `$.a`"), _field("Input data was truncated")
    ({'field': 'a.b'}, {})
    """
    place = _PLACE.search(said)
    named = _NAMED.search(said)
    parts = [part for part in (place and place[1], named and named[1]) if part]
    return {"field": ".".join(parts)} if parts else {}
