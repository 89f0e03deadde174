"""What every answer of the Prometheus API is wrapped in, and which status goes with which kind of error."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trimtab.api.prometheus.long_body import body_of
from trimtab.model.errors import Busy, InputError, LoginNeeded, NotAllowed, NotFound, StoreError, TrimtabError

JSON = "application/json"
TEXTS_MAX = 10
"""Warnings and infos in one answer, as in Prometheus."""


class BadData(InputError):
    """A parameter is missing or wrong."""


def success(
    data: bytes | Sequence[bytes | memoryview],
    warnings: Sequence[str] = (),
    infos: Sequence[str] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """`data` is JSON already.

    >>> success(b"[]", infos=["it is late"]).body
    b'{"status":"success","data":[],"infos":["it is late"]}'
    """
    told = b"".join(
        b',"%s":%s' % (name, msgspec.json.encode(_shortened(texts)))
        for name, texts in ((b"warnings", warnings), (b"infos", infos))
        if texts
    )
    parts = [data] if isinstance(data, bytes) else data
    return body_of([b'{"status":"success","data":', *parts, told + b"}"], headers)


def failure(status: int, kind: str, message: str, retry_after_s: int | None = None) -> Response:
    """An error in Prometheus' words.

    >>> failure(400, "bad_data", "no query").body
    b'{"status":"error","errorType":"bad_data","error":"no query"}'
    """
    body = msgspec.json.encode({"status": "error", "errorType": kind, "error": message})
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(body, status, headers, JSON)


def failure_of(error: TrimtabError) -> Response:
    """The answer to an error; queries' own kinds are told apart by `facts["error_type"]`."""
    kind = str(error.facts.get("error_type", ""))
    if kind in _STATUS_OF_KIND:
        return failure(_STATUS_OF_KIND[kind], kind, error.message)
    if isinstance(error, NotFound):
        return failure(404, "not_found", error.message)
    if isinstance(error, InputError):
        return failure(400, "bad_data", error.message)
    if isinstance(error, LoginNeeded | NotAllowed):
        return failure(401 if isinstance(error, LoginNeeded) else 403, "unauthorized", error.message)
    if isinstance(error, Busy):
        return failure(503, "unavailable", error.message, retry_after_s=1)
    if isinstance(error, StoreError):
        return failure(503, "unavailable", error.message)
    return failure(500, "internal", error.message)


def failure_of_http(error: Exception) -> Response:
    """The answer to a request that HTTP itself is against, or to a fault of ours."""
    if not isinstance(error, HTTPException):
        return failure(500, "internal", "internal error")
    kind = {404: "not_found", 406: "not_acceptable", 500: "internal", 503: "unavailable"}.get(error.status_code)
    return failure(error.status_code, kind or "bad_data", error.detail)


_STATUS_OF_KIND = {"bad_data": 400, "execution": 422, "canceled": 503, "timeout": 503, "not_found": 404}


def _shortened(texts: Sequence[str]) -> list[str]:
    shown = list(texts[:TEXTS_MAX])
    if len(texts) > TEXTS_MAX:
        shown.append(f"{len(texts) - TEXTS_MAX} more were left out")
    return shown
