"""Write rates from the real store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from trimtab.app.write_rates import write_rates
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


def row(relation: str, at_ms: int, inserted: int) -> dict[str, object]:
    return {
        "system": "shop",
        "sampled_at_ms": at_ms,
        "relation": relation,
        "n_live_tup": 1000,
        "n_dead_tup": 0,
        "seq_scan": 0,
        "seq_tup_read": 0,
        "idx_scan": 0,
        "n_tup_ins": inserted,
        "n_tup_upd": 2 * inserted,
        "n_tup_del": 0,
        "n_tup_hot_upd": inserted,
        "relation_bytes": 8192,
        "indexes_bytes": 8192,
    }


def test_rates_are_per_second_over_what_was_seen(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    looks = [row("public.orders", now_ms - 30_000 * n, 300) for n in range(4)]
    with EmbeddedTelemetry.open(make_tables(tmp_path)) as telemetry:
        telemetry.write("table_statistics", table_of("table_statistics", [*looks, row("public.seen_once", now_ms, 5)]))
        telemetry.write("table_statistics", table_of("table_statistics", [row("public.old", now_ms - 7_200_000, 5)]))
        telemetry.flush(30)
        rates = write_rates(telemetry, "shop", now_ms)
        assert write_rates(telemetry, "another", now_ms) == {}
    assert set(rates) == {"public.orders"}
    orders = rates["public.orders"]
    assert (orders.inserts_per_s, orders.updates_per_s) == pytest.approx((10.0, 20.0))
    assert orders.hot_updates_per_s == pytest.approx(10.0)
    assert orders.source == "table statistics of the last 120 s"
