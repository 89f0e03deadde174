"""What clients ask before and while they write: who is there, which version, which licence, is there a template.

trimtab needs no index, template, data stream or lifecycle, so what is set up is acknowledged, and what is looked for
is not there. Ingest pipelines would change documents: trimtab runs none, and says so.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trimtab.api.elasticsearch.answers import PRODUCT, answer, refusal

VERSION = "9.99.0"
"""What clients are told: as new as any of them, because some refuse to write to who is older than they are."""
NAME = "trimtab"
_UUID = "trimtab-is-no-elasticsr"


async def root(request: Request) -> Response:
    """`GET /`: what every client asks first."""
    return answer(
        request,
        {
            "name": NAME,
            "cluster_name": NAME,
            "cluster_uuid": _UUID,
            "version": {
                "number": VERSION,
                "build_flavor": "default",
                "build_type": "tar",
                "build_hash": "trimtab",
                "build_date": "2026-01-01T00:00:00.000Z",
                "build_snapshot": False,
                "lucene_version": "10.0.0",
                "minimum_wire_compatibility_version": "8.19.0",
                "minimum_index_compatibility_version": "8.0.0",
            },
            "tagline": "trimtab takes log records the way Elasticsearch does",
        },
    )


async def licence(request: Request) -> Response:
    """`GET /_license`: Filebeat asks whether the basic one is active."""
    return answer(
        request, {"license": {"status": "active", "uid": _UUID, "type": "basic", "issued_to": NAME, "issuer": NAME}}
    )


async def features(request: Request) -> Response:
    """`GET /_xpack`: what older ones ask for the same."""
    about = {"uid": _UUID, "type": "basic", "mode": "basic", "status": "active"}
    off = {"available": False, "enabled": False}
    kinds = {"ilm": {"available": True, "enabled": True}, "ml": off, "security": off, "monitoring": off}
    return answer(request, {"build": {"hash": NAME}, "license": about, "features": kinds, "tagline": NAME})


async def health(request: Request) -> Response:
    """`GET /_cluster/health`."""
    return answer(
        request,
        {
            "cluster_name": NAME,
            "status": "green",
            "timed_out": False,
            "number_of_nodes": 1,
            "number_of_data_nodes": 1,
            "active_primary_shards": 1,
            "active_shards": 1,
            "unassigned_shards": 0,
        },
    )


async def nodes(request: Request) -> Response:
    """`GET /_nodes/http`: who looks for other nodes finds this one, at the address it asked."""
    host = request.headers.get("host", "")
    node = {"name": NAME, "version": VERSION, "roles": ["data", "ingest"], "http": {"publish_address": host}}
    return answer(request, {"_nodes": {"total": 1, "successful": 1, "failed": 0}, "nodes": {NAME: node}})


async def nothing(request: Request) -> Response:
    """`GET /_index_template/{name}` and its like: there is none."""
    if request.method == "HEAD":
        return Response(status_code=404, headers=PRODUCT)
    name = request.path_params.get("name", "")
    return refusal(404, f"[{name[:200]}] is not here: trimtab needs none", "resource_not_found_exception")


async def acknowledged(request: Request) -> Response:
    """`PUT /_index_template/{name}` and its like: nothing has to be set up."""
    try:
        body = await request.body()
        if body and request.headers.get("content-encoding", "identity") == "identity":
            msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        return refusal(400, f"the body is not JSON: {error}")
    return answer(request, {"acknowledged": True})


async def no_pipeline(request: Request) -> Response:
    """`PUT /_ingest/pipeline/{name}`: documents would not become what the sender thinks."""
    name = request.path_params.get("name", "")
    return refusal(
        400,
        f"the pipeline [{name[:200]}] cannot be kept: trimtab runs no ingest pipelines. Parse lines in the sender"
        " (processors of Filebeat, filters of Fluent Bit), and use no Filebeat modules",
    )


async def no_search(_request: Request) -> Response:
    """`_search` and its like."""
    return refusal(
        400,
        "trimtab answers no searches in Elasticsearch's language: GET /api/trimtab/logs searches logs, and so does"
        " the page /logs",
        "unsupported_operation_exception",
    )


async def no_handler(request: Request) -> Response:
    """Everything else."""
    if request.method == "HEAD":
        return Response(status_code=404, headers=PRODUCT)
    path = request.url.path[:200]
    return refusal(404, f"no handler found for uri [{path}] and method [{request.method[:20]}]")
