"""Tags of fields are read where protobuf reads them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from trimtab.observe.metrics.wire_kernels import tag
from trimtab.store.traces.wire_kernels import field


def written(number: int, size: int = 1) -> bytes:
    """A varint in as many bytes as asked for, or as it needs."""
    found = bytearray()
    while number >= 0x80 or len(found) < size - 1:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def is_read_by_protobuf(body: bytes) -> bool:
    try:
        NumberDataPoint.FromString(body)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("size", range(1, 11))
@pytest.mark.parametrize(
    "number", [0, 1, 12, (1 << 28) - 1, 1 << 28, (1 << 29) - 1, 1 << 29, 1 << 30, 1 << 40, 1 << 60]
)
def test_a_tag_is_read_where_protobuf_reads_it(number: int, size: int) -> None:
    key = written(number << 3, size)
    body = np.frombuffer(bytearray(key + b"\0"), np.uint8)
    end = np.int64(len(body))
    expected = is_read_by_protobuf(body.tobytes())
    assert (tag(body, np.int64(0), end)[1] == len(key)) == expected
    assert (field(body, np.int64(0), end)[2] == end) == expected
