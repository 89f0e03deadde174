"""The OpenAPI document, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from trimtab.api.control import OPERATIONS
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NUMBER_MAX

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
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_PARAMETERS: dict[str, Any] = {"case_id": _NUMBER, "token_id": _NUMBER}
ERROR_STATUSES = {
    "400": "Wrong input",
    "401": "A login or a token is needed, or the one that was sent is wrong",
    "403": "Refused: the role may not, or another site, name or proxy is behind it",
    "404": "There is no such thing",
    "405": "The path does not take this method: Allow says which",
    "408": "The body came too slowly",
    "409": "Not possible now",
    "413": "The body is too long",
    "414": "The address is too long",
    "424": "Something that is needed is not there: a system does not answer, a privilege is missing",
    "429": "Too many tries: Retry-After says when",
    "431": "The headers are too long",
    "503": "The store is not able to now",
}
SECURITY_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "Made with 'trimtab token create'"},
    "session": {"type": "apiKey", "in": "cookie", "name": "trimtab_session", "description": "With X-CSRF-Token"},
}


def openapi_document(version: str, operations: Iterable[Operation] = OPERATIONS) -> dict[str, Any]:
    """An OpenAPI 3.1 document of everything under /api/trimtab/.

    >>> sorted(openapi_document("0")["paths"])[0]
    '/api/trimtab/access/audit'
    """
    operations = tuple(operations)
    types = [o.body for o in operations if o.body is not None] + [o.answer for o in operations if o.answer is not None]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}", schema_hook=lambda _kind: {"description": "any JSON"}
    )
    components = {name: _without_rows_of_pairs(schema) for name, schema in components.items()}
    schema_of = {str(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for operation in operations:
        path = paths.setdefault(f"/api/trimtab{operation.path}", {})
        path[operation.method.lower()] = _entry(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "trimtab", "version": version},
        "paths": paths,
        "components": {"schemas": {**components, "Error": ERROR_SCHEMA}, "securitySchemes": SECURITY_SCHEMES},
    }


def _without_rows_of_pairs(schema: Any) -> Any:
    """Lists of tuples as lists of lists whose items have one of the types: tools stumble over tuples in lists."""
    if isinstance(schema, list):
        return [_without_rows_of_pairs(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _without_rows_of_pairs(part) for name, part in schema.items()}
    row = made.get("items")
    if isinstance(row, dict) and "prefixItems" in row:
        kinds = row["prefixItems"]
        made["items"] = {**{k: v for k, v in row.items() if k != "prefixItems"}, "items": {"anyOf": kinds}}
    return made


def _entry(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    door = operation.door
    error = _json({"$ref": "#/components/schemas/Error"})
    answer: dict[str, Any] = {
        "description": "Done",
        "content": _json({} if operation.answer is None else schema_of[str(operation.answer)]),
    }
    if operation.headers:
        answer["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in operation.headers
        }
    entry: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{operation.path}").strip("_"),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": _PARAMETERS.get(name, _TEXT)}
                for name in re.findall(r"\{(\w+)\}", operation.path)
            ),
            *(
                {
                    "name": p.name,
                    "in": "query",
                    "required": p.required,
                    "description": p.description,
                    "schema": p.schema,
                }
                for p in operation.parameters
            ),
        ],
        "responses": {
            str(operation.status): answer,
            **{status: {"description": text, "content": error} for status, text in ERROR_STATUSES.items()},
        },
        "security": [] if door.permission is None else [{"token": []}, {"session": []}],
        "x-permission": None if door.permission is None else door.permission.value,
    }
    if operation.body is not None:
        entry["requestBody"] = {"required": True, "content": _json(schema_of[str(operation.body)])}
    return entry


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
