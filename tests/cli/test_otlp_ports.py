"""The ports of OTLP beside the main one, in a real server process."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import httpx2
import pytest

from tests.api.grpc.sender import Sender
from tests.cli.conftest import CONFIG, start_server
from tests.observe.metrics.test_otlp_metrics import gauge, number, request
from tests.prometheus import free_port
from trimtab.api.otlp_answers import INVALID_ARGUMENT
from trimtab.api.otlp_grpc import METRICS
from trimtab.app.server_settings import ServerSettings
from trimtab.cli.listening import Listening
from trimtab.cli.otlp_ports import OtlpPorts, Reach
from trimtab.model.errors import InputError

PROTOBUF = {"Content-Type": "application/x-protobuf"}
pytestmark = pytest.mark.store


def body() -> bytes:
    return bytes(request(gauge("load", number(1.5, time.time_ns() // 1_000_000)), resource={"service_name": "cart"}))


def export(address: str, wait_s: float = 30.0) -> bytes:
    """Over gRPC, as soon as it is there."""
    give_up_at = time.monotonic() + wait_s
    while True:
        channel = grpc.insecure_channel(address)
        try:
            return channel.unary_unary(METRICS)(body(), timeout=30)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)
        finally:
            channel.close()


def test_both_ports_take_metrics_and_a_second_server_goes_on_without(tmp_path: Path) -> None:
    grpc_port, http_port = free_port(), free_port()
    config = CONFIG + (
        f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = "127.0.0.1:{http_port}"\n'
    )
    server = start_server(tmp_path / "first", config)
    other = None
    try:
        assert export(f"127.0.0.1:{grpc_port}") == b""
        base = f"http://127.0.0.1:{http_port}"
        assert httpx2.post(f"{base}/v1/metrics", content=body(), headers=PROTOBUF, timeout=30).status_code == 200
        assert httpx2.post(f"{server.url}/v1/metrics", content=body(), headers=PROTOBUF, timeout=30).status_code == 200
        assert httpx2.get(f"{base}/healthz").status_code == 404
        assert "OTLP alone" in httpx2.get(f"{base}/").text
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        told = httpx2.get(f"{server.url}/metrics").text
        assert 'trimtab_samples_received_total{protocol="otlp"} 3.0' in told
        other = start_server(tmp_path / "second", config)
        assert httpx2.post(f"{other.url}/v1/metrics", content=body(), headers=PROTOBUF, timeout=30).status_code == 200
        give_up_at = time.monotonic() + 30
        log = tmp_path / "second.log"
        while log.read_text().count("otlp_port_taken") < 2 and time.monotonic() < give_up_at:
            time.sleep(0.1)
        told = log.read_text()
        assert told.count("otlp_port_taken") == 2
        assert told.count("Address already in use") == 2
        for setting in ("server.otlp_grpc_listen", "server.otlp_http_listen"):
            assert f"choose one with {setting} HOST:PORT" in told
        assert "choose one with --listen" not in told, "that is the page's"
        with Sender(grpc_port) as sender:
            assert sender.call(METRICS, body(), "zstd").code == 0
            assert sender.call(METRICS, b"nothing").code == INVALID_ARGUMENT
    finally:
        for running in (server, other):
            if running is not None:
                running.process.terminate()
                assert running.process.wait(timeout=180) == 0


LOCAL = Reach(login_needed=False, is_encrypted=False, insecure_http=False)


@pytest.mark.parametrize("setting", ["otlp_grpc_listen", "otlp_http_listen"])
def test_others_reach_it_only_with_a_login_and_encryption(setting: str) -> None:
    both = {"otlp_grpc_listen": "", "otlp_http_listen": ""}
    settings = ServerSettings(**(both | {setting: f"0.0.0.0:{free_port()}"}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="asks nobody for a login"):
        OtlpPorts(settings, LOCAL, Listening())
    with pytest.raises(InputError, match="in the clear"):
        OtlpPorts(settings, Reach(login_needed=True, is_encrypted=False, insecure_http=False), Listening())
    OtlpPorts(settings, Reach(login_needed=True, is_encrypted=True, insecure_http=False), Listening()).close()


def test_empty_addresses_switch_both_off() -> None:
    ports = OtlpPorts(ServerSettings(otlp_grpc_listen="", otlp_http_listen=""), LOCAL, Listening())
    assert ports.http_port == 0
    ports.close()
