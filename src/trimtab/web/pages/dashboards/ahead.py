"""`/dashboards/{uid}/ahead`: forecasts for panels, a line of JSON for each as soon as it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trimtab.app.dashboards.foreseeing import panel_foreseen
from trimtab.app.dashboards.layout import DrawnPanel
from trimtab.app.reading.ranges import Range
from trimtab.model.access import Permission
from trimtab.model.errors import TrimtabError
from trimtab.web.access import require
from trimtab.web.ahead import foreseen_json, past_of
from trimtab.web.pages.dashboards.data import MEDIA, streamed
from trimtab.web.pages.dashboards.wish import panels_of, wanted_of
from trimtab.web.view import steady

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint


def endpoint(service: Service) -> Endpoint:
    """The endpoint: `panel` (KEY:POINTS, once for each), `from`, `to`, `var-NAME`; `past=1` for forecasts of before."""

    async def ahead(request: Request) -> Response:
        require(request, Permission.LOOK)
        gone = threading.Event()
        lines = await run_in_threadpool(_prepared, service, request, gone.is_set)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(streamed(lines, gone), media_type=MEDIA, headers=headers)

    return ahead


def _prepared(service: Service, request: Request, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    parameters = request.query_params
    within = steady(service.read.range(parameters.get("from"), parameters.get("to")))
    points, with_past = panels_of(parameters), past_of(parameters.get("past"))
    opened = service.dashboards.open(str(request.path_params["uid"]), wanted_of(parameters), within)
    return _lines(service, opened.panels(list(points)), within, points, cancelled, with_past=with_past)


def _lines(
    service: Service,
    panels: list[DrawnPanel],
    within: Range,
    points: dict[str, int],
    cancelled: Callable[[], bool],
    *,
    with_past: bool,
) -> Iterator[bytes]:
    for one in panels:
        if cancelled():
            return
        try:
            found = panel_foreseen(
                service.foreseen,
                service.dashboards.asking,
                one,
                within,
                points[one.key],
                cancelled,
                with_past=with_past,
            )
            told = {"panel": one.key, "lines": foreseen_json(found, "", with_past=with_past), "why": found.why}
        except TrimtabError as error:
            told = {"panel": one.key, "lines": [], "why": error.message}
        yield msgspec.json.encode(told) + b"\n"
    yield msgspec.json.encode({"end": True}) + b"\n"
