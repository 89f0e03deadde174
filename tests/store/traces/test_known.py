"""Operations are written down once a day, and what is known of days before is forgotten."""

from __future__ import annotations

import pytest

from tests.store.traces.otlp import NOW_NS, Made, request
from trimtab.store.masking import NO_MASKING
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.decode import decode
from trimtab.store.traces.known import Known

pytestmark = pytest.mark.store

DAY_MS = 86_400_000


def test_each_operation_once_a_day(telemetry: EmbeddedTelemetry) -> None:
    known = Known(telemetry._engine)
    for day in (0, 0, 1, 1, 2):
        spans = [Made(n, n, name=f"op {n % 2}", at_ms=day * DAY_MS) for n in range(1, 9)]
        body = request(spans).SerializeToString()
        known.tell(decode(bytearray(body), 8, 0, 2**63 - 1, NO_MASKING).table)
    rows = telemetry.query("SELECT day_ms, service_name, name, kind FROM span_operations ORDER BY day_ms, name")
    first_ms = NOW_NS // 1_000_000 // DAY_MS * DAY_MS
    wanted = [(first_ms + day * DAY_MS, "shop", f"op {n}", "internal") for day in range(3) for n in range(2)]
    assert [tuple(row.values()) for row in rows.to_pylist()] == wanted
    assert {int(row[0]) for row in known._known["span_operations"]} == {first_ms + DAY_MS, first_ms + 2 * DAY_MS}
    assert telemetry.query("SELECT count() AS n FROM span_resources")["n"][0].as_py() == 3
