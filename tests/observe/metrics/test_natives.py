"""Native histograms many at a time are what they are one at a time; what is read one at a time is refused as ever."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

from tests.observe.metrics import wire
from trimtab.model.errors import InputError
from trimtab.observe.metrics import native_kernels, otlp_exponential_kernels
from trimtab.observe.metrics.native import histogram_of, is_stale
from trimtab.observe.metrics.otlp_exponential import native_of
from trimtab.observe.metrics.remote_write_messages import Histogram, message_class
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.histogram_codec import encoded
from trimtab.store.metrics.natives import Natives

STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
COUNT = st.integers(0, 5) | st.sampled_from([127, 128, 255, 256, 65_535, 65_536, 1 << 32, 1 << 40, (1 << 53) + 2])
DOUBLE = st.floats() | COUNT.map(float) | st.sampled_from([-0.0, 0.0, STALE, 0.001])
SPAN = st.tuples(st.integers(-3, 40), st.integers(0, 4))


@dataclass(frozen=True)
class Read:
    """One message as the kernel has it."""

    state: int
    data: bytes
    at_ms: int
    start_ms: int


def read(messages: Sequence[bytes]) -> list[Read]:
    body, places = together(messages)
    data, offsets, states, at_ms, start_ms = native_kernels.natives_of_messages(body, places)
    natives = Natives(np.arange(len(messages)), data, offsets)
    return [
        Read(int(states[row]), natives.bytes_at(row), int(at_ms[row]), int(start_ms[row]))
        for row in range(len(messages))
    ]


def together(messages: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.cumsum([len(message) for message in messages], dtype=np.int64)
    places = np.stack([ends - [len(message) for message in messages], ends], axis=1)
    return np.frombuffer(bytearray(b"".join(messages)), np.uint8), np.ascontiguousarray(places)


def expected(message: bytes) -> Read | None:
    """One at a time; None where it is refused."""
    try:
        histogram = cast("Histogram", message_class("Histogram").FromString(message))
        if is_stale(histogram):
            return Read(native_kernels.ENDED, b"", histogram.timestamp, histogram.start_timestamp)
        data = encoded(histogram_of(histogram))
    except (DecodeError, InputError):
        return None
    return Read(native_kernels.PLAIN, data, histogram.timestamp, histogram.start_timestamp)


def spans(number: int, pairs: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(
        wire.field(number, b"\x08" + wire.zigzag(offset) + wire.integer(2, length)) for offset, length in pairs
    )


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Histograms that mostly fit together."""
    is_float, is_custom = draw(st.booleans()), draw(st.booleans())
    parts = [wire.integer(15, draw(st.integers(-(1 << 62), 1 << 62)))]
    total = draw(COUNT) if not is_custom else 0
    parts.append(wire.double(7, total) if is_float else wire.integer(6, total))
    bounds = sorted(draw(st.lists(st.floats(-10, 10), max_size=9)))
    for number in (11,) if is_custom else (11, 8):
        pairs = draw(st.lists(SPAN, max_size=3))
        counts = [draw(COUNT) for _ in range(sum(length for _, length in pairs))]
        total += sum(counts)
        deltas = [now - before for before, now in zip([0, *counts], counts, strict=False)]
        packed = struct.pack(f"<{len(counts)}d", *counts) if is_float else b"".join(map(wire.zigzag, deltas))
        parts += [spans(number, pairs), wire.field(number + (2 if is_float else 1), packed)]
    parts.append(wire.double(2, total) if is_float else wire.integer(1, total))
    parts += [wire.double(3, draw(DOUBLE)), b"\x20" + wire.zigzag(-53 if is_custom else draw(st.integers(-5, 9)))]
    if is_custom:
        parts.append(wire.field(16, struct.pack(f"<{len(bounds)}d", *bounds)))
    else:
        parts.append(wire.double(5, draw(st.sampled_from([0.0, 1e-128, 0.5]))))
    parts.append(wire.integer(14, draw(st.integers(0, 5))))
    if draw(st.integers(0, 5)) == 0:  # now and then something that does not fit, or that nobody knows
        parts.append(
            draw(st.sampled_from([wire.double(5, -1.0), wire.integer(1, 3), wire.field(30, b"abc"), b"\x60\x02"]))
        )
    draw(st.randoms(use_true_random=False)).shuffle(parts)
    return b"".join(parts)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(given_messages=st.lists(messages(), min_size=1, max_size=4), noise=st.randoms(use_true_random=False))
def test_histograms_of_remote_write(given_messages: list[bytes], noise: random.Random) -> None:
    broken = [mutated(message, noise) for message in given_messages]
    for message, found in zip([*given_messages, *broken], read([*given_messages, *broken]), strict=True):
        if found.state != native_kernels.ODD:
            assert found == expected(message)


def mutated(message: bytes, noise: random.Random) -> bytes:
    if not message:
        return message
    found = bytearray(message)
    found[noise.randrange(len(found))] = noise.randrange(256)
    return bytes(found[: noise.randrange(1, len(found) + 1)] if noise.random() < 0.3 else found)


def test_what_everybody_writes_is_read_by_the_kernel() -> None:
    usual = (
        wire.integer(1, 12) + wire.double(3, 18.4) + b"\x20" + wire.zigzag(1) + wire.double(5, 0.001)
        + wire.integer(6, 2) + spans(8, [(0, 1)]) + wire.field(9, wire.zigzag(1)) + spans(11, [(-2, 2), (1, 2)])
        + wire.field(12, b"".join(map(wire.zigzag, (1, 1, -1, 4)))) + wire.integer(14, 2) + wire.integer(15, 1_800_000)
        + wire.integer(17, 7)
    )  # fmt: skip
    floats = (
        wire.double(2, 3.5) + wire.double(3, 1.0) + spans(11, [(1, 2)]) + wire.field(13, struct.pack("<2d", 1.5, 2.0))
    )
    custom = (
        wire.integer(1, 3) + wire.double(3, 1.0) + b"\x20" + wire.zigzag(-53) + spans(11, [(0, 3)])
        + wire.field(12, b"".join(map(wire.zigzag, (1, 0, 0)))) + wire.field(16, struct.pack("<2d", 1.0, 2.5))
    )  # fmt: skip
    ended = wire.double(3, STALE) + wire.integer(15, 5)
    for message, found in zip(cases := [usual, floats, custom, ended, b""], read(cases), strict=True):
        assert found.state in (native_kernels.PLAIN, native_kernels.ENDED)
        assert found == expected(message)


@pytest.mark.parametrize(
    "message",
    [
        wire.integer(1, 3),  # counts more than there are
        spans(11, [(0, 2)]) + wire.field(12, wire.zigzag(1)),
        b"\x20" + wire.zigzag(9),
        wire.field(16, struct.pack("<d", 1.0)),
        b"\x20" + wire.zigzag(-53) + wire.field(16, struct.pack("<2d", 2.0, 1.0)),
        wire.double(5, -1.0),
        wire.double(2, float("inf")),
        spans(11, [(0, 1), (-1, 1)]) + wire.field(12, bytes(2)),
        b"\x0a",
    ],
)
def test_what_cannot_be_is_left_to_the_one_who_says_why(message: bytes) -> None:
    assert [found.state for found in read([message])] == [native_kernels.ODD]
    assert expected(message) is None


BUCKETS = st.builds(
    ExponentialHistogramDataPoint.Buckets,
    offset=st.integers(-300, 300),
    bucket_counts=st.lists(st.sampled_from([0, 0, 1, 2, 1000, 1 << 40, (1 << 64) - 1]), max_size=30),
)
POINTS = st.builds(
    ExponentialHistogramDataPoint,
    time_unix_nano=st.integers(0, 1 << 40),
    count=st.integers(0, 100),
    sum=DOUBLE | st.none(),
    scale=st.integers(-6, 80),
    zero_count=st.integers(0, 3),
    positive=BUCKETS | st.none(),
    negative=BUCKETS | st.none(),
    flags=st.integers(0, 1),
    zero_threshold=st.sampled_from([0.0, 0.5, -1.0, float("nan")]),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(points=st.lists(POINTS, min_size=1, max_size=4), noise=st.randoms(use_true_random=False))
def test_exponential_histograms(points: list[ExponentialHistogramDataPoint], noise: random.Random) -> None:
    whole = [point.SerializeToString() for point in points]
    given_points = [*whole, *(mutated(one, noise) for one in whole)]
    data, offsets, is_odd = otlp_exponential_kernels.natives_of_points(*together(given_points))
    natives = Natives(np.arange(len(given_points)), data, offsets)
    for row, point in enumerate(given_points):
        try:
            wanted = encoded(native_of(point))
        except InputError:
            assert is_odd[row]
            continue
        assert is_odd[row] or natives.bytes_at(row) == wanted
        if row < len(points):
            huge = [*points[row].positive.bucket_counts, *points[row].negative.bucket_counts]
            assert not is_odd[row] or max(huge, default=0) >= 1 << 63
