"""`POST /api/v1/read`: raw samples for another Prometheus (or Thanos), as protobuf, compressed with snappy.

Answers are of the kind SAMPLES; who accepts only streamed chunks is refused. Samples are encoded for a whole series at
once, native histograms one by one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cramjam
import numpy as np
import numpy.typing as npt
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import Cancelled, Parameters, body_route
from trimtab.api.prometheus.envelope import BadData
from trimtab.api.prometheus.native_wire import encode_histogram
from trimtab.api.prometheus.wire import field, fields, varint
from trimtab.app.querying import Querying
from trimtab.store.metrics.block import Labels, Matcher, SeriesBlock

BODY_BYTES_MAX = 1024 * 1024
SAMPLES_MAX = 50_000_000
_OPERATORS = ("=", "!=", "=~", "!~")
_SAMPLES = 0
_MOMENT_MIN_MS, _MOMENT_MAX_MS = 2**35, 2**42
"""Milliseconds that have six bytes as a varint: 1971 to 2109."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a request."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


def remote_read_route(querying: Querying) -> Route:
    """The route under /api/v1."""

    def read(body: bytes, _parameters: Parameters, _cancelled: Cancelled) -> Response:
        out = bytearray()
        for asked in read_request(_unpacked(body)):
            block = querying.store.select([list(asked.matchers)], asked.start_ms, asked.end_ms)
            out += field(1, encode_block(block))
        packed = bytes(cramjam.snappy.compress_raw(bytes(out)))
        return Response(packed, headers={"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})

    return body_route("/read", querying, read, BODY_BYTES_MAX)


def _unpacked(body: bytes) -> bytes:
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > BODY_BYTES_MAX:
            raise BadData(f"a body may have {BODY_BYTES_MAX} bytes, this one has {size} unpacked")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise BadData(f"the body is not compressed with snappy: {error}") from error


def read_request(data: bytes) -> list[Asked]:
    """The queries of a ReadRequest."""
    asked, accepted = [], []
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            asked.append(_asked(value))
        elif number == 2:
            accepted.extend([value] if isinstance(value, int) else list(value))
    if accepted and _SAMPLES not in accepted:
        raise BadData("none of the accepted response types is known: this server answers with SAMPLES")
    return asked


def _asked(data: bytes) -> Asked:
    times = {1: 0, 2: 0}
    matchers = []
    for number, value in fields(data):
        if number in times and isinstance(value, int):
            times[number] = value - 2**64 if value >= 2**63 else value
        elif number == 3 and isinstance(value, bytes):
            matchers.append(_matcher(value))
    return Asked(times[1], times[2], tuple(matchers))


def _matcher(data: bytes) -> Matcher:
    operator, texts = 0, {2: "", 3: ""}
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            operator = value
        elif number in texts and isinstance(value, bytes):
            try:
                texts[number] = value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise BadData(f"a matcher is not UTF-8: {error}") from error
    if operator >= len(_OPERATORS):
        raise BadData(f"there is no kind of matcher {operator}")
    match _OPERATORS[operator]:
        case "=":
            return Matcher(texts[2], "=", texts[3])
        case "!=":
            return Matcher(texts[2], "!=", texts[3])
        case "=~":
            return Matcher(texts[2], "=~", texts[3])
        case _:
            return Matcher(texts[2], "!~", texts[3])


def encode_block(block: SeriesBlock) -> bytes:
    """A QueryResult."""
    out = bytearray()
    for number, labels in enumerate(block.labels):
        begin, end = int(block.offsets[number]), int(block.offsets[number + 1])
        keep = slice(begin, end)
        at_ms, values = block.at_ms[keep], block.values[keep]
        natives = b""
        if block.histograms is not None:
            told = block.histograms[begin:end]
            natives = b"".join(
                field(4, encode_histogram(int(moment), one)) for moment, one in zip(at_ms, told, strict=True) if one
            )
            is_float = np.array([one is None for one in told], dtype=bool)
            at_ms, values = at_ms[is_float], values[is_float]
        if len(at_ms) or natives:
            out += field(1, _labels(labels) + (_samples(at_ms, values) if len(at_ms) else b"") + natives)
    return bytes(out)


def _labels(labels: Labels) -> bytes:
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels)


def _samples(at_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> bytes:
    """Sample{1: double, 2: int64}, each in field 2 of its series."""
    if at_ms.min() < _MOMENT_MIN_MS or at_ms.max() >= _MOMENT_MAX_MS:
        return b"".join(
            field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(int(moment)))
            for moment, value in zip(at_ms.tolist(), values.tolist(), strict=True)
        )
    rows = np.empty((len(at_ms), 18), np.uint8)
    rows[:, :3] = (0x12, 16, 0x09)
    rows[:, 3:11] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
    rows[:, 11] = 0x10
    rest = at_ms.copy()
    for byte in range(6):
        rows[:, 12 + byte] = (rest & 127) | (128 if byte < 5 else 0)
        rest >>= 7
    return rows.tobytes()
