"""The HTTP API, read off the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import code, page, sentences, table
from trimtab.api.openapi import ERROR_STATUSES, openapi_document

Json = dict[str, Any]

INTRODUCTION = """\
One port for everything. The document for programs is at `/api/trimtab/openapi.json` (OpenAPI 3.1). Who may call what,
and every page beside the API, is in [access](access.md); what errors look like is in [error kinds](errors.md).

Where a login is needed, programs send a token: `Authorization: Bearer SECRET`. Times are Unix milliseconds. What an
answer is made of is under [Schemas](#schemas)."""

BESIDE = (
    ("GET /healthz", "200 with JSON once the server serves; open to everybody"),
    ("GET /metrics", "trimtab's own numbers as Prometheus reads them: [all of them](own-metrics.md)"),
    ("POST /v1/traces", "OTLP over HTTP: spans in, protobuf or JSON, gzip, zstd or plain; 200 means on disk"),
    (
        "POST /api/v1/write",
        "Prometheus' remote write, 1.0 and 2.0: 204 means on disk; 400 says which samples were not taken",
    ),
    (
        "POST /v1/metrics",
        "OTLP over HTTP: metrics in, likewise; `partialSuccess` says which data points were not taken",
    ),
    (
        "POST /v1/logs",
        "OTLP over HTTP: log records in, likewise; `partialSuccess` says how many were not taken, and why",
    ),
    ("GET /events", "what happens, as server-sent events: [event kinds](events.md)"),
    ("GET /series", "lines for the charts of the page, as JSON"),
)
"""Routes that are not in the document."""


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(method, path, operation), by path."""
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            yield method.upper(), path, operation


def api_page() -> str:
    """The page."""
    document = openapi_document("")
    rows = [
        [code(f"{method} {path}"), operation["summary"], operation.get("x-permission") or ""]
        for method, path, operation in operations(document)
    ]
    return page(
        "HTTP API",
        INTRODUCTION,
        table(["route", "what it does", "takes"], rows),
        "## Beside it",
        table(["route", "what it is"], [[code(route), text] for route, text in BESIDE]),
        "## Answers that are errors",
        'Each is `{"error": {"kind", "message", "facts"}}`; `facts.field` names the parameter or the field of the\n'
        "body that is wrong. A parameter or field that a route does not know is refused. A name, number or path that\n"
        "is well formed and not there is 404; one that cannot be is 400. HEAD works where GET does.",
        table(["status", "meaning"], [[code(status), text] for status, text in ERROR_STATUSES.items()]),
        *(_section(*found) for found in operations(document)),
        "## Schemas",
        *(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
    )


def _section(method: str, path: str, operation: Json) -> str:
    parts = [f"## {method} {path}", f"{sentences(operation['summary'])}."]
    given = operation.get("parameters") or []
    if given:
        rows = [
            [code(p["name"]), p["in"], type_of(p["schema"]), "yes" if p.get("required") else "", _about(p)]
            for p in given
        ]
        parts.append(table(["parameter", "in", "type", "required", "meaning"], rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        parts.append(f"Body: {type_of(body)}.")
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            schema = answer.get("content", {}).get("application/json", {}).get("schema") or {}
            parts.append(f"Answer {status}: {type_of(schema)}.")
    return "\n\n".join(parts)


def _schema(name: str, schema: Json) -> str:
    parts = [f"### {name}"]
    about = sentences(schema.get("description"))
    if about:
        parts.append(about)
    if "enum" in schema:
        parts.append(type_of(schema))
    required = schema.get("required", ())
    rows = [
        [code(field), type_of(kind), "yes" if field in required else "", sentences(kind.get("description"))]
        for field, kind in schema.get("properties", {}).items()
    ]
    if any(row[3] for row in rows):
        parts.append(table(["field", "type", "required", "meaning"], rows))
    elif rows:
        parts.append(table(["field", "type", "required"], [row[:3] for row in rows]))
    return "\n\n".join(parts)


def _about(parameter: Json) -> str:
    return sentences(parameter.get("description") or parameter["schema"].get("description"))


def type_of(schema: Json) -> str:
    """A schema in a few words.

    >>> type_of({"type": "integer", "minimum": 1, "maximum": 9}), type_of({"enum": ["a", "b"]})
    ('integer, 1 to 9', '`a`, `b`')
    >>> type_of({"type": "array", "items": {"$ref": "#/components/schemas/Case"}})
    'array of [Case](#case)'
    """
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(type_of(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items') or {})}"
    low, high = schema.get("minimum"), schema.get("maximum")
    span = f", {low} to {high}" if low is not None and high is not None else f", from {low}" if low is not None else ""
    return f"{schema.get('type', 'any JSON')}{span}"
