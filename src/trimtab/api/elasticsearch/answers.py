"""What Elasticsearch's clients read: answers, refusals, and the headers by which they know whom they talk to."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trimtab.api.receiving import RETRY_AFTER_S
from trimtab.model.errors import (
    Busy,
    InputError,
    LoginNeeded,
    NotAllowed,
    NotFound,
    SpoolFull,
    StoreError,
    TrimtabError,
)
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import NoRoom

JSON = "application/json"
VENDOR = "application/vnd.elasticsearch+json"
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
"""Official clients refuse to talk to who does not say this."""

_TYPES: Mapping[int, str] = {
    400: "illegal_argument_exception",
    401: "security_exception",
    403: "security_exception",
    404: "resource_not_found_exception",
    406: "media_type_header_exception",
    413: "content_too_long_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}


def answer(request: Request, value: object, status: int = 200) -> Response:
    """An answer; in the vendor's type where the client asked for it."""
    return raw_answer(request, msgspec.json.encode(value), status)


def raw_answer(request: Request, body: bytes, status: int = 200) -> Response:
    """The same for JSON that is ready."""
    return Response(body, status, PRODUCT, media_type(request.headers.get("accept", "")))


def media_type(accept: str) -> str:
    """The type of an answer, by what the client says it takes.

    >>> media_type("application/vnd.elasticsearch+json; compatible-with=9"), media_type("*/*")
    ('application/vnd.elasticsearch+json;compatible-with=9', 'application/json')
    """
    wanted = accept.split(",", 1)[0].replace(" ", "")
    media, _, parameter = wanted.partition(";")
    name, _, number = parameter.partition("=")
    if media != VENDOR or name != "compatible-with" or not number.isdecimal() or len(number) > 3:
        return JSON
    return f"{VENDOR};compatible-with={number}"


def refusal(status: int, reason: str, kind: str = "", retry_after_s: int | None = None) -> Response:
    """An error as Elasticsearch tells it.

    >>> refusal(400, "no such thing").body
    b'{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"no such thing"}],"type":...,"status":400}'
    """
    cause = {"type": kind or _TYPES.get(status, "exception"), "reason": reason}
    body = msgspec.json.encode({"error": {"root_cause": [cause], **cause}, "status": status})
    headers = PRODUCT if retry_after_s is None else {**PRODUCT, "Retry-After": str(retry_after_s)}
    return Response(body, status, headers, JSON)


EXPECTED = (TrimtabError, NoRoom)
"""What taking documents may raise."""


def reason_of(error: Exception) -> str:
    """By which a refused body is counted."""
    if isinstance(error, NoRoom | SpoolFull):
        return "full"
    if isinstance(error, BodyTooLong):
        return "body_too_long"
    return "body_broken" if isinstance(error, InputError) else "store"


def failure_of(error: Exception) -> Response:
    """The refusal that goes with an error. 429 and 503 are to be tried again; at 413 clients send less at a time."""
    if isinstance(error, HTTPException):
        return refusal(error.status_code, error.detail)
    if isinstance(error, NoRoom):
        return refusal(429, str(error), retry_after_s=RETRY_AFTER_S)
    if not isinstance(error, TrimtabError):
        return refusal(500, "internal error")
    if isinstance(error, LoginNeeded):
        return refusal(401, f"{error.message}; as the password of any user, or as an API key")
    if isinstance(error, NotAllowed):
        return refusal(403, error.message)
    if isinstance(error, NotFound):
        return refusal(404, error.message)
    if isinstance(error, BodyTooLong):
        return refusal(413, error.message)
    if isinstance(error, InputError):
        return refusal(400, error.message)
    if isinstance(error, StoreError | Busy):
        return refusal(503, error.message, retry_after_s=RETRY_AFTER_S)
    return refusal(500, error.message)
