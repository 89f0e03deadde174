"""What a query should be told beside its answer: warnings and infos, in Prometheus' words, with the place in the query.

The same text is said once, at the place where it came up first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from trimtab.store.promql.errors import line_and_column
from trimtab.store.promql.lexer import quoted
from trimtab.store.promql.numbers import written

Operation = Literal["addition", "subtraction", "aggregation"]
_QUANTILE_DOCS = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"


@dataclass(frozen=True, slots=True)
class Note:
    """A warning or an info; `text` is without "PromQL warning: " before it and the place behind it."""

    kind: Literal["warning", "info"]
    text: str


@dataclass(frozen=True, slots=True)
class Monotonic:
    """Where counts of a classic histogram fell from a bucket to the next, over several steps of a query."""

    from_bound: float
    to_bound: float
    most: float
    """The greatest fall."""
    count: int
    """How often it happened."""
    first_ms: int
    last_ms: int

    def joined(self, other: Monotonic) -> Monotonic:
        """Both together."""
        return Monotonic(
            min(self.from_bound, other.from_bound),
            max(self.to_bound, other.to_bound),
            max(self.most, other.most),
            self.count + other.count,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
        )

    def text(self) -> str:
        """Buckets, fall, how often and when."""
        first, last = (
            datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for at_ms in (self.first_ms, self.last_ms)
        )
        return (
            f", from buckets {written(self.from_bound)} to {written(self.to_bound)}, with a max diff of "
            f"{_two_digits(self.most)}, over {self.count} samples from {first} to {last}"
        )


class Notes:
    """Collects what is to be told about one query.

    >>> notes = Notes()
    >>> notes.add(not_a_counter("latency"), 5)
    >>> notes.add(not_a_counter("latency"), 9)
    >>> notes.texts("rate(latency[5m])")
    (('PromQL warning: this native histogram metric is not a counter: "latency" (1:6)',), ())
    """

    def __init__(self) -> None:
        self._places: dict[Note, int] = {}
        self._monotonic: dict[Note, Monotonic] = {}
        self._overlaps: dict[Note, int] = {}

    def add(self, note: Note, place: int) -> None:
        """Tell it, of what begins at `place` of the query."""
        self._places.setdefault(note, place)

    def add_monotonic(self, metric: str, repair: Monotonic, place: int) -> None:
        """Tell that a classic histogram had to be repaired."""
        what = f"input to histogram_quantile needed to be fixed for monotonicity (see {_QUANTILE_DOCS})"
        note = Note("info", _of_metric(what, metric))
        seen = self._monotonic.get(note)
        self._monotonic[note] = repair if seen is None else seen.joined(repair)
        self.add(note, place)

    def add_overlap(self, metric: str, place: int, count: int = 1) -> None:
        """Tell that samples say that they began to count before the sample before them was taken."""
        what = "sample has start time that overlaps with previous sample timestamp"
        note = Note("warning", f"{what} for metric {quoted(metric)}")
        self._overlaps[note] = self._overlaps.get(note, 0) + count
        self.add(note, place)

    def texts(self, query: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Warnings and infos, sorted, as the API gives them."""
        result: dict[str, list[str]] = {"warning": [], "info": []}
        for note, place in self._places.items():
            line, column = line_and_column(query, place)
            more = self._monotonic[note].text() if note in self._monotonic else ""
            if self._overlaps.get(note, 0) > 1:
                more = f" ({self._overlaps[note]} occurrences)"
            result[note.kind].append(f"PromQL {note.kind}: {note.text}{more} ({line}:{column})")
        return tuple(sorted(result["warning"])), tuple(sorted(result["info"]))


def quantile_out_of_range(quantile: float) -> Note:
    return Note("warning", f"quantile value should be between 0 and 1, got {written(quantile)}")


def ratio_out_of_range(ratio: float, capped: float) -> Note:
    return Note(
        "warning", f"ratio value should be between -1 and 1, got {written(ratio)}, capping to {written(capped)}"
    )


def bad_bucket_label(label: str, metric: str) -> Note:
    what = f'bucket label "le" is missing or has a malformed value of {quoted(label)}'
    return Note("warning", _of_metric(what, metric))


def mixed_in_range(metric: str) -> Note:
    return Note("warning", f"encountered a mix of histograms and floats for metric name {quoted(metric)}")


def mixed_in_aggregation() -> Note:
    return Note("warning", "encountered a mix of histograms and floats for aggregation")


def mixed_classic_and_native(metric: str) -> Note:
    return Note("warning", _of_metric("vector contains a mix of classic and native histograms", metric))


def not_a_counter(metric: str) -> Note:
    return Note("warning", f"this native histogram metric is not a counter: {quoted(metric)}")


def not_a_gauge(metric: str) -> Note:
    return Note("warning", f"this native histogram metric is not a gauge: {quoted(metric)}")


def mixed_schemas(metric: str) -> Note:
    what = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name"
    return Note("warning", f"{what} {quoted(metric)}")


def incompatible_layout(operator: str) -> Note:
    return Note("warning", f"incompatible bucket layout encountered for binary operator {operator}")


def sort_in_range() -> Note:
    return Note("warning", "sort is ineffective for range queries since results are always ordered by labels")


def conflicting_resets(operation: Operation) -> Note:
    return Note("warning", f"conflicting counter resets during histogram {operation}")


def maybe_not_a_counter(metric: str) -> Note:
    what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
    return Note("info", f"{what} {quoted(metric)}")


def maybe_not_a_counter_by_type(metric: str, kind: str) -> Note:
    what = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"'
    return Note("info", f"{what}, got {quoted(kind)}: {quoted(metric)}")


def incompatible_types(left: str, operator: str, right: str) -> Note:
    what = f'incompatible sample types encountered for binary operator "{operator}"'
    return Note("info", f"{what}: {left} {operator} {right}")


def ignored_in_aggregation(aggregation: str) -> Note:
    return Note("info", f"ignored histogram in {aggregation} aggregation")


def ignored_in_range(metric: str) -> Note:
    what = "ignored histograms in a range containing both floats and histograms for metric name"
    return Note("info", f"{what} {quoted(metric)}")


def nan_result(metric: str) -> Note:
    return Note("info", _of_metric("input to histogram_quantile has NaN observations, result is NaN", metric))


def nan_skew(metric: str) -> Note:
    return Note("info", _of_metric("input to histogram_quantile has NaN observations, result is skewed higher", metric))


def nan_excluded(metric: str) -> Note:
    what = "input to histogram_fraction has NaN observations, which are excluded from all fractions"
    return Note("info", _of_metric(what, metric))


def bounds_reconciled(operation: Operation) -> Note:
    return Note("info", f"mismatched custom buckets were reconciled during {operation}")


def partial(reason: str) -> Note:
    return Note("warning", f"the answer is partial: {reason}")


def _two_digits(number: float) -> str:
    return f"{number:.2g}"


def _of_metric(what: str, metric: str) -> str:
    return f"{what} for metric name {quoted(metric)}" if metric else what
