"""Intervals of statements and workloads: how errors add up, how a record narrows them, and what NULLs do to sizes."""

from __future__ import annotations

import math
import random

import pytest

from trimtab.advise.index.size import size_bytes
from trimtab.advise.record.correcting import Corrections
from trimtab.advise.record.kinds import WORKLOAD
from trimtab.advise.workload.advice import StatementOutlook
from trimtab.advise.workload.outlook import interval_of, is_computed, together, usual_error, weight_error
from trimtab.model.estimates import Estimate
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Column, ColumnStatistics, Table


def statement(name: str, ratio: float, before_ms: float = 100.0) -> StatementOutlook:
    ends = (1.0, 1.0) if ratio == 1.0 else interval_of(ratio, ("plain",))
    rests_on = () if ratio == 1.0 else ("plain",)
    return StatementOutlook(name, ratio, ends, 1.0, ratio, before_ms, before_ms * ratio, rests_on)


def width(interval: tuple[float, float]) -> float:
    return math.log(interval[1] / interval[0])


def measured(number: int, raw: float, seen: float) -> Estimate:
    return Estimate(str(number), number, "s", "", WORKLOAD, "", raw, raw, (raw / 2, raw * 2), measured_ratio=seen)


def test_what_changes_much_is_known_less_well_than_what_changes_little() -> None:
    widths = [width(interval_of(ratio, ("plain",))) for ratio in (0.97, 0.6, 0.2, 0.02)]
    assert widths == sorted(widths)
    assert usual_error(0.97) < usual_error(0.02)


def test_loops_over_many_joined_tables_may_come_out_much_slower() -> None:
    alone, many = interval_of(0.1, ("loop",), 2), interval_of(0.1, ("loop",), 8)
    assert alone[0] == many[0]
    assert alone[1] < many[1] < 1.0
    assert interval_of(0.1, ("covering",), 8) == interval_of(0.1, ("covering",), 1)


def test_a_statement_alone_has_its_own_interval_and_many_have_a_narrower_one() -> None:
    alone = together([statement("a", 0.3)], [1.0])
    assert alone[0] == pytest.approx(0.3)
    assert width(alone[1]) == pytest.approx(width(interval_of(0.3, ("plain",))), rel=0.1)
    many = together([statement(str(number), 0.3) for number in range(12)], [1.0] * 12)
    assert width(many[1]) < width(alone[1])


def test_weights_that_nobody_measured_widen_the_interval() -> None:
    statements = [statement("faster", 0.05), statement("as before", 1.0)]
    ratio, modelled = together(statements, [1.0, 1.0], {"faster": weight_error(1), "as before": weight_error(6)})
    same, timed = together(statements, [1.0, 1.0])
    assert ratio == same == pytest.approx(0.525)
    assert modelled[0] < timed[0] < ratio < timed[1] < modelled[1]


def test_nothing_that_changes_is_sure() -> None:
    assert together([statement("a", 1.0), statement("b", 1.0)], [1.0, 5.0]) == (1.0, (1.0, 1.0))


def test_a_record_of_large_gains_does_not_widen_small_ones() -> None:
    source = random.Random(4)
    ratios = [0.02 if number % 2 else 0.95 for number in range(60)]
    seen = [ratio * math.exp(source.gauss(0, 0.5) * usual_error(ratio)) for ratio in ratios]
    record = Corrections(measured(number, *pair) for number, pair in enumerate(zip(ratios, seen, strict=True)))
    small, large = (record.applied(WORKLOAD, ratio, (ratio / 3, ratio * 3)) for ratio in (0.95, 0.02))
    assert width(small.interval_90) < width(large.interval_90)
    assert width(small.interval_90) / width(large.interval_90) == pytest.approx(
        usual_error(0.95) / usual_error(0.02), rel=0.01
    )


def test_a_null_takes_no_room_and_many_of_them_are_one_value() -> None:
    def size(null_share: float) -> int:
        columns = {
            name: Column(name, kind, "N", False, False, True, True, ColumnStatistics(share, 8, -1.0))
            for name, kind, share in (("id", "bigint", 0.0), ("gone", "timestamp", null_share))
        }
        table = Table(1, "public", "t", "r", 1e6, 10_000, 10_000 * 8192, 1.0, True, columns)
        of_gone = IndexDefinition("public", "t", (IndexKey("gone"),))
        of_both = IndexDefinition("public", "t", (IndexKey("id"), IndexKey("gone")))
        return size_bytes(table, of_gone if null_share else of_both)

    keyed_twice = size(0.0)
    assert keyed_twice / 1e6 == pytest.approx(1e6 * 28 / 0.9 / 1e6, rel=0.02)  # 8 header, 8 and 8, 4 line pointer
    assert size(0.95) < 0.4 * keyed_twice


def test_what_with_computed_and_is_joined_with_itself_is_known_less_well() -> None:
    scan = {"Node Type": "CTE Scan", "CTE Name": "sums"}
    join = {"Node Type": "Nested Loop", "Plans": [scan, {"Node Type": "Sort", "Plans": [scan]}]}
    assert (is_computed(join), is_computed(scan)) == (True, False)
    assert weight_error(6, is_computed=True) > weight_error(6) > weight_error(1)
