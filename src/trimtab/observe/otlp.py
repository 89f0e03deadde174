"""OTLP/HTTP bodies: unpacked within a limit, and JSON turned into the protobuf that the store keeps.

OTLP's JSON is protobuf's JSON with one exception: trace and span ids are hexadecimal, not base64.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from typing import Any

from trimtab.model.errors import InputError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLong(InputError):
    """A body passes its limit, packed or unpacked; `facts` has limit and observed."""


class Unpacker:
    """Unpacks a gzip body piece by piece, never beyond `bytes_max`.

    >>> import gzip
    >>> unpacker = Unpacker("gzip", bytes_max=4)
    >>> unpacker.feed(gzip.compress(b"abcd"))
    4
    >>> unpacker.finish()
    b'abcd'
    """

    def __init__(self, encoding: str, bytes_max: int) -> None:
        if encoding != "gzip":
            raise InputError(f"content-encoding {encoding!r} is not known; use gzip or identity", observed=encoding)
        self._stream = zlib.decompressobj(_GZIP)
        self._bytes_max = bytes_max
        self._body = bytearray()

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes; returns how many the body has by now. Raises BodyTooLong or InputError."""
        room = self._bytes_max - len(self._body)
        try:
            data = self._stream.decompress(chunk, room + 1)
        except zlib.error as error:
            raise InputError(f"the body is not gzip: {error}") from error
        if len(data) > room:
            raise BodyTooLong(
                f"a body may have {self._bytes_max} bytes unpacked; this one has more",
                limit=self._bytes_max,
                observed=len(self._body) + len(data),
            )
        self._body += data
        return len(self._body)

    def finish(self) -> bytes:
        """The whole body; InputError where it was cut short or something follows it."""
        if not self._stream.eof or self._stream.unused_data:
            raise InputError("the gzip body is cut short or followed by other bytes")
        return bytes(self._body)


def traces_from_json(body: bytes) -> bytes:
    """An ExportTraceServiceRequest in OTLP's JSON as protobuf; InputError names what is wrong.

    Unknown fields are skipped, as the specification asks.

    >>> traces_from_json(b'{"resourceSpans": []}')
    b''
    """
    import msgspec
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        document = msgspec.json.decode(body)
        if not isinstance(document, dict):
            raise InputError("the body is not a JSON object")
        for holder in _id_holders(document):
            _hex_to_base64(holder)
        request = ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (msgspec.DecodeError, ParseError) as error:
        raise InputError(f"the body is not an ExportTraceServiceRequest in JSON: {error}") from error
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
