"""Samples in memory that rules are tested on: those of a test, and those that the rules record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trimtab.store.metrics.block import METRIC_NAME, Labels, Matcher, SeriesBlock
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.script_series import SeriesValue
from trimtab.store.promql.script_source import as_stored


@dataclass(slots=True)
class _Samples:
    labels: Labels
    text: dict[str, str]
    at_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    histograms: list[FloatHistogram | None] = field(default_factory=list)
    has_histograms: bool = False


class RuleSource:
    """Series by name of metric. What is loaded is seen up to `till_ms` only, as if it came in while time goes on."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[Labels, _Samples]] = {}
        self._waiting: dict[Labels, list[tuple[int, SeriesValue]]] = {}

    def load(self, labels: Labels, samples: Sequence[tuple[int, SeriesValue]]) -> None:
        """Samples of a series that come in with time."""
        self._waiting[labels] = list(reversed(samples))

    def come_to(self, at_ms: int) -> None:
        """Time goes on: what was loaded up to here has come in."""
        for labels, samples in self._waiting.items():
            while samples and samples[-1][0] <= at_ms:
                when_ms, value = samples.pop()
                self.append(labels, when_ms, value.number if value.histogram is None else value.histogram)

    def append(self, labels: Labels, at_ms: int, value: float | FloatHistogram) -> bool:
        """One sample; False where its series has one at that time, or a later one."""
        name = next((text for key, text in labels if key == METRIC_NAME), "")
        known = self._by_name.setdefault(name, {})
        samples = known.get(labels)
        if samples is None:
            samples = known[labels] = _Samples(labels, dict(labels))
        if samples.at_ms and at_ms <= samples.at_ms[-1]:
            return False
        histogram = None
        if isinstance(value, FloatHistogram):
            histogram = as_stored(value, samples.histograms[-1] if samples.histograms else None)
            samples.has_histograms = True
        samples.at_ms.append(at_ms)
        samples.values.append(0.0 if isinstance(value, FloatHistogram) else value)
        samples.histograms.append(histogram)
        return True

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """As `Source` says."""
        found: dict[Labels, _Samples] = {}
        for matchers in alternatives:
            for samples in self._candidates(matchers):
                found[samples.labels] = samples
        chosen = []
        for labels in sorted(found):
            samples = found[labels]
            first, after = np.searchsorted(samples.at_ms, [from_ms, to_ms + 1]).tolist()
            if after > first:
                chosen.append((samples, slice(first, after)))
        counts = [part.stop - part.start for _, part in chosen]
        has_histograms = any(samples.has_histograms for samples, _ in chosen)
        return SeriesBlock(
            [samples.labels for samples, _ in chosen],
            np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            np.array([at for samples, part in chosen for at in samples.at_ms[part]], np.int64),
            np.array([value for samples, part in chosen for value in samples.values[part]], np.float64),
            None,
            [one for samples, part in chosen for one in samples.histograms[part]] if has_histograms else None,
        )

    def _candidates(self, matchers: Sequence[Matcher]) -> list[_Samples]:
        names = [one.value for one in matchers if one.name == METRIC_NAME and one.op == "="]
        groups = [self._by_name.get(names[0], {})] if names else list(self._by_name.values())
        checks = [(one, compile_pattern(one.value) if "~" in one.op else None) for one in matchers]
        return [samples for group in groups for samples in group.values() if _fits(samples.text, checks)]


def _fits(labels: dict[str, str], checks: Sequence[tuple[Matcher, object]]) -> bool:
    for matcher, pattern in checks:
        value = labels.get(matcher.name, "")
        is_same = value == matcher.value if pattern is None else pattern.fullmatch(value) is not None  # type: ignore[attr-defined]
        if is_same != (matcher.op in ("=", "=~")):
            return False
    return True
