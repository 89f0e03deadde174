"""`_bulk`, `_doc` and `_create`: acknowledged means on disk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trimtab.api.elasticsearch.answers import EXPECTED, PRODUCT, failure_of, media_type, reason_of, refusal
from trimtab.api.elasticsearch.filter_path import ALL, wanted_of
from trimtab.api.elasticsearch.refusals import ItemRefusal
from trimtab.api.elasticsearch.taking import Documents, bulk_answer
from trimtab.api.receiving import media_type as sent_type
from trimtab.api.receiving import on_worker, receive
from trimtab.model.errors import InputError
from trimtab.observe.elasticsearch.bulk import NAME_BYTES_MAX, Action, Bulk, read_bulk
from trimtab.observe.room import Claim, Room
from trimtab.observe.unpacking import Unpacker, pieces
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.contract import LogStore

BULK_TYPES = frozenset(
    {
        "application/x-ndjson",
        "application/json",
        "application/vnd.elasticsearch+json",
        "application/vnd.elasticsearch+x-ndjson",
    }
)
DOCUMENT_TYPES = frozenset({"application/json", "application/vnd.elasticsearch+json"})

Endpoint = Callable[[Request], Awaitable[Response]]
_A_RECORD_FACTOR = 2
"""What the records of a body take beside it, about."""


class Writing:
    """The endpoints."""

    def __init__(self, logs: LogStore, limits: TelemetryLimits, room: Room) -> None:
        self._logs, self._limits, self._room = logs, limits, room
        self._documents = Documents(logs, limits)

    async def bulk(self, request: Request) -> Response:
        """`POST /_bulk`, `PUT /{index}/_bulk`."""
        began_s = time.perf_counter()
        query = request.query_params

        def work(body: bytearray) -> Response:
            bulk = read_bulk(
                body,
                request.path_params.get("index", ""),
                query.get("pipeline", ""),
                actions_max=self._limits.message_spans_max,
            )
            outcomes = self._documents.take(body, bulk)
            made = bulk_answer(bulk.actions, outcomes, wanted_of(query.get("filter_path", "")), began_s)
            return self._answer(request, made, 200)

        return await self._taken(request, BULK_TYPES, work)

    async def document(self, request: Request) -> Response:
        """`POST /{index}/_doc`, `PUT /{index}/_create/{id}`, …: one document; a bulk of one."""
        index, document_id = request.path_params["index"], request.path_params.get("id", "")
        is_create = "/_create" in request.url.path or request.query_params.get("op_type") == "create"
        action = Action(
            "create" if is_create else "index", index, document_id, request.query_params.get("pipeline", "")
        )

        def work(body: bytearray) -> Response:
            if len(index.encode()) > NAME_BYTES_MAX:
                raise InputError(f"the name of an index may have {NAME_BYTES_MAX} bytes", limit=NAME_BYTES_MAX)
            if not body.strip():
                raise InputError("request body is required")
            [outcome] = self._documents.take(body, Bulk([action], [0], [len(body)]))
            if isinstance(outcome, ItemRefusal):
                return refusal(outcome.status, outcome.reason, outcome.kind)
            [item] = msgspec.json.decode(bulk_answer([action], [outcome], ALL, 0.0))["items"]
            told = item[action.operation]
            return self._answer(request, msgspec.json.encode(told), told.pop("status"))

        return await self._taken(request, DOCUMENT_TYPES, work)

    async def _taken(self, request: Request, types: frozenset[str], work: Callable[[bytearray], Response]) -> Response:
        """Read a body within limits, and do the work elsewhere."""
        kind = sent_type(request)
        if kind not in types:
            return refusal(406, f"Content-Type header [{kind[:100]}] is not supported", "media_type_header_exception")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        try:
            with Claim(self._room) as claim:
                body = await receive(request, claim, self._limits.message_bytes_max)
                return await on_worker(partial(self._unpacked, body, encoding, claim, work))
        except EXPECTED as error:
            self._logs.refuse_body(reason_of(error))
            return failure_of(error)
        except ClientDisconnect:
            return Response(status_code=400)

    def _unpacked(self, body: bytes, encoding: str, claim: Claim, work: Callable[[bytearray], Response]) -> Response:
        """On a worker thread."""
        if encoding in {"", "identity"}:
            plain = bytearray(body)
        else:
            unpacker = Unpacker(encoding, self._limits.message_bytes_max)
            for piece in pieces(body):
                claim.grow_to(len(body) + unpacker.feed(piece))
            plain = unpacker.finish()
        claim.grow_by(_A_RECORD_FACTOR * len(plain))
        return work(plain)

    @staticmethod
    def _answer(request: Request, body: bytes, status: int) -> Response:
        return Response(body, status, PRODUCT, media_type(request.headers.get("accept", "")))
