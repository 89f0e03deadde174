"""`POST /api/v1/write`: negotiation, what the headers say, and who must come back later."""

from __future__ import annotations

import cramjam
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from trimtab.api.remote_write import remote_write_route
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn

NOW = 1_800_000_000_000
UP = {"__name__": "up"}
V1 = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
V2 = V1 | {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
LIMITS = IngestLimits(body_bytes_max=100_000, inflight_bytes_max=150_000, samples_per_s_max=1000, burst_s=1)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def metrics(store: FakeStore) -> MetricsIn:
    return MetricsIn(lambda: store, LIMITS)


@pytest.fixture
def client(metrics: MetricsIn) -> TestClient:
    return TestClient(Starlette(routes=[remote_write_route(metrics)]))


def packed(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


ONE = packed(wire.series_1(UP, [wire.sample(NOW, 1.0)]))


def test_a_body_of_1_0(client: TestClient, store: FakeStore, metrics: MetricsIn) -> None:
    answer = client.post("/api/v1/write", content=ONE, headers=V1)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert answer.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
    assert store.of("up") == {NOW: 1.0}
    assert metrics.counts.taken["remote_write"] == 1
    assert metrics.room.taken_bytes == 0


def test_a_body_of_2_0(client: TestClient, store: FakeStore) -> None:
    symbols = wire.Symbols()
    series = symbols.references(UP) + wire.field(2, wire.sample(NOW, 2.0))
    answer = client.post("/api/v1/write", content=packed(symbols.request(series)), headers=V2)
    assert (answer.status_code, answer.headers["X-Prometheus-Remote-Write-Samples-Written"]) == (204, "1")
    assert store.of("up") == {NOW: 2.0}


def test_bad_samples_are_told_and_good_ones_stored(client: TestClient, store: FakeStore, metrics: MetricsIn) -> None:
    body = wire.series_1(UP, [wire.sample(NOW, 1.0)]) + wire.series_1({"a": "b"}, [wire.sample(NOW, 1.0)])
    answer = client.post("/api/v1/write", content=packed(body), headers=V1)
    assert answer.status_code == 400
    assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert answer.text.splitlines()[0] == "1 of 2 samples were not taken: metric_name_missing: 1"
    assert '{a="b"} has no metric name' in answer.text
    assert store.of("up") == {NOW: 1.0}
    assert metrics.counts.refused["remote_write", "metric_name_missing"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        V1 | {"Content-Type": "application/json"},
        V1 | {"Content-Type": "application/x-protobuf;proto=of.tomorrow"},
        V1 | {"Content-Encoding": "zstd"},
        {"Content-Encoding": "snappy"},
    ],
)
def test_what_is_neither_version_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/write", content=ONE, headers=headers).status_code == 415


def test_broken_and_long_bodies(client: TestClient, metrics: MetricsIn) -> None:
    broken = client.post("/api/v1/write", content=b"\xff" * 20, headers=V1)
    assert (broken.status_code, "not snappy" in broken.text) == (400, True)
    cut = client.post("/api/v1/write", content=packed(b"\x0a\x05abc"), headers=V1)
    assert (cut.status_code, "byte 0" in cut.text) == (400, True)
    assert client.post("/api/v1/write", content=bytes(100_001), headers=V1).status_code == 413
    assert client.post("/api/v1/write", content=packed(bytes(100_001)), headers=V1).status_code == 413
    crowded = client.post("/api/v1/write", content=packed(bytes(99_999)) + bytes(90_000), headers=V1)
    assert (crowded.status_code, crowded.headers["Retry-After"]) == (503, "5")  # at 429 Prometheus throws it away
    counts = {
        reason: count for (protocol, reason), count in metrics.counts.bodies.items() if protocol == "remote_write"
    }
    assert counts == {"body_broken": 2, "body_too_long": 2, "elsewhere": 0, "full": 1, "too_fast": 0}
    assert metrics.room.taken_bytes == 0


def test_who_must_come_back_later(client: TestClient, store: FakeStore) -> None:
    store.is_full = True
    full = client.post("/api/v1/write", content=ONE, headers=V1)
    assert (full.status_code, full.headers["Retry-After"]) == (503, "5")  # at 429 Prometheus throws away what it has
    store.is_full = False
    many = packed(wire.series_1(UP, [wire.sample(NOW + n, 1.0) for n in range(999)]))
    assert client.post("/api/v1/write", content=many, headers=V1).status_code == 204
    fast = client.post("/api/v1/write", content=many, headers=V1)
    assert (fast.status_code, fast.headers["Retry-After"]) == (429, "1")
    assert "1000 samples a second" in fast.text


def test_a_server_without_metrics_of_its_own() -> None:
    client = TestClient(Starlette(routes=[remote_write_route(MetricsIn(lambda: None))]))
    assert client.post("/api/v1/write", content=ONE, headers=V1).status_code == 503
