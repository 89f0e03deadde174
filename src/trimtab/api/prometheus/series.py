"""`series`, `labels`, `label/NAME/values`, `metadata`, `query_exemplars`: what is there to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import Call, Cancelled, Parameters, route
from trimtab.api.prometheus.encoding import exemplars_json
from trimtab.api.prometheus.envelope import BadData, success
from trimtab.api.prometheus.escaping import unescaped
from trimtab.api.prometheus.moments import limit_of, moment_ms
from trimtab.app.querying import Querying
from trimtab.store.metrics.block import Matcher
from trimtab.store.promql.syntax import Selector

EVER_MS = 2**53
BOTH = ("GET", "POST")
_LIMITED = "results truncated due to limit"


def series_routes(querying: Querying) -> list[Route]:
    """Routes under /api/v1."""

    def series(parameters: Parameters, _cancelled: Cancelled) -> Response:
        alternatives = _alternatives(querying, parameters)
        if not alternatives:
            raise BadData("no match[] parameter provided")
        limit = limit_of(parameters.first("limit"))
        found = querying.store.series(alternatives, *_range(parameters), limit=0 if limit is None else limit + 1)
        return _listed([dict(labels) for labels in found], limit)

    def names(parameters: Parameters, _cancelled: Cancelled) -> Response:
        found = querying.store.label_names(_alternatives(querying, parameters), *_range(parameters))
        return _listed(found, limit_of(parameters.first("limit")))

    def values_of(name: str) -> Call:
        def values(parameters: Parameters, _cancelled: Cancelled) -> Response:
            found = querying.store.label_values(name, _alternatives(querying, parameters), *_range(parameters))
            return _listed(found, limit_of(parameters.first("limit")))

        return values

    def metadata(parameters: Parameters, _cancelled: Cancelled) -> Response:
        limit = limit_of(parameters.first("limit"))
        per_metric = limit_of(parameters.first("limit_per_metric"))
        rows: dict[str, list[dict[str, str]]] = {}
        for one in querying.store.metadata(parameters.first("metric") or ""):
            told = rows.get(one.metric)
            if told is None:
                if limit is not None and len(rows) >= limit:
                    continue
                told = rows.setdefault(one.metric, [])
            if per_metric is None or len(told) < per_metric:
                told.append({"type": one.kind, "help": one.help, "unit": one.unit})
        return success(msgspec.json.encode(rows))

    def exemplars(parameters: Parameters, _cancelled: Cancelled) -> Response:
        start_ms, end_ms = _range(parameters)
        if end_ms < start_ms:
            raise BadData("end timestamp must not be before start timestamp")
        tree = querying.parse(parameters.need("query"))
        wanted = [list(one) for selector in _selectors(tree) for one in selector.alternatives]
        return success(exemplars_json(querying.store.exemplars(wanted, start_ms, end_ms) if wanted else ()))

    def same(call: Call) -> Callable[[Request], Call]:
        def for_request(_request: Request) -> Call:
            return call

        return for_request

    def by_name(request: Request) -> Call:
        return values_of(unescaped(str(request.path_params["name"])))

    return [
        route("/series", querying, same(series), BOTH),
        route("/labels", querying, same(names), BOTH),
        route("/label/{name}/values", querying, by_name, ("GET",)),
        route("/metadata", querying, same(metadata), ("GET",)),
        route("/query_exemplars", querying, same(exemplars), BOTH),
    ]


def _selectors(tree: object) -> Sequence[Selector]:
    from trimtab.store.promql.syntax import Node

    found: list[Selector] = []
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Selector):
            found.append(one)
        if isinstance(one, Node):
            waiting.extend(one.children())
    return found


def _alternatives(querying: Querying, parameters: Parameters) -> list[list[Matcher]]:
    return [list(one) for text in parameters.all("match") for one in querying.selector(text, "match[]").alternatives]


def _range(parameters: Parameters) -> tuple[int, int]:
    start, end = parameters.first("start"), parameters.first("end")
    return (
        -EVER_MS if start is None else moment_ms(start, "start"),
        EVER_MS if end is None else moment_ms(end, "end"),
    )


def _listed(found: Sequence[object], limit: int | None) -> Response:
    if limit is not None and len(found) > limit:
        return success(msgspec.json.encode(found[:limit]), [_LIMITED])
    return success(msgspec.json.encode(found))
