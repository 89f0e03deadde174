"""Every route under /elasticsearch/ with its door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.elasticsearch import probes
from trimtab.api.elasticsearch.credentials import PREFIX
from trimtab.api.elasticsearch.writing import Writing
from trimtab.app.doors import Door
from trimtab.model.access import Permission
from trimtab.observe.room import Room
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.contract import LogStore

SETUP_BYTES_MAX = 4 * 1024 * 1024
"""Of a template: Filebeat's has about a megabyte."""


class _Row(NamedTuple):
    path: str
    methods: tuple[str, ...]
    endpoint: Callable[[Request], Awaitable[Response]]
    permission: Permission = Permission.INGEST
    body_bytes_max: int | None = SETUP_BYTES_MAX


def _rows(writing: Writing) -> list[_Row]:
    """All of them, in the order in which they are looked at."""
    rows = [
        _Row("/_bulk", ("POST", "PUT"), writing.bulk, body_bytes_max=None),
        _Row("/{index}/_bulk", ("POST", "PUT"), writing.bulk, body_bytes_max=None),
        _Row("/{index}/_doc", ("POST",), writing.document, body_bytes_max=None),
        _Row("/{index}/_doc/{id}", ("POST", "PUT"), writing.document, body_bytes_max=None),
        _Row("/{index}/_create/{id}", ("POST", "PUT"), writing.document, body_bytes_max=None),
        _Row("", ("GET",), probes.root),
        _Row("/", ("GET",), probes.root),
        _Row("/_license", ("GET",), probes.licence),
        _Row("/_xpack", ("GET",), probes.features),
        _Row("/_cluster/health", ("GET",), probes.health),
        _Row("/_nodes/http", ("GET",), probes.nodes),
        _Row("/_nodes/_all/http", ("GET",), probes.nodes),
        _Row("/_ingest/pipeline/{name}", ("GET",), probes.nothing),
        _Row("/_ingest/pipeline/{name}", ("PUT",), probes.no_pipeline),
    ]
    for name in ("_ilm/policy", "_index_template", "_component_template", "_template", "_data_stream"):
        rows.append(_Row(f"/{name}/{{name}}", ("GET",), probes.nothing))
        rows.append(_Row(f"/{name}/{{name}}", ("PUT",), probes.acknowledged))
    searches = ("_search", "_count", "_msearch", "{index}/_search", "{index}/_count", "{index}/_msearch")
    rows += [_Row(f"/{path}", ("GET", "POST"), probes.no_search, Permission.LOOK) for path in searches]
    rows.append(_Row("/{rest:path}", ("GET", "POST", "PUT", "DELETE"), probes.no_handler))
    return rows


def elasticsearch_routes(logs: LogStore, limits: TelemetryLimits, room: Room) -> tuple[list[Route], Sequence[Door]]:
    """The routes, and who may use them: whoever may send telemetry."""
    rows = _rows(Writing(logs, limits, room))
    routes = [Route(f"{PREFIX}{row.path}", row.endpoint, methods=list(row.methods)) for row in rows]
    doors = [
        Door(
            f"{PREFIX}{row.path}",
            row.methods,
            row.permission,
            body_bytes_max=row.body_bytes_max,
            only_reads=row.permission is Permission.LOOK,
        )
        for row in rows
    ]
    return routes, doors
