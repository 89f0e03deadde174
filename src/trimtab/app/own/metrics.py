"""The declared numbers as they are now: as text for Prometheus, and as rows for trimtab's own store.

The client library is loaded by `open`, behind the start of the server; what is observed before is not counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trimtab.app.own.catalogue import BY_NAME, METRICS, Kind
from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Histogram
    from prometheus_client.metrics_core import Metric as Family

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Number:
    """A gauge or a counter as it is now."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnSample:
    """One number over the time since the sample before; `value` as `OWN_METRICS` in `store.tables` says."""

    name: str
    labels: Mapping[str, str]
    value: float
    observations_count: int
    span_ms: int

    @property
    def label_text(self) -> str:
        """`a=1,b=2`, by name."""
        return ",".join(f"{name}={value}" for name, value in sorted(self.labels.items()))


Source = Callable[[], Iterable[Number]]


class OwnMetrics:
    """Thread-safe. `sources` are asked for gauges and counters whenever somebody looks; each must be quick."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._sources = list(sources)
        self._lock = threading.Lock()
        self._registry: CollectorRegistry | None = None
        self._histograms: dict[str, Histogram] = {}
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[float, float]] = {}
        self._sampled_s = time.monotonic()
        self.problem: str | None = None

    def add_source(self, source: Source) -> None:
        """One more to ask."""
        self._sources.append(source)

    def open(self) -> None:
        """Begin to count; again is no error."""
        from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics

        with self._lock:
            if self._registry is not None:
                return
            disable_created_metrics()  # type: ignore[no-untyped-call]
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            for metric in METRICS:
                if metric.kind is Kind.HISTOGRAM:
                    self._histograms[metric.name] = Histogram(
                        metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry
                    )
            registry.register(_Pulled(self._numbers))
            self._registry, self._sampled_s = registry, time.monotonic()

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Count one observation of a histogram."""
        histogram = self._histograms.get(name)
        if histogram is not None:
            histogram.labels(**labels).observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        from prometheus_client import generate_latest

        self.open()
        assert self._registry is not None  # noqa: S101 - `open` made it
        return generate_latest(self._registry)

    def now(self) -> list[Number]:
        """Every number as it is; of histograms `NAME_count` and `NAME_sum`."""
        return [
            Number(sample.name, sample.value, dict(sample.labels))
            for family in self._families()
            for sample in family.samples
            if not sample.name.endswith("_bucket")
        ]

    def sample(self) -> list[OwnSample]:
        """What became of each number since the call before."""
        now_s = time.monotonic()
        span_ms, self._sampled_s = round((now_s - self._sampled_s) * 1000), now_s
        found: list[OwnSample] = []
        for family in self._families():
            sums: dict[tuple[tuple[str, str], ...], list[float]] = {}
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                if sample.name.endswith(("_bucket", "_created")):
                    continue
                place = 1 if family.type == "histogram" and sample.name.endswith("_count") else 0
                sums.setdefault(labels, [0.0, 0.0])[place] = sample.value
            name = f"{family.name}_total" if family.type == "counter" else family.name
            for labels, (value, count) in sums.items():
                grown = (value, count)
                if family.type != "gauge":
                    before = self._before.get((name, labels), (0.0, 0.0))
                    self._before[name, labels] = (value, count)
                    # a total that fell began anew
                    grown = (value - before[0], count - before[1]) if value >= before[0] else (value, count)
                found.append(OwnSample(name, dict(labels), grown[0], int(grown[1]), span_ms))
        return found

    def _families(self) -> Iterator[Family]:
        self.open()
        return iter(()) if self._registry is None else iter(self._registry.collect())

    def _numbers(self) -> Iterator[Number]:
        """From every source; one that cannot answer now is left out, and said."""
        problem = None
        for source in self._sources:
            try:
                yield from list(source())
            except TrimtabError as error:
                problem = error.message
        self.problem = problem


class _Pulled:
    """A collector of what the sources say, family by family, in the table's order."""

    def __init__(self, numbers: Callable[[], Iterable[Number]]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Family]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        by_name: dict[str, list[Number]] = {}
        for number in self._numbers():
            by_name.setdefault(number.name, []).append(number)
        for name, numbers in by_name.items():
            metric = BY_NAME[name]  # a KeyError here is a number that nobody declared
            family: CounterMetricFamily | GaugeMetricFamily
            if metric.kind is Kind.COUNTER:
                family = CounterMetricFamily(name, metric.help, labels=metric.labels)
            else:
                family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
            for number in numbers:
                family.add_metric([number.labels[label] for label in metric.labels], number.value)
            yield family

    def describe(self) -> list[Family]:
        """Nothing is asked when it is registered."""
        return []
