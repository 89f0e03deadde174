"""What variables ask: labels, their values, results; of the own store, or of the server that stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.app.dashboards.variables import OPTIONS_MAX
from trimtab.app.exploring.answers import Instant
from trimtab.app.exploring.asked_upstream import UpstreamMetrics
from trimtab.app.exploring.names import series_text
from trimtab.app.exploring.own import OwnMetrics
from trimtab.app.querying import Querying
from trimtab.app.reading.ranges import Range
from trimtab.app.upstream import Upstream
from trimtab.store.metrics.block import METRIC_NAME, Matcher

PATIENCE_S = 5.0
"""For one variable."""


class MetricVocabulary:
    """See `Vocabulary`; runs on the caller's thread."""

    def __init__(self, querying: Querying, upstream: Callable[[], Upstream | None]) -> None:
        self._querying = querying
        self._upstream = upstream

    def label_names(self, selector: str, within: Range) -> Sequence[str]:
        """Names of labels; of the series of a selector, where there is one."""
        if self._upstream() is None:
            return self._querying.store.label_names(self._matchers(selector), within.from_ms, within.to_ms)
        rows = self._instant(selector or '{__name__!=""}', within).rows
        return sorted({name for row in rows for name, _ in row.labels})

    def label_values(self, label: str, selector: str, within: Range) -> Sequence[str]:
        """Values of a label, sorted."""
        if self._upstream() is None:
            found = self._querying.store.label_values(label, self._matchers(selector), within.from_ms, within.to_ms)
            return found[:OPTIONS_MAX]
        if not selector and label == METRIC_NAME:
            upstream = self._upstream()
            return [] if upstream is None else UpstreamMetrics(upstream).metric_names(OPTIONS_MAX)
        chosen = selector or f'{{{label}!=""}}'
        rows = self._instant(f"group by ({label}) ({chosen})", within).rows
        return sorted({value for row in rows for name, value in row.labels if name == label})

    def result_texts(self, query: str, within: Range) -> Sequence[str]:
        """Rows of an answer as `query_result` has them: the series, its value, and when."""
        found = self._instant(query, within)
        if found.kind == "scalar":
            return [row.text for row in found.rows]
        return [f"{series_text(row.labels) or '{}'} {row.text} {within.to_ms}" for row in found.rows[:OPTIONS_MAX]]

    def _matchers(self, selector: str) -> Sequence[Sequence[Matcher]]:
        if not selector.strip():
            return ()
        return self._querying.selector(selector, "query").alternatives

    def _instant(self, query: str, within: Range) -> Instant:
        upstream = self._upstream()
        if upstream is not None:
            return UpstreamMetrics(upstream).instant(query, within.to_ms, PATIENCE_S, lambda: False)
        return OwnMetrics(self._querying).instant(query, within.to_ms, PATIENCE_S, lambda: False)
