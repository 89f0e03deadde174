"""Watching gets rarer when it costs too much, and comes back when it is cheap again."""

from __future__ import annotations

from trimtab.observe.postgres.cost import CALM_WINDOWS, STRETCH_MAX_SLICE, STRETCH_MAX_SLOW, CostMeter, Rhythm


def windows(meter: CostMeter, rhythms: dict[str, Rhythm], count: int, **cost_s: float) -> list[str]:
    """`count` windows of ten seconds, each with these costs; what was said."""
    said = []
    for number in range(count):
        meter.settle(10.0 * number, rhythms)
        for name, seconds in cost_s.items():
            meter.book(name, seconds)
        said += meter.settle(10.0 * (number + 1), rhythms)
    return said


def test_only_the_heavy_collectors_are_stretched() -> None:
    rhythms = {"tables": Rhythm(30, False), "locks": Rhythm(30, False), "statements": Rhythm(5, True)}
    meter = CostMeter(share_max=0.005)
    said = windows(meter, rhythms, 1, tables=0.04, locks=0.001, statements=0.02)
    assert (rhythms["tables"].interval_s, rhythms["locks"].interval_s, rhythms["statements"].interval_s) == (60, 30, 10)
    assert said[0] == "tables: looks every 60 s instead of 30 s; watching took 0.61 % of the time, the limit is 0.50 %"


def test_stretching_ends_somewhere_and_is_taken_back_step_by_step() -> None:
    rhythms = {"tables": Rhythm(30, False), "statements": Rhythm(5, True)}
    meter = CostMeter()
    windows(meter, rhythms, 20, tables=1.0, statements=1.0)
    assert rhythms["tables"].stretch == STRETCH_MAX_SLOW
    assert rhythms["statements"].stretch == STRETCH_MAX_SLICE
    said = windows(CostMeter(), rhythms, 9 * CALM_WINDOWS, tables=0.0001)
    assert len(said) == 9
    assert [r.stretch for r in rhythms.values()] == [1, 1]
    assert "watching is cheap" in said[-1]


def test_the_bare_round_trip_is_not_the_servers_work() -> None:
    meter = CostMeter()
    meter.round_trip_s = 0.05
    meter.book("statements", 0.051)
    meter.book("statements", 0.04)
    assert round(meter.own_cost().total_s, 6) == 0.001
    meter.source = "cpu"
    meter.book("statements", 0.04)
    assert round(meter.own_cost().total_s, 6) == 0.041
    assert meter.own_cost().queries_count == 3
