"""What was measured for a minute says nothing about hours: rules wait, say so, and fire when the table says."""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from rich.console import Console

from trimtab.analyze.slo.burn_rules import rules_of
from trimtab.analyze.slo.explain import explain
from trimtab.analyze.slo.known_window import known_slices
from trimtab.analyze.slo.slice_book import SliceBook
from trimtab.app.backtest.history import Frame
from trimtab.app.backtest.run import Span, backtest_objective
from trimtab.app.objectives.answers import detail_of
from trimtab.app.objectives.board import ObjectiveNow, board_of
from trimtab.cli import slo_output
from trimtab.model.alerts import Labels
from trimtab.model.objective_window import DAY_MS, Window
from trimtab.model.objectives import SLICE_MS, Comparison, Exclusion, Objective, TimeSliceSli

START_MS = 20_000 * DAY_MS + 17 * SLICE_MS
"""No whole hour and no whole five minutes: what is rounded to those would be seen."""
MONTH_MS = 30 * DAY_MS


def objective(target: float = 0.99) -> Objective:
    sli = TimeSliceSli("busy", Comparison.AT_MOST, 80, "percent")
    return Objective("cpu", sli, target, Window(MONTH_MS), burn_rules=rules_of("workbook", MONTH_MS))


def standing(
    good: list[float],
    *,
    measured: list[bool] | None = None,
    target: float = 0.99,
    exclusions: Sequence[Exclusion] = (),
) -> ObjectiveNow:
    """Where an objective stands after these minutes."""
    count = len(good)
    there = np.array([measured or [True] * count])
    book = SliceBook(1, hours_count=33 * 24)
    at_ms = START_MS + np.arange(count, dtype=np.int64) * SLICE_MS
    book.put(at_ms, np.array([good]), there.astype(np.float64), there)
    return board_of(book, [objective(target)], START_MS + count * SLICE_MS, {"cpu": exclusions}, {}, {}, {})["cpu"]


def fires(now: ObjectiveNow) -> list[str]:
    return [burn.rule.name for burn in now.burns if burn.fires]


def test_one_bad_minute_of_a_new_objective_pages_nobody_and_says_until_when() -> None:
    now = standing([0.0])
    assert not now.is_burning
    waits = {burn.rule: burn.waits_until_ms for burn in detail_of(now).burns}
    at_ms = START_MS + SLICE_MS
    minutes = {rule: (until_ms - at_ms) / SLICE_MS for rule, until_ms in waits.items() if until_ms is not None}
    assert {burn.known_ms for burn in now.burns} == {SLICE_MS}, "to the minute, though three days are kept by five"
    assert minutes == {"fast": 8, "slow": 29, "long": 359}, "14.4 % of an hour; one short window; one short window"
    told = "; ".join(now.budget.notices)
    assert "rule fast waits: measured are 1m of its 1h" in told
    assert "it fires in 8m if errors stay as they are" in told
    out = io.StringIO()
    slo_output.objective(Console(file=out, width=200), msgspec.to_builtins(detail_of(now)))
    assert "waits until" in out.getvalue()
    assert "(1m of 1h measured)" in out.getvalue()


def test_a_new_objective_fires_when_the_table_says() -> None:
    table = {rule.name: firings[0].fires_after_ms for rule, firings in explain(objective()).by_rule}
    first: dict[str, int] = {}
    for minutes in range(1, 45):
        for name in fires(standing([0.0] * minutes)):
            first.setdefault(name, minutes)
    assert table["fast"] == pytest.approx(8.64 * SLICE_MS)
    assert first == {"fast": 9, "slow": 30}, "slow: one short window, though 21.6 minutes would spend its 5 %"
    assert any("fast 5m, slow 30m, long 6h" in told for told in explain(objective()).notices)


def test_however_bad_it_is_one_short_window_has_to_be_measured() -> None:
    assert fires(standing([0.0] * 4, target=0.9999)) == []
    assert fires(standing([0.0] * 5, target=0.9999)) == ["fast"]


def test_a_new_budget_counts_as_its_rules_do_and_says_how_little_that_is() -> None:
    now = standing([0.0] * 14)
    row = detail_of(now).row
    assert now.budget.consumed_ratio == pytest.approx(14 / 432)
    assert row.left_ratio == pytest.approx(1 - 14 / 432)
    assert row.assumed_ratio == pytest.approx(1 - 14 / 43_200)
    assert detail_of(now).allowed_bad_count == pytest.approx(432)
    assert row.state == "burning", "fast fires since minute 9"
    assert standing([0.0] * 8).budget.state == "kept"
    assert "measured are 14 of 43,200 minutes: not enough to say what is left of the budget" in row.notices[0]
    assert "if the time before was without errors, 3.24 % of it is gone" in row.notices[0]
    assert not any("neither good nor bad" in told for told in row.notices)
    end = standing([0.0] * 100).budget.end
    assert end is not None
    assert end.at_ms == pytest.approx(START_MS + 432 * SLICE_MS, abs=5 * SLICE_MS), "7 h 12 min, as the table says"
    out = io.StringIO()
    slo_output.objective(Console(file=out, width=200), msgspec.to_builtins(detail_of(now)))
    assert "budget left  at most 96.76 % of 432 that may be bad" in out.getvalue()


def test_a_budget_that_was_begun_anew_is_whole_and_one_that_is_measured_assumes_nothing() -> None:
    count, bad = 31 * 1440, 14
    good = [1.0] * (count - 1440 - bad) + [0.0] * 1440 + [0.0] * bad
    old = standing(good)
    assert old.budget.total_assumed == 0
    assert old.budget.consumed_ratio == pytest.approx((1440 + bad) / 432, rel=0.01)
    reset_ms = START_MS + (count - bad) * SLICE_MS
    now = standing(good, exclusions=[Exclusion(0, reset_ms, "agreed", is_reset=True)])
    assert now.budget.counts.measured_slices == bad
    assert now.budget.consumed_ratio == pytest.approx(bad / 432, rel=0.01)
    end = now.budget.end
    assert end is not None
    assert end.at_ms is not None
    assert end.at_ms < START_MS + (count + 440) * SLICE_MS, "what was before does not leave it as errors"


def test_after_a_pause_rules_wait_again_and_gaps_are_gaps() -> None:
    day = 1440
    pause = [True] * day + [False] * (2 * day) + [True]
    back = standing([1.0] * day + [0.0] * (2 * day) + [0.0], measured=pause)
    assert fires(back) == [], "one minute after a weekend"
    seldom = [number % 10 == 0 for number in range(day)]
    assert "fast" in fires(standing([0.0] * (day - 9), measured=seldom[: day - 9])), "each tenth minute is measured"


class Minutes:
    """History of one gauge: it is there from START_MS on, and too high from a minute on."""

    is_anchored = True

    def __init__(self, bad_from: int) -> None:
        self.bad_from = bad_from

    def ask(self, query: str, start_ms: int, step_ms: int, count: int) -> Frame:
        ends = (start_ms + np.arange(count) * step_ms - START_MS) // SLICE_MS
        labels: list[Labels] = [(("instance", "a"),)]
        return Frame(labels, np.where(ends >= self.bad_from, 99.0, 10.0)[np.newaxis], (ends >= 1)[np.newaxis])


def test_a_backtest_fires_when_the_server_does() -> None:
    span = Span(START_MS, START_MS + 60 * SLICE_MS, SLICE_MS)
    found = backtest_objective(objective(), Minutes(1), span)
    pages = {one.rule: one.fired_at_ms for one in found.episodes}
    live = next(count for count in range(1, 60) if "fast" in fires(standing([0.0] * count)))
    assert pages["fast"] == START_MS + live * SLICE_MS
    assert set(pages) == {"fast", "slow"}


def test_both_know_alike_how_much_is_known() -> None:
    random = np.random.default_rng(7)
    measured = random.random(900) < np.repeat(random.choice([0.0, 0.05, 1.0], 30), 30)
    at_ms = START_MS + np.arange(900, dtype=np.int64) * SLICE_MS
    wanted = known_slices(measured, 60)
    for count in (1, 5, 59, 60, 61, 130, 500, 777, 900):
        book = SliceBook(1, hours_count=33 * 24)
        book.put(
            at_ms[:count],
            np.zeros((1, count)),
            measured[np.newaxis, :count].astype(np.float64),
            measured[np.newaxis, :count],
        )
        end_ms = START_MS + count * SLICE_MS
        (burn, *_) = board_of(book, [objective()], end_ms, {}, {}, {}, {})["cpu"].burns
        known = 60 if burn.known_ms is None else burn.known_ms // SLICE_MS
        assert known == wanted[count - 1], count
