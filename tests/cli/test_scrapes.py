"""A server that scrapes: what its configuration names, and what it says when that is wrong."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CONFIG, start_server, trimtab
from tests.prometheus import free_port

pytestmark = [pytest.mark.store, pytest.mark.slow]
NO_PORTS = 'otlp_grpc_listen = ""\notlp_http_listen = ""\n'


def test_a_server_scrapes_what_it_is_told(tmp_path: Path) -> None:
    target = start_server(tmp_path / "target", CONFIG + f"[server]\n{NO_PORTS}")
    address = target.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs:\n"
        f"  - {{job_name: other, scrape_interval: 1s, static_configs: [{{targets: ['{address}']}}]}}\n"
        f"  - {{job_name: dead, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{free_port()}']}}]}}\n"
    )
    server = start_server(tmp_path / "data", CONFIG + f'[server]\nscrape_config = "prometheus.yml"\n{NO_PORTS}')
    try:
        give_up_at = time.monotonic() + 40
        values: dict[str, str] = {}
        while values != {"other": "1", "dead": "0"} and time.monotonic() < give_up_at:
            time.sleep(0.3)
            answer = httpx2.get(f"{server.url}/api/v1/query", params={"query": "up"}, timeout=30).json()
            values = {found["metric"]["job"]: found["value"][1] for found in answer["data"]["result"]}
        assert values == {"other": "1", "dead": "0"}
        told = httpx2.get(f"{server.url}/api/v1/targets", timeout=30).json()["data"]["activeTargets"]
        assert {(one["scrapePool"], one["health"]) for one in told} == {("other", "up"), ("dead", "down")}
        query = {"query": 'trimtab_threads{job="other"}'}
        assert httpx2.get(f"{server.url}/api/v1/query", params=query, timeout=30).json()["data"]["result"]
    finally:
        for running in (server, target):
            running.process.terminate()
            assert running.process.wait(timeout=180) == 0


def test_a_wrong_scrape_configuration_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("scrape_configs: [{job_name: a, ec2_sd_configs: []}]")
    config = tmp_path / "trimtab.toml"
    config.write_text('[server]\nscrape_config = "prometheus.yml"\n')
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"), "--config", str(config))
    assert done.returncode == 2
    assert "ec2_sd_configs is not supported" in done.stderr
