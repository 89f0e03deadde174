"""What of a metric's series is looked at, by its name and what its sender says of it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from enum import IntEnum

from trimtab.app.exploring.names import series_text
from trimtab.model.anomalies import SeriesMeasure
from trimtab.store.metrics.block import METRIC_NAME, Labels


class Kind(IntEnum):
    """How rows are made of samples. Numbers are kept in files: only append."""

    GAUGE = 0
    COUNTER = 1
    MEAN = 2
    DURATION = 3
    """A mean of times: as a logarithm, because what takes time varies by factors."""


MEASURES = {
    Kind.GAUGE: SeriesMeasure.VALUE,
    Kind.COUNTER: SeriesMeasure.RATE,
    Kind.MEAN: SeriesMeasure.MEAN,
    Kind.DURATION: SeriesMeasure.MEAN,
}
_TIMES = ("_seconds_sum", "_milliseconds_sum")
_COUNTED = ("_total", "_count", "_sum", "_bucket")
_GROWING = frozenset({"counter", "histogram", "summary"})


def kind_of(metric: str, said: str) -> Kind:
    """Of a metric that is looked at; `said`: the kind that its sender says of it, or of the family it is part of.

    >>> kind_of("cpu_ratio", "gauge"), kind_of("requests_total", ""), kind_of("xact_commit", "counter")
    (<Kind.GAUGE: 0>, <Kind.COUNTER: 1>, <Kind.COUNTER: 1>)
    >>> kind_of("took_seconds_sum", "histogram"), kind_of("sent_bytes_sum", "summary"), kind_of("users_total", "gauge")
    (<Kind.DURATION: 3>, <Kind.MEAN: 2>, <Kind.GAUGE: 0>)
    """
    if said == "gauge":
        return Kind.GAUGE
    if metric.endswith("_sum") and said in ("", "unknown", "histogram", "summary"):
        return Kind.DURATION if metric.endswith(_TIMES) else Kind.MEAN
    if said == "counter" or metric.endswith(_COUNTED):
        return Kind.COUNTER
    return Kind.GAUGE


def family_of(metric: str) -> str:
    """The metric that metadata is about.

    >>> family_of("took_seconds_sum"), family_of("requests_total")
    ('took_seconds', 'requests_total')
    """
    for end in ("_sum", "_count", "_bucket"):
        if metric.endswith(end):
            return metric.removesuffix(end)
    return metric


def left_out(patterns: Sequence[str]) -> re.Pattern[str]:
    """What finds the names that are not looked at.

    >>> found = left_out(("*_info", "ALERTS"))
    >>> [bool(found.fullmatch(name)) for name in ("node_uname_info", "ALERTS", "ALERTS_FOR_STATE")]
    [True, True, False]
    """
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def divisor_of(labels: Labels) -> Labels:
    """Of the series of sums the one of counts.

    >>> divisor_of((("__name__", "took_sum"), ("job", "a")))
    (('__name__', 'took_count'), ('job', 'a'))
    """
    return tuple(
        (name, value.removesuffix("_sum") + "_count") if name == METRIC_NAME else (name, value)
        for name, value in labels
    )


def query_of(labels: Labels, measure: SeriesMeasure, step_ms: int) -> str:
    """The query that shows what was looked at: a counter's rate over four steps, a minute at least.

    >>> print(query_of((("__name__", "a_total"), ("job", "x")), SeriesMeasure.RATE, 30_000))
    rate(a_total{job="x"}[120s])
    >>> print(query_of((("__name__", "a_sum"),), SeriesMeasure.MEAN, 1000))
    rate(a_sum[60s]) / rate(a_count[60s])
    """
    window = f"[{max(60, -(-4 * step_ms // 1000))}s]"
    if measure is SeriesMeasure.RATE:
        return f"rate({series_text(labels)}{window})"
    if measure is SeriesMeasure.MEAN:
        sums, counts = series_text(labels), series_text(divisor_of(labels))
        return f"rate({sums}{window}) / rate({counts}{window})"
    return series_text(labels)
