"""Objectives for the servers that browsers look at: kept, spent, not measured."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.contract import Samples
from trimtab.store.telemetry import EmbeddedTelemetry

MINUTE_MS = 60_000
MINUTES = 2 * 1440
ENOUGH_S = 120
TEXT = """
objectives:
  - name: checkout-answers
    display_name: Checkout answers
    description: Requests that the checkout answered without an error of its own, as its load balancer counts them.
    service: checkout
    system: shop
    target: 99.9%
    window: 2d
    labels: {team: blue}
    events: {bad: 'answers_total{service="checkout",code="500"}', total: 'answers_total{service="checkout"}'}
    exclusions: [{from: "2026-01-01 08:00", to: "2026-01-01 09:00", reason: move to new disks}]
  - name: search-answers
    service: search
    target: 99.5%
    window: 2d
    events: {bad: 'answers_total{service="search",code="500"}', total: 'answers_total{service="search"}'}
  - {name: prices-are-fresh, service: prices, window: 1d, freshness: prices_updated_timestamp, slo: < 5 minutes}
  - name: exports-in-time
    service: export
    window: {calendar: month, zone: Europe/Berlin}
    threshold: {query: export_seconds, below: 900}
  - {name: partner-is-there, service: partner, target: 99%, availability: 'up{job="partner"}'}
"""


def fill_objectives(data_dir: Path) -> str:
    """Into a store that no server has open; gives the section of the configuration."""
    file = data_dir / "objectives.yml"
    file.write_text(TEXT)
    draw = np.random.default_rng(7)
    minutes = np.arange(MINUTES + 1)
    load = np.zeros(MINUTES + 1) + 600 + 250 * np.sin(minutes / 1440 * 2 * np.pi)
    share = np.where((minutes > 900) & (minutes < 960), 0.01, 0.0003)
    share[-40:] = 0.05
    bad = draw.poisson(load * share).astype(float)
    with EmbeddedTelemetry.open(data_dir) as telemetry:
        _write(telemetry, {"__name__": "answers_total", "service": "checkout", "code": "500"}, np.cumsum(bad))
        _write(telemetry, {"__name__": "answers_total", "service": "checkout", "code": "200"}, np.cumsum(load - bad))
        some = draw.poisson(load * 0.0008).astype(float)
        _write(telemetry, {"__name__": "answers_total", "service": "search", "code": "500"}, np.cumsum(some))
        _write(telemetry, {"__name__": "answers_total", "service": "search", "code": "200"}, np.cumsum(load - some))
        updated = np.asarray(time.time() - 60.0 * minutes[::-1] - 40, np.float64)
        updated[-400:-330] = updated[-400]
        _write(telemetry, {"__name__": "prices_updated_timestamp"}, updated)
        took: NDArray[np.float64] = 600 + 100 * draw.random(MINUTES + 1)
        took[-2000:-1990] = 1200
        _write(telemetry, {"__name__": "export_seconds"}, took)
    return f'[objectives]\nfiles = ["{file}"]\n'


def _write(telemetry: EmbeddedTelemetry, labels: dict[str, str], values: NDArray[np.float64]) -> None:
    """A sample a minute up to now."""
    slots = telemetry.metrics.register([tuple(sorted(labels.items()))]).slots
    now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    at_ms = now_ms - np.arange(len(values) - 1, -1, -1, dtype=np.int64) * MINUTE_MS
    done = telemetry.metrics.append(Samples(np.repeat(slots, len(values)).astype(np.int32), at_ms, values))
    assert not done.refused, done.first_refusals


def wait_for_objectives(url: str) -> None:
    """Until their history is counted."""
    give_up_at = time.monotonic() + ENOUGH_S
    while True:
        told = httpx2.get(f"{url}/api/trimtab/objectives", timeout=60).json()
        if told["objectives"] and all(one["history_ratio"] == 1.0 for one in told["objectives"]):
            return
        assert time.monotonic() < give_up_at, told["error"] or "history does not come to an end"
        time.sleep(0.5)
