"""Errors as JSON: one shape for all of them, facts included, secrets never (errors do not hold any)."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trimtab.model.errors import (
    ActError,
    ConflictError,
    InputError,
    MissingError,
    NotFound,
    SpoolFull,
    StoreError,
    TrimtabError,
)

STATUS: tuple[tuple[type[TrimtabError], int], ...] = (
    (NotFound, 404),
    (InputError, 400),
    (MissingError, 424),
    (SpoolFull, 429),
    (StoreError, 503),
    (ConflictError, 409),
    (ActError, 409),
)
"""HTTP status by kind of error; the first that fits counts."""


def status_of(error: TrimtabError) -> int:
    """The HTTP status of an error.

    >>> status_of(NotFound("no case 7")), status_of(StoreError("disk full"))
    (404, 503)
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer; dataclasses become objects."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def error_response(error: TrimtabError) -> Response:
    """The answer to a request that failed on purpose."""
    body = {"error": {"kind": type(error).__name__, "message": error.message, "facts": _plain(error.facts)}}
    headers = {"Retry-After": "1"} if isinstance(error, SpoolFull) else None
    return Response(msgspec.json.encode(body), status_of(error), headers, "application/json")


async def handle(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for TrimtabError."""
    if not isinstance(error, TrimtabError):
        raise error
    return error_response(error)


async def handle_http(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for its own errors (no such route, wrong method), in the same shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else "internal error"
    return json_response({"error": {"kind": "HTTPException", "message": message, "facts": {}}}, status)


def _plain(facts: dict[str, object]) -> dict[str, object]:
    return {k: v if isinstance(v, str | int | float | bool | None) else str(v) for k, v in facts.items()}
