"""The kernels of `rate`, sums and windows against the plainest way to say the same, bit by bit."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from trimtab.store.metrics.block import STALE_BITS, Labels, Matcher, SeriesBlock
from trimtab.store.promql.evaluate import evaluate_range
from trimtab.store.promql.options import Options
from trimtab.store.promql.vector import Floats

Samples = list[tuple[int, float]]
STALE = float(np.array([STALE_BITS], dtype=np.int64).view(np.float64)[0])


class Given:
    """A source with the samples that it was given."""

    def __init__(self, series: dict[Labels, Samples]) -> None:
        self.series = series

    def select(self, alternatives: object, from_ms: int, to_ms: int) -> SeriesBlock:
        del alternatives
        kept = {one: [at for at in samples if from_ms <= at[0] <= to_ms] for one, samples in self.series.items()}
        flat = [sample for samples in kept.values() for sample in samples]
        return SeriesBlock(
            list(kept),
            np.cumsum([0, *(len(samples) for samples in kept.values())]).astype(np.int64),
            np.array([at for at, _ in flat], dtype=np.int64),
            np.array([value for _, value in flat], dtype=np.float64),
            None,
            None,
        )


def random_series(seed: int) -> dict[Labels, Samples]:
    """Counters with gaps, resets, NaN and ends."""
    chance = random.Random(seed)
    series: dict[Labels, Samples] = {}
    for number in range(12):
        at, value = chance.randrange(0, 20_000), chance.random() * 100
        samples: Samples = []
        while at < 1_200_000:
            roll = chance.random()
            value = chance.random() if roll < 0.05 else value + chance.expovariate(0.2)
            if roll > 0.98:
                samples.append((at, STALE))
            elif roll > 0.97:
                samples.append((at, math.nan))
            elif roll > 0.1:
                samples.append((at, value))
            at += chance.choice([15_000, 15_001, 14_990, 60_000 if roll > 0.9 else 15_000])
        series[(("__name__", "x_total"), ("n", str(number)))] = samples
    return series


def window_of(samples: Samples, until: int, range_ms: int, *, is_left_open: bool) -> Samples:
    """Samples of a window, without stale markers."""
    since = until - range_ms
    return [
        (at, value)
        for at, value in samples
        if (at > since or (not is_left_open and at == since)) and at <= until and not is_stale(value)
    ]


def is_stale(value: float) -> bool:
    """Whether it is the marker."""
    return int(np.array([value]).view(np.int64)[0]) == STALE_BITS


def plain_rate(window: Samples, until: int, range_ms: int) -> float | None:
    """As the documentation of `rate` says it."""
    if len(window) < 2:
        return None
    grown = window[-1][1] - window[0][1]
    for (_, before), (_, value) in pairwise(window):
        if value < before:
            grown += before
    to_start, to_end = (window[0][0] - (until - range_ms)) / 1000, (until - window[-1][0]) / 1000
    sampled = (window[-1][0] - window[0][0]) / 1000
    between = sampled / (len(window) - 1)
    if to_start >= between * 1.1:
        to_start = between / 2
    if grown > 0 and window[0][1] >= 0:
        to_start = min(to_start, sampled * (window[0][1] / grown))
    if to_end >= between * 1.1:
        to_end = between / 2
    return grown * ((sampled + to_start + to_end) / sampled / (range_ms / 1000))


def compensated(values: list[float]) -> float:
    """Neumaier's sum."""
    total = rest = 0.0
    for value in values:
        new = total + value
        if math.isinf(new):
            rest = 0.0
        else:
            rest += (total - new) + value if abs(total) >= abs(value) else (value - new) + total
        total = new
    return total if math.isinf(total) else total + rest


def evaluated(
    series: dict[Labels, Samples], query: str, step_ms: int = 7_000
) -> tuple[list[Labels], list[int], Floats]:
    """Labels, times, and values with NaN where nothing is."""
    answer = evaluate_range(Given(series), query, 0, 1_260_000, step_ms, Options())
    return list(answer.labels), answer.at_ms.tolist(), np.where(answer.present, answer.values, math.nan)


@pytest.mark.parametrize("seed", range(4))
def test_rate_is_exact(seed: int) -> None:
    series = random_series(seed)
    labels, times, values = evaluated(series, "rate(x_total[1m30s])")
    for row, one in enumerate(labels):
        samples = series[(("__name__", "x_total"), *one)]
        for column, until in enumerate(times):
            wanted = plain_rate(window_of(samples, until, 90_000, is_left_open=True), until, 90_000)
            np.testing.assert_equal(values[row, column], math.nan if wanted is None else wanted)


@pytest.mark.parametrize("seed", range(4))
def test_sums_over_time_are_exact(seed: int) -> None:
    series = random_series(seed)
    labels, times, values = evaluated(series, "sum_over_time(x_total[1m])")
    for row, one in enumerate(labels):
        samples = series[(("__name__", "x_total"), *one)]
        for column, until in enumerate(times):
            window = window_of(samples, until, 60_000, is_left_open=True)
            np.testing.assert_equal(values[row, column], compensated([v for _, v in window]) if window else math.nan)


def test_selectors_see_stale_markers_and_the_lookback() -> None:
    series = random_series(9)
    labels, times, values = evaluated(series, "x_total", 3_000)
    for row, one in enumerate(labels):
        for column, until in enumerate(times):
            newest = [sample for sample in series[one] if until - 300_000 < sample[0] <= until][-1:]
            wanted = newest[0][1] if newest and not is_stale(newest[0][1]) else math.nan
            np.testing.assert_equal(values[row, column], wanted)


def test_sums_of_groups_are_exact() -> None:
    series = random_series(3)
    _, _, each = evaluated(series, "x_total")
    _, _, total = evaluated(series, "sum(x_total)")
    present = evaluate_range(Given(series), "x_total", 0, 1_260_000, 7_000, Options()).present
    for column in range(each.shape[1]):
        values = each[present[:, column], column].tolist()
        if values:
            first, *others = values
            np.testing.assert_equal(total[0, column], compensated([first, *others]))


def test_windows_are_closed_where_prometheus_2_is_asked_for() -> None:
    series: dict[Labels, Samples] = {(("__name__", "x"),): [(0, 1.0), (60_000, 2.0)]}
    for is_left_open, count in ((True, 1.0), (False, 2.0)):
        options = Options(is_left_open=is_left_open)
        answer = evaluate_range(Given(series), "count_over_time(x[1m])", 60_000, 60_000, 1_000, options)
        assert answer.values.tolist() == [[count]]
        answer = evaluate_range(Given(series), "count_over_time(x[1m:1m])", 60_000, 60_000, 1_000, options)
        assert answer.values.tolist() == [[count]]
    assert Matcher("a", "=", "b").op == "="
