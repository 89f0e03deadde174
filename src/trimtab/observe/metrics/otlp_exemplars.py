"""Exemplars of OTLP: which series each belongs to, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics import otlp_kernels as k
from trimtab.observe.metrics.otlp_decode import Points
from trimtab.observe.metrics.otlp_series import attributes_of, bounds_of
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import Exemplar
from trimtab.store.metrics.exemplar_columns import Exemplars

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

EXEMPLARS_MAX = 10_000
"""Of one body; more are left out."""


def exemplars_of(
    points: Points, bases: NDArray[np.int64], kinds: NDArray[np.int64], pool: NDArray[np.int32]
) -> Sequence[Exemplar]:
    """Of points that were taken. That of a histogram goes to the bucket which its value is in."""
    from trimtab.observe.metrics.otlp_exemplar_kernels import exemplars_of_messages, names_of_ids

    rare = points.rare[:EXEMPLARS_MAX]
    rare = rare[bases[rare[:, 0]] >= 0] if len(rare) else rare
    if not len(rare):
        return ()
    of_points = np.ascontiguousarray(points.points[rare[:, 0]][:, (k.START, k.END)])
    of_points[kinds[rare[:, 0]] != k.HISTOGRAM] = 0
    body, places = np.frombuffer(points.body, np.uint8), np.ascontiguousarray(rare[:, 1:])
    found = exemplars_of_messages(body, places, of_points, *names_of_ids())
    at_ms, values, buckets, pairs, ends, text, is_odd = found
    if is_odd.any():
        return _one_by_one(points, bases, kinds, pool)
    return Exemplars(pool[bases[rare[:, 0]] + buckets], at_ms, values, pairs, ends, text)


def _one_by_one(
    points: Points, bases: NDArray[np.int64], kinds: NDArray[np.int64], pool: NDArray[np.int32]
) -> list[Exemplar]:
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
            if kinds[index] == k.HISTOGRAM and index not in bounds:
                bounds[index] = bounds_of(points, index)
        except DecodeError:  # the point is taken by then: its exemplars are left out
            continue
        value = float(message.as_int) if message.WhichOneof("value") == "as_int" else message.as_double
        if kinds[index] == k.HISTOGRAM:
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
