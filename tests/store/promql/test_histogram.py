"""Native histograms: laws that hold whatever is in them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.store.promql.histogram import CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, spans_of
from trimtab.store.promql.histogram_aggregate import mean_of_several, total_of
from trimtab.store.promql.histogram_buckets import all_buckets, bound_of, index_at
from trimtab.store.promql.histogram_notation import histogram_of, text_of
from trimtab.store.promql.histogram_quantile import fraction_of, quantile_of
from trimtab.store.promql.histogram_reset import is_reset
from trimtab.store.promql.histogram_sum import MixedSchemas, added, reduced, subtracted
from trimtab.store.promql.histogram_trim import trimmed
from trimtab.store.promql.script_compare import almost_equal, almost_equal_histograms

pytestmark = pytest.mark.slow

COUNTS = st.dictionaries(st.integers(-12, 12), st.integers(1, 1000).map(float), max_size=8)


@st.composite
def exponential(draw: st.DrawFn) -> FloatHistogram:
    """A histogram with a standard schema; the zero bucket ends at a bound of every schema."""
    positive, negative = draw(COUNTS), draw(COUNTS)
    schema = draw(st.integers(-2, 4))
    threshold = draw(st.sampled_from([0.0, 2.0**-20, 2.0**-16]))
    floor = [index for index in (*positive, *negative) if bound_of(index - 1, schema) < threshold]
    positive = {index: count for index, count in positive.items() if index not in floor}
    negative = {index: count for index, count in negative.items() if index not in floor}
    zero_count = float(draw(st.integers(0, 100))) if threshold else 0.0
    positive_spans, positive_buckets = spans_of(positive)
    negative_spans, negative_buckets = spans_of(negative)
    return FloatHistogram(
        schema=schema,
        zero_threshold=threshold,
        zero_count=zero_count,
        count=zero_count + sum(positive_buckets) + sum(negative_buckets),
        sum=float(draw(st.integers(-1000, 1000))),
        positive_spans=positive_spans,
        negative_spans=negative_spans,
        positive_buckets=positive_buckets,
        negative_buckets=negative_buckets,
    )


@st.composite
def custom(draw: st.DrawFn) -> FloatHistogram:
    bounds = tuple(sorted(draw(st.sets(st.sampled_from([1.0, 2.0, 5.0, 10.0, 50.0, 100.0]), min_size=1))))
    counts = {index: float(draw(st.integers(0, 100))) for index in range(len(bounds) + 1)}
    spans, buckets = spans_of(counts)
    return FloatHistogram(
        schema=CUSTOM_BUCKETS_SCHEMA,
        count=sum(buckets),
        sum=float(draw(st.integers(0, 1000))),
        positive_spans=spans,
        positive_buckets=buckets,
        custom_values=bounds,
    )


PAIRS = st.one_of(st.tuples(exponential(), exponential()), st.tuples(custom(), custom()))
ANY = st.one_of(exponential(), custom())


def population(histogram: FloatHistogram) -> float:
    return sum(bucket.population for bucket in all_buckets(histogram))


@given(PAIRS)
def test_a_sum_has_all_observations_whatever_the_order(pair: tuple[FloatHistogram, FloatHistogram]) -> None:
    one, other = pair
    total, _ = added(one, other)
    assert total == added(other, one)[0]
    assert population(total) == population(one) + population(other) == total.count
    assert total.sum == one.sum + other.sum


@given(PAIRS)
def test_what_was_added_can_be_taken_away(pair: tuple[FloatHistogram, FloatHistogram]) -> None:
    one, other = pair
    nothing = replace(other, count=0.0, sum=0.0, zero_count=0.0, positive_buckets=(), positive_spans=())
    nothing = replace(nothing, negative_buckets=(), negative_spans=())
    back = subtracted(added(one, other)[0], other)[0]
    assert almost_equal_histograms(back, added(one, nothing)[0], with_hint=False)


@given(st.lists(exponential(), min_size=1, max_size=6))
def test_sums_and_means_of_many(histograms: list[FloatHistogram]) -> None:
    total, _ = total_of(histograms)
    mean, _ = mean_of_several(histograms)
    assert total.count == sum(histogram.count for histogram in histograms)
    assert almost_equal_histograms(mean.scaled(float(len(histograms))), total, with_hint=False)


@given(exponential(), st.integers(0, 3))
def test_less_resolution_is_the_same_whenever_it_is_lost(histogram: FloatHistogram, steps: int) -> None:
    coarse = max(histogram.schema - steps, -4)
    once = reduced(histogram, coarse)
    assert once == reduced(reduced(histogram, max(coarse, histogram.schema - 1)), coarse)
    assert population(once) == population(histogram)


@given(st.integers(-200, 200), st.integers(-4, 8), st.integers(0, 5))
def test_a_coarser_bucket_has_the_finer_one_in_it(index: int, schema: int, steps: int) -> None:
    coarse = max(schema - steps, -4)
    target = index_at(index, schema, coarse)
    assert bound_of(target - 1, coarse) <= bound_of(index - 1, schema) * (1 + 1e-12)
    assert bound_of(index, schema) <= bound_of(target, coarse) * (1 + 1e-12)


@given(PAIRS)
def test_growing_is_no_reset_and_shrinking_is_one(pair: tuple[FloatHistogram, FloatHistogram]) -> None:
    one, other = pair
    total, met = added(one, other)
    assert not is_reset(total, one)
    assert not is_reset(one, one)
    if other.count > 0 and not met.bounds_differ and total.schema == one.schema:
        assert is_reset(one, total)


@given(ANY, st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_quantiles_rise(histogram: FloatHistogram, shares: list[float]) -> None:
    quantiles = [quantile_of(share, histogram)[0] for share in sorted(shares)]
    if histogram.count == 0:
        assert all(map(math.isnan, quantiles))
    else:
        assert all(low <= high or almost_equal(low, high) for low, high in pairwise(quantiles))


@given(exponential(), st.floats(0.01, 0.99))
def test_a_fraction_is_the_inverse_of_a_quantile(histogram: FloatHistogram, share: float) -> None:
    if histogram.count == 0:
        return
    below, _ = fraction_of(-math.inf, quantile_of(share, histogram)[0], histogram)
    assert below == pytest.approx(share, abs=1e-6)


@given(exponential(), st.floats(-100, 100))
def test_what_is_cut_off_above_and_below_is_all(histogram: FloatHistogram, at: float) -> None:
    lower, upper = trimmed(histogram, at, is_upper=True), trimmed(histogram, at, is_upper=False)
    assert lower.count + upper.count == pytest.approx(histogram.count)


@given(ANY)
def test_text_and_back(histogram: FloatHistogram) -> None:
    assert histogram_of(text_of(histogram)).compacted() == histogram.compacted()


def test_different_kinds_of_buckets_have_no_sum() -> None:
    with pytest.raises(MixedSchemas):
        added(FloatHistogram(), FloatHistogram(schema=CUSTOM_BUCKETS_SCHEMA))


def test_a_zero_bucket_grows_to_the_end_of_a_bucket_that_it_cuts() -> None:
    one = histogram_of("{{count:3 buckets:[1 2]}}")
    other = histogram_of("{{count:1 z_bucket:1 z_bucket_w:0.75}}")
    total, _ = added(one, other)
    assert (total.zero_threshold, total.zero_count, total.positive) == (1.0, 2.0, {1: 2.0})


def test_hints_of_sums() -> None:
    one = FloatHistogram()
    cases: list[tuple[CounterResetHint, CounterResetHint, CounterResetHint, bool]] = [
        ("unknown", "reset", "unknown", False),
        ("gauge", "reset", "gauge", False),
        ("reset", "not_reset", "unknown", True),
        ("reset", "reset", "reset", False),
    ]
    for left, right, hint, conflict in cases:
        total, met = added(one.with_hint(left), one.with_hint(right))
        assert (total.counter_reset_hint, met.hints_conflict) == (hint, conflict)
    assert one.scaled(-1.0).counter_reset_hint == "gauge"


def test_division_by_zero_leaves_totals_only() -> None:
    histogram = histogram_of("{{count:3 sum:-1 z_bucket:0 buckets:[1 2]}}").divided(0.0)
    assert (histogram.count, histogram.sum, histogram.positive) == (math.inf, -math.inf, {})
    assert math.isnan(histogram.zero_count)
