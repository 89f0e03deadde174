"""A store, and Elasticsearch's routes over it on a real port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.api.serving import running
from tests.empty_store import MakeTables
from trimtab.api.elasticsearch.routes import elasticsearch_routes
from trimtab.observe.room import Room
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry

LIMITS = TelemetryLimits(
    load_interval_s=0.05,
    logs_load_interval_s=0.05,
    message_bytes_max=400_000,
    message_spans_max=2000,
    inflight_bytes_max=4_000_000,
)


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(tables_made(tmp_path / "data"), LIMITS) as opened:
        yield opened


@pytest.fixture
def room() -> Room:
    return Room(LIMITS.inflight_bytes_max)


@pytest.fixture
def url(telemetry: EmbeddedTelemetry, room: Room) -> Iterator[str]:
    routes, _ = elasticsearch_routes(telemetry.logs, LIMITS, room)
    with running(Starlette(routes=list(routes))) as address:
        yield f"{address}/elasticsearch"


def stored(telemetry: EmbeddedTelemetry, columns: str = "body") -> list[dict[str, Any]]:
    telemetry.flush()
    found: list[dict[str, Any]] = telemetry.query(
        f"SELECT {columns} FROM log_records ORDER BY at_ns, spool_segment, record_no"
    ).to_pylist()
    return found
