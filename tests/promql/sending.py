"""A few series, sent by remote write as a Prometheus would send them."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cramjam
import httpx2

STEP_MS = 15_000
STEPS = 240


@dataclass(frozen=True)
class Sent:
    """Where it went, and which time it spans; both ends have samples."""

    url: str
    start_ms: int
    end_ms: int


def varint(number: int) -> bytes:
    """As protobuf has it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def write_request(series: Sequence[tuple[Mapping[str, str], Sequence[tuple[int, float]]]]) -> bytes:
    """A WriteRequest, not compressed."""
    body = bytearray()
    for labels, samples in series:
        told = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        told += b"".join(field(2, b"\x09" + struct.pack("<d", v) + b"\x10" + varint(at_ms)) for at_ms, v in samples)
        body += field(1, told)
    return bytes(body)


def send(url: str, series: Sequence[tuple[Mapping[str, str], Sequence[tuple[int, float]]]]) -> httpx2.Response:
    """To /api/v1/write."""
    return httpx2.post(
        f"{url}/api/v1/write",
        content=bytes(cramjam.snappy.compress_raw(write_request(series))),
        headers={
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
        timeout=30,
    )


def send_example(url: str) -> Sent:
    """Two jobs with `up`, a counter that grows by 2 a second and one that was reset, a gauge."""
    end_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS - STEP_MS
    start_ms = end_ms - (STEPS - 1) * STEP_MS
    moments = range(start_ms, end_ms + 1, STEP_MS)
    series: list[tuple[dict[str, str], list[tuple[int, float]]]] = []
    for number, job in enumerate(("api", "db")):
        own = {"job": job, "instance": f"10.0.0.{number}:9100"}
        series.append(({"__name__": "up", **own}, [(at_ms, 1.0) for at_ms in moments]))
        total = [(at_ms, float((i % 100 if number else i) * 30)) for i, at_ms in enumerate(moments)]
        series.append(({"__name__": "requests_total", **own}, total))
        series.append(({"__name__": "temperature", **own}, [(at_ms, 20.5 + i % 3) for i, at_ms in enumerate(moments)]))
    answer = send(url, series)
    assert answer.status_code in (200, 204), answer.text
    return Sent(url, start_ms, end_ms)
