"""The older query API of Jaeger: `/jaeger/api/…`, for its page and for Grafana's Jaeger data source."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.jaeger.asking import Asked, route
from trimtab.api.jaeger.envelope import Told, TraceNotFound, answer, enveloped, listed
from trimtab.api.jaeger.limits import (
    AHEAD_MS,
    DEPENDENCIES_LOOKBACK_MS,
    LOOKBACK_MS,
    RANGE_MS_MAX,
    TRACES_DEFAULT,
    TRACES_MAX,
)
from trimtab.api.jaeger.searched import Searched
from trimtab.api.jaeger.source import LeftOut, TraceSource, operations_of, read_trace, read_traces, services_of
from trimtab.api.jaeger.ui_json import trace_json
from trimtab.api.jaeger.words import Malformed, around_ms, duration_ms, lookback_ms, shown_id, trace_id, whole
from trimtab.app.querying import Querying
from trimtab.model.errors import StoreError
from trimtab.store.traces.answers import FoundTraces

TRACE_IDS_MAX = 100
"""Traces that are asked for by their ids in one request."""


def older_routes(querying: Querying, source: TraceSource) -> list[Route]:
    """Routes under /jaeger/api."""

    def one(asked: Asked) -> Response:
        start, end = asked.first("start"), asked.first("end")
        around = around_ms(whole(start, "start") if start else 0, whole(end, "end") if end else 0)
        read = read_trace(source, trace_id(asked.path["trace_id"]), around)
        if not read.spans:
            if read.warnings:
                raise StoreError("; ".join(read.warnings))
            raise TraceNotFound("trace not found")
        return _answer(asked, enveloped([trace_json(read.spans, read.warnings)]))

    def search(asked: Asked) -> Response:
        ids = asked.all("traceID")
        if ids:
            return _by_ids(asked, source, ids)
        found = source.search(searched(asked, querying.now_ms).query(querying.now_ms()))
        errors = [Told(f"the search is partial: {shard}") for shard in found.missing]
        return _found(asked, source, found, errors)

    def services(asked: Asked) -> Response:
        return _answer(asked, [listed(services_of(source, querying.now_ms()))])

    def names(asked: Asked) -> Response:
        found = operations_of(source, querying.now_ms(), asked.path["service"])
        return _answer(asked, [listed(sorted({one.name for one in found}))])

    def operations(asked: Asked) -> Response:
        service = asked.first("service")
        if not service:
            raise Malformed("parameter 'service' is required", field="service")
        found = operations_of(source, querying.now_ms(), service, asked.first("spanKind").lower())
        told = [{"name": one.name, "spanKind": "" if one.kind == "unspecified" else one.kind} for one in found]
        return _answer(asked, [listed(told)])

    def dependencies(asked: Asked) -> Response:
        end, back, service = asked.first("endTs"), asked.first("lookback"), asked.first("service")
        end_ms = whole(end, "endTs") if end else querying.now_ms()
        back_ms = whole(back, "lookback") if back else DEPENDENCIES_LOOKBACK_MS
        end_ms = min(end_ms, querying.now_ms() + AHEAD_MS)
        back_ms = min(back_ms, RANGE_MS_MAX - 1)
        found = source.service_map(max(end_ms - back_ms, 0), end_ms + 1)
        told = [
            {"parent": edge.caller, "child": edge.callee, "callCount": edge.calls}
            for edge in found.edges
            if service in ("", edge.caller, edge.callee)
        ]
        errors = [Told(f"partial: {shard}") for shard in found.missing]
        return _answer(asked, enveloped([msgspec.json.encode(one) for one in told], errors))

    return [
        route("/traces/{trace_id}", querying, one),
        route("/traces", querying, search),
        route("/services", querying, services),
        route("/services/{service:path}/operations", querying, names),
        route("/operations", querying, operations),
        route("/dependencies", querying, dependencies),
    ]


def searched(asked: Asked, now_ms: Callable[[], int]) -> Searched:
    """The search of a request; Malformed names the parameter."""
    start, end, limit = asked.first("start"), asked.first("end"), asked.first("limit")
    end_us = whole(end, "end") if end else now_ms() * 1000
    back_ms = lookback_ms(asked.first("lookback")) or LOOKBACK_MS
    start_us = whole(start, "start") if start else max(end_us - back_ms * 1000, 0)
    least, most = asked.first("minDuration"), asked.first("maxDuration")
    least_ms = duration_ms(least, "minDuration") if least else None
    most_ms = duration_ms(most, "maxDuration") if most else None
    if least_ms and most_ms and most_ms < least_ms:
        raise Malformed("'maxDuration' should be greater than 'minDuration'", field="maxDuration")
    if start_us > end_us:
        raise Malformed("'end' should be greater than 'start'", field="end")
    return Searched(
        start_us,
        end_us,
        service=asked.first("service"),
        operation=asked.first("operation"),
        tags=tags_of(asked.all("tag"), asked.all("tags")),
        duration_min_ms=least_ms,
        duration_max_ms=most_ms,
        limit=whole(limit, "limit", 1, TRACES_MAX) if limit else TRACES_DEFAULT,
    )


def tags_of(pairs: list[str], documents: list[str]) -> dict[str, str]:
    """Tags as `tag=key:value`, and as `tags={"key":"value"}`; numbers and truth values count as their text.

    >>> tags_of(["http.url:http://shop/"], ['{"http.status_code": 200, "error": true}'])
    {'http.url': 'http://shop/', 'http.status_code': '200', 'error': 'true'}
    """
    found: dict[str, str] = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not colon or not key:
            raise Malformed(f"malformed 'tag' parameter, expecting key:value, received: {pair[:50]}", field="tag")
        found[key] = value
    for document in documents:
        if not document:
            continue
        try:
            decoded = msgspec.json.decode(document, type=dict[str, str | bool | int | float])
        except msgspec.DecodeError as error:
            raise Malformed(f"malformed 'tags' parameter, cannot unmarshal JSON: {error}", field="tags") from None
        found |= {k: v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in decoded.items()}
    return found


def _by_ids(asked: Asked, source: TraceSource, ids: list[str]) -> Response:
    """Traces by their ids; those that are not there are named among the errors."""
    if len(ids) > TRACE_IDS_MAX:
        raise Malformed(f"at most {TRACE_IDS_MAX} traces by id, found {len(ids)}", limit=TRACE_IDS_MAX)
    members: list[bytes] = []
    errors: list[Told] = []
    for wanted in dict.fromkeys(trace_id(text) for text in ids):
        read = read_trace(source, wanted)
        if read.spans:
            members.append(trace_json(read.spans, read.warnings))
        else:
            errors.append(Told("; ".join(read.warnings) or "trace not found", shown_id(wanted)))
    return _answer(asked, enveloped(members, errors))


def _found(asked: Asked, source: TraceSource, found: FoundTraces, errors: list[Told]) -> Response:
    members: list[bytes] = []
    for read in read_traces(source, found):
        if isinstance(read, LeftOut):
            errors.append(Told(read.why, shown_id(read.trace_id)))
        else:
            members.append(trace_json(read.spans, read.warnings))
    return _answer(asked, enveloped(members, errors))


def _answer(asked: Asked, pieces: list[bytes]) -> Response:
    return answer(pieces, pretty=asked.first("prettyPrint") not in ("", "false"))
