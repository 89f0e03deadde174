"""Exemplars of OTLP: which series each belongs to, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics import otlp_kernels as k
from trimtab.observe.metrics.otlp_decode import Points
from trimtab.observe.metrics.otlp_series import attributes_of, bounds_of
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import Exemplar

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

EXEMPLARS_MAX = 10_000
"""Of one body; more are left out."""


def exemplars_of(
    points: Points, bases: NDArray[np.int64], kinds: NDArray[np.int64], pool: NDArray[np.int32]
) -> list[Exemplar]:
    """Of points that were taken. That of a histogram goes to the bucket which its value is in."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar as Message

    found: list[Exemplar] = []
    bounds: dict[int, NDArray[np.float64]] = {}
    for index, start, end in points.rare[:EXEMPLARS_MAX].tolist():
        base = int(bases[index])
        if base < 0:
            continue
        try:
            message = Message.FromString(points.bytes(start, end))
        except DecodeError:
            continue
        value = float(message.as_int) if message.WhichOneof("value") == "as_int" else message.as_double
        if kinds[index] == k.HISTOGRAM:
            if index not in bounds:
                bounds[index] = bounds_of(points, index)
            base += int(np.searchsorted(bounds[index], value))
        found.append(Exemplar(int(pool[base]), _labels(message), value, message.time_unix_nano // 1_000_000))
    return found


def _labels(message: pb.Exemplar) -> Labels:
    labels = attributes_of(message.filtered_attributes)
    if message.trace_id:
        labels["trace_id"] = message.trace_id.hex()
    if message.span_id:
        labels["span_id"] = message.span_id.hex()
    return tuple(sorted(labels.items()))
