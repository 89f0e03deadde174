"""The OpenAPI document, made from the table of operations."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from trimtab.api.control import OPERATIONS

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message", "facts"],
            "properties": {
                "kind": {"type": "string"},
                "message": {"type": "string"},
                "facts": {"type": "object"},
            },
        }
    },
}
_PARAMETERS: dict[str, Any] = {"case_id": {"type": "integer", "minimum": 1}, "system": {"type": "string"}}
ERROR_STATUSES = {"400": "Wrong input", "403": "Refused", "404": "Not found", "409": "Not possible now"}


def openapi_document(version: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document of everything under /api/trimtab/.

    >>> sorted(openapi_document("0")["paths"])[0]
    '/api/trimtab/cases'
    """
    bodies = [operation.body for operation in OPERATIONS if operation.body is not None]
    _, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        entry: dict[str, Any] = {
            "summary": operation.summary,
            "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{operation.path}").strip("_"),
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": _PARAMETERS[name]}
                for name in re.findall(r"\{(\w+)\}", operation.path)
            ],
            "responses": {
                str(operation.status): {"description": "Done", "content": {"application/json": {"schema": {}}}},
                **{
                    status: {
                        "description": text,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                    }
                    for status, text in ERROR_STATUSES.items()
                },
            },
        }
        if operation.body is not None:
            schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
            entry["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths.setdefault(f"/api/trimtab{operation.path}", {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {"title": "trimtab", "version": version},
        "paths": paths,
        "components": {"schemas": {**components, "Error": ERROR_SCHEMA}},
    }
