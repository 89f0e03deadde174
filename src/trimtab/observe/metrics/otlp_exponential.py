"""Exponential histograms of OpenTelemetry as native histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.model.errors import InputError
from trimtab.observe.metrics.native import check
from trimtab.store.promql.histogram import SCHEMA_MAX, SCHEMA_MIN, FloatHistogram, spans_of

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

ZERO_THRESHOLD = 1e-128
"""Of a point that says none: what Prometheus takes."""


def native_of(data: bytes) -> FloatHistogram:
    """The value of a data point. InputError where it cannot be one.

    OpenTelemetry's bucket `i` lies between `base ** i` and `base ** (i + 1)`, that of Prometheus ends at `base ** i`.
    A scale that is finer than Prometheus' finest schema is made coarser, which loses resolution and no count.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

    try:
        point = ExponentialHistogramDataPoint.FromString(data)
    except DecodeError as error:
        raise InputError(f"an exponential histogram cannot be read: {error}", reason="histogram_invalid") from error
    if point.scale < SCHEMA_MIN:
        raise InputError(
            f"an exponential histogram has the scale {point.scale}; {SCHEMA_MIN} is the coarsest",
            reason="histogram_invalid",
        )
    schema = min(point.scale, SCHEMA_MAX)
    coarser_by = point.scale - schema
    positive_spans, positive = spans_of(_counts(point.positive, coarser_by))
    negative_spans, negative = spans_of(_counts(point.negative, coarser_by))
    value = FloatHistogram(
        schema=schema,
        zero_threshold=point.zero_threshold or ZERO_THRESHOLD,
        zero_count=float(point.zero_count),
        count=float(point.count),
        sum=point.sum,
        positive_spans=positive_spans,
        negative_spans=negative_spans,
        positive_buckets=positive,
        negative_buckets=negative,
    )
    check(value, is_float=True)
    return value


def _counts(buckets: ExponentialHistogramDataPoint.Buckets, coarser_by: int) -> dict[int, float]:
    """By Prometheus' index."""
    found: dict[int, float] = {}
    for step, count in enumerate(buckets.bucket_counts):
        if count:
            index = ((buckets.offset + step) >> min(coarser_by, 63)) + 1
            found[index] = found.get(index, 0.0) + float(count)
    return found
