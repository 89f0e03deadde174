"""`/logs/download`: what was found, as JSON lines, one record a line as the API has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trimtab.app.log_search.logs import Logs
from trimtab.model.access import Permission
from trimtab.model.errors import StoreError
from trimtab.store.logs.answers import LogPage, LogQuery
from trimtab.web.access import require
from trimtab.web.pages.logs.wish import wish_of

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint

LINES_MAX = 100_000
LINES_A_READ = 2_000
MEDIA = "application/x-ndjson"


def endpoint(service: Service) -> Endpoint:
    """The endpoint; it takes the parameters of the page. More than LINES_MAX lines: the first, and its name says so."""

    async def download(request: Request) -> Response:
        require(request, Permission.LOOK)
        return await run_in_threadpool(_download, service, request)

    return download


def _download(service: Service, request: Request) -> Response:
    within = service.read.range(request.query_params.get("from"), request.query_params.get("to"))
    query = wish_of(request.query_params).query(within, limit=LINES_A_READ)
    first = service.logs.search(query)
    total_count = len(first.records)
    if first.next_cursor is not None:
        total_count = service.logs.histogram(query, 2).total_count
    which = f"{total_count}-lines" if total_count <= LINES_MAX else f"first-{LINES_MAX}-of-{total_count}-lines"
    headers = {
        "Content-Disposition": f'attachment; filename="logs-{within.from_ms}-{within.to_ms}-{which}.jsonl"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(lines(service.logs, query, first), headers=headers, media_type=MEDIA)


async def lines(logs: Logs, query: LogQuery, first: LogPage, lines_max: int = LINES_MAX) -> AsyncIterator[bytes]:
    """Page by page. Where the store stops answering, the last line says so instead of a record."""
    page, left = first, lines_max
    while True:
        if page.missing:
            yield _line({"missing": page.missing})
        yield b"".join(_line(record) for record in page.records[:left])
        left -= len(page.records)
        if page.next_cursor is None or left <= 0:
            return
        asked = replace(query, cursor=page.next_cursor)
        try:
            page = await run_in_threadpool(logs.search, asked)
        except StoreError as error:
            yield _line({"error": error.message})
            return


def _line(content: object) -> bytes:
    return msgspec.json.encode(content) + b"\n"
