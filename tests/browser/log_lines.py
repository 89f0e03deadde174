"""An hour of log lines of a small shop, sent by OTLP: for pictures of the logs pages, and for measuring them."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx2

from tests.store.logs.requests import record, request
from trimtab.store.logs.answers import Value

LINES = 6_000
BATCH = 5_000
NUMBERS: Mapping[str, int] = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
OFTEN: Mapping[str, float] = {"info": 60, "debug": 25, "trace": 8, "warn": 6, "error": 2, "fatal": 0.02}
HOST = {"host.name": "node-1", "service.version": "1.4.2", "deployment.environment.name": "production"}
STACK = (
    "could not reserve stock for order {n}\nTraceback (most recent call last):\n"
    '  File "/app/stock.py", line 88, in reserve\n    raise StockError(sku)\nStockError: sku {n} is gone'
)


@dataclass(frozen=True)
class Kind:
    """Lines that are alike."""

    service: str
    level: str
    text: str
    attributes: Mapping[str, Value]


KINDS = (
    Kind("checkout", "info", "order {n} placed by user {u} for {m} EUR in {ms} ms", {"http.route": "/orders"}),
    Kind("checkout", "info", "GET /orders/{n} 200 {ms} ms", {"http.route": "/orders/{id}"}),
    Kind("checkout", "warn", "payment of order {n} is slow: {ms} ms, limit 800 ms", {"payment.provider": "acme"}),
    Kind(
        "checkout",
        "error",
        "payment of order {n} failed: 10.0.{k}.7 timed out after 3000 ms",
        {"error.type": "Timeout"},
    ),
    Kind("checkout", "error", STACK, {"error.type": "StockError"}),
    Kind("cart", "info", "cart of user {u} has {k} items", {}),
    Kind("cart", "debug", "cache hit for cart:{u}", {}),
    Kind("cart", "warn", "connection pool at {k} of 20", {}),
    Kind(
        "postgres",
        "info",
        "checkpoint complete: wrote {n} buffers; 0 WAL files added",
        {"db.system.name": "postgresql"},
    ),
    Kind("postgres", "warn", "duration: {ms} ms  statement: SELECT note FROM orders WHERE id = {n}", {}),
    Kind("mailer", "info", "sent mail {n} to user-{u}@example.org", {}),
    Kind("mailer", "fatal", "no more file descriptors after {n} mails: exiting", {}),
    Kind("gateway", "trace", "tls handshake with 10.0.{k}.{n} done in {ms} ms", {}),
)
OUTAGE = KINDS[3]
_WEIGHTS = [OFTEN[kind.level] for kind in KINDS]


def bodies(count: int, end_ms: int, length_ms: int = 3_600_000) -> Sequence[bytes]:
    """Requests with so many lines, the newest of them at the end; for a while, payments fail."""
    dice = random.Random(5)
    by_service: dict[str, list[object]] = {}
    for number in range(count):
        share = number / count
        at_ns = (end_ms - length_ms) * 1_000_000 + int(share * length_ms * 1_000_000)
        kind = OUTAGE if 0.6 < share < 0.66 and dice.random() < 0.5 else dice.choices(KINDS, _WEIGHTS)[0]
        text = kind.text.format(
            n=dice.randrange(10_000, 99_999),
            u=dice.randrange(500),
            m=dice.randrange(5, 300),
            ms=dice.randrange(3, 1900),
            k=dice.randrange(1, 20),
        )
        own = {**kind.attributes, "thread.id": dice.randrange(8), "user.id": f"u{dice.randrange(500)}"}
        ids = {"trace_id": dice.randbytes(16), "span_id": dice.randbytes(8)} if kind.service == "checkout" else {}
        made = record(
            text,
            at_ns,
            own,
            severity_number=NUMBERS[kind.level],
            severity_text=kind.level.upper(),
            observed_time_unix_nano=at_ns + 2_000_000,
            **ids,
        )
        by_service.setdefault(kind.service, []).append(made)
    return [
        request(*records[start : start + BATCH], service=service, resource=HOST)  # type: ignore[arg-type]
        for service, records in by_service.items()
        for start in range(0, len(records), BATCH)
    ]


def send_lines(url: str, count: int = LINES) -> str:
    """Send them, and wait until they can be found; the id of a record that is worth a look."""
    for body in bodies(count, time.time_ns() // 1_000_000):
        headers = {"Content-Type": "application/x-protobuf"}
        httpx2.post(f"{url}/v1/logs", content=body, headers=headers, timeout=60).raise_for_status()
    give_up_at = time.monotonic() + 120
    while httpx2.get(f"{url}/api/trimtab/logs/histogram?from=now-2h", timeout=60).json()["total_count"] < count:
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{count} lines were not there in time")
        time.sleep(0.1)
    found = httpx2.get(f"{url}/api/trimtab/logs?query=StockError&limit=1&from=now-2h", timeout=60).json()
    return str(found["records"][0]["id"])
