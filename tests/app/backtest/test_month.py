"""A simulated month with five injected incidents: what the backtest says agrees with what was injected.

Requests come at 600 a minute; the objective is 99.9 % over 30 days, so 25,920 of 25,920,000 may be bad. The times to
fire are those of the workbook: long window × factor × allowed ÷ error ratio.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from trimtab.analyze.rules.episodes import Incident
from trimtab.analyze.rules.rule_files import groups_of
from trimtab.analyze.slo.burn_rules import rules_of
from trimtab.app.backtest.choosing import chosen_in, incidents_in
from trimtab.app.backtest.document import document, lines
from trimtab.app.backtest.history import Frame
from trimtab.app.backtest.run import Result, Span, Wrong, backtest_objective, backtest_rule
from trimtab.model.alerts import Labels
from trimtab.model.errors import InputError, NotFound
from trimtab.model.objective_window import Window
from trimtab.model.objectives import EventsSli, Objective

MINUTE_MS, DAY_MS = 60_000, 86_400_000
START_MS = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS
DAYS = 30
RATE = 600.0
TARGET = 0.999


@dataclass(frozen=True)
class Injected:
    """From a minute of the month on, for so many minutes, this share of requests fails."""

    minute: int
    minutes: int
    ratio: float

    @property
    def start_ms(self) -> int:
        return START_MS + self.minute * MINUTE_MS

    @property
    def spent(self) -> float:
        return self.minutes * self.ratio / (DAYS * 1440 * (1 - TARGET))


INCIDENTS = (
    Injected(3 * 1440 + 17, 20, 0.5),  # 23 %: fast, a page after 2 minutes
    Injected(9 * 1440 + 600, 150, 0.05),  # 17 %: a page after 18 minutes
    Injected(14 * 1440 + 100, 600, 0.01),  # 14 %: a page after 3.6 hours
    Injected(20 * 1440 + 5, 240, 0.0018),  # 1 %: too small for any rule
    Injected(26 * 1440 + 900, 60, 0.6),  # 83 %: it spends what is left
)


class Month:
    """Counters of the month, as a source would give increases and rates of them."""

    is_anchored = True

    def __init__(self) -> None:
        ratio = np.zeros(DAYS * 1440)
        for one in INCIDENTS:
            ratio[one.minute : one.minute + one.minutes] = one.ratio
        self.bad = RATE * ratio
        self.asked: list[str] = []

    def ask(self, query: str, start_ms: int, step_ms: int, count: int) -> Frame:
        self.asked.append(query)
        ends = (start_ms + np.arange(count) * step_ms - START_MS) // MINUTE_MS
        there = (ends >= 1) & (ends <= DAYS * 1440)
        if "_bad" in query and "_all" in query:
            minutes = 60 if "[1h]" in query else 5
            sums = np.concatenate(([0.0], np.cumsum(self.bad)))
            at = np.clip(ends, 0, DAYS * 1440)
            values = (sums[at] - sums[np.maximum(0, at - minutes)]) / (minutes * RATE)
            present = there & (values > 0.0144) if ">" in query else there
        else:
            places = np.clip(ends - 1, 0, DAYS * 1440 - 1)
            values = self.bad[places] if "bad" in query else np.full(count, RATE)
            present = there
        labels: list[Labels] = [(("job", "shop"),)] if present.any() else []
        shape = (len(labels), count)
        return Frame(labels, np.broadcast_to(values, shape).copy(), np.broadcast_to(present, shape).copy())


def objective(days: int = DAYS) -> Objective:
    return Objective(
        "shop-availability",
        EventsSli(total="sum(increase(req_all[$slice]))", bad="sum(increase(req_bad[$slice]))"),
        TARGET,
        Window(days * DAY_MS),
        burn_rules=rules_of("workbook", days * DAY_MS),
    )


@pytest.fixture(scope="module")
def result() -> Result:
    return backtest_objective(objective(), Month(), Span(START_MS, START_MS + DAYS * DAY_MS, MINUTE_MS))


def test_the_five_incidents_are_found_with_what_they_spent(result: Result) -> None:
    assert [(one.incident.start_ms, round(one.incident.spent_ratio or 0, 3)) for one in result.incidents] == [
        (one.start_ms, round(one.spent, 3)) for one in INCIDENTS
    ]
    assert [one.incident.end_ms for one in result.incidents] == [
        one.start_ms + one.minutes * MINUTE_MS for one in INCIDENTS
    ]


def test_times_to_fire_are_the_workbooks(result: Result) -> None:
    by_hand = []
    for one in INCIDENTS:
        times = [
            rule.long_ms * rule.factor * (1 - TARGET) / one.ratio / MINUTE_MS
            for rule in objective().burn_rules
            if one.ratio > rule.factor * (1 - TARGET)
        ]
        first = min(times, default=np.inf)
        by_hand.append(None if first >= one.minutes else first)
    found = [None if one.delay_ms is None else one.delay_ms / MINUTE_MS for one in result.incidents]
    assert [one is None for one in found] == [one is None for one in by_hand] == [False, False, False, True, False]
    for minutes, wanted in zip(found, by_hand, strict=True):
        if minutes is not None and wanted is not None:
            assert wanted <= minutes <= wanted + 1.01, "at the end of the minute in which it is reached"


def test_what_no_rule_saw_is_missed(result: Result) -> None:
    assert [one.start_ms for one in result.missed] == [INCIDENTS[3].start_ms]
    assert result.false_alarms == []


def test_the_alert_came_before_the_budget_was_spent(result: Result) -> None:
    before = sum(one.spent for one in INCIDENTS[:-1])
    last = INCIDENTS[-1]
    minutes = (1 - before) * DAYS * 1440 * (1 - TARGET) / last.ratio
    (breach,) = result.breaches
    # traffic of the days that are not over yet is taken to go on: the whole month's budget counts
    assert abs((breach.incident.start_ms - last.start_ms) / MINUTE_MS - minutes) <= 1.01
    assert breach.delay_ms is not None
    lead = -breach.delay_ms / MINUTE_MS
    delay = next(one.delay_ms for one in result.incidents if one.incident.start_ms == last.start_ms)
    assert delay is not None
    assert lead == (breach.incident.start_ms - last.start_ms - delay) / MINUTE_MS > 30


def test_it_says_how_much_was_measured(result: Result) -> None:
    assert result.coverage == pytest.approx(1.0, abs=1e-3)
    assert result.consumed_max == pytest.approx(sum(one.spent for one in INCIDENTS), rel=1e-3)


RULE = """
groups:
- name: shop
  interval: 1m
  rules:
  - {record: "ratio:5m", expr: 'sum(rate(req_bad[5m])) / sum(rate(req_all[5m]))'}
  - alert: Burns
    expr: 'sum(rate(req_bad[5m])) / sum(rate(req_all[5m])) > 0.0144'
    for: 2m
    labels: {severity: page, who: "{{ $labels.job }}"}
  - {alert: OfRecorded, expr: 'ratio:5m > 0.0144', for: 2m}
"""


def test_a_rule_is_judged_by_incidents() -> None:
    (group,) = groups_of(RULE, "shop.yml")
    wrong = Wrong([Incident(one.start_ms, one.start_ms + one.minutes * MINUTE_MS) for one in INCIDENTS])
    span = Span(START_MS, START_MS + DAYS * DAY_MS, MINUTE_MS)
    found = backtest_rule(group, group.rules[1], Month(), span, wrong)
    # 5 minutes × 0.0144 ÷ ratio until it is true, and two more minutes
    assert [None if one.delay_ms is None else one.delay_ms / MINUTE_MS for one in found.incidents] == [
        1 + 2,
        2 + 2,
        None,
        None,
        1 + 2,
    ]
    assert [one.start_ms for one in found.missed] == [INCIDENTS[2].start_ms, INCIDENTS[3].start_ms]
    assert found.notices == ["labels with templates are left out"]
    assert dict(found.episodes[0].labels) == {"alertname": "Burns", "job": "shop", "severity": "page"}


def test_a_rule_that_reads_what_its_file_records_is_made_from_history() -> None:
    (group,) = groups_of(RULE, "shop.yml")
    span = Span(START_MS + 3 * DAY_MS, START_MS + 4 * DAY_MS, MINUTE_MS)
    month = Month()
    through = backtest_rule(group, group.rules[2], month, span)
    direct = backtest_rule(group, group.rules[1], month, span)
    assert "ratio:5m" not in " ".join(month.asked)
    assert [(one.active_at_ms, one.fired_at_ms, one.ended_at_ms) for one in through.episodes] == [
        (one.active_at_ms, one.fired_at_ms, one.ended_at_ms) for one in direct.episodes
    ]


def test_the_document_says_it_in_seconds_and_for_people_in_words(result: Result) -> None:
    told = json.loads(json.dumps(document(result)))
    assert [one["delay_s"] for one in told["incidents"]][3] is None
    assert len(told["missed"]) == 1
    assert told["breaches"][0]["lead_s"] > 0
    text = "\n".join(lines(result))
    assert "missed" in text
    assert "alerts without an incident: 0" in text


def test_incidents_come_from_a_table() -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["start", "end", "name"], ["2026-01-01T00:00:00Z", "1767229200", "disk"]])
    (one,) = incidents_in(out.getvalue(), "i.csv")
    assert (one.start_ms, one.end_ms, one.name) == (1767225600000, 1767229200000, "disk")
    with pytest.raises(InputError, match="line 2: start: 'x' is no moment"):
        incidents_in("start,end\nx,1\n", "i.csv")


def test_what_is_in_a_file_is_chosen_by_name(tmp_path: Path) -> None:
    assert len(chosen_in(RULE, "shop.yml", None)) == 2
    (one,) = chosen_in(RULE, "shop.yml", "Burns")
    assert isinstance(one, tuple)
    with pytest.raises(NotFound, match="it has Burns, OfRecorded"):
        chosen_in(RULE, "shop.yml", "None")
