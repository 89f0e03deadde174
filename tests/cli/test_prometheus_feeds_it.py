"""Debian's Prometheus scrapes a real trimtab and writes what it finds to it: nothing is lost on the way, by what both
count and by what both answer.

A few seconds as a test, ten minutes in `make soak`.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CONFIG, start_server
from tests.prometheus import running_prometheus

pytestmark = [pytest.mark.store, pytest.mark.slow]

SAMPLES_MIN = 1_000
FEED_S = 600.0 if os.environ.get("TRIMTAB_SOAK") else 4.0
WAIT_S = FEED_S + 300

_SENT = re.compile(r"^prometheus_remote_storage_samples_total\{.*\} (\S+)$", re.MULTILINE)
_FAILED = re.compile(r"^prometheus_remote_storage_samples_(?:failed|dropped)_total\{.*\} (\S+)$", re.MULTILINE)
_PENDING = re.compile(r"^prometheus_remote_storage_samples_pending\{.*\} (\S+)$", re.MULTILINE)
_TAKEN = re.compile(r'^trimtab_samples_received_total\{protocol="remote_write"\} (\S+)$', re.MULTILINE)
_REFUSED = re.compile(r'^trimtab_samples_refused_total\{protocol="remote_write",.*\} (\S+)$', re.MULTILINE)


def total(pattern: re.Pattern[str], text: str) -> float:
    return sum(float(value) for value in pattern.findall(text))


def samples_of(base: str, at_s: float) -> dict[str, list[tuple[float, str]]]:
    """Every sample of every series, up to then."""
    parameters = {"query": '{job="trimtab"}[30m]', "time": f"{at_s:.3f}"}
    answer = httpx2.get(f"{base}/api/v1/query", params=parameters, timeout=60).json()
    assert answer["status"] == "success", answer
    return {
        str(sorted(row["metric"].items())): [(at, repr(float(value))) for at, value in row["values"]]
        for row in answer["data"]["result"]
    }


def test_a_real_prometheus_writes_without_a_loss(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", CONFIG + '[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\n')
    config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: trimtab
    static_configs: [{{targets: ["{server.url.removeprefix("http://")}"]}}]
remote_write:
  - url: {server.url}/api/v1/write
    send_exemplars: true
    send_native_histograms: true
    queue_config: {{batch_send_deadline: 1s, max_samples_per_send: 500}}
    metadata_config: {{send_interval: 1s}}
"""
    try:
        with running_prometheus(tmp_path / "prometheus", config) as base:
            enough_at, give_up_at = time.monotonic() + FEED_S, time.monotonic() + WAIT_S
            sent = taken = -1.0
            while time.monotonic() < enough_at or not (sent == taken and sent > SAMPLES_MIN):
                assert time.monotonic() < give_up_at, (sent, taken)
                time.sleep(0.3)
                before = httpx2.get(f"{base}/metrics").text
                own = httpx2.get(f"{server.url}/metrics").text
                after = httpx2.get(f"{base}/metrics").text
                sent, taken = total(_SENT, before), total(_TAKEN, own)
                if sent != total(_SENT, after) or total(_PENDING, after):
                    sent = -1.0
            at_s = time.time() - 3
            kept = samples_of(base, at_s)
            assert len(kept) > 100
            assert samples_of(server.url, at_s) == kept
            assert total(_FAILED, after) == 0
            assert total(_REFUSED, own) == 0
            answer = httpx2.get(f"{server.url}/api/v1/query", params={"query": "up"}, timeout=120).json()
            assert answer["data"]["result"][0]["metric"]["job"] == "trimtab"
            told = httpx2.get(f"{server.url}/api/v1/metadata", params={"metric": "trimtab_threads"}, timeout=120).json()
            assert told["data"]["trimtab_threads"][0]["type"] == "gauge"
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=120) == 0
