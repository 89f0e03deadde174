"""Roll-ups of native histograms say what the histograms say, through resets, other layouts, late ones and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import now_ms
from tests.store.metrics.test_rolled_answers import LATE, opened
from tests.store.metrics.test_store import SERIES, STALE
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.block import Matcher
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.natives import natives_of
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_rate import growth
from trimtab.store.promql.histogram_sum import reduced
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
HOURS, SCRAPE_MS = 29, 100_000
PER_SERIES = HOURS * HOURS_MS // SCRAPE_MS
SAMPLES = [
    f"{name}(m[2h])"
    for name in ("avg_over_time", "sum_over_time", "count_over_time", "last_over_time", "first_over_time")
]
ALL = [Matcher("__name__", "=", "m")]


def growing(draw: np.random.Generator, like: FloatHistogram) -> Iterator[FloatHistogram]:
    """A counter that is reset now and then."""
    counts = np.zeros(len(like.positive_buckets))
    total = 0.0
    while True:
        if draw.random() < 0.01:
            counts[:], total = 0.0, 0.0
        grown = draw.integers(0, 4, len(counts))
        counts += grown
        total += float(grown.sum()) * 0.25
        yield replace(like, count=float(counts.sum()), sum=total, positive_buckets=tuple(counts.tolist()))


def series(draw: np.random.Generator) -> list[list[FloatHistogram | float]]:
    """One of one layout, one that becomes coarser, one with bounds of its own, one that ends now and then."""
    fine = FloatHistogram(
        schema=3, zero_threshold=1e-128, positive_spans=((-2, 3), (4, 2)), positive_buckets=(0.0,) * 5
    )
    custom = FloatHistogram(
        schema=-53, custom_values=(0.1, 1.0, 5.0), positive_spans=((0, 4),), positive_buckets=(0.0,) * 4
    )
    steady, changing, bounded, ending = (growing(draw, like) for like in (fine, fine, custom, fine))
    half = PER_SERIES // 3
    return [
        [next(steady) for _ in range(PER_SERIES)],
        [one if place < half else reduced(one, 1) for place, one in zip(range(PER_SERIES), changing, strict=False)],
        [next(bounded) for _ in range(PER_SERIES)],
        [float(STALE) if draw.random() < 0.05 else next(ending) for _ in range(PER_SERIES)],
    ]


def append(telemetry: EmbeddedTelemetry, number: int, at_ms: np.ndarray, values: list[FloatHistogram | float]) -> None:
    slots = telemetry.metrics.register([SERIES[number]]).slots
    natives = natives_of((place, one) for place, one in enumerate(values) if isinstance(one, FloatHistogram))
    numbers = np.array([0.0 if isinstance(one, FloatHistogram) else one for one in values])
    appended = telemetry.metrics.append(Samples(np.repeat(slots, len(values)), at_ms, numbers, None, natives))
    assert (appended.accepted_count, dict(appended.refused)) == (len(values), {})


def fill(telemetry: EmbeddedTelemetry) -> int:
    """When it begins. Some come late, when their windows are rolled up already."""
    draw = np.random.default_rng(7)
    begin = (now_ms() - 120_000) // HOURS_MS * HOURS_MS - HOURS * HOURS_MS
    roller = telemetry.metrics.rollups.histogram_roller
    given = [
        (begin + np.arange(PER_SERIES) * SCRAPE_MS + draw.integers(1, 1000, PER_SERIES), one) for one in series(draw)
    ]
    late = np.isin(np.arange(PER_SERIES) // 12, (3, 40))
    for is_late in (False, True):
        for number, (at_ms, values) in enumerate(given):
            now = late == is_late
            append(telemetry, number, at_ms[now], [one for one, mine in zip(values, now, strict=True) if mine])
        telemetry.flush(30)
        telemetry.metrics.rollups.roller.roll(now_ms(), 0)
        roller.roll(now_ms(), 0)
    assert roller.late_windows_count >= 8
    return begin


def same(found: Answer, wanted: Answer, query: str) -> None:
    assert found.labels == wanted.labels
    assert (found.present == wanted.present).all(), query
    np.testing.assert_allclose(found.values, wanted.values)
    assert (found.histograms is None) == (wanted.histograms is None)
    if found.histograms is not None and wanted.histograms is not None:
        for one, other in zip(found.histograms.ravel(), wanted.histograms.ravel(), strict=True):
            alike(one, other)


def alike(one: FloatHistogram | None, other: FloatHistogram | None) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert (one.schema, one.custom_values) == (other.schema, other.custom_values)
    assert one.positive == pytest.approx(other.positive, rel=1e-12)
    assert (one.count, one.sum, one.zero_count) == pytest.approx((other.count, other.sum, other.zero_count), rel=1e-12)


def test_long_ranges_are_answered_from_them_and_say_so(tmp_path: Path) -> None:
    queries = [*SAMPLES, "present_over_time(m[2h])", "m", "histogram_quantile(0.9, sum(m{name!='2'}))"]
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        begin = fill(telemetry)
        start, step = begin + 3 * HOURS_MS, HOURS_MS
        end = start + HOURS_MS
        times = {"1h": (start, end, step), "5m": (start + MINUTES_MS, end + MINUTES_MS, step)}
        asked = [(query, name) for query in queries for name in times]
        raw = {what: evaluate_range(telemetry.metrics, what[0], *times[what[1]]) for what in asked}
        assert all("roll-ups" not in info for answer in raw.values() for info in answer.infos)
        block = telemetry.metrics.select([ALL], 0, now_ms())
        rolled = telemetry.metrics.select_rolled_histograms([ALL], HOURS_MS, 0, now_ms(), ())
        assert rolled is not None
        assert rolled.counts.sum() == sum(one is not None for one in block.histograms or ())
    with opened(tmp_path, RetentionPolicy(metrics_days=1)) as telemetry:
        metrics = telemetry.metrics
        kept = metrics.kept()
        assert kept is not None
        assert end < kept.raw_from_ms
        for query, name in asked:
            found = evaluate_range(metrics, query, *times[name])
            same(found, raw[query, name], query)
            resolution = name if "[2h]" in query else "5m"
            assert any(f"{resolution} roll-ups before" in info for info in found.infos), query
        for query, per_s in (("increase(m[2h])", 1.0), ("rate(m[2h])", 7200.0)):
            answer = evaluate_range(metrics, query, start, end, step)
            assert any("answered from 1h roll-ups" in info for info in answer.infos)
            assert answer.histograms is not None
            for row, labels in enumerate(answer.labels):
                name = dict(labels)["name"]
                for column, at_ms in enumerate(answer.at_ms.tolist()):
                    wanted = grown(block_of(block, name), at_ms - 2 * HOURS_MS, at_ms)
                    alike(answer.histograms[row, column], wanted.scaled(1 / per_s))
        by_hour = evaluate_range(metrics, "increase(m[2h])", begin + 4 * HOURS_MS, begin + 4 * HOURS_MS + 1, step)
        parts = evaluate_range(metrics, "increase(m[1h])", begin + 3 * HOURS_MS, begin + 4 * HOURS_MS, step)
        assert by_hour.histograms is not None
        assert parts.histograms is not None
        for whole, pieces in zip(by_hour.histograms[:, 0], parts.histograms, strict=True):
            assert whole.count == pytest.approx(sum(piece.count for piece in pieces))  # nothing twice, nothing lost


def block_of(block: object, name: str) -> list[tuple[int, FloatHistogram]]:
    for row, labels in enumerate(block.labels):  # type: ignore[attr-defined]
        if dict(labels)["name"] == name:
            part = slice(*block.offsets[row : row + 2].tolist())  # type: ignore[attr-defined]
            pairs = zip(block.at_ms[part].tolist(), block.histograms[part], strict=True)  # type: ignore[attr-defined]
            return [(at, one) for at, one in pairs if one is not None]
    raise AssertionError(name)


def grown(points: list[tuple[int, FloatHistogram]], from_ms: int, to_ms: int) -> FloatHistogram:
    """From the last histogram up to `from_ms` to the last one up to `to_ms`."""
    before = [one for at_ms, one in points if at_ms <= from_ms][-1:]
    inside = [one for at_ms, one in points if from_ms < at_ms <= to_ms]
    nothing = [0] * (len(before) + len(inside))
    found, _, _ = growth([*before, *inside], nothing, nothing, "", is_counter=True)
    assert found is not None
    return found


def test_what_is_too_much_is_answered_from_them(tmp_path: Path) -> None:
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        begin = fill(telemetry)
        at_ms = begin + (HOURS - 1) * HOURS_MS
        raw = evaluate_instant(telemetry.metrics, "sum_over_time(m[1d])", at_ms)
    few = replace(LATE, samples_a_query_max=100_000, hot_histograms_max=100)
    with opened(tmp_path, RetentionPolicy(), few) as telemetry:
        telemetry.metrics._parts.histograms.evict(now_ms())
        telemetry.metrics._parts.histograms.from_ms = now_ms()  # as if memory had let go of all
        found = evaluate_instant(telemetry.metrics, "sum_over_time(m[1d])", at_ms)
        same(found, raw, "sum_over_time(m[1d])")
        assert "raw samples would be read, the limit is 100000" in found.infos[0]
        assert found.samples_count <= 4 * 24 * HOURS_MS // MINUTES_MS + 4
