"""OTLP/HTTP bodies: JSON turned into the protobuf that the store keeps.

OTLP's JSON is protobuf's JSON with one exception: trace and span ids are hexadecimal, not base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from google.protobuf.message import Message

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


class BodyTooLong(InputError):
    """A body passes its limit, packed or unpacked; `facts` has limit and observed."""


def traces_from_json(body: bytes) -> bytes:
    """An ExportTraceServiceRequest in OTLP's JSON as protobuf; InputError names what is wrong.

    Unknown fields are skipped, as the specification asks.

    >>> traces_from_json(b'{"resourceSpans": []}')
    b''
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return _from_json(body, ExportTraceServiceRequest, _id_holders)


def metrics_from_json(body: bytes) -> bytes:
    """An ExportMetricsServiceRequest, likewise.

    >>> metrics_from_json(b'{"resourceMetrics": []}')
    b''
    """
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    return _from_json(body, ExportMetricsServiceRequest, _exemplars)


def logs_from_json(body: bytes) -> bytes:
    """An ExportLogsServiceRequest, likewise.

    >>> logs_from_json(b'{"resourceLogs": []}')
    b''
    """
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return _from_json(body, ExportLogsServiceRequest, _records)


def _from_json(
    body: bytes, message_class: type[Message], holders: Callable[[dict[str, Any]], Iterator[dict[str, Any]]]
) -> bytes:
    import msgspec
    from google.protobuf.json_format import ParseDict, ParseError

    name = message_class.__name__
    try:
        document = msgspec.json.decode(body)
        if not isinstance(document, dict):
            raise InputError("the body is not a JSON object")
        for holder in holders(document):
            _hex_to_base64(holder)
        request = ParseDict(document, message_class(), ignore_unknown_fields=True)
    except (msgspec.DecodeError, ParseError) as error:
        raise InputError(f"the body is not an {name} in JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the body is not UTF-8: {error.reason} at byte {error.start} of a text") from error
    except RecursionError as error:
        raise InputError("the body is nested too deeply") from error
    return request.SerializeToString()


def _id_holders(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span and every link."""
    for resource in _objects(document, "resourceSpans"):
        for scope in _objects(resource, "scopeSpans"):
            for span in _objects(scope, "spans"):
                yield span
                yield from _objects(span, "links")


def _records(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every log record."""
    for resource in _objects(document, "resourceLogs"):
        for scope in _objects(resource, "scopeLogs"):
            yield from _objects(scope, "logRecords")


def _exemplars(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every exemplar of every metric."""
    for resource in _objects(document, "resourceMetrics"):
        for scope in _objects(resource, "scopeMetrics"):
            for metric in _objects(scope, "metrics"):
                for kind in ("gauge", "sum", "histogram", "exponentialHistogram"):
                    data = metric.get(kind)
                    for point in _objects(data, "dataPoints") if isinstance(data, dict) else ():
                        yield from _objects(point, "exemplars")


def _objects(holder: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The objects of a list; what is none is left for the protobuf parser to refuse."""
    items = holder.get(name)
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def _hex_to_base64(holder: dict[str, Any]) -> None:
    for name, size_bytes in _ID_BYTES.items():
        text = holder.get(name)
        if text is None or text == "":
            continue
        try:
            data = bytes.fromhex(text)
        except (TypeError, ValueError):
            data = b""
        if len(data) != size_bytes:
            raise InputError(f"{name} must be {2 * size_bytes} hexadecimal digits", field=name)
        holder[name] = base64.b64encode(data).decode("ascii")
