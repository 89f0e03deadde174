"""`/dashboards/{uid}/data`: what panels show, a line of JSON for each as soon as it is there.

A panel is lines for a chart, or a piece of the page; one that cannot be had says why, and the others go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
import structlog
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trimtab.app.dashboards.answers import ChartAnswer, PanelAnswer
from trimtab.app.dashboards.asking import Asked
from trimtab.app.dashboards.drawing import drawn
from trimtab.app.reading.ranges import Range
from trimtab.model.access import Permission
from trimtab.model.errors import TrimtabError
from trimtab.web import render
from trimtab.web.access import require
from trimtab.web.pages.dashboards.wish import panels_of, wanted_of
from trimtab.web.series import rounded
from trimtab.web.units import value_text
from trimtab.web.view import steady

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.web.pages.frame import Endpoint

MEDIA = "application/x-ndjson"
log = structlog.get_logger()


def endpoint(service: Service) -> Endpoint:
    """The endpoint: `panel` (KEY:POINTS, once for each), `from`, `to`, `var-NAME`."""

    async def data(request: Request) -> Response:
        require(request, Permission.LOOK)
        made = await run_in_threadpool(_prepared, service, request)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(streamed(*made), media_type=MEDIA, headers=headers)

    return data


def _prepared(service: Service, request: Request) -> tuple[Iterator[bytes], threading.Event]:
    parameters = request.query_params
    within = steady(service.read.range(parameters.get("from"), parameters.get("to")))
    points = panels_of(parameters)
    opened = service.dashboards.open(str(request.path_params["uid"]), wanted_of(parameters), within)
    panels = opened.panels(list(points))
    gone = threading.Event()
    marks = msgspec.to_builtins(service.read.marks(within)) if panels else []
    answers = service.dashboards.asking.answers(panels, within, points, gone.is_set)
    missing = [key for key in points if key not in {one.key for one in panels}]
    return _encoded(answers, missing, within, marks), gone


async def streamed(made: Iterator[bytes], gone: threading.Event) -> AsyncIterator[bytes]:
    """Told to stop when the visitor has left."""
    try:
        async for line in iterate_in_threadpool(made):
            yield line
    except asyncio.CancelledError:
        gone.set()
        raise
    finally:
        gone.set()


def _encoded(answers: Iterator[Asked], missing: list[str], within: Range, marks: object) -> Iterator[bytes]:
    for key in missing:
        yield _line({"panel": key, "trouble": "this panel is not there any more: load the page again"})
    for asked in answers:
        try:
            yield _line(panel_json(drawn(asked), asked, marks))
        except TrimtabError as error:
            yield _line({"panel": asked.drawn.key, "trouble": error.message})
        except (ValueError, TypeError, KeyError, IndexError) as error:
            log.exception("panel_failed", panel=asked.drawn.key)
            said = f"trimtab could not draw this ({type(error).__name__}); its log says more"
            yield _line({"panel": asked.drawn.key, "trouble": said})
    yield _line({"end": True, "from_ms": within.from_ms, "to_ms": within.to_ms})


def panel_json(answer: PanelAnswer, asked: Asked, marks: object) -> dict[str, object]:
    """One panel as the page's script takes it."""
    told: dict[str, object] = {"panel": answer.key, "notes": list(answer.notes)}
    if answer.trouble:
        return {**told, "trouble": answer.trouble}
    if answer.chart is not None:
        return {**told, "chart": chart_json(answer.chart, asked, marks)}
    return {**told, "html": _html(answer, asked)}


def chart_json(chart: ChartAnswer, asked: Asked, marks: object) -> dict[str, object]:
    """Lines as `<tt-chart>` takes them."""
    lines: list[Mapping[str, object]] = []
    for number, one in enumerate(chart.lines):
        told = [f"{name} {value_text(value, one.unit)}" for name, value in one.calculations if value is not None]
        values = [None if value != value else value for value in one.values.tolist()]  # noqa: PLR0124 - NaN
        lines.append(
            {
                "key": f"{number}",
                "name": one.name,
                "unit": one.unit,
                "about": "\n".join(filter(None, (one.about, ", ".join(told)))),
                "pile": one.pile,
                "filled": one.is_filled,
                "values": rounded(values),
            }
        )
    return {
        "from_ms": chart.from_ms,
        "to_ms": chart.to_ms,
        "step_ms": chart.step_ms,
        "series": lines,
        "said": chart.said,
        "marks": marks if not asked.drawn.panel.time_shift else [],
    }


def _html(answer: PanelAnswer, asked: Asked) -> str:
    template = render.environment().get_template("_panels.html")
    return template.render(answer=answer, panel=asked.drawn.panel)


def _line(content: object) -> bytes:
    return msgspec.json.encode(content) + b"\n"
