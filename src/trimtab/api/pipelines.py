"""Runs of pipelines that others tell of: OpenLineage's events and dbt's results. Acknowledged means on disk.

`POST /api/v1/lineage` is the path of OpenLineage's own clients (Marquez has it); Prometheus' API has none of that name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.errors import json_response
from trimtab.api.receiving import RETRY_AFTER_S, media_type, on_worker, receive
from trimtab.app.business.answers.pipelines import run_row
from trimtab.app.business.keeper import Business
from trimtab.app.doors import Door
from trimtab.model.access import Permission
from trimtab.model.errors import InputError, StoreError
from trimtab.model.pipelines import NAME_CHARS_MAX, PipelineRun
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.pipelines import dbt, openlineage
from trimtab.observe.room import Claim, NoRoom, Room
from trimtab.observe.unpacking import Unpacker, pieces

LINEAGE_PATH = "/api/v1/lineage"
DBT_PATH = "/api/trimtab/pipelines/dbt"
LINEAGE_BYTES_MAX = 16 * 1024 * 1024
ROOM_BYTES = 128 * 1024 * 1024
DOORS: tuple[Door, ...] = tuple(
    Door(path, ("POST",), Permission.INGEST, body_bytes_max=None) for path in (LINEAGE_PATH, DBT_PATH)
)
Reader = Callable[[bytes, Request], list[PipelineRun]]


def pipeline_routes(business: Business) -> Sequence[Route]:
    """Both."""
    room = Room(ROOM_BYTES)
    return (
        Route(LINEAGE_PATH, _endpoint(business, room, _lineage, LINEAGE_BYTES_MAX), methods=["POST"]),
        Route(DBT_PATH, _endpoint(business, room, _dbt, dbt.BYTES_MAX), methods=["POST"]),
    )


def _lineage(body: bytes, _request: Request) -> list[PipelineRun]:
    return openlineage.runs_of(body)


def _dbt(body: bytes, request: Request) -> list[PipelineRun]:
    name = request.query_params.get("pipeline", "")
    if len(name) > NAME_CHARS_MAX:
        raise InputError(f"pipeline has at most {NAME_CHARS_MAX} characters, found {len(name)}", field="pipeline")
    return [dbt.run_of(body, name)]


def _endpoint(business: Business, room: Room, read: Reader, bytes_max: int) -> Callable[[Request], Awaitable[Response]]:
    def take(body: bytes, encoding: str, request: Request, claim: Claim) -> list[PipelineRun]:
        if encoding not in ("", "identity"):
            unpacker = Unpacker(encoding, bytes_max)
            for piece in pieces(body):
                claim.grow_to(len(body) + unpacker.feed(piece))
            body = bytes(unpacker.finish())
        runs = read(body, request)
        business.pipelining.keep(runs)
        return runs

    async def endpoint(request: Request) -> Response:
        if media_type(request) != "application/json":
            return _refused(415, "content-type must be application/json")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        with Claim(room) as claim:
            try:
                body = await receive(request, claim, bytes_max)
                runs = await on_worker(lambda: take(body, encoding, request, claim))
            except (NoRoom, StoreError) as error:
                answer = _refused(503, str(error))
                answer.headers["Retry-After"] = str(RETRY_AFTER_S)
                return answer
            except BodyTooLong as error:
                return _refused(413, error.message)
            except InputError as error:
                return _refused(400, error.message)
            except ClientDisconnect:
                return Response(status_code=400)
        return json_response({"runs": [run_row(run) for run in runs]}, 201)

    return endpoint


def _refused(status: int, message: str) -> Response:
    return json_response({"error": {"kind": "InputError", "message": message, "facts": {}}}, status)
