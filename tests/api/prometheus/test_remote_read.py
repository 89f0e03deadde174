"""Remote read's messages: what cannot be read is refused, samples come as they are."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.api.prometheus.envelope import BadData
from trimtab.api.prometheus.remote_read import Asked, encode_block, field, fields, read_request, varint
from trimtab.store.metrics.block import Matcher, SeriesBlock


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
