"""Bodies that are broken at random: refused with a reason or stored, never an error of ours, and memory stays flat.

`make soak` tries ten times as many.
"""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from tests.observe.metrics.test_otlp_metrics import good_bodies
from tests.observe.metrics.test_remote_write import bodies
from tests.observe.scrape.test_scraping import NOW, TEXT
from trimtab.model.errors import InputError
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.otlp import OtlpMetrics
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.remote_write import RemoteWrite
from trimtab.observe.metrics.snappy import unpacked
from trimtab.observe.otlp import metrics_from_json
from trimtab.observe.scrape.exposition import read
from trimtab.observe.unpacking import Unpacker
from trimtab.store.metrics.contract import Appended, Samples
from trimtab.store.metrics.wire_cache import new_seed

COUNT = 100_000 if os.environ.get("TRIMTAB_SOAK") else 4_000
LIMITS = IngestLimits()
GROWTH_BYTES_MAX = 40_000_000
"""What the second half may leave behind: series that broken labels made, and what was refused."""

Receiver = Callable[[bytes], object]


class ForgetfulStore(FakeStore):
    """Keeps no samples and few series: what grows is the receiver's."""

    def append(self, samples: Samples) -> Appended:
        found = super().append(samples)
        for kept in (self.values, self.native, self.starts, self.told):
            kept.clear()
        self.examples.clear()
        return found


def remote_write(version: int) -> tuple[Receiver, Sequence[bytes]]:
    receiver = RemoteWrite(ForgetfulStore(2000), LIMITS, Pace(LIMITS))
    return lambda body: receiver.write(bytearray(body), version, "test"), bodies(version)


def otlp() -> tuple[Receiver, Sequence[bytes]]:
    receiver = OtlpMetrics(ForgetfulStore(2000), LIMITS, Pace(LIMITS))
    return lambda body: receiver.write(bytearray(body), "test"), good_bodies()


def otlp_json() -> tuple[Receiver, Sequence[bytes]]:
    receiver = OtlpMetrics(ForgetfulStore(2000), LIMITS, Pace(LIMITS))
    texts = [MessageToJson(ExportMetricsServiceRequest.FromString(bytes(body))).encode() for body in good_bodies()]
    return lambda body: receiver.write(bytearray(metrics_from_json(bytes(body))), "test"), texts


def exposition(*, is_openmetrics: bool) -> tuple[Receiver, Sequence[bytes]]:
    seed = new_seed()

    def scraped(body: bytes) -> object:
        return read(bytearray(body), seed, NOW, is_openmetrics=is_openmetrics, honor_timestamps=True, rows_max=10_000)

    return scraped, [TEXT.encode(), b'a_total 5 1.5 # {trace_id="1 2"} 0.5 1\nb 2\n# EOF\n']


def snappy() -> tuple[Receiver, Sequence[bytes]]:
    import cramjam

    packed = [bytes(cramjam.snappy.compress_raw(body)) for body in (*bodies(1), *bodies(2))]
    return lambda body: unpacked(body, 1_000_000), packed


def zstd() -> tuple[Receiver, Sequence[bytes]]:
    import zstandard

    def unpack(body: bytes) -> object:
        unpacker = Unpacker("zstd", 1_000_000)
        unpacker.feed(body)
        return unpacker.finish()

    return unpack, [zstandard.compress(body) for body in good_bodies()]


RECEIVERS: dict[str, Callable[[], tuple[Receiver, Sequence[bytes]]]] = {
    "remote write 1.0": lambda: remote_write(1),
    "remote write 2.0": lambda: remote_write(2),
    "otlp": otlp,
    "otlp json": otlp_json,
    "text": lambda: exposition(is_openmetrics=False),
    "openmetrics": lambda: exposition(is_openmetrics=True),
    "snappy": snappy,
    "zstd": zstd,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECEIVERS)
def test_broken_bodies(name: str) -> None:
    receive, good = RECEIVERS[name]()
    dice = random.Random(f"20260107 {name}")
    refused = 0
    sizes = []
    tracemalloc.start()
    try:
        for _ in range(2):
            for _ in range(COUNT // 2):
                body = wire.mutated(good, dice)
                try:
                    receive(body)
                except InputError as error:
                    refused += bool(error.message)
            sizes.append(tracemalloc.get_traced_memory()[0])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused > COUNT // 10
    assert sizes[1] - sizes[0] < GROWTH_BYTES_MAX
    assert peak_bytes < 200_000_000
