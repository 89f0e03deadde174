"""Exemplars many at a time are what they are one at a time."""

from __future__ import annotations

import random

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar as Message

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from tests.observe.metrics.test_natives import mutated, together
from trimtab.model.errors import InputError
from trimtab.observe.metrics import otlp_exemplar_kernels
from trimtab.observe.metrics import otlp_kernels as k
from trimtab.observe.metrics.exemplar_kernels import exemplars_of_messages
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.otlp_decode import decode_metrics
from trimtab.observe.metrics.otlp_exemplars import _one_by_one, exemplars_of
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.remote_write import RemoteWrite, _Reader
from trimtab.observe.metrics.remote_write_decode import Decoded
from trimtab.store.metrics.contract import Exemplar
from trimtab.store.metrics.exemplar_columns import Exemplars, columns_of
from trimtab.store.metrics.exemplars import RecentExemplars

pytestmark = pytest.mark.slow

TEXT = st.sampled_from(["", "a", "ab", "b", "trace_id", "span_id", "x" * 300, "é", "1"])
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=5)
NONE = np.zeros((0, 2), np.int64)
TOTALS = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
assert otlp_exemplar_kernels.names_of_ids()[1][-1] == 15  # compiled before anything is tried


def of_1(pairs: list[tuple[str, str]], value: float, at_ms: int) -> bytes:
    labels = b"".join(
        wire.field(1, wire.field(1, name.encode()) + wire.field(2, text.encode())) for name, text in pairs
    )
    return labels + wire.double(2, value) + wire.integer(3, at_ms)


def reader(body: np.ndarray, version: int, symbols: np.ndarray | None) -> _Reader:
    nothing = np.zeros(0, np.int64)
    return _Reader(
        Decoded(
            body, version, nothing.astype(np.int32), 0, True, nothing.astype(np.uint64), NONE, None, nothing,
            nothing.astype(np.float64), None, NONE, symbols,
        )
    )  # fmt: skip


def check(body: np.ndarray, places: np.ndarray, version: int, symbols: np.ndarray | None) -> list[bool]:
    """Each against the one that is read alone; which are left to it."""
    table = NONE if symbols is None else symbols
    at_ms, values, pairs, ends, text, is_odd = exemplars_of_messages(body, places, table, symbols is not None)
    slots = np.arange(len(places), dtype=np.int32)
    found = Exemplars(slots, at_ms, values, pairs, ends, text)
    one_by_one = reader(body, version, symbols)
    for row, (start, end) in enumerate(places.tolist()):
        if not is_odd[row]:
            wanted = one_by_one._exemplar(row, start, end)
            assert repr(found[row]) == repr(wanted)
    fine = np.flatnonzero(~is_odd)
    assert [repr(one) for one in found.picked(fine)] == [repr(found[place]) for place in fine.tolist()]
    again = columns_of([found[place] for place in fine.tolist()])
    assert again.labels_column().to_pylist() == found.picked(fine).labels_column().to_pylist()
    return [bool(odd) for odd in is_odd]


@settings(max_examples=150, deadline=None)
@given(
    given_exemplars=st.lists(st.tuples(PAIRS, st.floats(), st.integers(-5, 1 << 45)), min_size=1, max_size=4),
    noise=st.randoms(use_true_random=False),
)
def test_those_of_1_0(given_exemplars: list[tuple[list[tuple[str, str]], float, int]], noise: random.Random) -> None:
    whole = [of_1(*one) for one in given_exemplars]
    body, places = together([*whole, *(mutated(one, noise) for one in whole)])
    odd = check(body, places, 1, None)
    for (pairs, _, _), is_odd in zip(given_exemplars, odd, strict=False):
        texts = "".join(name + text for name, text in pairs)
        assert is_odd == ("é" in texts or len(texts) > 1024)


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.lists(st.integers(0, 6), max_size=6), min_size=1, max_size=4),
    noise=st.randoms(use_true_random=False),
)
def test_those_of_2_0(numbers: list[list[int]], noise: random.Random) -> None:
    symbols = ["", "a", "trace_id", "0af7", "é"]
    table = b"".join(symbol.encode() for symbol in symbols)
    ends = np.cumsum([len(symbol.encode()) for symbol in symbols])
    known = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    whole = [
        wire.field(1, b"".join(map(wire.varint, some))) + wire.double(2, 0.5) + wire.integer(3, 7) for some in numbers
    ]
    messages, places = together([*whole, *(mutated(one, noise) for one in whole)])
    odd = check(np.concatenate([np.frombuffer(table, np.uint8), messages]), places + len(table), 2, known)
    for some, is_odd in zip(numbers, odd, strict=False):
        assert is_odd == (len(some) % 2 == 1 or bool(set(some) & {4, 5, 6}))


def test_one_that_is_odd_costs_the_others_nothing() -> None:
    store, limits = FakeStore(), IngestLimits()
    receiver = RemoteWrite(store, limits, Pace(limits))
    labels = {"__name__": "m"}
    some = [wire.exemplar_1({"trace_id": text}, 0.5, 7 + at) for at, text in enumerate(("a", "é", "x" * 2000, "b"))]
    written = receiver.write(bytearray(wire.series_1(labels, [wire.sample(7, 1.0)], *some)), 1, "")
    assert [dict(one.labels)["trace_id"] for one in store.examples] == ["a", "é", "b"]
    assert written.refusals.counts == {}


BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=6), max_size=8)


@settings(max_examples=100, deadline=None)
@given(batches=BATCHES)
def test_only_what_is_newer_than_the_last_of_its_series_is_news(batches: list[list[tuple[int, int]]]) -> None:
    recent = RecentExemplars(count_max=10_000)
    newest: dict[int, int] = {}
    kept: list[Exemplar] = []
    for batch in batches:
        given_exemplars = columns_of(Exemplar(slot, (("at", str(at)),), 0.5, at) for slot, at in batch)
        wanted = []
        for slot, at in batch:
            wanted.append(at > newest.get(slot, 0))
            newest[slot] = max(at, newest.get(slot, 0))
        for _ in range(2):  # asking changes nothing
            assert recent.news(given_exemplars.slots, given_exemplars.at_ms).tolist() == wanted
        news = given_exemplars.picked(np.flatnonzero(wanted))
        recent.add(news)
        kept += list(news)
    assert recent.between(np.array([1, 2], np.int32), 3, 8) == [
        one for one in kept if one.slot in (1, 2) and 3 <= one.at_ms <= 8
    ]


def test_old_ones_go() -> None:
    recent = RecentExemplars(count_max=5)
    for at in range(1, 10):
        recent.add(columns_of([Exemplar(0, (), 0.5, at), Exemplar(1, (), 0.5, at)]))
    found = recent.between(np.array([0, 1], np.int32), 0, 100)
    assert [one.at_ms for one in found] == [7, 7, 8, 8, 9, 9]


POINTS = st.builds(
    HistogramDataPoint,
    time_unix_nano=st.integers(1, 1 << 50),
    explicit_bounds=st.lists(st.floats(-5, 5), max_size=4).map(sorted),
    attributes=st.just([]),
    exemplars=st.lists(
        st.builds(
            Message,
            time_unix_nano=st.integers(0, 1 << 62),
            as_double=st.none() | st.floats(),
            as_int=st.none() | st.integers(-5, 5),
            trace_id=st.binary(max_size=17),
            span_id=st.binary(max_size=8),
        ),
        max_size=3,
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    given_points=st.lists(POINTS, min_size=1, max_size=3),
    noise=st.randoms(use_true_random=False),
    has_more=st.integers(0, 4),
)
def test_those_of_otlp(given_points: list[HistogramDataPoint], noise: random.Random, has_more: int) -> None:
    for place, point in enumerate(given_points):
        point.bucket_counts.extend([1] * (len(point.explicit_bounds) + 1))
        point.attributes.append(KeyValue(key="n", value=AnyValue(string_value=str(place))))
    if has_more == 0 and given_points[0].exemplars:
        given_points[0].exemplars[0].filtered_attributes.append(KeyValue(key="a", value=AnyValue(string_value="b")))
    metric = Metric(
        name="m",
        histogram=Histogram(
            data_points=given_points, aggregation_temporality=AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        ),
    )
    whole = ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=[metric])])]
    ).SerializeToString()
    for body in (whole, mutated(whole, noise)):
        try:
            points = decode_metrics(bytearray(body), np.zeros(2, np.uint64), 1000)
        except InputError:
            continue
        count = len(points.points)
        kinds = points.metrics[points.points[:, k.METRIC], k.KIND]
        bases, pool = np.arange(count) * 20, np.arange(20 * count + 200, dtype=np.int32)
        try:  # a point that is broken elsewhere is refused with its labels: its exemplars are never asked for
            for start, end in points.points[:, (k.START, k.END)].tolist():
                HistogramDataPoint.FromString(points.bytes(start, end))
        except DecodeError:
            continue
        wanted = _one_by_one(points, bases, kinds, pool)
        assert [repr(one) for one in exemplars_of(points, bases, kinds, pool)] == [repr(one) for one in wanted]
        if body is whole and has_more:
            assert isinstance(exemplars_of(points, bases, kinds, pool), Exemplars) or not wanted
