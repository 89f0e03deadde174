"""Documents of ECS as records, and records as documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from trimtab.extend.sources import FoundLog, Value
from trimtab.integrations.elasticsearch.query import LEVEL, LINE, SERVICE, SPAN, TRACE

_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
TAKEN = frozenset({"@timestamp", *LINE, *LEVEL, *TRACE, *SPAN})


def record_of(hit: Mapping[str, Any]) -> FoundLog:
    """A hit of a search.

    >>> source = {"@timestamp": "2026-05-04T10:11:12.5Z", "message": "up", "log": {"level": "warn"}}
    >>> found = record_of({"_index": "a", "_id": "7", "_source": {**source, "service": {"name": "shop"}}})
    >>> found.body, found.severity_text, found.service_name, found.at_ns, found.attributes
    ('up', 'warn', 'shop', 1777889472500000000, {'service.name': 'shop', 'elasticsearch.index': 'a'})
    """
    source = hit.get("_source")
    fields = dict(flat(source)) if isinstance(source, Mapping) else {}
    line = next((fields[name] for name in LINE if name in fields), "")
    kept = {name: value for name, value in fields.items() if name not in TAKEN}
    if "_index" in hit:
        kept["elasticsearch.index"] = str(hit["_index"])
    return FoundLog(
        id=f"{hit.get('_index', '')}/{hit.get('_id', '')}",
        at_ns=moment_ns(fields.get("@timestamp")),
        body=line if isinstance(line, str) else str(line),
        severity_text=_first(fields, LEVEL),
        service_name=_first(fields, SERVICE),
        trace_id=_first(fields, TRACE),
        span_id=_first(fields, SPAN),
        attributes=kept,
    )


def document_of(record: FoundLog) -> dict[str, object]:
    """A record as a document of ECS; attributes keep their names with dots."""
    document: dict[str, object] = {name: plain(value) for name, value in record.attributes.items()}
    document["@timestamp"] = iso_of(record.at_ns)
    document["message"] = record.body
    told = {
        "log.level": record.severity_text,
        "service.name": record.service_name,
        "trace.id": record.trace_id,
        "span.id": record.span_id,
    }
    return document | {name: text for name, text in told.items() if text}


def flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Fields with names with dots.

    >>> dict(flat({"a": {"b": 1, "c.d": [1, {"e": 2}]}, "f": None}))
    {'a.b': 1, 'a.c.d': (1, {'e': 2})}
    """
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", _frozen(value)


def moment_ns(value: Value) -> int:
    """What Elasticsearch answers as `@timestamp`; 0 for what is none.

    >>> moment_ns("2026-05-04T12:11:12.123456789+02:00"), moment_ns(1777889472345), moment_ns("x")
    (1777889472123456789, 1777889472345000000, 0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * 1_000_000)
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return 0
    moment = datetime.fromisoformat(found[1] + (found[3] or "Z").replace("Z", "+00:00"))
    return int(moment.timestamp()) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))


def iso_of(at_ns: int) -> str:
    """
    >>> iso_of(1777889472123456789)
    '2026-05-04T10:11:12.123456789Z'
    """
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % 1_000_000_000:09d}Z"


def plain(value: Value) -> object:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return value


def _first(fields: Mapping[str, Value], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := fields.get(name), str)), "")


def _frozen(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, Mapping):
        return {str(name): _frozen(one) for name, one in value.items()}
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
