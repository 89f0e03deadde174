"""Remote read's messages: what cannot be read is refused, samples come as they are."""

from __future__ import annotations

import contextlib
import struct
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.api.prometheus.envelope import BadData
from trimtab.api.prometheus.remote_read import Asked, encode_block, read_request
from trimtab.api.prometheus.wire import field, fields, varint
from trimtab.observe.metrics.native import histogram_of
from trimtab.observe.metrics.remote_write_messages import Histogram, message_class
from trimtab.store.metrics.block import Matcher, SeriesBlock
from trimtab.store.promql.histogram import FloatHistogram


def request_of(*matchers: tuple[int, str, str], start: int = 1, end: int = 2, accepted: bytes = b"") -> bytes:
    told = b"".join(
        field(3, b"\x08" + varint(kind) + field(2, name.encode()) + field(3, value.encode()))
        for kind, name, value in matchers
    )
    return field(1, b"\x08" + varint(start) + b"\x10" + varint(end) + told) + accepted


def test_queries_of_a_request() -> None:
    body = request_of((0, "__name__", "up"), (3, "job", "a|b"), start=-5, end=10)
    assert read_request(body) == [Asked(-5, 10, (Matcher("__name__", "=", "up"), Matcher("job", "!~", "a|b")))]


def test_who_takes_only_chunks_is_refused() -> None:
    with pytest.raises(BadData, match="answers with SAMPLES"):
        read_request(request_of(accepted=field(2, b"\x01")))
    assert read_request(request_of(accepted=field(2, b"\x01\x00")))


def test_an_unknown_kind_of_matcher_is_refused() -> None:
    with pytest.raises(BadData, match="no kind of matcher 9"):
        read_request(request_of((9, "a", "b")))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadData):
        assert all(isinstance(one, Asked) for one in read_request(body))


@pytest.mark.parametrize("first_ms", [1_764_000_000_000, -5, 2**43])
def test_samples_come_as_they_are(first_ms: int) -> None:
    at_ms = np.array([first_ms, first_ms + 1, first_ms + 2])
    values = np.array([1.5, np.nan, -np.inf])
    block = SeriesBlock([(("__name__", "up"), ("job", "a"))], np.array([0, 3]), at_ms, values, None, None)
    ((number, series),) = fields(encode_block(block))
    assert number == 1
    assert isinstance(series, bytes)
    found = [value for number, value in fields(series) if number == 2 and isinstance(value, bytes)]
    read = [dict(fields(sample)) for sample in found]
    told = [struct.unpack("<d", one[1])[0] for one in read if isinstance(one[1], bytes)]
    np.testing.assert_array_equal(told, values)
    moments = [one[2] - 2**64 if isinstance(one[2], int) and one[2] >= 2**63 else one[2] for one in read]
    assert moments == at_ms.tolist()


NATIVES = (
    FloatHistogram(),
    FloatHistogram(
        counter_reset_hint="gauge",
        schema=-3,
        zero_threshold=0.001,
        zero_count=2.5,
        count=9.5,
        sum=-3.0,
        positive_spans=((-2, 2), (3, 1)),
        positive_buckets=(1.0, 2.0, 0.5),
        negative_spans=((0, 1),),
        negative_buckets=(3.5,),
    ),
    FloatHistogram(
        schema=-53, count=3.0, sum=4.0, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0), custom_values=(5.0,)
    ),
)


def test_native_histograms_come_as_they_are() -> None:
    at_ms = np.array([1_764_000_000_000 + number for number in range(4)])
    block = SeriesBlock(
        [(("__name__", "h"),)], np.array([0, 4]), at_ms, np.array([0.0, 0.0, 0.0, 7.0]), None, [*NATIVES, None]
    )
    ((_number, series),) = fields(encode_block(block))
    assert isinstance(series, bytes)
    told = [value for number, value in fields(series) if number == 4 and isinstance(value, bytes)]
    read = [cast("Histogram", message_class("Histogram").FromString(one)) for one in told]
    assert [histogram_of(one) for one in read] == list(NATIVES)
    assert [one.timestamp for one in read] == at_ms[:3].tolist()
    assert sum(number == 2 for number, _ in fields(series)) == 1
