"""OpenLineage's run events (`POST /api/v1/lineage`, one event or a list of them), spec 1-x and 2-x.

What counts of an event is its run, its job, its type and its time; facets are left alone, but for the message of
`errorMessage`. Events of jobs and datasets without a run (2-0-2) are taken and say nothing about runs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from trimtab.model.errors import InputError
from trimtab.model.pipelines import PipelineRun, RunSource, RunStatus

EVENTS_MAX = 1_000
_STATUS = {
    "START": RunStatus.RUNNING,
    "RUNNING": RunStatus.RUNNING,
    "COMPLETE": RunStatus.SUCCESS,
    "FAIL": RunStatus.FAILED,
    "ABORT": RunStatus.ABORTED,
    "OTHER": RunStatus.RUNNING,
}


class _ErrorMessage(msgspec.Struct):
    message: str = ""


class _RunFacets(msgspec.Struct):
    errorMessage: _ErrorMessage | None = None  # noqa: N815  (the wire's name)


class _Run(msgspec.Struct):
    runId: str  # noqa: N815
    facets: _RunFacets | None = None


class _Job(msgspec.Struct):
    namespace: str
    name: str


class _Event(msgspec.Struct):
    eventTime: str  # noqa: N815
    run: _Run | None = None
    job: _Job | None = None
    eventType: str | None = None  # noqa: N815


def runs_of(body: bytes) -> list[PipelineRun]:
    """The runs that a body tells of; InputError says what is wrong with it, and of a list where. All or nothing.

    >>> event = b'{"eventType": "COMPLETE", "eventTime": "2026-11-25T10:00:00Z", "run": {"runId": "r1"}, "job":'
    >>> [run] = runs_of(event + b' {"namespace": "etl", "name": "load"}}')
    >>> run.pipeline, run.status.value, run.ended_at_ms
    ('etl/load', 'success', 1795600800000)
    """
    try:
        listed = body.lstrip()[:1] == b"["
        events: Sequence[_Event] = (
            msgspec.json.decode(body, type=list[_Event]) if listed else [msgspec.json.decode(body, type=_Event)]
        )
    except msgspec.DecodeError as error:
        raise InputError(f"this is no OpenLineage event: {error}") from None
    if len(events) > EVENTS_MAX:
        raise InputError(f"at most {EVENTS_MAX} events come at a time, found {len(events)}", limit=EVENTS_MAX)
    runs = []
    for number, event in enumerate(events):
        where = f"[{number}]" if listed else ""
        run = _run(event, where)
        if run is not None:
            runs.append(run)
    return runs


def _run(event: _Event, where: str) -> PipelineRun | None:
    if event.run is None:
        return None
    if event.job is None:
        raise InputError(f"event{where}: a run has a job", field="job")
    kind = (event.eventType or "OTHER").upper()
    if kind not in _STATUS:
        raise InputError(
            f"event{where}: eventType is one of {', '.join(_STATUS)}, found {kind[:30]!r}", field="eventType"
        )
    if not event.run.runId or not event.job.name:
        raise InputError(f"event{where}: runId and the job's name must not be empty", field="run.runId")
    at_ms, status = moment_ms(event.eventTime, f"event{where}: eventTime"), _STATUS[kind]
    failure = event.run.facets.errorMessage if event.run.facets else None
    return PipelineRun(
        source=RunSource.OPENLINEAGE,
        pipeline=f"{event.job.namespace}/{event.job.name}",
        run_id=event.run.runId,
        status=status,
        started_at_ms=at_ms if kind == "START" else None,
        ended_at_ms=at_ms if status.is_over else None,
        told=failure.message if failure and status is RunStatus.FAILED else "",
    )


def moment_ms(text: str, name: str) -> int:
    """Unix milliseconds of a time in ISO 8601 (UTC where it says nothing); InputError where it is none."""
    try:
        moment = dt.datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InputError(f"{name} is no time, such as 2026-11-25T10:00:00Z, found {text[:40]!r}", field=name) from None
