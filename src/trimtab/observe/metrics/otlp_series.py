"""Data points that are new become series: names, labels and metadata by OpenTelemetry's rules for Prometheus."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.errors import InputError
from trimtab.observe.metrics import otlp_kernels as k
from trimtab.observe.metrics.new_series import LABELS_BYTES_MAX
from trimtab.observe.metrics.otlp_decode import Points
from trimtab.observe.metrics.otlp_names import labels_of_attributes, metric_name, number_text, unit_name
from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.metrics.contract import Metadata, MetricKind

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_IDENTITY = frozenset({"service.name", "service.namespace", "service.instance.id"})
_NESTING_MAX = 20


@dataclass(frozen=True, slots=True)
class Group:
    """The series of one data point, in the order of its numbers."""

    series: tuple[Labels, ...]
    is_delta: bool


class NewSeries:
    """Reads what new data points of one body are; what several share is read once."""

    def __init__(self, points: Points) -> None:
        self._points = points
        self._resources: dict[int, dict[str, str]] = {}
        self._scopes: dict[int, dict[str, str]] = {}

    def group(self, index: int) -> Group:
        """The series of a point. InputError (`facts["reason"]`) where it cannot become any."""
        from google.protobuf.message import DecodeError

        row = self._points.points[index].tolist()
        metric = self._points.metrics[row[k.METRIC]].tolist()
        kind = metric[k.KIND]
        if kind in {k.SUM, k.HISTOGRAM, k.EXPONENTIAL} and metric[k.TEMPORALITY] not in {k.DELTA, k.CUMULATIVE}:
            name = self._points.bytes(metric[k.NAME], metric[k.NAME + 1])[:200]
            raise InputError(
                f"metric {name!r} does not say whether it is delta or cumulative",
                reason="temporality_unspecified",
            )
        try:
            shared = self._shared(metric)
            series = self._series(kind, self._name(metric), shared, row[k.START], row[k.END])
        except (DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"a data point of the body cannot be read: {error}", reason="series_invalid") from error
        return Group(tuple(series), metric[k.TEMPORALITY] == k.DELTA)

    def _series(self, kind: int, name: str, shared: dict[str, str], start: int, end: int) -> list[Labels]:
        from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

        data = self._points.bytes(start, end)
        if kind == k.HISTOGRAM:
            histogram = pb.HistogramDataPoint.FromString(data)
            labels = attributes_of(histogram.attributes) | shared
            bounds = [number_text(bound) for bound in histogram.explicit_bounds] if histogram.bucket_counts else []
            suffixes = ("_count", "_sum") if histogram.HasField("sum") else ("_count",)
            return _families(name, labels, "le", [*bounds, "+Inf"], "_bucket", suffixes)
        if kind == k.SUMMARY:
            summary = pb.SummaryDataPoint.FromString(data)
            quantiles = [number_text(value.quantile) for value in summary.quantile_values]
            labels = attributes_of(summary.attributes) | shared
            return _families(name, labels, "quantile", quantiles, "", ("_count", "_sum"))
        if kind == k.EXPONENTIAL:
            exponential = pb.ExponentialHistogramDataPoint.FromString(data)
            return [_labels(name, attributes_of(exponential.attributes) | shared)]
        return [_labels(name, attributes_of(pb.NumberDataPoint.FromString(data).attributes) | shared)]

    def _shared(self, metric: Sequence[int]) -> dict[str, str]:
        """Labels of the resource and the scope."""
        resource = self._resources.get(metric[k.RESOURCE])
        if resource is None:
            resource, _ = self._resource(metric)
            self._resources[metric[k.RESOURCE]] = resource
        scope = self._scopes.get(metric[k.SCOPE])
        if scope is None:
            scope = self._scope(metric)
            self._scopes[metric[k.SCOPE]] = scope
        return scope | resource

    def _resource(self, metric: Sequence[int]) -> tuple[dict[str, str], dict[str, str]]:
        """`job` and `instance`; and all other attributes."""
        from opentelemetry.proto.resource.v1.resource_pb2 import Resource

        data = self._points.bytes(metric[k.RESOURCE], metric[k.RESOURCE + 1])
        attributes = {item.key: text_of(item.value) for item in Resource.FromString(data).attributes}
        name, space = attributes.get("service.name", ""), attributes.get("service.namespace", "")
        identity = {
            "job": f"{space}/{name}" if space and name else name,
            "instance": attributes.get("service.instance.id", ""),
        }
        rest = labels_of_attributes((key, value) for key, value in attributes.items() if key not in _IDENTITY)
        return {key: value for key, value in identity.items() if value}, rest

    def target_info(self, metric: Sequence[int]) -> Labels:
        """The series that tells a resource's attributes. InputError where there is nothing to tell."""
        from google.protobuf.message import DecodeError

        try:
            identity, rest = self._resource(metric)
        except DecodeError as error:
            raise InputError(f"a resource of the body cannot be read: {error}") from error
        if not identity or not rest:
            raise InputError("the resource has no identity, or nothing else")
        return _labels("target_info", rest | identity)

    def _scope(self, metric: Sequence[int]) -> dict[str, str]:
        from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

        data = self._points.bytes(metric[k.SCOPE], metric[k.SCOPE + 1])
        scope = InstrumentationScope.FromString(data)
        labels = {f"otel_scope_{name}": value for name, value in attributes_of(scope.attributes).items()}
        labels |= {"otel_scope_name": scope.name, "otel_scope_version": scope.version}
        return labels | {"otel_scope_schema_url": self._text(metric, k.SCHEMA)}

    def _name(self, metric: Sequence[int]) -> str:
        size_bytes = metric[k.NAME + 1] - metric[k.NAME]
        if size_bytes > LABELS_BYTES_MAX:
            raise InputError(f"a metric name has {size_bytes} bytes", reason="label_value_bytes_max")
        name = self._text(metric, k.NAME)
        found = metric_name(
            name,
            self._text(metric, k.UNIT),
            is_total=metric[k.KIND] == k.SUM and bool(metric[k.IS_MONOTONIC]),
            is_gauge=metric[k.KIND] == k.GAUGE,
        )
        if not found:
            raise InputError(f"nothing of the metric name {name!r} is a name", reason="metric_name_missing")
        return found

    def metadata(self, new: Iterable[int]) -> list[Metadata]:
        """Of the metrics of these points, once each."""
        found: dict[int, Metadata] = {}
        for index in new:
            number = int(self._points.points[index, k.METRIC])
            if number in found:
                continue
            metric = self._points.metrics[number].tolist()
            try:
                found[number] = Metadata(
                    self._name(metric),
                    _kind_of(metric),
                    unit_name(self._text(metric, k.UNIT)),
                    self._text(metric, k.DESCRIPTION),
                )
            except (InputError, UnicodeDecodeError):
                continue
        return list(found.values())

    def _text(self, metric: Sequence[int], column: int) -> str:
        return self._points.bytes(metric[column], metric[column + 1]).decode()


def _kind_of(metric: Sequence[int]) -> MetricKind:
    kind = metric[k.KIND]
    if kind == k.SUM:
        return "counter" if metric[k.IS_MONOTONIC] else "gauge"
    return "gauge" if kind == k.GAUGE else "summary" if kind == k.SUMMARY else "histogram"


def _families(
    name: str, labels: dict[str, str], label: str, values: Iterable[str], suffix: str, last: Iterable[str]
) -> list[Labels]:
    """A series for each value of a label, then those with a suffix."""
    found = [_labels(name + suffix, labels | {label: value}) for value in values]
    return found + [_labels(name + ending, labels) for ending in last]


def _labels(name: str, labels: dict[str, str]) -> Labels:
    return tuple(sorted((key, value) for key, value in (labels | {METRIC_NAME: name}).items() if value))


def attributes_of(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Labels of attributes."""
    return labels_of_attributes((item.key, text_of(item.value)) for item in attributes)


def text_of(value: AnyValue, depth: int = 0) -> str:
    """A value as text: numbers and booleans as JSON has them, lists and maps as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return ""
    plain = _plain(value, depth)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: AnyValue, depth: int) -> object:
    kind = value.WhichOneof("value")
    if depth > _NESTING_MAX:
        raise InputError(f"an attribute is nested more than {_NESTING_MAX} deep", reason="series_invalid")
    if kind == "array_value":
        return [_plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value, depth + 1) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    return None if kind is None else getattr(value, kind)


def bounds_of(points: Points, index: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The bounds of a histogram's point, for its exemplars."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint

    row = points.points[index].tolist()
    point = HistogramDataPoint.FromString(points.bytes(row[k.START], row[k.END]))
    return np.array(point.explicit_bounds if point.bucket_counts else (), np.float64)
