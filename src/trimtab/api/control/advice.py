"""Advice: on one query, on texts that somebody sends, and on every index that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from starlette.requests import Request

from trimtab.advise.drops.judge import IndexVerdict
from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NAME_CHARS_MAX, SYSTEM, Parameter, path_text, text_of
from trimtab.app.indexes.keeper import SystemIndexes
from trimtab.app.query_advice.asking import QueryAdvice
from trimtab.app.query_advice.book import QUERIES_MAX, RecordStory
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.errors import InputError
from trimtab.model.query import SlowQuery

TEXT_CHARS_MAX = 200_000
BODY_BYTES_MAX = 2_000_000
ADVICE = Parameter("advice", "Only indexes with this advice", {"enum": [verdict.value for verdict in IndexVerdict]})


class AskRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/advice/...: look for advice now. `by` is for those who need no login; others are known."""

    by: str | None = None


class QueryText(msgspec.Struct, forbid_unknown_fields=True):
    """One query to optimise: its text, with literals or `$n`; what is known of how it runs weighs what is gained."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
    calls: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    window_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    mean_exec_time_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=NAME_CHARS_MAX)] | None = None
    samples: Annotated[list[str], msgspec.Meta(max_length=64)] = []


class OptimizeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/optimize: advice on texts, in the planner of a watched system. Nothing is run or built."""

    system: str
    queries: Annotated[list[QueryText], msgspec.Meta(max_length=QUERIES_MAX)]
    by: str | None = None


class AdviceAnswer(msgspec.Struct):
    """The last advice on a query (null: nobody asked since the server was started), and what the record says of it."""

    advice: QueryAdvice | None
    record: RecordStory


def _indexes(service: Service, request: Request, _body: None) -> tuple[SystemIndexes, ...]:
    wanted = text_of(request, "advice", 20)
    known = [verdict.value for verdict in IndexVerdict]
    if wanted is not None and wanted not in known:
        raise InputError(f"advice must be one of {', '.join(known)}, found {wanted[:20]!r}", field="advice")
    found = service.indexes.all(text_of(request, "system", NAME_CHARS_MAX))
    if wanted is None:
        return found
    return tuple(
        replace(one, indexes=tuple(index for index in one.indexes if index.verdict.value == wanted)) for one in found
    )


def _latest(service: Service, request: Request, _body: None) -> AdviceAnswer:
    system, fingerprint = path_text(request, "system"), path_text(request, "fingerprint")
    service.state.system(system)
    return AdviceAnswer(service.advice.latest(system, fingerprint), service.advice.story(system, fingerprint))


def _ask(service: Service, request: Request, body: AskRequest) -> QueryAdvice:
    system, fingerprint = path_text(request, "system"), path_text(request, "fingerprint")
    acting(request, body.by)
    note(request, target=f"{system} {fingerprint}")
    return service.advice.ask(system, fingerprint)


def _optimize(service: Service, request: Request, body: OptimizeRequest) -> tuple[QueryAdvice, ...]:
    acting(request, body.by)
    note(request, target=body.system, queries=len(body.queries))
    queries = [
        SlowQuery(
            text=one.text,
            calls=one.calls,
            window_s=one.window_s,
            mean_exec_time_ms=one.mean_exec_time_ms,
            name=one.name,
            samples=tuple(one.samples) or (() if "$1" in one.text else (one.text,)),
        )
        for one in body.queries
    ]
    return service.advice.optimize(body.system, queries)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/indexes",
        "Every index of every watched system: size, reads, price for writers, what is advised and why",
        _indexes,
        parameters=(SYSTEM, ADVICE),
        answer=tuple[SystemIndexes, ...],
    ),
    Operation(
        "GET",
        "/advice/{system}/{fingerprint}",
        "The last advice on a query, and what was predicted and measured for it",
        _latest,
        answer=AdviceAnswer,
    ),
    Operation(
        "POST",
        "/advice/{system}/{fingerprint}",
        "Look for advice on a query now; nothing is built",
        _ask,
        AskRequest,
        answer=QueryAdvice,
        permission=Permission.DECIDE,
        action="advice ask",
    ),
    Operation(
        "POST",
        "/optimize",
        "Advice on texts, in the planner of a watched system; nothing is built",
        _optimize,
        OptimizeRequest,
        answer=tuple[QueryAdvice, ...],
        permission=Permission.DECIDE,
        action="advice ask",
        body_bytes_max=BODY_BYTES_MAX,
    ),
)
