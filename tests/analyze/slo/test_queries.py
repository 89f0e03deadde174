"""What is asked of the own store, and of another server: the same counts in other words."""

from __future__ import annotations

import pytest

from trimtab.analyze.slo.queries import asked_of, suffixed
from trimtab.model.objectives import EventsSli, LatencySli

MINUTE_MS = 60_000


def test_another_server_is_asked_for_five_minutes_of_which_a_slice_gets_its_share() -> None:
    sli = EventsSli("t_total", bad="e_total")
    own, other = asked_of(sli, MINUTE_MS), asked_of(sli, MINUTE_MS, is_anchored=False)
    assert (own.total, own.scale) == ("sum(increase(t_total[1m] anchored))", 1.0)
    assert (other.total, other.scale) == ("sum(increase(t_total[5m]))", 0.2)
    latency = asked_of(LatencySli("h", 0.5, is_native=True), MINUTE_MS, is_anchored=False)
    assert (latency.total, latency.scale) == ("histogram_count(sum(increase(h[5m])))", 0.2)


def test_rates_are_events_by_the_length_of_a_slice() -> None:
    sli = EventsSli("sum(rate(t[$slice]))", bad="sum(rate(e[$slice]))", scale=60.0)
    assert asked_of(sli, MINUTE_MS, is_anchored=False).scale == 60.0
    assert asked_of(sli, MINUTE_MS).total == "sum(rate(t[1m] anchored))"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('sum(rate(x{a=~"[ab]]"}[$slice]))', 'sum(rate(x{a=~"[ab]]"}[1m] anchored))'),
        ("sum(rate(x[$slice] offset 1h))", "sum(rate(x[1m] offset 1h))"),
        ("sum_over_time(x[$slice])", "sum_over_time(x[1m])"),
        ("increase(x[$slice]) - increase(y[$slice])", "increase(x[1m] anchored) - increase(y[1m] anchored)"),
    ],
)
def test_only_increases_are_anchored(query: str, expected: str) -> None:
    assert asked_of(EventsSli(query, bad="b"), MINUTE_MS).total == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("h", 'h_bucket{le="1"}'),
        ("h{}", 'h_bucket{le="1"}'),
        ('h{a="b",}', 'h_bucket{a="b",le="1"}'),
        ('h_bucket{a="}"}', 'h_bucket{a="}",le="1"}'),
    ],
)
def test_a_matcher_is_put_into_a_selector(selector: str, expected: str) -> None:
    assert suffixed(selector, "_bucket", 'le="1"') == expected


def test_what_has_no_name_has_no_buckets() -> None:
    with pytest.raises(ValueError, match="must be a selector that begins with a metric's name"):
        suffixed('{__name__="h"}', "_bucket")
