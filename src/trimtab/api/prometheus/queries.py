"""`query`, `query_range`, `format_query`, `parse_query`: PromQL over HTTP."""

from __future__ import annotations

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import Call, Cancelled, Parameters, route
from trimtab.api.prometheus.encoding import Part, block_json, matrix_json, scalar_json, value_text_of, vector_json
from trimtab.api.prometheus.envelope import BadData, success
from trimtab.api.prometheus.moments import check_steps, duration_ms, limit_of, moment_ms
from trimtab.app.querying import Querying, Wish
from trimtab.model.errors import TrimtabError
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.errors import QueryCancelled, QueryError, QueryTimeout

BOTH = ("GET", "POST")
QUERY_CHARS_MAX = 200_000


def query_routes(querying: Querying) -> list[Route]:
    """Routes under /api/v1."""

    def instant(parameters: Parameters, cancelled: Cancelled) -> Response:
        query, wish = _query(parameters), _wish(parameters)
        time_text = parameters.first("time")
        at_ms = querying.now_ms() if time_text is None else moment_ms(time_text, "time")
        limit = limit_of(parameters.first("limit"))
        _readable(querying, query)
        try:
            answer = querying.instant(query, at_ms, wish, cancelled)
        except QueryError as error:
            raise _execution(error) from error
        return _instant_response(answer, at_ms, limit, parameters)

    def ranged(parameters: Parameters, cancelled: Cancelled) -> Response:
        start_ms = moment_ms(parameters.need("start"), "start")
        end_ms = moment_ms(parameters.need("end"), "end")
        step_ms = duration_ms(parameters.need("step"), "step")
        check_steps(start_ms, end_ms, step_ms)
        query, wish = _query(parameters), _wish(parameters)
        limit = limit_of(parameters.first("limit"))
        tree = _readable(querying, query)
        if tree not in ("scalar", "vector"):
            raise BadData(
                f'invalid parameter "query": invalid expression type "{_WRITTEN.get(tree, tree)}" for range query, '
                "must be Scalar or instant Vector"
            )
        try:
            answer = querying.range(query, start_ms, end_ms, step_ms, wish, cancelled)
        except QueryError as error:
            raise _execution(error) from error
        return _range_response(answer, limit, parameters)

    def formatted(parameters: Parameters, _cancelled: Cancelled) -> Response:
        from trimtab.store.promql.prettier import pretty

        query = _query(parameters)
        _readable(querying, query)
        return success(msgspec.json.encode(pretty(querying.parse(query))))

    def parsed(parameters: Parameters, _cancelled: Cancelled) -> Response:
        from trimtab.api.prometheus.tree import tree_of

        query = _query(parameters)
        _readable(querying, query)
        return success(msgspec.json.encode(tree_of(querying.parse(query))))

    def made(path: str, call: Call) -> Route:
        def for_request(_request: Request) -> Call:
            return call

        return route(path, querying, for_request, BOTH)

    return [
        made("/query", instant),
        made("/query_range", ranged),
        made("/format_query", formatted),
        made("/parse_query", parsed),
    ]


_WRITTEN = {"matrix": "range vector", "string": "string", "none": "none"}


def _query(parameters: Parameters) -> str:
    query = parameters.need("query")
    if len(query) > QUERY_CHARS_MAX:
        raise BadData(
            f'invalid parameter "query": it has {len(query)} characters, the limit is {QUERY_CHARS_MAX}',
            limit=QUERY_CHARS_MAX,
            observed=len(query),
        )
    return query


def _readable(querying: Querying, query: str) -> str:
    """The type of a query; what cannot be read is bad data, what cannot be answered is not."""
    try:
        return querying.parse(query).type
    except QueryError as error:
        raise BadData(f'invalid parameter "query": {error.message}', **error.facts) from error


def _wish(parameters: Parameters) -> Wish:
    timeout, lookback = parameters.first("timeout"), parameters.first("lookback_delta")
    return Wish(
        lookback_ms=None if lookback is None else duration_ms(lookback, "lookback_delta"),
        timeout_s=None if timeout is None else duration_ms(timeout, "timeout") / 1000,
    )


def _execution(error: QueryError) -> TrimtabError:
    kind = "execution"
    if isinstance(error, QueryTimeout):
        kind = "timeout"
    elif isinstance(error, QueryCancelled):
        kind = "canceled"
    return TrimtabError(error.message, **{**error.facts, "error_type": kind})


def _instant_response(answer: Answer, at_ms: int, limit: int | None, parameters: Parameters) -> Response:
    warnings = list(answer.warnings)
    result: bytes | list[Part]
    if answer.kind == "string":
        result = scalar_json(at_ms, answer.text)
    elif answer.kind == "scalar":
        result = scalar_json(at_ms, value_text_of(float(answer.values[0, 0])))
    elif answer.kind == "matrix":
        if answer.block is None:
            raise TypeError("a range vector has a block")
        result = block_json(answer.block)
    else:
        values, present = answer.values[:, 0], answer.present[:, 0]
        histograms = None if answer.histograms is None else answer.histograms[:, 0]
        if limit is not None and np.count_nonzero(present) > limit:
            present = present & (np.cumsum(present) <= limit)
            warnings.append("results truncated due to limit")
        result = vector_json(answer.labels, at_ms, values, present, histograms)
    return _wrapped(answer.kind, result, warnings, answer, parameters)


def _range_response(answer: Answer, limit: int | None, parameters: Parameters) -> Response:
    warnings = list(answer.warnings)
    labels, values, present, histograms = answer.labels, answer.values, answer.present, answer.histograms
    if answer.kind == "scalar":
        labels = ((),)
    filled = np.zeros(0, np.int64) if limit is None else np.flatnonzero(present.any(axis=1))
    if limit is not None and len(filled) > limit:
        end = int(filled[limit - 1]) + 1
        labels, values, present = labels[:end], values[:end], present[:end]
        histograms = None if histograms is None else histograms[:end]
        warnings.append("results truncated due to limit")
    result = matrix_json(labels, answer.at_ms, values, present, histograms)
    return _wrapped("matrix", result, warnings, answer, parameters)


def _wrapped(
    kind: str, result: bytes | list[Part], warnings: list[str], answer: Answer, parameters: Parameters
) -> Response:
    stats = b""
    if parameters.first("stats") is not None:
        told = {"samples": {"totalQueryableSamples": answer.samples_count}}
        stats = b',"stats":' + msgspec.json.encode(told)
    parts = [result] if isinstance(result, bytes) else result
    data = [b'{"resultType":"%s","result":' % kind.encode(), *parts, stats + b"}"]
    return success(data, warnings, answer.infos)
