"""Data quality and its probes, cost, pipelines, satisfaction."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.acting import note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, NAME_CHARS_MAX, SYSTEM, Parameter, limit_of, path_text, text_of
from trimtab.app.business.answers.cost import CostAnswer, costs
from trimtab.app.business.answers.pipelines import PipelinesAnswer, RunRow, pipeline_row, run_row
from trimtab.app.business.answers.quality import ProbeRow, QualityAnswer, probe_row, quality_of
from trimtab.app.business.answers.satisfaction import SatisfactionRow, satisfaction_row
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.errors import InputError
from trimtab.model.pipelines import RunSource

PIPELINE = Parameter("pipeline", "Only of this pipeline", {"type": "string", "maxLength": 300})
SOURCE = Parameter(
    "source", "Only as this source tells it", {"type": "string", "enum": [source.value for source in RunSource]}
)


def _quality(service: Service, request: Request, _body: None) -> QualityAnswer:
    return quality_of(service.business.now, service.now_ms(), text_of(request, "system", NAME_CHARS_MAX))


def _probe(service: Service, request: Request, _body: None) -> ProbeRow:
    return probe_row(service.business.probe(path_text(request, "name")), service.now_ms())


def _run_probe(service: Service, request: Request, _body: None) -> ProbeRow:
    name = path_text(request, "name")
    note(request, target=name)
    service.business.run_probe(name)
    return probe_row(service.business.probe(name), service.now_ms())


def _cost(service: Service, request: Request, _body: None) -> CostAnswer:
    return costs(service, text_of(request, "system", NAME_CHARS_MAX), limit_of(request))


def _pipelines(service: Service, _request: Request, _body: None) -> PipelinesAnswer:
    now = service.business.now
    problems = tuple(told for name, told in now.problems if name in ("statsd", "pipelines", "pipelines_count"))
    rows = tuple(pipeline_row(one) for one in now.pipelines)
    return PipelinesAnswer(now.at_ms, service.config.business.pipeline_window_s, rows, problems)


def _runs(service: Service, request: Request, _body: None) -> list[RunRow]:
    source = text_of(request, "source", NAME_CHARS_MAX) or ""
    if source and source not in {one.value for one in RunSource}:
        known = ", ".join(one.value for one in RunSource)
        raise InputError(f"source must be one of {known}, found {source[:30]!r}", field="source")
    pipeline = text_of(request, "pipeline", 300) or ""
    return [run_row(run) for run in service.business.pipelining.newest(source, pipeline, limit_of(request))]


def _satisfaction(service: Service, _request: Request, _body: None) -> list[SatisfactionRow]:
    return [satisfaction_row(one) for one in service.business.now.satisfaction]


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/quality",
        "Data quality scores of systems and tables with their parts, worst first, and the probes behind them",
        _quality,
        parameters=(SYSTEM,),
        answer=QualityAnswer,
    ),
    Operation("GET", "/probes/{name}", "One probe, with what it found last", _probe, answer=ProbeRow),
    Operation(
        "POST",
        "/probes/{name}/run",
        "Run a probe now, and wait for it",
        _run_probe,
        answer=ProbeRow,
        permission=Permission.DECIDE,
        action="probe run",
    ),
    Operation(
        "GET",
        "/cost",
        "What processing cost this month, by system, query shape and pipeline, against the budget, and its forecast",
        _cost,
        parameters=(SYSTEM, LIMIT),
        answer=CostAnswer,
    ),
    Operation(
        "GET",
        "/pipelines",
        "Pipelines: runs, success rate and durations over the window",
        _pipelines,
        answer=PipelinesAnswer,
    ),
    Operation(
        "GET",
        "/pipelines/runs",
        "Runs of pipelines, newest first",
        _runs,
        parameters=(PIPELINE, SOURCE, LIMIT),
        answer=list[RunRow],
    ),
    Operation(
        "GET",
        "/satisfaction",
        "How content users are, by each source that files name",
        _satisfaction,
        answer=list[SatisfactionRow],
    ),
)
