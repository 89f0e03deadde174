"""The HTTP API, read off the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import code, page, sentences, table
from trimtab.api.openapi import openapi_document

Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(method, path, operation), by path."""
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            yield method.upper(), path, operation


def api_page() -> str:
    """The page."""
    document = openapi_document("")
    rows = [[code(method), code(path), operation["summary"]] for method, path, operation in operations(document)]
    return page(
        "HTTP API",
        "One port for everything. The document for programs is at `/api/trimtab/openapi.json`; who may call what is in "
        "[access](access.md), and what errors look like in [error kinds](errors.md).",
        table(["method", "path", "what it does"], rows),
        "## Beside it",
        table(
            ["path", "what it is"],
            [
                [code("GET /healthz"), "200 with JSON once the server serves"],
                [code("POST /v1/traces"), "OTLP over HTTP: spans in, protobuf or JSON, gzip or not; 200 means on disk"],
                [code("POST /v1/metrics") + ", " + code("POST /v1/logs"), "501 for now"],
            ],
        ),
        *(_section(document, *found) for found in operations(document)),
    )


def _section(document: Json, method: str, path: str, operation: Json) -> str:
    parts = [f"## {method} {path}", sentences(operation.get("description") or operation["summary"]) + "."]
    given = operation.get("parameters") or []
    if given:
        rows = [
            [code(p["name"]), p["in"], _type(document, p["schema"]), "yes" if p.get("required") else "", _about(p)]
            for p in given
        ]
        parts.append(table(["parameter", "in", "type", "required", "meaning"], rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        schema = _resolved(document, body)
        parts.append(f"Body (JSON): {sentences(schema.get('description')) or 'an object'}")
        required = schema.get("required", ())
        rows = [
            [code(name), _type(document, field), "yes" if name in required else "", sentences(field.get("description"))]
            for name, field in schema.get("properties", {}).items()
        ]
        parts.append(table(["field", "type", "required", "meaning"], rows))
    answers = ", ".join(
        f"{status} {answer['description'].lower()}" for status, answer in operation["responses"].items()
    )
    return "\n\n".join([*parts, f"Answers: {answers}."])


def _about(parameter: Json) -> str:
    return sentences(parameter.get("description") or parameter["schema"].get("description"))


def _resolved(document: Json, schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def _type(document: Json, schema: Json) -> str:
    """A schema in a few words.

    >>> _type({}, {"type": "integer", "minimum": 1, "maximum": 9}), _type({}, {"enum": ["a", "b"]})
    ('integer, 1 to 9', '`a`, `b`')
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(document, part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_type(document, schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    span = f", {low} to {high}" if low is not None and high is not None else f", from {low}" if low is not None else ""
    return f"{schema.get('type', 'any')}{span}"
