"""OTLP metrics, from messages of the real protobuf classes to samples."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from trimtab.model.errors import InputError, SpoolFull
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.otlp import OtlpMetrics
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.written import Written
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.contract import Metadata

NOW = 1_800_000_000_000
NS = 1_000_000
DELTA, CUMULATIVE = pb.AGGREGATION_TEMPORALITY_DELTA, pb.AGGREGATION_TEMPORALITY_CUMULATIVE


def attributes(**values: str | int | bool | float) -> list[KeyValue]:
    """Attributes by name; `_` stands for a dot."""
    found = []
    for name, value in values.items():
        any_value = AnyValue()
        if isinstance(value, bool):
            any_value.bool_value = value
        elif isinstance(value, int):
            any_value.int_value = value
        elif isinstance(value, float):
            any_value.double_value = value
        else:
            any_value.string_value = value
        found.append(KeyValue(key=name.replace("_", "."), value=any_value))
    return found


def request(
    *metrics: pb.Metric, resource: Mapping[str, str] | None = None, scope: InstrumentationScope | None = None
) -> bytearray:
    """A body with one resource and one scope."""
    scope_metrics = pb.ScopeMetrics(metrics=metrics, scope=scope)
    of_resource = pb.ResourceMetrics(resource=Resource(attributes=attributes(**(resource or {}))))
    of_resource.scope_metrics.append(scope_metrics)
    return bytearray(ExportMetricsServiceRequest(resource_metrics=[of_resource]).SerializeToString())


def number(value: float, at_ms: int = NOW, start_ms: int = 0, **labels: str) -> pb.NumberDataPoint:
    return pb.NumberDataPoint(
        as_double=value, time_unix_nano=at_ms * NS, start_time_unix_nano=start_ms * NS, attributes=attributes(**labels)
    )


def gauge(name: str, *points: pb.NumberDataPoint, unit: str = "") -> pb.Metric:
    return pb.Metric(name=name, unit=unit, description="A gauge.", gauge=pb.Gauge(data_points=points))


def counter(name: str, *points: pb.NumberDataPoint, temporality: int = CUMULATIVE, grows: bool = True) -> pb.Metric:
    data = pb.Sum(data_points=points, is_monotonic=grows)
    data.aggregation_temporality = temporality  # type: ignore[assignment]
    return pb.Metric(name=name, unit="{request}", description="Requests.", sum=data)


def bucketed(counts: list[int], at_ms: int = NOW, total: float | None = None, **labels: str) -> pb.HistogramDataPoint:
    bounds = [0.005, 1.0, 10.0][: len(counts) - 1] if counts else []
    return pb.HistogramDataPoint(
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=bounds,
        time_unix_nano=at_ms * NS,
        start_time_unix_nano=(NOW - 500) * NS,
        attributes=attributes(**labels),
    )


def histogram(*points: pb.HistogramDataPoint, temporality: int = CUMULATIVE) -> pb.Metric:
    data = pb.Histogram(data_points=points)
    data.aggregation_temporality = temporality  # type: ignore[assignment]
    return pb.Metric(name="request.duration", unit="s", histogram=data)


def exponential(point: pb.ExponentialHistogramDataPoint, temporality: int = CUMULATIVE) -> pb.Metric:
    data = pb.ExponentialHistogram(data_points=[point])
    data.aggregation_temporality = temporality  # type: ignore[assignment]
    return pb.Metric(name="latency", unit="ms", exponential_histogram=data)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def receiver(store: FakeStore, limits: IngestLimits | None = None) -> OtlpMetrics:
    limits = limits or IngestLimits()
    return OtlpMetrics(store, limits, Pace(limits))


def write(store: FakeStore, *metrics: pb.Metric, resource: Mapping[str, str] | None = None) -> Written:
    return receiver(store).write(request(*metrics, resource=resource), "test")


def test_gauges_and_sums_get_names_labels_and_metadata(store: FakeStore) -> None:
    integer = pb.NumberDataPoint(as_int=-7, time_unix_nano=NOW * NS)
    written = write(
        store,
        gauge("cpu.utilization", number(0.5, cpu_id="0"), unit="1"),
        gauge("queue.size", integer),
        counter("requests", number(5, start_ms=NOW - 9000, http_method="GET")),
        counter("connections", number(3), grows=False),
    )
    assert (written.samples_count, written.refusals.count) == (4, 0)
    assert store.of("cpu_utilization_ratio", cpu_id="0") == {NOW: 0.5}
    assert store.of("queue_size") == {NOW: -7.0}
    assert store.of("requests_total", http_method="GET") == {NOW: 5.0}
    assert store.of("connections") == {NOW: 3.0}
    assert list(store.starts.values()) == [{NOW: NOW - 9000}]
    assert store.told["requests_total"] == Metadata("requests_total", "counter", "", "Requests.")
    assert store.told["connections"].kind == "gauge"
    assert store.told["cpu_utilization_ratio"].unit == "ratio"


def test_known_points_are_not_parsed_again(store: FakeStore) -> None:
    remote = receiver(store)
    for step in range(3):
        points = [number(n + step, NOW + step, pod=str(n)) for n in range(50)]
        assert remote.write(request(gauge("load", *points)), "test").samples_count == 50
    assert store.registered_count == 50
    assert store.of("load", pod="7") == {NOW: 7.0, NOW + 1: 8.0, NOW + 2: 9.0}


def test_resource_and_scope_become_labels(store: FakeStore) -> None:
    resource = {"service_name": "cart", "service_namespace": "shop", "service_instance_id": "a1", "host_name": "h"}
    scope = InstrumentationScope(name="lib", version="1.2", attributes=attributes(team="x"))
    receiver(store).write(request(gauge("load", number(1)), resource=resource, scope=scope), "test")
    identity = {"job": "shop/cart", "instance": "a1"}
    labels = {"otel_scope_name": "lib", "otel_scope_version": "1.2", "otel_scope_team": "x"}
    assert store.of("load", **identity, **labels) == {NOW: 1.0}
    assert store.of("target_info", **identity, host_name="h") == {NOW: 1.0}


def test_the_schema_of_a_scope_is_a_label(store: FakeStore) -> None:
    scope_metrics = pb.ScopeMetrics(metrics=[gauge("load", number(1))], schema_url="https://example.com/1")
    body = ExportMetricsServiceRequest(resource_metrics=[pb.ResourceMetrics(scope_metrics=[scope_metrics])])
    receiver(store).write(bytearray(body.SerializeToString()), "test")
    assert store.of("load", otel_scope_schema_url="https://example.com/1") == {NOW: 1.0}


def test_a_histogram_becomes_buckets_count_and_sum(store: FakeStore) -> None:
    point = bucketed([1, 2, 0, 4], total=12.5, route="/")
    point.exemplars.append(
        pb.Exemplar(
            as_double=0.9, time_unix_nano=NOW * NS, trace_id=b"\x01" * 16, filtered_attributes=attributes(k="v")
        )
    )
    written = write(store, histogram(point, bucketed([3], route="/b"), bucketed([], route="/c")))
    assert written.refusals.count == 0
    name = "request_duration_seconds"
    for bound, count in {"0.005": 1, "1": 3, "10": 3, "+Inf": 7}.items():
        assert store.of(f"{name}_bucket", le=bound, route="/") == {NOW: count}
    assert store.of(f"{name}_count", route="/") == {NOW: 7}
    assert store.of(f"{name}_sum", route="/") == {NOW: 12.5}
    assert store.of(f"{name}_sum", route="/b") == {}
    assert store.of(f"{name}_bucket", le="+Inf", route="/b") == {NOW: 3}
    assert store.of(f"{name}_bucket", le="+Inf", route="/c") == {NOW: 0}
    (example,) = store.examples
    assert dict(store.names[example.slot])["le"] == "1"
    assert example.labels == (("k", "v"), ("trace_id", "01" * 16))


def test_other_bounds_are_other_series(store: FakeStore) -> None:
    remote = receiver(store)
    remote.write(request(histogram(bucketed([1, 2, 3]))), "test")
    remote.write(request(histogram(bucketed([1, 2], NOW + 1))), "test")
    assert store.of("request_duration_seconds_bucket", le="1") == {NOW: 3}
    assert store.of("request_duration_seconds_bucket", le="+Inf") == {NOW: 6, NOW + 1: 3}


def test_a_summary_becomes_quantiles_count_and_sum(store: FakeStore) -> None:
    quantiles = [pb.SummaryDataPoint.ValueAtQuantile(quantile=q, value=q * 10) for q in (0.0, 0.5, 0.99)]
    point = pb.SummaryDataPoint(count=4, sum=2.5, quantile_values=quantiles, time_unix_nano=NOW * NS)
    written = write(store, pb.Metric(name="gc", unit="s", summary=pb.Summary(data_points=[point])))
    assert written.samples_count == 5
    assert store.of("gc_seconds", quantile="0.5") == {NOW: 5.0}
    assert store.of("gc_seconds", quantile="0") == {NOW: 0.0}
    assert store.of("gc_seconds_count") == {NOW: 4}
    assert store.of("gc_seconds_sum") == {NOW: 2.5}


def exponential_point(
    scale: int, counts: list[int], at_ms: int = NOW, offset: int = 0
) -> pb.ExponentialHistogramDataPoint:
    return pb.ExponentialHistogramDataPoint(
        scale=scale,
        count=sum(counts) + 1,
        sum=3.5,
        zero_count=1,
        positive=pb.ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts),
        time_unix_nano=at_ms * NS,
        start_time_unix_nano=(NOW - 100) * NS,
    )


def test_an_exponential_histogram_becomes_a_native_one(store: FakeStore) -> None:
    written = write(store, exponential(exponential_point(3, [0, 2, 0, 4], offset=-1)))
    assert (written.samples_count, written.histograms_count) == (0, 1)
    (found,) = store.native.values()
    value = found[NOW]
    assert (value.schema, value.count, value.zero_count, value.sum) == (3, 7.0, 1.0, 3.5)
    assert (value.positive_spans, value.positive_buckets) == (((1, 1), (1, 1)), (2.0, 4.0))
    assert list(store.starts.values()) == [{NOW: NOW - 100}]


def test_a_scale_beyond_the_finest_schema_is_made_coarser(store: FakeStore) -> None:
    """Scale 10 is four times finer: buckets -5 … 2 become -2, -1, 0 (and one further up in Prometheus' numbers)."""
    write(store, exponential(exponential_point(10, [1] * 8, offset=-5)))
    (found,) = store.native.values()
    assert (found[NOW].schema, found[NOW].positive) == (8, {-1: 1.0, 0: 4.0, 1: 3.0})


def test_a_scale_that_is_too_coarse_is_refused(store: FakeStore) -> None:
    written = write(store, exponential(exponential_point(-5, [1])))
    assert written.refusals.counts == {"histogram_invalid": 1}
    assert "scale -5" in written.refusals.sentences[0]


def test_a_point_without_a_recorded_value_ends_its_series(store: FakeStore) -> None:
    stale = pb.NumberDataPoint(time_unix_nano=NOW * NS, flags=1)
    empty = bucketed([1, 2, 0, 4])
    empty.flags = 1
    native = exponential_point(0, [1])
    native.flags = 1
    write(store, gauge("load", stale), histogram(empty), exponential(native))
    stored = [found[NOW] for found in store.values.values()]
    assert len(stored) == 1 + 5 + 1
    assert {struct.pack("<d", value) for value in stored} == {struct.pack("<Q", STALE_BITS)}


def test_bad_points_are_refused_one_by_one(store: FakeStore) -> None:
    misfit = bucketed([1, 2, 3])
    del misfit.explicit_bounds[-1]
    unspecified = counter("requests", number(1), temporality=pb.AGGREGATION_TEMPORALITY_UNSPECIFIED)
    nothing = pb.NumberDataPoint(time_unix_nano=NOW * NS)
    written = write(store, gauge("load", nothing, number(2)), histogram(misfit), unspecified, gauge("...", number(1)))
    assert written.samples_count == 1
    assert written.refusals.counts == {
        "value_missing": 1,
        "bounds_misfit": 1,
        "temporality_unspecified": 1,
        "metric_name_missing": 1,
    }


def test_what_the_store_refuses_is_refused_as_a_whole_point(store: FakeStore) -> None:
    store.series_max = 3
    written = write(store, histogram(bucketed([1, 2, 0, 4])), gauge("load", number(1)))
    assert written.refusals.counts == {"series_max": 2}
    assert store.values == {}


def test_deltas_are_added_up(store: FakeStore) -> None:
    remote = receiver(store)
    for step, value in enumerate([5.0, 0.0, 7.0]):
        at_ms = NOW + step * 1000
        body = request(
            counter("requests", number(value, at_ms, at_ms - 1000), temporality=DELTA),
            histogram(bucketed([1, 1], at_ms, total=0.5), temporality=DELTA),
            exponential(exponential_point(0, [1, 2], at_ms), temporality=DELTA),
        )
        assert remote.write(body, "test").refusals.count == 0
    assert list(store.of("requests_total").values()) == [5.0, 5.0, 12.0]
    assert list(store.of("request_duration_seconds_bucket", le="0.005").values()) == [1, 2, 3]
    assert list(store.of("request_duration_seconds_count").values()) == [2, 4, 6]
    assert list(store.of("request_duration_seconds_sum").values()) == [0.5, 1.0, 1.5]
    (native,) = store.native.values()
    assert [value.count for value in native.values()] == [4.0, 8.0, 12.0]
    assert {start for found in store.starts.values() for start in found.values()} == {NOW - 1000, NOW - 500, NOW - 100}


def test_deltas_in_one_body_are_added_in_order_of_time(store: FakeStore) -> None:
    points = [number(value, NOW + at) for at, value in ((2, 4.0), (0, 1.0), (1, 2.0))]
    assert write(store, counter("requests", *points, temporality=DELTA)).refusals.count == 0
    assert store.of("requests_total") == {NOW: 1.0, NOW + 1: 3.0, NOW + 2: 7.0}


def test_a_delta_that_comes_twice_counts_once(store: FakeStore) -> None:
    remote = receiver(store)
    body = request(counter("requests", number(5.0), temporality=DELTA))
    remote.write(bytearray(body), "test")
    written = remote.write(bytearray(body), "test")
    assert written.refusals.counts == {"delta_not_later": 1}
    assert store.of("requests_total") == {NOW: 5.0}


def test_a_delta_that_could_not_be_stored_is_not_added(store: FakeStore) -> None:
    remote = receiver(store)
    first = request(counter("requests", number(5.0), temporality=DELTA), exponential(exponential_point(0, [1]), DELTA))
    remote.write(bytearray(first), "test")
    more = [number(value, NOW + at) for at, value in ((1, 1.0), (2, 2.0))]
    later = request(
        counter("requests", *more, temporality=DELTA), exponential(exponential_point(0, [1], NOW + 2), DELTA)
    )
    store.is_full = True
    with pytest.raises(SpoolFull):
        remote.write(bytearray(later), "test")
    store.is_full = False
    assert remote.write(bytearray(later), "test").refusals.count == 0
    assert store.of("requests_total") == {NOW: 5.0, NOW + 1: 6.0, NOW + 2: 8.0}
    (native,) = store.native.values()
    assert [value.count for value in native.values()] == [2.0, 4.0]


def test_the_order_of_attributes_makes_no_other_total(store: FakeStore) -> None:
    remote = receiver(store)
    for at, names in ((0, "ab"), (1, "ba")):
        point = pb.NumberDataPoint(as_double=1.0, time_unix_nano=(NOW + at) * NS)
        point.attributes.extend(attributes(a="1", b="2") if names == "ab" else attributes(b="2", a="1"))
        remote.write(request(counter("requests", point, temporality=DELTA)), "test")
    assert store.of("requests_total", a="1", b="2") == {NOW: 1.0, NOW + 1: 2.0}


def test_a_stream_of_deltas_that_was_idle_begins_again(store: FakeStore) -> None:
    remote = receiver(store, IngestLimits(delta_idle_s_max=60))
    for at_ms in (NOW, NOW + 60_000, NOW + 120_001):
        remote.write(request(counter("requests", number(1.0, at_ms, at_ms - 10), temporality=DELTA)), "test")
    assert list(store.of("requests_total").values()) == [1.0, 2.0, 1.0]
    (starts,) = store.starts.values()
    assert list(starts.values()) == [NOW - 10, NOW - 10, NOW + 120_001 - 10]


def test_streams_of_deltas_are_bounded_and_idle_ones_make_room(store: FakeStore) -> None:
    remote = receiver(store, IngestLimits(delta_streams_max=2, delta_idle_s_max=60))

    def send(at_ms: int, *names: str) -> Written:
        points = [number(1.0, at_ms, n=name) for name in names]
        return remote.write(request(counter("requests", *points, temporality=DELTA)), "test")

    assert send(NOW, "a", "b", "c").refusals.counts == {"delta_streams_max": 1}
    assert send(NOW + 100_000, "a").refusals.count == 0
    assert send(NOW + 100_001, "a").refusals.count == 0
    assert send(NOW + 100_002, "d").refusals.count == 0
    assert send(NOW + 100_003, "e").refusals.count == 1


def test_resources_and_scopes_behind_their_metrics_are_found(store: FakeStore) -> None:
    """Fields may come in any order."""
    plain = ExportMetricsServiceRequest.FromString(bytes(request(gauge("load", number(1)))))
    metrics = plain.resource_metrics[0].scope_metrics[0].SerializeToString()
    scope = InstrumentationScope(name="lib").SerializeToString()
    resource = Resource(attributes=attributes(service_name="cart")).SerializeToString()
    body = wire.field(1, wire.field(2, metrics + wire.field(1, scope)) + wire.field(1, resource))
    receiver(store).write(bytearray(body), "test")
    assert store.of("load", job="cart", otel_scope_name="lib") == {NOW: 1.0}


def test_repeated_numbers_that_are_not_packed_are_read(store: FakeStore) -> None:
    def fixed(field: int, value: int) -> bytes:
        return wire.varint(field << 3 | 1) + struct.pack("<Q", value)

    point = fixed(3, NOW * NS) + fixed(4, 3) + fixed(6, 1) + fixed(6, 2) + wire.double(7, 0.5)
    metric = wire.field(1, b"h") + wire.field(9, wire.field(1, point) + wire.integer(2, 2))
    body = wire.field(1, wire.field(2, wire.field(2, metric)))
    receiver(store).write(bytearray(body), "test")
    assert store.of("h_bucket", le="0.5") == {NOW: 1.0}
    assert store.of("h_count") == {NOW: 3.0}


def test_an_exemplar_that_is_no_text_takes_the_others_of_its_point_with_it_and_nothing_else(store: FakeStore) -> None:
    """The series is known by then, so that nothing of the point was read but numbers and places."""
    known = receiver(store)
    known.write(request(histogram(bucketed([1, 2, 0, 4], route="/"))), "test")
    point = bucketed([2, 3, 1, 5], at_ms=NOW + 1000, route="/")
    for key in ("good", "ODD!"):
        point.exemplars.append(pb.Exemplar(as_double=0.9, filtered_attributes=attributes(**{key: "v"})))
    written = known.write(request(histogram(point)).replace(b"ODD!", b"\xff\xff\xff\xff"), "test")
    assert written.refusals.count == 0
    assert store.of("request_duration_seconds_bucket", le="1", route="/") == {NOW: 3.0, NOW + 1000: 5.0}
    assert store.examples == []


def good_bodies() -> list[bytes]:
    """One of every kind."""
    point = bucketed([1, 2, 0, 4], total=12.5, route="/")
    point.exemplars.append(pb.Exemplar(as_double=0.9, time_unix_nano=NOW * NS, trace_id=b"\x01" * 16))
    quantiles = [pb.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1)]
    summary = pb.SummaryDataPoint(count=4, sum=2.5, quantile_values=quantiles, time_unix_nano=NOW * NS)
    metrics = [
        gauge("load", number(1, a="b")),
        counter("requests", number(5), temporality=DELTA),
        histogram(point),
        histogram(bucketed([1, 1], total=1.0, route="/d"), temporality=DELTA),
        exponential(exponential_point(3, [1, 2])),
        pb.Metric(name="gc", summary=pb.Summary(data_points=[summary])),
    ]
    resource = {"service_name": "cart", "host_name": "h"}
    return [bytes(request(*metrics, resource=resource)), *(bytes(request(metric)) for metric in metrics)]


def test_the_same_as_the_real_parser_says(store: FakeStore) -> None:
    """What protobuf's own parser refuses in the skeleton, the kernel refuses; what it takes, the kernel takes."""
    from google.protobuf.message import DecodeError

    dice = random.Random(20260104)
    remote = receiver(store)
    good = good_bodies()
    disagreed = []
    for _ in range(3000):
        body = wire.mutated(good, dice)
        try:
            ExportMetricsServiceRequest.FromString(body)
            is_good = True
        except DecodeError:
            is_good = False
        try:
            remote.write(bytearray(body), "test")
            is_taken = True
        except InputError:
            is_taken = False
        if is_good and not is_taken:
            disagreed.append(body)
    assert disagreed == []


def test_many_points_need_more_room_than_guessed(store: FakeStore) -> None:
    tiny = [pb.NumberDataPoint(as_double=1.0) for _ in range(5000)]
    assert write(store, gauge("load", *tiny)).sent_count == 5000
    wide = bucketed([1] * 4)
    wide.bucket_counts.extend([1] * 5000)
    wide.explicit_bounds.extend(np.arange(11.0, 5011.0).tolist())
    assert write(store, histogram(wide)).samples_count == 5005
