"""Anomalies: episodes in which series were not as expected, and what people say is normal."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    NUMBER_MAX,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    Reason,
    as_whole,
    choice_of,
    flag_of,
    limit_of,
    offset_of,
    one_of,
    path_text,
    text_of,
)
from trimtab.api.control.reading import FROM, TO, range_of
from trimtab.app.detecting.answers import AnomaliesAnswer, EpisodeRow, MuteRow, anomalies_of, episode_row, mute_row
from trimtab.app.detecting.normal import say_normal
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.anomalies import Source, SpokenTest
from trimtab.model.errors import InputError, NotFound
from trimtab.store.anomaly_state import Sort, Wanted

OPEN = Parameter("open", "Only those that go on, whenever they began", {"type": "boolean", "default": False})
SOURCE = Parameter(
    "source", "Only of metrics, of query shapes, or of all statements of systems", {"type": "string", "enum": [*Source]}
)
TEST = Parameter("test", "Only those that this test found", {"type": "string", "enum": [*SpokenTest]})
SCORE = Parameter("score_min", "Only from this score on", {"type": "number", "minimum": 0, "maximum": 1, "default": 0})
SORT = one_of("sort", "What comes first", Sort, Sort.NEWEST)


class Normal(msgspec.Struct, forbid_unknown_fields=True):
    """That something is normal. `hours`: for so long, null for good; `every_test`: whatever is found in the series."""

    reason: Reason
    hours: float | None = None
    every_test: bool = False


def _list(service: Service, request: Request, _body: None) -> AnomaliesAnswer:
    is_open = flag_of(request, "open", False)
    within = range_of(service, request)
    source, test = text_of(request, "source", 20), text_of(request, "test", 20)
    wanted = Wanted(
        None if is_open else within.from_ms,
        None if is_open else within.to_ms,
        text_of(request, "search", SEARCH_CHARS_MAX) or "",
        is_open,
        None if source is None else choice_of(request, "source", Source, Source.METRIC),
        None if test is None else choice_of(request, "test", SpokenTest, SpokenTest.JUMP),
        _score(request),
    )
    sort = choice_of(request, "sort", Sort, Sort.NEWEST)
    return anomalies_of(service.anomalies, wanted, sort, service.now_ms(), limit_of(request), offset_of(request))


def _score(request: Request) -> float:
    text = request.query_params.get("score_min")
    try:
        score = 0.0 if text is None else float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise InputError(f"score_min must be from 0 to 1, found {str(text)[:30]!r}", field="score_min", limit=1)
    return score


def _one(service: Service, request: Request, _body: None) -> EpisodeRow:
    return episode_row(service.anomalies.state.episode(number_of(request, "episode_id")))


def number_of(request: Request, name: str) -> int:
    """A number in the path; NotFound where it is none."""
    text = path_text(request, name)
    try:
        return as_whole(name, text, 1, NUMBER_MAX)
    except InputError:
        raise NotFound(f"there is no {name.replace('_', ' ')} {text[:50]!r}", field=name) from None


def _normal(service: Service, request: Request, body: Normal) -> MuteRow:
    number = number_of(request, "episode_id")
    note(request, target=str(number))
    said = say_normal(
        service.anomalies,
        number,
        acting(request),
        body.reason,
        hours=body.hours,
        every_test=body.every_test,
        now_ms=service.now_ms(),
    )
    note(request, series=said.name[:200], test=said.test or "every", until_ms=said.until_ms)
    return mute_row(said)


def _take_back(service: Service, request: Request, _body: None) -> dict[str, bool]:
    number = number_of(request, "normal_id")
    note(request, target=str(number))
    service.anomalies.take_back(number, acting(request))
    return {"done": True}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/anomalies",
        "Episodes in which series or query shapes were not as expected, what is said to be normal, what is looked at",
        _list,
        parameters=(FROM, TO, SEARCH, OPEN, SOURCE, TEST, SCORE, SORT, LIMIT, OFFSET),
        answer=AnomaliesAnswer,
    ),
    Operation("GET", "/anomalies/{episode_id}", "One episode", _one, answer=EpisodeRow),
    Operation(
        "POST",
        "/anomalies/{episode_id}/normal",
        "Say that what an episode tells is normal: it is not told any more of its series, for a time or for good",
        _normal,
        body=Normal,
        status=201,
        answer=MuteRow,
        permission=Permission.DECIDE,
        action="anomaly normal",
    ),
    Operation(
        "DELETE",
        "/anomalies/normal/{normal_id}",
        "Take back that something is normal",
        _take_back,
        permission=Permission.DECIDE,
        action="anomaly not normal",
    ),
)
