"""Debian's Prometheus as it is by default (`retry_on_http_429` is off): refused for lack of room it loses nothing."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from tests.api.serving import running
from tests.observe.metrics.fake_store import FakeStore
from tests.prometheus import running_prometheus
from trimtab.api import remote_write
from trimtab.api.remote_write import remote_write_route
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.observe.room import Claim

pytestmark = pytest.mark.slow
WAIT_S = 60
_RETRIED = re.compile(r"^prometheus_remote_storage_samples_retried_total\{.*\} (\S+)$", re.MULTILINE)
_LOST = re.compile(r"^prometheus_remote_storage_samples_(?:failed|dropped)_total\{.*\} (\S+)$", re.MULTILINE)


def total(pattern: re.Pattern[str], base: str) -> float:
    return sum(float(value) for value in pattern.findall(httpx2.get(f"{base}/metrics").text))


def own_ms(base: str) -> set[int]:
    """The moments at which Prometheus scraped, by its own store."""
    answer = httpx2.get(f"{base}/api/v1/query", params={"query": "up[5m]"}).json()
    return {round(at_s * 1000) for row in answer["data"]["result"] for at_s, _ in row["values"]}


def test_prometheus_comes_back_with_what_there_was_no_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_write, "RETRY_AFTER_S", 1)
    store = FakeStore()
    metrics = MetricsIn(lambda: store, IngestLimits(body_bytes_max=1_000_000, inflight_bytes_max=2_000_000))

    def taken_ms(instance: str) -> set[int]:
        return set(dict(store.of("up", job="self", instance=instance)))

    with running(Starlette(routes=[remote_write_route(metrics)])) as url:
        address = url.removeprefix("http://")
        config = f"""
global: {{scrape_interval: 200ms}}
scrape_configs: [{{job_name: self, static_configs: [{{targets: ["{address}"]}}]}}]
remote_write: [{{url: "{url}/api/v1/write", queue_config: {{batch_send_deadline: 100ms, max_backoff: 200ms}}}}]
"""
        claim = Claim(metrics.room)
        claim.grow_to(2_000_000)  # as if others were sending that much
        with running_prometheus(tmp_path, config) as base:
            give_up_at = time.monotonic() + WAIT_S
            while not total(_RETRIED, base):
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            store.is_full = True
            claim.grow_to(0)
            refused = metrics.counts.bodies["remote_write", "full"]
            while metrics.counts.bodies["remote_write", "full"] == refused:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            while len(own_ms(base)) < 3:  # a crowded machine scrapes late
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            assert not taken_ms(address)
            refused_until_s = time.time()
            store.is_full = False
            while max(taken_ms(address), default=0) < refused_until_s * 1000 + 200:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            made = {at_ms for at_ms in own_ms(base) if at_ms <= refused_until_s * 1000}
            assert len(made) > 1
            assert made <= taken_ms(address)
            assert total(_LOST, base) == 0
