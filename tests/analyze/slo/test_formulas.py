"""The arithmetic of the SRE Workbook (chapter 5), of Sloth, Pyrra and Coroot, number by number."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.analyze.slo.budget import Burn, burn_rate, consumed, events_for_one, expected_total
from trimtab.analyze.slo.budget_end import BLOCKS, Course, end_of, rates_of
from trimtab.analyze.slo.burn_rules import LONG_SLICES_MIN, rules_of, set_names, source_of
from trimtab.analyze.slo.explain import explain
from trimtab.analyze.slo.quantities import duration_ms
from trimtab.model.objective_window import Window
from trimtab.model.objectives import SLICE_MS, BurnRule, EventsSli, Objective, SliceCounts

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def objective(rule_set: str, target: float = 0.999, period: str = "30d") -> Objective:
    """An objective with a set of rules."""
    period_ms = duration_ms(period)
    sli = EventsSli("t", bad="b")
    return Objective("it", sli, target, Window(period_ms), burn_rules=rules_of(rule_set, period_ms))


def test_the_workbook_s_table_5_8() -> None:
    rules = rules_of("workbook", duration_ms("30d"))
    assert [(r.long_ms // MINUTE_MS, r.short_ms // MINUTE_MS, r.factor, r.budget_ratio, r.severity) for r in rules] == [
        (60, 5, 14.4, 0.02, "page"),
        (360, 30, 6.0, 0.05, "page"),
        (4320, 360, 1.0, 0.10, "ticket"),
    ]


def test_sloth_s_windows_of_28_days() -> None:
    rules = rules_of("sloth", duration_ms("28d"))
    assert [round(rule.factor, 2) for rule in rules] == [13.44, 5.6, 2.8, 0.93]
    assert [rule.long_ms // MINUTE_MS for rule in rules] == [60, 360, 1440, 4320]


@pytest.mark.parametrize(
    ("rule_set", "period", "minutes", "spent_percent"),
    [
        ("workbook", "30d", [1, 9, 43, 216, 864, 2880], [2, 2, 2, 5, 10, 10]),
        ("sloth", "30d", [1, 9, 43, 216, 864, 2880], [2, 2, 2, 5, 10, 10]),
        ("pyrra", "30d", [3, 10, 44, 267, 636, 4020], [6.6, 2.4, 2.0, 6.2, 7.4, 14.0]),
        ("coroot", "30d", [1, 9, 43, 216, None, None], [2, 2, 2, 5, None, None]),
    ],
)
def test_time_to_fire_and_what_is_spent_by_then(
    rule_set: str, period: str, minutes: list[int | None], spent_percent: list[float | None]
) -> None:
    found = explain(objective(rule_set, period=period)).first
    assert [None if f.fires_after_ms is None else round(f.fires_after_ms / MINUTE_MS) for f in found] == minutes
    assert [None if f.spent_ratio is None else pytest.approx(f.spent_ratio * 100, abs=0.06) for f in found] == (
        spent_percent
    )


@pytest.mark.parametrize("rule_set", ["workbook", "sloth"])
@pytest.mark.parametrize("period", ["6h", "1d", "3d", "7d", "14d", "28d", "30d", "60d", "90d", "365d"])
def test_sets_that_scale_spend_the_same_share_in_any_window(rule_set: str, period: str) -> None:
    at_30_days = {rule.name: rule for rule in rules_of(rule_set, duration_ms("30d"))}
    rules = rules_of(rule_set, duration_ms(period))
    assert rules, "there is a rule for every window"
    for rule in rules:
        assert rule.budget_ratio == at_30_days[rule.name].budget_ratio
        assert rule.factor * rule.long_ms == pytest.approx(rule.budget_ratio * duration_ms(period))
        assert 0.6 < rule.factor / at_30_days[rule.name].factor < 1.6
        assert rule.long_ms >= LONG_SLICES_MIN * SLICE_MS
        assert SLICE_MS <= rule.short_ms <= rule.long_ms


@pytest.mark.parametrize("error_ratio", [1.0, 0.1, 0.02, 0.01, 0.005, 0.0015])
@pytest.mark.parametrize("rule_set", ["workbook", "sloth", "pyrra", "coroot"])
def test_what_explain_says_is_what_happens_minute_by_minute(rule_set: str, error_ratio: float) -> None:
    """The formula beside a run: a clean month, then errors that stay; each rule is looked at every minute."""
    shown = objective(rule_set)
    told = {rule.name: row for rule, row in explain(shown, (error_ratio,)).by_rule}
    for rule in shown.burn_rules:
        clean = rule.long_ms // MINUTE_MS
        minutes = clean + rule.long_ms // MINUTE_MS + 1
        bad = np.where(np.arange(clean + minutes) >= clean, error_ratio, 0.0)
        sums = np.concatenate([[0.0], np.cumsum(bad)])
        ends = np.arange(clean, clean + minutes + 1)
        windows = (rule.long_ms // MINUTE_MS, rule.short_ms // MINUTE_MS)
        rates = [(sums[ends] - sums[ends - window]) / window / 0.001 for window in windows]
        fires = np.flatnonzero((rates[0] > rule.factor + 1e-9) & (rates[1] > rule.factor + 1e-9))
        expected = told[rule.name][0].fires_after_ms
        if expected is None:
            assert not len(fires)
        else:
            assert fires[0] * MINUTE_MS == pytest.approx(expected - rule.for_ms, abs=MINUTE_MS)


def test_rules_that_cannot_fire_are_told() -> None:
    found = explain(objective("workbook", target=0.9))
    assert found.notices[0].startswith("rule fast can never fire: it wants more than 14.4 times the allowed errors")
    assert [f.rule for f in found.first[:2]] == ["slow", None]
    assert found.first[0].burn_rate == 10


def test_a_quiet_night_weighs_as_much_as_it_had_events() -> None:
    """12 h at 1,000 a minute clean, then 12 h at 10 a minute with half failing: 0.495 %."""
    good, total = 720 * 1000 + 720 * 5, 720 * 1000 + 720 * 10
    counts = SliceCounts(good, total, 1440, 1440)
    assert 1 - (counts.good_ratio or 0) == pytest.approx(0.00495, abs=1e-5)
    assert consumed(counts.bad, counts.total, 0.999) == pytest.approx(4.95, abs=0.01)
    mean_of_ratios = (0.0 * 720 + 0.5 * 720) / 1440
    assert mean_of_ratios == 0.25, "what a mean of ratios would say"


def test_burn_rates_and_budgets() -> None:
    assert burn_rate(1, 1000, 0.999) == pytest.approx(1.0)
    assert burn_rate(144, 10_000, 0.999) == pytest.approx(14.4)
    assert burn_rate(0, 0, 0.999) is None
    assert consumed(5, 0, 0.999) is None
    assert events_for_one(0.99, 6) == pytest.approx(16.67, abs=0.01)
    rule = BurnRule("r", "page", 3_600_000, 300_000, 14.4, 0.02)
    assert Burn(rule, 14.5, 15.0, 1000).fires
    assert not Burn(rule, 14.4, 15.0, 1000).fires, "at the factor is not above it"
    assert not Burn(rule, 14.5, 3.0, 1000).fires, "it is over: the short window says so"
    assert not Burn(rule, None, 15.0, 0).fires
    assert not Burn(rule, 14.5, 15.0, 3, is_thin=True).fires


def test_a_calendar_window_expects_events_for_the_rest_of_it() -> None:
    counts = SliceCounts(9_990, 10_000, 1_000, 1_440)
    assert expected_total(counts, 1_440, 43_200) == pytest.approx(10_000 + 10 * (43_200 - 1_440))
    assert expected_total(SliceCounts(0, 0, 0, 100), 100, 1000) == 0


def test_the_end_of_a_rolling_budget_minds_what_leaves_the_window() -> None:
    """1,000 events an hour, 1 % may be bad; 2 bad an hour from now on. 100 old bad events leave after two hours."""
    hours = 100
    leaving_bad, leaving_total = np.zeros(hours), np.arange(1.0, hours + 1.0) * 1000.0
    course = Course(0, 0, 950.0, 100_000.0, 0.99, True, 100_000.0, 3_600_000, leaving_bad, leaving_total)
    rates = rates_of(np.full(BLOCKS, 2.0), np.full(BLOCKS, 1000.0), np.ones(BLOCKS, np.bool_), 3_600_000)
    assert rates is not None
    end = end_of(course, rates, 3_600_000)
    assert (end.at_ms, end.earliest_ms, end.latest_ms) == (25 * 3_600_000,) * 3
    course.leaving_bad[1:] = 100.0
    assert end_of(course, rates, 3_600_000).at_ms == 75 * 3_600_000
    course.leaving_bad[:] = np.arange(1, hours + 1) * 2.0
    assert end_of(course, rates, 3_600_000).at_ms is None, "as much leaves as comes"


def test_the_interval_of_the_end_is_the_scatter_of_its_blocks() -> None:
    draw = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        bad = draw.poisson(40.0, BLOCKS).astype(float)
        rates = rates_of(bad, np.full(BLOCKS, 1000.0), np.ones(BLOCKS, np.bool_), 1)
        assert rates is not None
        inside += rates.low <= 40.0 <= rates.high
    assert 0.86 <= inside / 400 <= 0.94, "it holds the true rate 9 times in 10"


def test_too_few_blocks_say_nothing() -> None:
    measured = np.zeros(BLOCKS, np.bool_)
    measured[:2] = True
    assert rates_of(np.ones(BLOCKS), np.ones(BLOCKS), measured, 1000) is None


def test_every_set_says_where_it_is_from() -> None:
    assert set_names() == ("workbook", "sloth", "pyrra", "coroot")
    assert all(source_of(name) for name in set_names())
