"""Errors as JSON: one shape for all of them, facts included, secrets never (errors do not hold any)."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trimtab.api.elasticsearch.answers import failure_of as elasticsearch_failure_of
from trimtab.api.elasticsearch.credentials import PREFIX as ELASTICSEARCH_PATH
from trimtab.api.jaeger.envelope import PREFIX as JAEGER_PATH
from trimtab.api.jaeger.envelope import failure_of as jaeger_failure_of
from trimtab.api.prometheus.envelope import failure_of, failure_of_http
from trimtab.model.errors import (
    ActError,
    Busy,
    ConflictError,
    InputError,
    LoginNeeded,
    MissingError,
    NotAllowed,
    NotFound,
    NotYet,
    SpoolFull,
    StoreError,
    TooManyTries,
    TrimtabError,
)

PROMETHEUS_PATH = "/api/v1/"

STATUS: tuple[tuple[type[TrimtabError], int], ...] = (
    (NotFound, 404),
    (InputError, 400),
    (LoginNeeded, 401),
    (NotAllowed, 403),
    (TooManyTries, 429),
    (MissingError, 424),
    (StoreError, 503),
    (Busy, 503),
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
    headers: dict[str, str] = {}
    if isinstance(error, SpoolFull | TooManyTries | NotYet):
        headers["Retry-After"] = str(error.facts.get("retry_after_s", 1))
    if isinstance(error, LoginNeeded):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), status_of(error), headers, "application/json")


async def handle(request: Request, error: Exception) -> Response:
    """Starlette's exception handler for TrimtabError. The audit gets to know why."""
    if not isinstance(error, TrimtabError):
        raise error
    request.scope.get("trimtab.audit", {}).setdefault("why", error.message)
    return error_response(error)


async def handle_http(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for its own errors (no such route, wrong method), in the same shape."""
    return http_error_response(error if isinstance(error, HTTPException) else HTTPException(500, "internal error"))


async def handle_broken(_request: Request, _error: Exception) -> Response:
    """Starlette's handler for a fault of ours; the guard logs it. What went wrong is not for whoever asked."""
    return http_error_response(HTTPException(500, "internal error"))


async def handle_any(request: Request, error: Exception) -> Response:
    """Whatever it is, as JSON; in the shape of Prometheus, Jaeger or Elasticsearch where a path is theirs."""
    response = await _handle_any(request, error)
    path = request.url.path
    if path.startswith(PROMETHEUS_PATH):
        told = failure_of(error) if isinstance(error, TrimtabError) else failure_of_http(error)
    elif path.startswith(f"{JAEGER_PATH}/"):
        told = jaeger_failure_of(path, error)
    elif path == ELASTICSEARCH_PATH or path.startswith(f"{ELASTICSEARCH_PATH}/"):
        told = elasticsearch_failure_of(error)
    else:
        return response
    told.headers.update({k: v for k, v in response.headers.items() if k not in ("content-length", "content-type")})
    told.status_code = response.status_code
    return told


async def _handle_any(request: Request, error: Exception) -> Response:
    if isinstance(error, TrimtabError):
        return await handle(request, error)
    return await (handle_http if isinstance(error, HTTPException) else handle_broken)(request, error)


def http_error_response(error: HTTPException) -> Response:
    """The answer to a request that HTTP itself is against."""
    response = json_response(
        {"error": {"kind": "HTTPException", "message": error.detail, "facts": {}}}, error.status_code
    )
    response.headers.update(error.headers or {})
    return response


def _plain(facts: dict[str, object]) -> dict[str, object]:
    return {k: v if isinstance(v, str | int | float | bool | None) else str(v) for k, v in facts.items()}
