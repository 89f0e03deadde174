"""When resources are full, under which growth, and the workload ahead."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NAME_CHARS_MAX, Parameter, text_of
from trimtab.app.capacity.answers import CapacityAnswer, WorkloadAnswer, capacity_rows, workloads
from trimtab.app.capacity.what_if import FIELDS, TEXT_CHARS_MAX, what_if_of
from trimtab.app.forecasting.subjects import ID_CHARS_MAX
from trimtab.app.service import Service

_WORDS = {"type": "string", "maxLength": TEXT_CHARS_MAX}
SERIES = Parameter(
    "series",
    "Only this series, with the points of its futures and what was told of it on earlier days",
    {"type": "string", "maxLength": ID_CHARS_MAX},
)
WHAT_IFS = (
    Parameter("traffic", "What if the load changed at once: +30%, -20%, or a factor such as 1.5", _WORDS),
    Parameter("monthly", "What if the load grew by so much a month on top of what it does: +5%", _WORDS),
    Parameter("nodes", "What if so many nodes came (or went, negative): processors and memory of the others", _WORDS),
    Parameter("of", "How many nodes share the load now; with nodes", _WORDS),
    Parameter("added", "What if so many bytes came onto the disks at once: 200GB, 1.5TiB", _WORDS),
    Parameter("on", "Only onto series that have this text in their name; with added", _WORDS),
    Parameter("begin", "From which day on all that is: 2026-12-24; now where it is left away", _WORDS),
)
SYSTEM = Parameter("system", "Only this system", {"type": "string", "maxLength": NAME_CHARS_MAX})


def _capacity(service: Service, request: Request, _body: None) -> CapacityAnswer:
    asked = {name: text for name in FIELDS if (text := text_of(request, name, TEXT_CHARS_MAX)) is not None}
    return capacity_rows(service.capacity, what_if_of(asked), text_of(request, "series", ID_CHARS_MAX))


def _workload(service: Service, request: Request, _body: None) -> WorkloadAnswer:
    return workloads(service.capacity, text_of(request, "system", NAME_CHARS_MAX))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/capacity",
        "When each resource is full, as a range of dates, soonest first; also under what-ifs of growth",
        _capacity,
        parameters=(SERIES, *WHAT_IFS),
        answer=CapacityAnswer,
    ),
    Operation(
        "GET",
        "/capacity/workload",
        "Calls ahead of each watched system by query shape: what grows, what is busiest, spikes that come again",
        _workload,
        parameters=(SYSTEM,),
        answer=WorkloadAnswer,
    ),
)
