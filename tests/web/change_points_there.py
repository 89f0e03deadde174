"""A host whose memory and disk move to another level, and a service that is deployed right before."""

from __future__ import annotations

from typing import Any

import httpx2
import numpy as np

from tests.web.anomalies_there import STEP_MS, Series, write

COUNT = 480
"""Two hours."""
CUT = 320
"""The first sample of the new level."""
HOST = {"instance": "host-b:9100", "job": "node"}
TOTAL_BYTES = 16e9


def host(seed: int = 7, moved_bytes: float = 4e9) -> list[Series]:
    """Its memory steps, its neighbour's does not."""
    rng = np.random.default_rng(seed)
    series: list[Series] = []
    for name in ("host-a:9100", "host-b:9100"):
        available = rng.normal(10e9, 0.1e9, COUNT)
        if name == HOST["instance"]:
            available[CUT:] -= moved_bytes
        labels = {"instance": name, "job": "node"}
        series += [
            ({"__name__": "node_memory_MemAvailable_bytes", **labels}, available),
            ({"__name__": "node_memory_MemTotal_bytes", **labels}, np.full(COUNT, TOTAL_BYTES)),
        ]
    return series


def deploy(url: str, at_ms: int) -> None:
    """Spans of version 1.4.1 for half an hour, and of 1.4.2 from then on."""
    for version, from_ms in (("1.4.1", at_ms - 1_800_000), ("1.4.2", at_ms)):
        times = [from_ms + number * 60_000 for number in range(10)]
        body = {"resourceSpans": [{"resource": _resource(version), "scopeSpans": [{"spans": [*map(_span, times)]}]}]}
        httpx2.post(f"{url}/v1/traces", json=body, timeout=60).raise_for_status()


def _resource(version: str) -> dict[str, Any]:
    named = {"service.name": "shop", "service.version": version}
    return {"attributes": [{"key": key, "value": {"stringValue": value}} for key, value in named.items()]}


def _span(at_ms: int) -> dict[str, Any]:
    return {
        "traceId": f"{at_ms:032x}",
        "spanId": f"{at_ms:016x}",
        "name": "GET /cart",
        "kind": 2,
        "startTimeUnixNano": str(at_ms * 1_000_000),
        "endTimeUnixNano": str((at_ms + 20) * 1_000_000),
    }


def happen(url: str, now_ms: int) -> int:
    """All of it, up to now; when the new level began."""
    write(url, host(), now_ms)
    moved_ms = now_ms - (COUNT - 1 - CUT) * STEP_MS
    deploy(url, moved_ms - 120_000)
    return moved_ms
