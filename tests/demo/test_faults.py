"""Every variant of every fault is what it claims to be, measured on a real server at full size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from demo.faults.fault import Fault
from demo.faults.measure import Comparison, Connection, Measured, compare_all, draws_for, measure, parameter_sets
from demo.faults.variants import HOPELESS, LIES, MISSING_COMPOSITE, MISSING_SPECIAL, VARIANTS
from demo.load.statement import Statement
from demo.load.statements import ALL
from demo.shop.fill import Filled

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

CURE_TIME_RATIO_MAX = 1 / 20
LIE_COST_RATIO_MAX = 1 / 10
LIE_TIME_RATIO_MIN = 2.0
PRICED_BETTER = 0.9
HELPS_COST_RATIO = 0.85
HELPS_TIME_RATIO = 0.7
HEALTHY_MS_MAX = 5.0
SETS = 2
ROUNDS_MAX = 3

Shop = tuple[Connection, Filled]


def named(fault: Fault) -> str:
    return fault.name


def compared(
    connection: Connection,
    fault: Fault,
    is_as_claimed: Callable[[float], bool],
    build_below_cost_ratio: float = math.inf,
) -> list[Comparison]:
    """Both sides again while a ratio of times is not as claimed: what others do on the machine adds to processor time,
    on one side more than on the other, and never takes from it. So the smallest of each side counts."""
    sets = parameter_sets(fault.statement, draws_for(connection, 5), SETS)
    found: list[Comparison] = []
    for _ in range(ROUNDS_MAX):
        now = compare_all(connection, fault, sets, build_below_cost_ratio=build_below_cost_ratio)
        found = [least(*two) for two in zip(found, now, strict=True)] if found else now
        if all(is_as_claimed(made.time_ratio) for made in found if made.time_ratio is not None):
            break
    return found


def least(one: Comparison, other: Comparison) -> Comparison:
    """The smaller time of each side."""

    def smaller(a: Measured, b: Measured) -> Measured:
        return replace(a, time_ms=min(a.time_ms, b.time_ms), cpu_ms=min(a.cpu_ms, b.cpu_ms))

    after = smaller(one.after, other.after) if one.after and other.after else one.after
    return replace(one, before=smaller(one.before, other.before), after=after)


@pytest.mark.parametrize("fault", [*MISSING_COMPOSITE, *MISSING_SPECIAL], ids=named)
def test_the_missing_index_makes_it_twenty_times_faster(full_shop: Shop, fault: Fault) -> None:
    connection, _ = full_shop
    (made,) = compared(connection, fault, lambda ratio: ratio <= CURE_TIME_RATIO_MAX)
    print(f"{fault.name}: {made.before.time_ms:.1f} ms, x{made.time_ratio:.5f}, cost x{made.cost_ratio:.5f}")
    assert made.cost_ratio < 0.2, "the planner must see it, too"
    assert made.time_ratio is not None
    assert made.time_ratio <= CURE_TIME_RATIO_MAX


@pytest.mark.parametrize("fault", HOPELESS, ids=named)
def test_nothing_helps_the_hopeless(full_shop: Shop, fault: Fault) -> None:
    connection, _ = full_shop
    for made in compared(connection, fault, lambda ratio: ratio >= HELPS_TIME_RATIO):
        print(f"{made.index}: {made.before.time_ms:.0f} ms, x{made.time_ratio:.2f}, cost x{made.cost_ratio:.3f}")
        assert made.cost_ratio >= HELPS_COST_RATIO, made.index
        assert made.time_ratio is not None
        assert made.time_ratio >= HELPS_TIME_RATIO, made.index


@pytest.mark.parametrize("fault", LIES, ids=named)
def test_the_lie_is_priced_far_better_and_is_slower(full_shop: Shop, fault: Fault) -> None:
    connection, _ = full_shop
    found = compared(connection, fault, lambda ratio: ratio >= LIE_TIME_RATIO_MIN, PRICED_BETTER)
    lie = found[0]
    for made in found:
        print(f"{made.index}: {made.before.time_ms:.0f} ms, x{made.time_ratio}, cost x{made.cost_ratio:.5f}")
    assert lie.cost_ratio <= LIE_COST_RATIO_MAX
    assert lie.time_ratio is not None
    assert lie.time_ratio >= LIE_TIME_RATIO_MIN
    for made in found[1:]:  # what else an adviser may find is priced no better than nothing, or is a lie as well
        if made.time_ratio is not None:
            assert made.time_ratio >= LIE_TIME_RATIO_MIN, made.index


@pytest.mark.parametrize(
    "statement",
    [s for s in ALL if s.draw and s.operation == "SELECT" and s not in [f.statement for f in (*HOPELESS, *LIES)]],
    ids=lambda statement: statement.name,
)
def test_everything_else_is_quick(full_shop: Shop, statement: Statement) -> None:
    connection, _ = full_shop
    sets = parameter_sets(statement, draws_for(connection, 5), SETS)
    assert measure(connection, statement, sets).cpu_ms < HEALTHY_MS_MAX


def test_the_shop_has_two_million_rows_and_fills_quickly(full_shop: Shop) -> None:
    _, filled = full_shop
    print(f"{filled.rows_total:,} rows in {filled.seconds:.1f} s: {filled.rows}")
    assert 1_000_000 <= filled.rows_total <= 3_000_000
    assert filled.seconds < 90, "45 s where nothing else runs"


def test_every_kind_has_three_variants_on_three_tables() -> None:
    for faults in VARIANTS.values():
        assert len({fault.table for fault in faults}) >= 3
