"""What an episode is, in words: on pages, in alerts, on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from trimtab.app.detecting.kinds import query_of
from trimtab.model.anomalies import AnomalyEpisode, SeriesMeasure, SeriesRef, Source, SpokenTest
from trimtab.model.readable import amount_text, bytes_of, duration_of

AROUND_MIN_MS = 900_000
"""So much, at least, is shown before an episode and after it."""
STEPS_AROUND = 240
MEASURES: Mapping[SeriesMeasure, str] = {
    SeriesMeasure.VALUE: "",
    SeriesMeasure.RATE: "per second",
    SeriesMeasure.MEAN: "mean",
    SeriesMeasure.MEAN_MS: "mean time",
    SeriesMeasure.CALLS_PER_S: "calls per second",
}
TESTS: Mapping[SpokenTest, str] = {
    SpokenTest.SEASON: "far from what is usual at this time of the day",
    SpokenTest.JUMP: "far from the value before",
    SpokenTest.RANGE: "outside of everything seen before",
    SpokenTest.SHIFT: "on another level than before",
    SpokenTest.SPREAD: "scattered more, or less, than before",
}
TOGETHER: Mapping[SpokenTest, str] = {
    SpokenTest.SHIFT: "the last values together (mean of 48) are on another level",
    SpokenTest.SPREAD: "the last values together (48) are scattered more, or less, than before",
}
"""What is said where the value itself lies in its band: these tests look at many values."""
_NEVER_BELOW_ZERO = frozenset({SeriesMeasure.RATE, SeriesMeasure.CALLS_PER_S, SeriesMeasure.MEAN_MS})
_TIMES_AND_SIZES = frozenset({"s", "ms", "bytes"})
_DURATION = re.compile(r"duration|latency|elapsed|wait|bytes", re.IGNORECASE)
"""A gauge in seconds may be below 0 (a clock's offset); one of these names is not."""


def title_of(series: SeriesRef) -> str:
    """The series with what of it was looked at."""
    measure = MEASURES[series.measure]
    match series.source:
        case Source.QUERY:
            return f"{measure} of query {series.labels['fingerprint']} on {series.labels['system']}"
        case Source.SYSTEM:
            return f"{measure} of all statements on {series.labels['system']}"
    return f"{series.name}, {measure}" if measure else series.name


def value_text(value: float | None, unit: str) -> str:
    """A value as people read it: an alert of it may wake somebody.

    >>> value_text(1234567.0, ""), value_text(0.25, "s"), value_text(None, "ms"), value_text(812345678.0, "bytes")
    ('1.235M', '250 ms', 'nothing known', '775 MiB')
    """
    if value is None:
        return "nothing known"
    match unit:
        case "ms":
            return duration_of(value)
        case "bytes" | "bytes/s":
            return bytes_of(value) + unit.removeprefix("bytes")
    return amount_text(value, unit)


def band_of(one: AnomalyEpisode) -> tuple[float | None, float | None]:
    """Where a value was expected, in the series' unit: of durations, sizes and rates nothing below 0.

    >>> series = SeriesRef("a/rate", Source.METRIC, SeriesMeasure.RATE, "a", {}, "")
    >>> band_of(AnomalyEpisode(1, series, 0, 1, None, 0.7, SpokenTest.JUMP, 9.0, 3.0, -2.5, 8.5))
    (0.0, 8.5)
    """
    if one.low is not None and one.low < 0 and one.observed >= 0 and _is_never_below_zero(one.series):
        return 0.0, None if one.high is None else max(one.high, 0.0)
    return one.low, one.high


def seen_in(test: SpokenTest, observed: float, low: float | None, high: float | None) -> str:
    """What is odd about a value, which may itself lie within its band.

    >>> seen_in(SpokenTest.SHIFT, 9.0, 2.5, 3.5)
    'on another level than before'
    >>> seen_in(SpokenTest.SHIFT, 3.4, 2.5, 3.5)
    'the last values together (mean of 48) are on another level; this one alone is within its band'
    """
    if test in TOGETHER and low is not None and high is not None and low <= observed <= high:
        return f"{TOGETHER[test]}; this one alone is within its band"
    return TESTS[test]


def seen_of(one: AnomalyEpisode) -> str:
    """What is odd about the value of an episode."""
    return seen_in(one.test, one.observed, *band_of(one))


def said_of(one: AnomalyEpisode) -> str:
    """What was seen, and what was expected.

    >>> series = SeriesRef("a/value", Source.METRIC, SeriesMeasure.VALUE, "a", {}, "")
    >>> print(said_of(AnomalyEpisode(1, series, 0, 1, None, 0.7, SpokenTest.JUMP, 9.0, 3.0, 2.5, 3.5)))
    9, far from the value before; expected was 3 (2.5 to 3.5)
    """
    unit = one.series.unit
    said = f"{value_text(one.observed, unit)}, {seen_of(one)}"
    if one.expected is None:
        return said
    low, high = band_of(one)
    band = "" if low is None or high is None else f" ({value_text(low, unit)} to {value_text(high, unit)})"
    return f"{said}; expected was {value_text(one.expected, unit)}{band}"


def _is_never_below_zero(series: SeriesRef) -> bool:
    if series.measure in _NEVER_BELOW_ZERO:
        return True
    is_named = series.measure is SeriesMeasure.MEAN or _DURATION.search(series.labels.get("__name__", series.name))
    return series.unit in _TIMES_AND_SIZES and bool(is_named)


def query_of_series(series: SeriesRef) -> str | None:
    """The query that shows what was looked at of a metric's series; None of query shapes and systems."""
    if series.source is not Source.METRIC:
        return None
    return query_of(tuple(sorted(series.labels.items())), series.measure, series.step_ms)


def line_key(series: SeriesRef) -> str:
    """The key of the series on a chart (see `GET /series`)."""
    query = query_of_series(series)
    if query is not None:
        return f"promql/{query}"
    if series.source is Source.SYSTEM:
        return f"system/{series.labels['system']}/{series.measure.value}"
    return f"shape/{series.labels['system']}/{series.labels['fingerprint']}/{series.measure.value}"


def around(one: AnomalyEpisode) -> tuple[int, int]:
    """The time to look at: the episode, and what was before and after."""
    around_ms = max(AROUND_MIN_MS, STEPS_AROUND * one.series.step_ms // 2)
    return one.start_ms - around_ms, (one.closed_at_ms or one.end_ms) + around_ms // 2


def samples_path(one: AnomalyEpisode) -> str:
    """Where its samples are: the Explorer with the query and the time, the page of the query shape, or all shapes of
    the system, those first that take or are called most."""
    from_ms, to_ms = around(one)
    within = {"from": from_ms, "to": to_ms}
    query = query_of_series(one.series)
    if query is not None:
        return f"/explore?{urlencode({'q': query, **within})}"
    labels = one.series.labels
    if one.series.source is Source.SYSTEM:
        sort = "calls" if one.series.measure is SeriesMeasure.CALLS_PER_S else "load"
        return f"/queries?{urlencode({'system': labels['system'], 'sort': sort, **within})}"
    system, fingerprint = (quote(labels[name], safe="") for name in ("system", "fingerprint"))
    return f"/queries/{system}/{fingerprint}?{urlencode(within)}"
