"""Requests as Filebeat 9 and Fluent Bit 4 send them, written down after their documentation and their public source
(grade F: neither was run here). Times are put in when they are sent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

AGENT = {
    "ephemeral_id": "8f2b1c1e-52a7-4f4e-9a44-6a3a9c0a7b1d",
    "id": "3f1f6f0e-7a6b-4f0f-8a55-3c2f0a9f5a11",
    "name": "web-1",
    "type": "filebeat",
    "version": "9.2.1",
}


def now(ahead_s: float = 0.0) -> str:
    """As Filebeat writes a time."""
    at_s = time.time() + ahead_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)) + f".{int(at_s % 1 * 1000):03d}Z"


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


_BEAT = {"User-Agent": "Elastic-Filebeat/9.2.1 (linux; amd64; 0; 0)", "Accept": "application/json"}
_BEAT_JSON = {**_BEAT, "Content-Type": "application/json; charset=UTF-8"}

FILEBEAT_CONNECTS = (
    Sent("GET", "/", _BEAT),
    Sent("GET", "/_license?human=false", _BEAT),
    Sent("GET", "/_ilm/policy/filebeat", _BEAT),
    Sent("PUT", "/_ilm/policy/filebeat", _BEAT_JSON, b'{"policy":{"phases":{"hot":{"actions":{"rollover":{}}}}}}'),
    Sent("GET", "/_index_template/filebeat-9.2.1", _BEAT),
    Sent(
        "PUT", "/_index_template/filebeat-9.2.1", _BEAT_JSON, b'{"index_patterns":["filebeat-9.2.1"],"data_stream":{}}'
    ),
    Sent("GET", "/_data_stream/filebeat-9.2.1", _BEAT),
    Sent("PUT", "/_data_stream/filebeat-9.2.1", _BEAT_JSON, b"{}"),
)
"""In this order, each time a connection is made."""


def filebeat_event(message: str, at: str, offset: int) -> dict[str, object]:
    """An event of the filestream input, with what Filebeat's default processors add."""
    return {
        "@timestamp": at,
        "log": {
            "offset": offset,
            "file": {"path": "/var/log/shop/app.log", "device_id": "65025", "inode": "1837", "fingerprint": "ab12"},
        },
        "message": message,
        "input": {"type": "filestream"},
        "ecs": {"version": "8.0.0"},
        "host": {
            "name": "web-1",
            "hostname": "web-1",
            "architecture": "x86_64",
            "os": {"type": "linux", "platform": "debian", "version": "12 (bookworm)", "family": "debian"},
            "id": "6f1d",
            "ip": ["10.0.0.7", "fe80::1"],
            "mac": ["02-42-0A-00-00-07"],
        },
        "agent": AGENT,
    }


def filebeat_bulk(messages: list[str], at: str = "") -> Sent:
    """A batch, as it goes into the data stream of Filebeat's version."""
    lines = []
    for number, message in enumerate(messages):
        lines.append('{"create":{"_index":"filebeat-9.2.1"}}')
        lines.append(json.dumps(filebeat_event(message, at or now(), number * 100), ensure_ascii=False))
    path = "/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status"
    return Sent("POST", path, _BEAT_JSON, ("\n".join(lines) + "\n").encode())


def fluent_bit_chunk(lines: list[str], *, generates_id: bool = False) -> Sent:
    """A chunk of the tail input in Kubernetes, by the `es` output with `Suppress_Type_Name On`."""
    parts = []
    for number, line in enumerate(lines):
        about: dict[str, str] = {"_index": "fluent-bit"}
        if generates_id:
            about["_id"] = f"24d4c3b1-0000-4000-8000-{number:012d}"
        record = {
            "@timestamp": now(),
            "log": line,
            "stream": "stderr",
            "kubernetes": {
                "pod_name": "cart-7d9f",
                "namespace_name": "shop",
                "labels": {"app.kubernetes.io/name": "cart"},
                "container_name": "cart",
            },
        }
        parts += [json.dumps({"create": about}, separators=(",", ":")), json.dumps(record, separators=(",", ":"))]
    headers = {"User-Agent": "Fluent-Bit", "Content-Type": "application/x-ndjson"}
    return Sent("POST", "/_bulk", headers, ("\n".join(parts) + "\n").encode())
