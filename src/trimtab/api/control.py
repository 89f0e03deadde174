"""trimtab's own API under /api/trimtab/: one route for each thing a user can do. Thin: parse, service, format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.errors import json_response
from trimtab.app.service import Service
from trimtab.model.errors import InputError

BODY_BYTES_MAX = 100_000
ROWS_MAX = 1000


class WatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/systems: connection strings are references without secrets."""

    dsn: str
    name: str | None = None
    change_dsn: str | None = None


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../reject."""

    by: str
    reason: str | None = None


class ApprovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../approve. `content_hash` binds the approval to the exact change that was seen."""

    by: str
    content_hash: str


class FreezeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/freeze: the kill switch."""

    frozen: bool
    by: str


@dataclass(frozen=True)
class Operation:
    """One route, also a row of the OpenAPI document."""

    method: str
    path: str
    summary: str
    call: Callable[[Service, Request, Any], object]
    body: type | None = None
    status: int = 200


def _whole(request: Request, name: str, default: int | None = None, *, place: str = "path") -> int | None:
    text = request.path_params.get(name) if place == "path" else request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InputError(f"{name} must be a whole number, found {text[:50]!r}", field=name, observed=text[:50])
    return int(text)


def _limit(request: Request) -> int:
    limit = _whole(request, "limit", 100, place="query") or 0
    if not 1 <= limit <= ROWS_MAX:
        raise InputError(f"limit must be from 1 to {ROWS_MAX}, found {limit}", field="limit", limit=ROWS_MAX)
    return limit


def _case_id(request: Request) -> int:
    return _whole(request, "case_id") or 0


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/status", "What runs, what is watched, what is in flight", lambda s, _r, _b: s.status()),
    Operation("GET", "/systems", "Watched systems and what trimtab can see of each", lambda s, _r, _b: s.systems()),
    Operation(
        "POST",
        "/systems",
        "Watch a data system",
        lambda s, _r, b: s.watch_system(b.dsn, b.name, b.change_dsn),
        WatchRequest,
        201,
    ),
    Operation(
        "DELETE",
        "/systems/{system}",
        "Stop watching a system; its cases and ledger stay",
        lambda s, r, _b: s.unwatch_system(str(r.path_params["system"])),
    ),
    Operation(
        "GET",
        "/queries",
        "Query shapes of the last minutes, heaviest first",
        lambda s, r, _b: s.queries(r.query_params.get("system"), _limit(r)),
    ),
    Operation("GET", "/cases", "Cases, newest first", lambda s, r, _b: s.cases(_limit(r))),
    Operation("GET", "/cases/{case_id}", "One case with its change and ledger", lambda s, r, _b: s.case(_case_id(r))),
    Operation(
        "POST",
        "/cases/{case_id}/approve",
        "Approve the proposed change",
        lambda s, r, b: s.approve(_case_id(r), b.by, b.content_hash),
        ApprovalRequest,
    ),
    Operation(
        "POST",
        "/cases/{case_id}/reject",
        "Reject the proposed change",
        lambda s, r, b: s.reject(_case_id(r), b.by, b.reason),
        DecisionRequest,
    ),
    Operation("GET", "/ledger", "Everything that was ever done, newest first", lambda s, r, _b: s.ledger(_limit(r))),
    Operation(
        "POST",
        "/freeze",
        "The kill switch: no new change while frozen",
        lambda s, _r, b: s.freeze(b.frozen, b.by),
        FreezeRequest,
    ),
)


def _endpoint(service: Service, operation: Operation) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = None
        if operation.body is not None:
            body = await _body(request, operation.body)
        answer = await run_in_threadpool(operation.call, service, request, body)
        return json_response(answer, operation.status)

    return endpoint


async def _body(request: Request, kind: type) -> object:
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json":
        raise InputError(f"the body must be application/json, found {media[:50] or 'nothing'!r}", field="content-type")
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES_MAX:
            raise InputError(f"the body is over {BODY_BYTES_MAX} bytes", limit=BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise InputError(f"the body is not right: {error}") from None


def control_routes(service: Service) -> list[Route]:
    """Routes for Starlette, under /api/trimtab."""
    return [
        Route(
            f"/api/trimtab{operation.path.replace('{system}', '{system:path}')}",
            _endpoint(service, operation),
            methods=[operation.method],
        )
        for operation in OPERATIONS
    ]
