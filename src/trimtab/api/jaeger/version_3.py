"""Version 3 of Jaeger's query API: `/jaeger/api/v3/…`. Names of parameters in both spellings that Jaeger takes."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.jaeger.asking import Asked, route
from trimtab.api.jaeger.attributes import WARNINGS_KEY
from trimtab.api.jaeger.envelope import TraceNotFound, answer, enveloped_3
from trimtab.api.jaeger.limits import TRACES_DEFAULT, TRACES_MAX
from trimtab.api.jaeger.otlp_json import resource_spans
from trimtab.api.jaeger.searched import Searched
from trimtab.api.jaeger.source import LeftOut, TraceSource, operations_of, read_trace, read_traces, services_of
from trimtab.api.jaeger.words import Malformed, around_ms, duration_ms, moment_us, trace_id, whole
from trimtab.app.querying import Querying
from trimtab.model.errors import StoreError
from trimtab.store.traces.answers import FoundTraces, TraceSummary

START = ("query.startTimeMin", "query.start_time_min")
END = ("query.startTimeMax", "query.start_time_max")
DEPTH = ("query.searchDepth", "query.search_depth", "query.num_traces")
DURATION_MIN = ("query.durationMin", "query.duration_min")
DURATION_MAX = ("query.durationMax", "query.duration_max")
_encode = msgspec.json.Encoder().encode


def version_3_routes(querying: Querying, source: TraceSource) -> list[Route]:
    """Routes under /jaeger/api/v3."""

    def one(asked: Asked) -> Response:
        wanted = trace_id(asked.path["trace_id"], "trace_id")
        (start, start_name), (end, end_name) = (
            asked.named("startTime", "start_time"),
            asked.named("endTime", "end_time"),
        )
        asked.flag("rawTraces", "raw_traces")  # traces are never adjusted here
        start_us, end_us = moment_us(start, start_name) if start else 0, moment_us(end, end_name) if end else 0
        read = read_trace(source, wanted, around_ms(start_us, end_us))
        if not read.spans:
            raise _nothing(read.warnings)
        return answer(enveloped_3(resource_spans(read.spans, read.warnings)))

    def search(asked: Asked) -> Response:
        found = source.search(searched(asked).query(querying.now_ms()))
        members: list[bytes] = []
        left_out: list[LeftOut] = []
        for read in read_traces(source, found):
            if isinstance(read, LeftOut):
                left_out.append(read)
            else:
                members += resource_spans(read.spans, read.warnings + _partial(found))
        if not members and not left_out:
            raise _nothing(found.missing)
        if left_out:
            members.append(_note(left_out))
        return answer(enveloped_3(members))

    def summaries(asked: Asked) -> Response:
        found = source.search(searched(asked).query(querying.now_ms()))
        if not found.traces and found.missing:
            raise _nothing(found.missing)
        return answer([_encode({"summaries": [_summary(one) for one in found.traces]})])

    def services(_asked: Asked) -> Response:
        return answer([_encode({"services": services_of(source, querying.now_ms())})])

    def operations(asked: Asked) -> Response:
        kind = asked.first("spanKind", "span_kind").lower()
        found = operations_of(source, querying.now_ms(), asked.first("service"), kind)
        # an operation whose kind is not told is internal, as Jaeger's API 3 has it
        told = [{"name": one.name, "spanKind": "internal" if one.kind == "unspecified" else one.kind} for one in found]
        return answer([_encode({"operations": told})])

    return [
        route("/v3/traces/{trace_id}", querying, one),
        route("/v3/traces", querying, search),
        route("/v3/trace-summaries", querying, summaries),
        route("/v3/services", querying, services),
        route("/v3/operations", querying, operations),
    ]


def searched(asked: Asked) -> Searched:
    """The search of a request; Malformed names the parameter."""
    if asked.first("query.filter"):
        raise Malformed("malformed parameter query.filter: filters are not supported, use query.attributes")
    start, start_name = asked.named(*START)
    end, end_name = asked.named(*END)
    if not start or not end:
        raise Malformed(f"{START[0]} and {END[0]} are required")
    start_us, end_us = moment_us(start, start_name), moment_us(end, end_name)
    if start_us >= end_us:
        raise Malformed(f"{START[0]} must be before {END[0]}")
    depth, depth_name = asked.named(*DEPTH)
    least, least_name = asked.named(*DURATION_MIN)
    most, most_name = asked.named(*DURATION_MAX)
    asked.flag("query.rawTraces", "query.raw_traces")  # traces are never adjusted here
    return Searched(
        start_us,
        end_us,
        service=asked.first("query.serviceName", "query.service_name"),
        operation=asked.first("query.operationName", "query.operation_name"),
        tags=_attributes(asked.first("query.attributes")),
        duration_min_ms=duration_ms(least, least_name) if least else None,
        duration_max_ms=duration_ms(most, most_name) if most else None,
        limit=whole(depth, depth_name, 1, TRACES_MAX) if depth else TRACES_DEFAULT,
    )


def _attributes(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise Malformed(f"malformed parameter query.attributes: {error}", field="query.attributes") from None


def _nothing(missing: tuple[str, ...]) -> TraceNotFound | StoreError:
    """Nothing was found: where a shard did not answer, nobody knows."""
    if missing:
        return StoreError(f"nothing was found, but not everybody answered: {'; '.join(missing)}")
    return TraceNotFound("No traces found")


def _partial(found: FoundTraces) -> tuple[str, ...]:
    return tuple(f"the search is partial: {shard}" for shard in found.missing)


def _note(left_out: list[LeftOut]) -> bytes:
    """A resource without spans that says which traces are not there: clients pass over it."""
    told = [f"trace {one.trace_id} {one.why}" for one in left_out]
    values = [{"stringValue": text} for text in told]
    attribute = {"key": WARNINGS_KEY, "value": {"arrayValue": {"values": values}}}
    return _encode({"resource": {"attributes": [attribute]}, "scopeSpans": []})


def _summary(one: TraceSummary) -> dict[str, object]:
    made: dict[str, object] = {
        "traceId": one.trace_id,
        "rootServiceName": one.root_service,
        "rootOperationName": one.root_name,
        "minStartTimeUnixNano": str(one.started_at_ns),
        "maxEndTimeUnixNano": str(one.started_at_ns + round(one.duration_ms * 1e6)),
        "spanCount": one.spans_count,
        "errorSpanCount": one.errors_count,
        "services": [
            _without_empty({"name": s.service, "spanCount": s.spans_count, "errorSpanCount": s.errors_count})
            for s in one.services
        ],
    }
    return _without_empty(made)


def _without_empty(made: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in made.items() if value}
