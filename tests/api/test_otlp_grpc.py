"""OTLP over gRPC on a real port: the SDK's own exporters, every way to be refused, and who may."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.api.grpc.sender import PACKERS, Gone, Sender
from tests.api.test_otlp_metrics import check_sdk, use_sdk
from tests.cli.test_access import certificate
from tests.observe.metrics.fake_store import FakeStore
from tests.observe.metrics.test_otlp_metrics import DELTA, NOW, counter, gauge, good_bodies, number, request
from tests.observe.metrics.wire import mutated
from trimtab.api.grpc.limits import Limits
from trimtab.api.otlp_grpc import METRICS, TRACES, OtlpGrpc
from trimtab.api.otlp_signals import Signals
from trimtab.app.access import Access
from trimtab.cli.listening import bind
from trimtab.cli.tls import ServerTls
from trimtab.model.access import Role
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.store.facts import OtlpAck
from trimtab.store.limits import TelemetryLimits
from trimtab.store.state_database import StateDatabase
from trimtab.store.telemetry import TelemetryStore

LIMITS = IngestLimits(body_bytes_max=200_000, inflight_bytes_max=600_000)
Code = grpc.StatusCode


class Spans:
    """A telemetry store that keeps bodies with spans in a list."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        self.bodies.append(bytes(body))
        return OtlpAck(1, len(body))


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def metrics(store: FakeStore) -> MetricsIn:
    return MetricsIn(lambda: store, LIMITS)


@pytest.fixture
def signals(spans: Spans, metrics: MetricsIn) -> Signals:
    return Signals(cast("TelemetryStore", spans), TelemetryLimits(), metrics)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    opened = StateDatabase(tmp_path / "state.db")
    yield opened
    opened.close()


@contextmanager
def serving(
    signals: Signals, access: Access, tls: ssl.SSLContext | None = None, limits: Limits | None = None
) -> Iterator[str]:
    server = OtlpGrpc(signals, access, bind("127.0.0.1", 0), tls, limits)
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop(5)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.fixture
def address(signals: Signals, database: StateDatabase) -> Iterator[str]:
    with serving(signals, Access(database, lambda: NOW)) as found:
        yield found


def call(address: str, body: bytes, *, method: str = METRICS, token: str = "", compress: bool = False) -> bytes:
    channel = grpc.insecure_channel(address)
    try:
        metadata = [("authorization", token)] if token else []
        compression = grpc.Compression.Gzip if compress else grpc.Compression.NoCompression
        return channel.unary_unary(method)(body, timeout=20, metadata=metadata, compression=compression)
    finally:
        channel.close()


def refused(
    address: str, body: bytes, *, method: str = METRICS, token: str = "", compress: bool = False
) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(address, body, method=method, token=token, compress=compress)
    return caught.value


ONE = bytes(request(gauge("load", number(1.5))))


@pytest.mark.parametrize("compress", [False, True])
def test_metrics(address: str, store: FakeStore, compress: bool) -> None:
    assert ExportMetricsServiceResponse.FromString(call(address, ONE, compress=compress)).ByteSize() == 0
    assert store.of("load") == {NOW: 1.5}


def test_partial_success(address: str, metrics: MetricsIn) -> None:
    bad = counter("requests", number(1.0), temporality=0)
    answer = ExportMetricsServiceResponse.FromString(call(address, bytes(request(bad, gauge("load", number(1))))))
    assert answer.partial_success.rejected_data_points == 1
    assert "temporality_unspecified: 1" in answer.partial_success.error_message
    assert metrics.counts.taken["otlp"] == 1


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_sdk_exporter_of_metrics(
    address: str, store: FakeStore, temporality: AggregationTemporality, compression: grpc.Compression
) -> None:
    preferred: dict[type, AggregationTemporality] = {Counter: temporality, Histogram: temporality}
    use_sdk(
        OTLPMetricExporter(address, insecure=True, compression=compression, preferred_temporality=preferred, timeout=10)
    )
    check_sdk(store)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_sdk_exporter_of_traces(address: str, spans: Spans, compression: grpc.Compression) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(address, insecure=True, compression=compression, timeout=10)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("tests").start_as_current_span("checkout"):
        pass
    assert provider.force_flush(10_000)
    provider.shutdown()
    assert b"checkout" in b"".join(spans.bodies)


def test_bad_bodies(address: str, metrics: MetricsIn) -> None:
    broken = refused(address, b"\x0a\x05abc")
    assert (broken.code(), "byte 0" in broken.details()) == (Code.INVALID_ARGUMENT, True)
    long = refused(address, bytes(200_001))
    assert (long.code(), "200000 bytes" in long.details()) == (Code.INVALID_ARGUMENT, True)
    for compress in (False, True):
        longer = refused(address, bytes(20_000_000), compress=compress)
        assert longer.code() == Code.INVALID_ARGUMENT
        assert "google.rpc.retryinfo-bin" not in dict(longer.trailing_metadata())
    assert refused(address, b"", method="/x.y/Z").code() == Code.UNIMPLEMENTED
    assert metrics.room.taken_bytes == 0


def test_who_must_come_back_is_told_when(address: str, store: FakeStore) -> None:
    store.is_full = True
    error = refused(address, ONE)
    assert error.code() == Code.RESOURCE_EXHAUSTED
    trailing = dict(error.trailing_metadata())
    status = Status.FromString(cast("bytes", trailing["grpc-status-details-bin"]))
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert info.retry_delay.seconds == 5
    store.is_full = False
    call(address, ONE)


@pytest.mark.slow
def test_the_sdk_comes_back_after_a_full_store(address: str, store: FakeStore) -> None:
    store.is_full = True
    timer = threading.Timer(1.0, lambda: setattr(store, "is_full", False))
    timer.start()
    use_sdk(OTLPMetricExporter(address, insecure=True, timeout=30))
    check_sdk(store)


def test_tokens_and_roles(signals: Signals, database: StateDatabase, store: FakeStore) -> None:
    access = Access(database, lambda: NOW, login_needed=True)
    tokens = {role: f"Bearer {access.create_token('test', role.value, role)[1]}" for role in Role}
    with serving(signals, access) as address:
        assert refused(address, ONE).code() == Code.UNAUTHENTICATED
        assert refused(address, ONE, token="Bearer tt_wrong").code() == Code.UNAUTHENTICATED
        assert (
            refused(address, ONE, token=tokens[Role.INGEST].replace("Bearer", "Basic")).code() == Code.UNAUTHENTICATED
        )
        denied = refused(address, ONE, token=tokens[Role.VIEWER])
        assert (denied.code(), "which may not ingest" in denied.details()) == (Code.PERMISSION_DENIED, True)
        assert refused(address, ONE, method=TRACES, token=tokens[Role.VIEWER]).code() == Code.PERMISSION_DENIED
        assert store.values == {}
        for role in (Role.INGEST, Role.ADMIN):
            call(address, ONE, token=tokens[role])
    assert store.of("load") == {NOW: 1.5}


def test_without_a_login_a_wrong_token_is_still_wrong(address: str) -> None:
    assert refused(address, ONE, token="Bearer tt_wrong").code() == Code.UNAUTHENTICATED


def test_stopping_waits_for_what_is_under_way(signals: Signals, database: StateDatabase, store: FakeStore) -> None:
    began = threading.Event()
    append = store.append

    def slowly(samples: object) -> object:
        began.set()
        time.sleep(0.5)
        return append(samples)  # type: ignore[arg-type]

    store.append = slowly  # type: ignore[method-assign,assignment]
    server = OtlpGrpc(signals, Access(database, lambda: NOW), bind("127.0.0.1", 0))
    server.start()
    answers: list[bytes] = []
    sender = threading.Thread(target=lambda: answers.append(call(f"127.0.0.1:{server.port}", ONE)))
    sender.start()
    assert began.wait(10)
    server.stop(5)
    sender.join(10)
    assert answers == [b""]


@pytest.mark.slow
def test_bodies_broken_at_random_are_never_an_error_of_ours(address: str) -> None:
    dice = random.Random(20260106)
    good = good_bodies()
    channel = grpc.insecure_channel(address)
    export = channel.unary_unary(METRICS)
    codes = set()
    for _ in range(500):
        try:
            export(mutated(good, dice), timeout=20)
        except grpc.RpcError as error:
            codes.add(error.code())
    channel.close()
    assert codes == {Code.INVALID_ARGUMENT}


def test_deltas_over_two_calls(address: str, store: FakeStore) -> None:
    for step in (0, 1):
        call(address, bytes(request(counter("requests", number(2.0, NOW + step), temporality=DELTA))))
    assert store.of("requests_total") == {NOW: 2.0, NOW + 1: 4.0}


@pytest.mark.parametrize("encoding", ["", *PACKERS])
def test_a_collector_with_every_encoding(address: str, store: FakeStore, encoding: str) -> None:
    """grpcio's client has no zstd; OpenTelemetry's collector has."""
    with Sender(port_of(address)) as sender:
        answer = sender.call(METRICS, ONE, encoding)
    assert (answer.code, answer.message) == (0, b"")
    assert store.of("load") == {NOW: 1.5}


def test_over_tls(signals: Signals, database: StateDatabase, store: FakeStore, tmp_path: Path) -> None:
    """By grpcio's client, and by one of ours that has zstd; without ALPN nobody gets in."""
    files = certificate(tmp_path, "localhost")
    tls = ServerTls(*files, "h2")
    with serving(signals, Access(database, lambda: NOW), tls.context) as address:
        credentials = grpc.ssl_channel_credentials(files[0].read_bytes())
        channel = grpc.secure_channel(f"localhost:{port_of(address)}", credentials)
        assert channel.unary_unary(METRICS)(ONE, timeout=20, compression=grpc.Compression.Gzip) == b""
        big = bytes(request(gauge("load", *(number(1.0, NOW + step) for step in range(3000)))))
        assert channel.unary_unary(METRICS)(big, timeout=20) == b""
        channel.close()
        context = ssl.create_default_context(cafile=str(files[0]))
        context.set_alpn_protocols(["h2"])
        with Sender(port_of(address), context) as sender:
            assert sender.call(METRICS, big, "zstd").code == 0
        context.set_alpn_protocols(["http/1.1"])
        with pytest.raises((Gone, OSError)):
            Sender(port_of(address), context)
        with pytest.raises(Gone):
            Sender(port_of(address))
        certificate(tmp_path, "localhost")  # a new one in the same files, which SIGHUP takes
        renewed = ssl.create_default_context(cafile=str(files[0]))
        renewed.set_alpn_protocols(["h2"])
        with pytest.raises(ssl.SSLError):
            Sender(port_of(address), renewed)
        tls.reload()
        with Sender(port_of(address), renewed) as sender:
            assert sender.call(METRICS, ONE).code == 0
    assert len(store.of("load")) == 3000


def test_a_handshake_that_is_not_made_ends(signals: Signals, database: StateDatabase, tmp_path: Path) -> None:
    tls = ServerTls(*certificate(tmp_path), "h2").context
    with (
        serving(signals, Access(database, lambda: NOW), tls, Limits(tls_s=0.3)) as address,
        socket.create_connection(("127.0.0.1", port_of(address)), timeout=10) as connection,
    ):
        connection.sendall(b"\x16\x03\x01")
        with contextlib.suppress(ConnectionError):
            assert connection.recv(100) == b""


def test_handshakes_that_are_not_made_keep_nobody_out(
    signals: Signals, database: StateDatabase, tmp_path: Path
) -> None:
    files = certificate(tmp_path, "localhost")
    context = ssl.create_default_context(cafile=str(files[0]))
    context.set_alpn_protocols(["h2"])
    tls = ServerTls(*files, "h2").context
    with serving(signals, Access(database, lambda: NOW), tls, Limits(greetings_max=5)) as address:
        silent = [socket.create_connection(("127.0.0.1", port_of(address))) for _ in range(20)]
        with Sender(port_of(address), context) as sender:
            assert sender.call(METRICS, ONE).code == 0
        for connection in silent:
            connection.close()
