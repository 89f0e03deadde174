"""Thousands of statements: those that take most of the time come first, and the answer says how much was priced."""

from __future__ import annotations

import time

import pytest

from tests.conftest import Database
from trimtab.advise.workload.advice import StatementOutlook
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.outlook import HEAVY, condensed, together
from trimtab.advise.workload.priced_share import priced_share
from trimtab.advise.workload.reading import NO_TIME, NO_TIME_FOR_TABLES, NOT_PRICED, Weighed, read_in_order, weighed
from trimtab.advise.workload.statements import ALIKE_MAX, Left, WorkloadStatement, read_statements
from trimtab.cli.advising import _lines, document
from trimtab.sql.connect import Connection

COLUMNS = ("id", "user_id", "status", "total", "created_at", "paid_at")


def statement(name: str, text: str, calls: float = 1.0) -> WorkloadStatement:
    return WorkloadStatement(name, text, calls, 1)


def shapes(count: int) -> str:
    """Different shapes on the shop's largest table, few with many calls."""
    made = []
    for number in range(count):
        first, second = COLUMNS[number % 6], COLUMNS[(number // 6) % 6]
        made.append(
            f"-- name: s{number}\n-- calls: {1 + 50_000 // (1 + number) ** 2}\n"
            f"SELECT {first} AS n{number}, {second} FROM orders WHERE user_id = {number % 4000 + 1} AND {first} IS NOT"
            f" NULL ORDER BY {second} LIMIT {number % 40 + 1};"
        )
    return "\n".join(made)


@pytest.mark.postgres
def test_what_the_server_measured_weighs_more_than_calls(shop: Database, watch: Connection) -> None:
    quick = "SELECT id FROM users WHERE id = 5"
    shop.execute("SELECT pg_stat_statements_reset()", *["SELECT count(*) FROM orders o, generate_series(1, 9)"] * 3)
    shop.execute(*[quick] * 3)
    slow, unknown = "SELECT count(*) FROM orders o, generate_series(1, 4)", "SELECT name FROM users WHERE id = 7"
    asked = [statement("quick", quick, 3.0), statement("slow", slow, 2.0), statement("unknown", unknown, 0.1)]
    found = weighed(watch, asked)
    assert next(one.name for one in found.order) == "slow"
    assert {one.name: found.mean_ms(one) is not None for one in asked} == {
        "quick": True,
        "slow": True,
        "unknown": False,
    }


def test_where_time_is_short_the_light_ones_are_left() -> None:
    many = [statement(f"s{n}", f"SELECT a FROM t{n % 30} WHERE b = {n}", 100.0 - n) for n in range(40)]
    order = Weighed(tuple(many), {one.name: one.name for one in many}, {})
    read, left = read_in_order(order, 1_000, time.monotonic() - 1)
    assert [one.statement.name for one in read] == [f"s{n}" for n in range(10)]
    assert {(one.name, one.reason) for one in left} == {(f"s{n}", NO_TIME) for n in range(10, 40)}
    read, left = read_in_order(order, 12, time.monotonic() + 60)
    assert {one.reason for one in left} == {NO_TIME_FOR_TABLES}
    assert [one.statement.name for one in read] == [f"s{n}" for n in (*range(12), *range(30, 40))], "known tables go on"


def test_the_share_that_was_priced_is_of_time() -> None:
    def outlook(name: str, ms: float) -> StatementOutlook:
        return StatementOutlook(name, 1.0, (1.0, 1.0), 1.0, 1.0, ms, ms, ())

    left = [Left("late", 1, NO_TIME), Left("planned", 1, NOT_PRICED), Left("broken", 1, "the parser refuses it")]
    known = {"late": (10.0, 3.0), "planned": (1.0, None), "broken": (1e9, None)}
    outlooks = [outlook("a", 10.0), outlook("planned", 5.0)]
    assert priced_share(outlooks, [8.0, 4.0], left, known) == pytest.approx(80 / (80 + 20 + 30))
    assert priced_share(outlooks, [8.0, 4.0], left[2:], known) == 1.0


def test_light_statements_that_stay_are_one_in_the_whole() -> None:
    changed = [StatementOutlook(f"c{n}", 0.5, (0.3, 0.8), 9.0, 4.0, 2.0 + n, 1.0, ("plain",)) for n in range(10)]
    same = [StatementOutlook(f"s{n}", 1.0, (1.0, 1.0), 9.0, 9.0, 1.0, 1.0, ()) for n in range(1_000)]
    calls = [2.0] * 1_010
    few, counts = condensed([*changed, *same], calls)
    assert len(few) == HEAVY + 1
    assert sum(count * one.before_ms for one, count in zip(few, counts, strict=True)) == pytest.approx(2_130)
    (ratio, interval), (whole, its) = together(few, counts), together([*changed, *same], calls)
    assert ratio == pytest.approx(whole)
    assert interval == pytest.approx(its, abs=0.01)
    assert condensed(changed, calls[:10]) == (changed, calls[:10])


@pytest.mark.postgres
def test_of_a_thousand_shapes_the_heavy_ones_get_advice_in_little_time(watch: Connection) -> None:
    statements, left = read_statements(shapes(1_000))
    advice = advise_workload(watch, statements, left, settings=WorkloadSettings(time_max_s=3.0))
    assert advice.indexes
    assert advice.predicted_ratio < 0.5
    assert "s0" in {one.name for one in advice.statements}
    assert advice.priced_share > 0.6
    assert advice.priced_share == 1.0 or {one.reason for one in advice.left} <= {NO_TIME, NOT_PRICED}
    assert document(advice)["priced_share"] == round(advice.priced_share, 4)
    said = _lines(advice)
    assert any("of the workload's time" in line for line in said) == (advice.priced_share < 1)
    lines = [line for line in said if "left out" in line]
    assert len(lines) <= 2 * ALIKE_MAX, "many that are left for one reason are one line"
